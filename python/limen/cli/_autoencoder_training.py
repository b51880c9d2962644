"""What `limen autoencoder train` and `compare` have in common: their arguments as a plan, images and options."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from limen.cli._errors import UsageError
from limen.cli._names import printable

if TYPE_CHECKING:
    from limen.autoencoders._image_sets import Splits
    from limen.autoencoders._training import Plan


@contextmanager
def usage_errors() -> Iterator[None]:
    """What is missing or wrong stops the command with its reason, as does a training that diverged."""
    try:
        yield
    except (ImportError, ValueError, ArithmeticError) as error:
        raise UsageError(str(error)) from error


def plan(arguments: Namespace, objective: str, code_size: int | None) -> Plan:
    """The training asked for."""
    from limen.autoencoders._training import Plan

    options = {"code_size": code_size, "width": arguments.width, "constant": arguments.constant}
    given = {name: value for name, value in options.items() if value is not None}
    for name, models in (("width", ("conv", "el-vae")), ("constant", ("el-vae",))):
        if name in given and arguments.model not in models:
            raise UsageError(f"--{name} is for {' and '.join(models)}; got it with --model {arguments.model}")
    return Plan(
        arguments.model,
        given,
        objective,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        patience=arguments.patience,
        warm_up=arguments.warm_up,
    )


def images(arguments: Namespace) -> Splits:
    """The images asked for; what was left out is told."""
    from limen.autoencoders._data import find_images
    from limen.autoencoders._patches import Cut

    splits = find_images(
        arguments.images, Cut(arguments.patch, arguments.patches, arguments.held_out, max(0, arguments.seed))
    )
    tell_skipped(splits.skipped)
    return splits


def trainer_options(arguments: Namespace) -> dict[str, Any]:
    """Those of Lightning's Trainer."""
    return {
        "accelerator": arguments.accelerator,
        "devices": int(arguments.devices) if arguments.devices.isdigit() else arguments.devices,
        "num_nodes": arguments.nodes,
        "strategy": arguments.strategy,
        "precision": arguments.precision,
    }


def set_threads(arguments: Namespace) -> None:
    """As asked, for both."""
    if arguments.threads:
        import torch

        import limen

        torch.set_num_threads(arguments.threads)
        limen.set_num_threads(arguments.threads)


def tell_skipped(skipped: Sequence[str]) -> None:
    """A line an image, on stderr."""
    for reason in skipped:
        print(f"left out: {printable(reason)}", file=sys.stderr)
