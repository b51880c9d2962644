"""`limen autoencoder judge`: a comparison's reconstructions as triplets for `limen bapps study`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from limen.cli._autoencoder_training import usage_errors
from limen.cli._errors import UsageError


def run(arguments: Namespace) -> int:
    """Write the triplets; prints how many, and what shows them."""
    comparison: Path = arguments.comparison
    output: Path = arguments.output
    with usage_errors():
        from limen.autoencoders._comparison_files import TEST, read_reconstructions
        from limen.autoencoders._judgements import export_triplets

        originals, found = read_reconstructions(comparison / TEST)
        size = arguments.code_size or min(code_size for _, code_size in found)
        objectives = list(dict.fromkeys(arguments.objectives or ["mse", "ms-ssim"]))
        missing = [name for name in objectives if (name, size) not in found]
        if missing:
            there = ", ".join(f"{name} with a code of {code_size}" for name, code_size in found)
            raise UsageError(f"{comparison} has no {missing[0]} with a code of {size}; it has {there}")
        count = export_triplets(
            originals,
            {name: found[name, size] for name in objectives},
            output,
            count=arguments.images,
            seed=arguments.seed,
            code_size=size,
        )
    print(f"{count} images under {', '.join(objectives)}: limen bapps study {output}")
    return 0
