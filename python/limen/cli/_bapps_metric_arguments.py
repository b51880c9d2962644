"""The arguments of those actions of `limen bapps` that read a data set: what scores, compares and trains metrics."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from limen.cli._argument_types import FileOfKind, path, positive, seed, whole

_NETS = ("alex", "vgg", "squeeze", "caffe-alex")
_METRIC_HELP = (
    "a name that `limen bapps metrics` lists, LABEL=NET:FILE for LPIPS by a file of weights (NET: alex, vgg, squeeze "
    "or caffe-alex), or [LABEL=]module:function for a function of two uint8 arrays (N, H, W, 3) that answers N "
    "distances"
)


def add_metric_actions(actions: Any) -> None:
    """Add them to the sub-parsers of `limen bapps`."""
    _add_score(actions)
    actions.add_parser("metrics", help="list the metrics that can be scored", allow_abbrev=False)
    _add_disagree(actions)
    _add_train(actions)
    _add_kmeans(actions)
    _add_fetch(actions)


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
        help=f"may be given several times: {_METRIC_HELP} (default: all that can be had here)",
    )
    score.add_argument("--test", dest="tests", action="append", choices=("2afc", "jnd"), help="(default: both)")
    score.add_argument("--split", choices=("train", "val"), default="val", help="(default: val)")
    _add_subsets(score)
    score.add_argument("--draws", type=positive, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    score.add_argument("--seed", type=seed, default=0, metavar="N", help="of the bootstrap (default: 0)")
    score.add_argument(
        "--output", type=FileOfKind(".csv", ".json"), metavar="FILE", help="write the scores to a .csv or .json file"
    )
    score.add_argument(
        "--report", type=FileOfKind(".html", ".htm"), metavar="FILE", help="write a page with tables and charts"
    )


def _add_disagree(actions: Any) -> None:
    disagree = actions.add_parser(
        "disagree",
        help="show the pairs on which two metrics differ most",
        description="Ranks all pairs by each of two metrics, and draws those whose ranks lie farthest apart.",
        allow_abbrev=False,
    )
    _add_data(disagree)
    disagree.add_argument(
        "--metric", dest="metrics", action="append", required=True, metavar="NAME", help=f"given twice: {_METRIC_HELP}"
    )
    disagree.add_argument("--test", choices=("2afc", "jnd"), default="2afc", help="whose pairs (default: 2afc)")
    disagree.add_argument("--split", choices=("train", "val"), default="val", help="(default: val)")
    _add_subsets(disagree)
    disagree.add_argument("--count", type=positive, default=6, metavar="N", help="pairs for each side (default: 6)")
    disagree.add_argument(
        "--output",
        type=FileOfKind(".png"),
        metavar="FILE",
        default=Path("disagree.png"),
        help="(default: disagree.png)",
    )


def _add_train(actions: Any) -> None:
    train = actions.add_parser(
        "train",
        help="train LPIPS on judgements",
        description="Trains LPIPS on the 2AFC training sets as the paper does. OUT gets weights.pth, which limen and "
        "lpips read, and a checkpoint after every epoch.",
        allow_abbrev=False,
    )
    _add_data(train)
    train.add_argument("output", metavar="OUT", type=path, help="the folder to write")
    train.add_argument(
        "--mode",
        choices=("lin", "tune", "scratch"),
        help="weights of channels; the network too; the network from random weights (default: lin)",
    )
    train.add_argument("--net", choices=_NETS, help="(default: alex)")
    train.add_argument("--backbone", metavar="WEIGHTS", help="'pretrained', 'random' or a file (default: pretrained)")
    train.add_argument("--epochs", type=positive, metavar="N", help="at full rate (default: 5)")
    train.add_argument("--decay-epochs", type=whole, metavar="N", help="on the way to rate 0 (default: 5)")
    train.add_argument("--batch-size", type=positive, metavar="N", help="(default: 50)")
    train.add_argument("--lr", type=float, metavar="RATE", help="of Adam (default: 0.0001)")
    train.add_argument("--dropout", type=float, metavar="SHARE", help="(default: 0.5)")
    train.add_argument("--seed", type=seed, metavar="N", help="(default: 0)")
    train.add_argument("--resume", action="store_true", help="go on from OUT's checkpoint, with its options")
    _add_subsets(train)
    train.add_argument("--workers", type=whole, default=0, metavar="N", help="processes that decode (default: 0)")
    train.add_argument("--accelerator", default="auto", metavar="NAME", help="of Lightning (default: auto)")
    train.add_argument("--devices", default="auto", metavar="N", help="of Lightning (default: auto)")
    train.add_argument("--nodes", type=positive, default=1, metavar="N", help="(default: 1)")
    train.add_argument("--strategy", default="auto", metavar="NAME", help="of Lightning, such as ddp (default: auto)")
    train.add_argument("--precision", default="32-true", metavar="NAME", help="such as bf16-mixed (default: 32-true)")
    train.add_argument("--logger", choices=("csv", "tensorboard", "none"), default="csv", help="(default: csv)")


def _add_kmeans(actions: Any) -> None:
    kmeans = actions.add_parser(
        "kmeans",
        help="make a network from photographs alone, by k-means",
        description="Filters found by k-means, layer by layer: the paper's network that has seen images and no labels.",
        allow_abbrev=False,
    )
    kmeans.add_argument("photographs", metavar="PHOTOS", type=path, help="a folder of images")
    kmeans.add_argument("output", metavar="OUT.pth", type=FileOfKind(".pth"), help="for LABEL=NET:OUT.pth, --backbone")
    kmeans.add_argument("--net", choices=_NETS, default="alex", help="(default: alex)")
    kmeans.add_argument("--seed", type=seed, default=0, metavar="N", help="(default: 0)")


def _add_fetch(actions: Any) -> None:
    fetch = actions.add_parser(
        "fetch",
        help="download the released archives",
        description="Downloads the released data set, 6.6 GB in three archives, which can be read as they are. What "
        "was broken off goes on where it stopped.",
        allow_abbrev=False,
    )
    fetch.add_argument("directory", metavar="DIRECTORY", type=path, help="where to keep the archives")
    fetch.add_argument(
        "--part",
        dest="parts",
        action="append",
        choices=("jnd", "2afc-val", "2afc-train"),
        help="may be given several times (default: all)",
    )


def _add_data(parser: ArgumentParser) -> None:
    parser.add_argument(
        "data", metavar="DATA", type=path, help="a data set in the layout of BAPPS: its folder, or its .tar.gz"
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
