"""The arguments of `limen superres`: one function for each action, whose module is `limen.cli._superres_<action>`."""

from __future__ import annotations

from typing import Any


def add_superres(commands: Any) -> None:
    """Add the command to the sub-parsers of `limen`."""
    commands.add_parser(
        "superres",
        help="super-resolution trained with perceptual losses",
        description="SRCNN trained with squared, absolute or perceptual errors, and its scores.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    # _add_train(actions) ...
