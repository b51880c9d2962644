"""`limen autoencoder train`: one network under one objective."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from limen.cli._autoencoder_training import images, plan, set_threads, trainer_options, usage_errors


def run(arguments: Namespace) -> int:
    """Train; prints where the best network lies. Returns 1 when images were left out, else 0."""
    with usage_errors():
        from limen.autoencoders._checkpoints import BEST
        from limen.autoencoders._fit import is_first_process
        from limen.autoencoders._history import read_history
        from limen.autoencoders._training import train

        set_threads(arguments)
        output: Path = arguments.output
        wanted = plan(arguments, arguments.objective, arguments.code_size)
        splits = images(arguments)
        train(wanted, splits, output, resume=arguments.resume, **trainer_options(arguments))
        if not is_first_process():
            return 0
        rows = read_history(output / "history.csv")
    best = min(rows, key=lambda row: row["validation"])
    print(f"validation {best['validation']:.6g} after epoch {best['epoch']:.0f} of {len(rows)}: {output / BEST}")
    return 1 if splits.skipped else 0
