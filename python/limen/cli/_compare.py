"""`limen compare`: scores two images or two folders of them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import limen
from limen import _core
from limen.cli._errors import UsageError, needs_extra
from limen.cli._files import check_writable
from limen.cli._lpips import load
from limen.cli._metrics import METRICS, Metric
from limen.cli._outputs import check_format, write_scores
from limen.cli._pairs import find_pairs
from limen.cli._results import Results
from limen.cli._results_table import results_table
from limen.cli._scoring import Row, score_pairs


def run(arguments: Namespace) -> int:
    """Score, then print or write. Returns 1 when some pair failed, else 0."""
    output: Path | None = arguments.output
    report: Path | None = arguments.report
    metrics = [METRICS[name] for name in dict.fromkeys(arguments.metrics or ["ssim"])]
    _check(metrics, arguments.convention, output, report)
    pairs = find_pairs(arguments.reference, arguments.distorted)
    models = {metric.name: load(metric.net) for metric in metrics if metric.net}
    jobs = min(arguments.jobs or limen.get_num_threads(), len(pairs))

    rows = score_pairs(pairs, metrics, arguments.convention, jobs)
    results = Results(list(_with_progress(rows, len(pairs))), metrics, arguments.convention, models)

    if output is None:
        print(results_table(results))
    else:
        write_scores(output, results)
    if report is not None:
        from limen.cli._report import write_report

        write_report(report, results)
    for path in filter(None, (output, report)):
        complete = len(pairs) - len(results.failed)
        print(f"{complete} of {len(pairs)} pairs have every score: {path}", file=sys.stderr)
    return 1 if results.failed else 0


def _check(metrics: Sequence[Metric], convention: str, output: Path | None, report: Path | None) -> None:
    """Raise UsageError for what would fail only at the end, or for every pair."""
    if METRICS["ms-ssim"] in metrics and limen.conventions[convention].downsample == "none":
        having = ", ".join(name for name, fields in limen.conventions.items() if fields.downsample != "none")
        raise UsageError(f"convention {convention} has no MS-SSIM; these have: {having}")
    try:
        _core.get_implementation()
    except ValueError as error:  # The environment names none.
        raise UsageError(str(error)) from error
    if output is not None:
        check_writable(output)
        check_format(output)
    if report is not None:
        check_writable(report)
        with needs_extra("cli"):
            import jinja2  # noqa: F401


def _with_progress(rows: Iterator[Row], count: int) -> Iterable[Row]:
    """A bar for people who wait; files and pipes stay clean."""
    if count == 1 or not sys.stderr.isatty():
        return rows
    with needs_extra("cli"):
        from tqdm import tqdm
    return tqdm(rows, total=count, unit="pair", file=sys.stderr)
