"""The arguments of `limen bapps`: one function for each action, whose module is `limen.cli._bapps_<action>`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from limen.cli._argument_types import FileOfKind, positive

_METRIC_HELP = (
    "may be given several times: a name that `limen bapps metrics` lists, LABEL=NET:FILE for LPIPS by a file of "
    "weights (NET: alex, vgg, squeeze or caffe-alex), or [LABEL=]module:function for a function of two uint8 arrays "
    "(N, H, W, 3) that answers N distances"
)


def add_bapps(commands: Any) -> None:
    """Add the command to the sub-parsers of `limen`."""
    actions = commands.add_parser(
        "bapps",
        help="human judgements of image distances: score metrics, train them, make and collect data",
        description="The Berkeley-Adobe Perceptual Patch Similarity data set and its two tests, 2AFC and JND.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_score(actions)
    actions.add_parser("metrics", help="list the metrics that can be scored", allow_abbrev=False)


def _add_score(actions: Any) -> None:
    score = actions.add_parser(
        "score",
        help="score metrics by both tests",
        description="Scores metrics by how well they agree with people: 2AFC and JND, beside the paper's figures.",
        allow_abbrev=False,
    )
    _add_data(score)
    score.add_argument(
        "--metric",
        dest="metrics",
        action="append",
        metavar="NAME",
        help=f"{_METRIC_HELP} (default: all that can be had here)",
    )
    score.add_argument("--test", dest="tests", action="append", choices=("2afc", "jnd"), help="(default: both)")
    score.add_argument("--split", choices=("train", "val"), default="val", help="(default: val)")
    _add_subsets(score)
    score.add_argument("--draws", type=positive, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    score.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap (default: 0)")
    score.add_argument(
        "--output", type=FileOfKind(".csv", ".json"), metavar="FILE", help="write the scores to a .csv or .json file"
    )
    score.add_argument(
        "--report", type=FileOfKind(".html", ".htm"), metavar="FILE", help="write a page with tables and charts"
    )


def _add_data(parser: ArgumentParser) -> None:
    parser.add_argument(
        "data", metavar="DATA", type=Path, help="a data set in the layout of BAPPS: its folder, or its .tar.gz"
    )
    parser.add_argument(
        "--resize",
        type=_resize,
        metavar="N|keep",
        help="make every image N pixels wide and high, or keep its size (default: refuse all but 64 x 64)",
    )
    parser.add_argument(
        "--partial", action="store_true", help="accept a released validation set with fewer triplets than were released"
    )


def _add_subsets(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--subset", dest="subsets", action="append", metavar="NAME", help="may be given several times (default: all)"
    )


def _resize(text: str) -> int | str:
    try:
        return text if text == "keep" else positive(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(f"{text!r} is neither 'keep' nor a whole number from 1 up") from None
