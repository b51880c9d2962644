"""`limen superres train`: one network for one scale under one objective."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from pathlib import Path

from limen.cli._errors import UsageError, needs_extra
from limen.cli._files import check_writable

with needs_extra("autoencoders"):
    import skimage  # noqa: F401
    import torch  # noqa: F401

_FIELDS = ("scale net objective learning_rate last_layer_rate initial side patches batch epochs seed").split()
_SHOWN = 5


def run(arguments: Namespace) -> int:
    """Train and print where the checkpoint lies. Returns 1 when the training diverged, else 0."""
    from limen.autoencoders._guard import DivergedError
    from limen.superres import Recipe, cut, folder_images, training_photographs

    try:
        from limen.superres._training import train
    except ImportError as error:
        raise UsageError(str(error)) from error

    output: Path = arguments.output or Path(_name(arguments))
    check_writable(output)
    try:
        recipe = Recipe(**{name: getattr(arguments, name) for name in _FIELDS})
        sources = training_photographs() if arguments.images is None else folder_images(arguments.images)
        patches = cut(sources, recipe)
        for reason in patches.skipped[:_SHOWN]:
            print(f"left out: {reason}", file=sys.stderr)
        if len(patches.skipped) > _SHOWN:
            print(f"left out: {len(patches.skipped) - _SHOWN} more", file=sys.stderr)
        devices = {} if arguments.devices is None else {"devices": arguments.devices}
        loss = train(recipe, patches, output, resume=arguments.resume, **devices)
    except DivergedError as error:
        print(f"limen superres: {error}", file=sys.stderr)
        return 1
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    used = len(sources) - len(patches.skipped)
    print(f"{output}: {len(patches)} patches of {used} images, {recipe.epochs} epochs, loss {loss:.6f} in the last")
    return 0


def _name(arguments: Namespace) -> str:
    objective = re.sub(r"[^a-z0-9.]+", "-", arguments.objective)
    return f"srcnn_{arguments.net}_x{arguments.scale}_{objective}.ckpt"
