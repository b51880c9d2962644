"""`limen superres train`: one network for one scale under one objective."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

from limen.cli._autoencoder_training import set_threads, tell_skipped, usage_errors
from limen.cli._errors import UsageError, needs_extra
from limen.cli._files import check_writable

with needs_extra("autoencoders"):
    import skimage  # noqa: F401
    import torch  # noqa: F401

_FIELDS = "scale net objective learning_rate last_layer_rate initial side patches batch epochs seed".split()


def run(arguments: Namespace) -> int:
    """Train and print where the checkpoint lies. Returns 1 when images were left out, else 0."""
    output: Path = arguments.output or Path(_name(arguments))
    check_writable(output)
    with usage_errors():
        from limen.autoencoders._fit import is_first_process
        from limen.superres import Recipe, cut, folder_images, training_photographs
        from limen.superres._training import train

        set_threads(arguments)
        recipe = Recipe(**{name: getattr(arguments, name) for name in _FIELDS})
        if output.exists() and not arguments.resume:
            raise UsageError(f"{output} exists already: --resume goes on from it, --output names another file")
        sources = training_photographs() if arguments.images is None else folder_images(arguments.images)
        patches = cut(sources, recipe)
        tell_skipped(patches.skipped)
        devices = int(arguments.devices) if arguments.devices.isdigit() else arguments.devices
        loss = train(
            recipe, patches, output, resume=arguments.resume, accelerator=arguments.accelerator, devices=devices
        )
    if not is_first_process():
        return 0
    print(f"{len(patches)} patches, {recipe.epochs} epochs, loss {loss:.6g} in the last: {output}")
    return 1 if patches.skipped else 0


def _name(arguments: Namespace) -> str:
    objective = re.sub(r"[^a-z0-9.]+", "-", arguments.objective)
    return f"srcnn_{arguments.net}_x{arguments.scale}_{objective}.ckpt"
