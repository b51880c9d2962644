"""The arguments of `limen bapps`: one function for each action, whose module is `limen.cli._bapps_<action>`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from limen.cli._argument_types import names_of, positive, whole


def add_bapps(commands: Any) -> None:
    """Add the command to the sub-parsers of `limen`."""
    actions = commands.add_parser(
        "bapps",
        help="human judgements of image distances: score metrics, train them, make and collect data",
        description="The Berkeley-Adobe Perceptual Patch Similarity data set and its two tests, 2AFC and JND.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_make(actions)


def _add_make(actions: Any) -> None:
    make = actions.add_parser(
        "make",
        help="make a data set from photographs, judged by a synthetic observer",
        description="Cuts patches from photographs, distorts them and writes a data set in the layout of BAPPS. Its "
        "judgements are those of a synthetic observer, and are marked so.",
        allow_abbrev=False,
    )
    make.add_argument(
        "photographs",
        metavar="PHOTOS",
        type=Path,
        nargs="?",
        help="a folder of images (default: the photographs that come with scikit-image)",
    )
    make.add_argument("output", metavar="OUT", type=Path, help="the folder to make, new or empty")
    make.add_argument(
        "--triplets",
        type=whole,
        default=2000,
        metavar="N",
        help="2AFC triplets of each subset, a quarter of them for val (default: 2000)",
    )
    make.add_argument("--jnd", type=whole, default=400, metavar="N", help="JND pairs of each subset (default: 400)")
    make.add_argument(
        "--subsets",
        type=names_of("traditional", "cnn"),
        default=("traditional", "cnn"),
        metavar="NAMES",
        help="traditional, cnn, or both with a comma between (default: traditional,cnn)",
    )
    make.add_argument("--seed", type=whole, default=0, metavar="S", help="of everything that is drawn (default: 0)")
    make.add_argument(
        "--error-rate",
        type=float,
        default=0.05,
        metavar="R",
        help="share of the observer's votes that are turned round, 0 to 0.5 (default: 0.05)",
    )
    make.add_argument(
        "--networks", type=positive, default=8, metavar="N", help="autoencoders trained for cnn (default: 8)"
    )
