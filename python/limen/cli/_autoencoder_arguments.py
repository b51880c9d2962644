"""The arguments of `limen autoencoder`, a function for each action, whose module is `_autoencoder_<action>`."""

from __future__ import annotations

from typing import Any


def add_autoencoder(commands: Any) -> None:
    """Add the command to the sub-parsers of `limen`."""
    commands.add_parser(
        "autoencoder",
        help="autoencoders trained with perceptual losses",
        description="Autoencoders trained with squared, absolute or perceptual errors, compared.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    # _add_train(actions) ...
