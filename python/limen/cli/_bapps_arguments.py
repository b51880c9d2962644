"""The arguments of `limen bapps`: one function for each action, whose module is `limen.cli._bapps_<action>`."""

from __future__ import annotations

from typing import Any


def add_bapps(commands: Any) -> None:
    """Add the command to the sub-parsers of `limen`."""
    commands.add_parser(
        "bapps",
        help="human judgements of image distances: score metrics, train them, make and collect data",
        description="The Berkeley-Adobe Perceptual Patch Similarity data set and its two tests, 2AFC and JND.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    # _add_score(actions), _add_train(actions) ...
