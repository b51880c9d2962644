"""`limen autoencoder compare`: one network under several objectives, and a page on what that changes."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from limen.cli._autoencoder_training import images, plan, set_threads, trainer_options, usage_errors
from limen.cli._errors import needs_extra
from limen.cli._table import align

if TYPE_CHECKING:
    from limen.autoencoders._comparison import Comparison

_OBJECTIVES = ("mse", "mae", "ssim", "ms-ssim")


def run(arguments: Namespace) -> int:
    """Train what isn't trained yet, score, write; prints the table. Returns 1 when images were left out, else 0."""
    with needs_extra("autoencoders"):
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    with usage_errors():
        from limen.autoencoders import make
        from limen.autoencoders._comparison import compare
        from limen.autoencoders._comparison_files import TEST, write_reconstructions, write_scores, write_summary
        from limen.autoencoders._fit import is_first_process

        set_threads(arguments)
        output: Path = arguments.output
        objectives = arguments.objectives or list(_OBJECTIVES)
        wanted = plan(arguments, objectives[0], None)
        sizes = arguments.code_sizes or [make(wanted.model, **wanted.options).code_size]
        splits = images(arguments)
        comparison = compare(
            wanted,
            objectives,
            sizes,
            splits,
            output,
            announce=lambda text: print(text, file=sys.stderr),
            **trainer_options(arguments),
        )
        if not is_first_process():
            return 0
        write_scores(output / "scores.csv", comparison)
        write_summary(output / "summary.json", comparison)
        write_reconstructions(output / TEST, comparison)
        from limen.cli._autoencoder_report import write_comparison

        write_comparison(output / "index.html", comparison)
    print(_table(comparison))
    for name, reason in comparison.absent.items():
        print(f"\nwithout {name}: {reason}", file=sys.stderr)
    print(f"\n{(output / 'index.html').resolve()}")
    return 1 if splits.skipped else 0


def _table(comparison: Comparison) -> str:
    lines = [["code", "objective", *(metric.name for metric in comparison.metrics)]]
    for one in comparison.contenders:
        scores = [f"{comparison.mean(one, metric).mean:.{metric.decimals}f}" for metric in comparison.metrics]
        lines.append([str(one.code_size), one.objective, *scores])
    return align(lines, left={1}, rules=range(1, len(lines), len(comparison.objectives)))
