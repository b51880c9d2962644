"""The arguments of `limen bapps`: one function for each action, whose module is `limen.cli._bapps_<action>`."""

from __future__ import annotations

from typing import Any

from limen.cli._argument_types import names_of, path, positive, seed, whole
from limen.cli._bapps_metric_arguments import add_metric_actions


def add_bapps(commands: Any) -> None:
    """Add the command to the sub-parsers of `limen`."""
    actions = commands.add_parser(
        "bapps",
        help="human judgements of image distances: score metrics, train them, make and collect data",
        description="The Berkeley-Adobe Perceptual Patch Similarity data set and its two tests, 2AFC and JND.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    add_metric_actions(actions)
    _add_make(actions)
    _add_study(actions)


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
        type=path,
        nargs="?",
        help="a folder of images (default: the photographs that come with scikit-image)",
    )
    make.add_argument("output", metavar="OUT", type=path, help="the folder to make, new or empty")
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
    make.add_argument("--seed", type=seed, default=0, metavar="S", help="of everything that is drawn (default: 0)")
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


def _add_study(actions: Any) -> None:
    study = actions.add_parser(
        "study",
        help="collect judgements in the browser, and export them",
        description="Serves a page, on this machine only, that shows triplets (2AFC) or timed pairs (JND) of a folder "
        "in the layout of BAPPS, which needs no judgements. Every answer is kept as it is given.",
        allow_abbrev=False,
    )
    study.add_argument("directory", metavar="DIRECTORY", type=path, help="a folder with 2afc/ or jnd/")
    study.add_argument("--test", choices=("2afc", "jnd"), help="which, where the folder has both")
    study.add_argument(
        "--answers", type=path, metavar="FOLDER", help="where to keep the answers (default: in DIRECTORY)"
    )
    study.add_argument(
        "--trials", type=positive, default=160, metavar="N", help="for each subject, or all there are (default: 160)"
    )
    study.add_argument(
        "--sentinels",
        type=whole,
        default=40,
        metavar="N",
        help="pairs with a known answer among them, fewer where there are fewer trials (default: 40)",
    )
    study.add_argument("--seed", type=seed, default=0, metavar="S", help="of orders and sides (default: 0)")
    study.add_argument("--port", type=whole, default=8765, metavar="N", help="0 takes any (default: 8765)")
    study.add_argument("--no-open", dest="open", action="store_false", help="don't show the page in the browser")
    study.add_argument(
        "--export", type=path, metavar="OUT", help="serve nothing; write a data set of the answers so far"
    )
    study.add_argument(
        "--pass-rate",
        type=float,
        default=0.8,
        metavar="R",
        help="share of the sentinels that a subject must pass to be counted (default: 0.8)",
    )
