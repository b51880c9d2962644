"""The arguments of `limen superres`: one function for each action, whose module is `limen.cli._superres_<action>`."""

from __future__ import annotations

from typing import Any

from limen.cli._argument_types import FileOfKind, path, positive, seed

_SCALES = (2, 3, 4)
_NETS = ("9-1-5", "9-5-5")


def add_superres(commands: Any) -> None:
    """Add the command to the sub-parsers of `limen`."""
    actions = commands.add_parser(
        "superres",
        help="super-resolution trained with perceptual losses",
        description="SRCNN trained with squared, absolute or perceptual errors, and its scores.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_train(actions)
    _add_score(actions)


def _add_train(actions: Any) -> None:
    train = actions.add_parser(
        "train",
        help="train a network for one scale under one objective",
        description="Trains SRCNN on the luminance of images, shrunk and enlarged again by bicubic interpolation. "
        "The checkpoint is written after every epoch, and the losses beside it as .csv. Images that can't be used are "
        "named and left out; the exit status is then 1.",
        allow_abbrev=False,
    )
    train.add_argument("--scale", type=int, choices=_SCALES, required=True, help="how much larger images are to become")
    train.add_argument(
        "--objective",
        default="mse",
        metavar="NAME",
        help="mse, mae, ssim, ms-ssim, lpips-alex, or a sum such as 0.8*ms-ssim+0.2*mae (default: mse)",
    )
    train.add_argument("--net", choices=_NETS, default=_NETS[0], help=f"sides of its filters (default: {_NETS[0]})")
    train.add_argument(
        "--images", type=path, metavar="DIR", help="a folder of images (default: nine photographs of scikit-image's)"
    )
    train.add_argument(
        "--output",
        type=FileOfKind(".ckpt"),
        metavar="FILE.ckpt",
        help="(default: srcnn_NET_xSCALE_OBJECTIVE.ckpt in this folder)",
    )
    train.add_argument("--resume", action="store_true", help="go on from that file where it is there")
    train.add_argument("--epochs", type=positive, default=30, metavar="N", help="(default: 30)")
    train.add_argument("--patches", type=positive, default=20_000, metavar="N", help="cut altogether (default: 20000)")
    train.add_argument("--side", type=positive, default=33, metavar="N", help="of the patches, in pixels (default: 33)")
    train.add_argument("--batch", type=positive, default=32, metavar="N", help="(default: 32)")
    train.add_argument("--learning-rate", type=float, default=1e-3, metavar="X", help="Adam's (default: 0.001)")
    train.add_argument(
        "--last-layer-rate",
        type=float,
        default=0.1,
        metavar="X",
        help="the last layer's, relative to it (default: 0.1)",
    )
    train.add_argument(
        "--initial",
        choices=("identity", "published"),
        default="identity",
        help="start from the bicubic image, or from the paper's small random filters (default: identity)",
    )
    train.add_argument("--seed", type=seed, default=0, metavar="N", help="(default: 0)")
    train.add_argument("--threads", type=positive, metavar="N", help="of PyTorch and limen (default: their own)")
    train.add_argument(
        "--accelerator", default="auto", metavar="NAME", help="Lightning's: cpu, gpu, ... (default: auto)"
    )
    train.add_argument("--devices", default="auto", metavar="N", help="Lightning's (default: auto)")


def _add_score(actions: Any) -> None:
    score = actions.add_parser(
        "score",
        help="score trained networks beside bicubic interpolation",
        description="PSNR, SSIM and MS-SSIM of luminances that were shrunk, and enlarged by bicubic interpolation and "
        "by each network; as many pixels as the scale are cut off every side.",
        allow_abbrev=False,
    )
    score.add_argument(
        "checkpoints", type=path, metavar="FILE.ckpt", nargs="*", help="of `limen superres train`, for one scale"
    )
    score.add_argument("--scale", type=int, choices=_SCALES, help="(default: that of the checkpoints)")
    score.add_argument(
        "--images",
        type=path,
        metavar="DIR",
        help="a folder, such as Set5, Set14 or BSD200 (default: five photographs of scikit-image's)",
    )
    score.add_argument(
        "--against", default="bicubic", metavar="METHOD", help="what differences are taken to (default: bicubic)"
    )
    score.add_argument(
        "--output", type=FileOfKind(".csv", ".json"), metavar="FILE", help="write the scores of every image too"
    )
    score.add_argument(
        "--pictures", type=path, metavar="DIR", help="write a picture for each image: before, after, by every method"
    )
