"""`limen bapps metrics`: what can be scored."""

from __future__ import annotations

from argparse import Namespace

from limen.cli._errors import needs_extra
from limen.cli._table import align


def run(arguments: Namespace) -> int:
    """Print the names and what they are."""
    with needs_extra("bapps"):
        from limen.bapps import METRICS
    lines = [["name", "", "metric"], *([metric.name, "", metric.description] for metric in METRICS.values())]
    print(align(lines, left={0, 1, 2}, rules=(1,)))
    return 0
