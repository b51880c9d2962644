"""The arguments of `limen autoencoder`, a function for each action, whose module is `_autoencoder_<action>`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from limen.cli._argument_types import FileOfKind, path, positive, seed

_OBJECTIVES = "mse, mae, ssim, ms-ssim, lpips-alex, lpips-vgg, lpips-squeeze, or a sum such as 0.8*ms-ssim+0.2*mae"
_COMPARED = ("mse", "mae", "ssim", "ms-ssim")


def add_autoencoder(commands: Any) -> None:
    """Add the command to the sub-parsers of `limen`."""
    actions = commands.add_parser(
        "autoencoder",
        help="autoencoders trained with perceptual losses",
        description="Autoencoders trained with squared, absolute or perceptual errors, compared.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_train(actions)
    _add_compare(actions)
    _add_judge(actions)
    _add_preferences(actions)
    _add_probe(actions)


def _add_train(actions: Any) -> None:
    train = actions.add_parser(
        "train",
        help="train one network",
        description="Trains a network. OUT then holds best.ckpt, last.ckpt (after every epoch) and history.csv. Images "
        "that can't be used are named and left out; the exit status is then 1.",
        allow_abbrev=False,
    )
    train.add_argument("output", metavar="OUT", type=path, help="a folder, made where it is missing")
    train.add_argument("--objective", default="ms-ssim", metavar="NAME", help=f"{_OBJECTIVES} (default: ms-ssim)")
    train.add_argument("--code-size", type=positive, metavar="N", help="numbers in the bottleneck")
    train.add_argument("--resume", action="store_true", help="go on from OUT/last.ckpt where there is one")
    _add_training(train)


def _add_compare(actions: Any) -> None:
    compare = actions.add_parser(
        "compare",
        help="train a network under several objectives, and report what that changes",
        description="Trains one network an objective and size of code, from the same weights on the same batches, "
        "scores the test's reconstructions by every metric, and writes OUT/index.html, OUT/scores.csv and "
        "OUT/summary.json. Started again it goes on where it was.",
        allow_abbrev=False,
    )
    compare.add_argument("output", metavar="OUT", type=path, help="a folder, made where it is missing")
    compare.add_argument(
        "--objective",
        dest="objectives",
        action="append",
        metavar="NAME",
        help=f"may be given several times, the first is the baseline: {_OBJECTIVES} (default: {', '.join(_COMPARED)})",
    )
    compare.add_argument(
        "--code-size",
        dest="code_sizes",
        action="append",
        type=positive,
        metavar="N",
        help="numbers in the bottleneck; may be given several times (default: the model's)",
    )
    _add_training(compare)


def _add_judge(actions: Any) -> None:
    judge = actions.add_parser(
        "judge",
        help="write a comparison's reconstructions as triplets for human judgement",
        description="Writes triplets (reconstruction, original, reconstruction), a subset for each pair of objectives, "
        "in the layout that `limen bapps study` shows.",
        allow_abbrev=False,
    )
    judge.add_argument("comparison", metavar="COMPARISON", type=path, help="the folder of `limen autoencoder compare`")
    judge.add_argument("output", metavar="OUT", type=path, help="a folder that is not there yet")
    judge.add_argument(
        "--objective",
        dest="objectives",
        action="append",
        metavar="NAME",
        help="two, or three to rank; given once each (default: mse and ms-ssim)",
    )
    judge.add_argument("--code-size", type=positive, metavar="N", help="of the networks (default: the smallest)")
    judge.add_argument("--images", type=positive, default=100, metavar="N", help="at most so many (default: 100)")
    judge.add_argument("--seed", type=seed, default=0, metavar="N", help="of which images (default: 0)")


def _add_preferences(actions: Any) -> None:
    preferences = actions.add_parser(
        "preferences",
        help="what viewers preferred: shares with intervals, and ranks among three",
        description="Analyses judgements of the triplets of `limen autoencoder judge`, as `limen bapps study --export` "
        "writes them.",
        allow_abbrev=False,
    )
    preferences.add_argument("judgements", metavar="JUDGEMENTS", type=path, help="the exported folder")
    preferences.add_argument("--output", type=FileOfKind(".json"), metavar="FILE", help="write the figures there too")


def _add_probe(actions: Any) -> None:
    probe = actions.add_parser(
        "probe",
        help="what codes know of faces: whose they are, and where the light comes from",
        description="Gives the codes of autoencoders to linear support-vector machines that tell identities and the "
        "light's azimuth and elevation. OUT then holds probe.csv, summary.json, faces.png and the networks. Started "
        "again it trains what is missing.",
        allow_abbrev=False,
    )
    probe.add_argument("output", metavar="OUT", type=path, help="a folder, made where it is missing")
    probe.add_argument(
        "--checkpoint",
        dest="checkpoints",
        action="append",
        type=path,
        metavar="FILE",
        help="a trained network; may be given several times (default: networks are trained on the faces)",
    )
    probe.add_argument(
        "--faces", type=path, metavar="DIR", help="Extended Yale B (default: faces rendered under the same lights)"
    )
    probe.add_argument("--subjects", type=positive, default=38, metavar="N", help="rendered faces (default: 38)")
    probe.add_argument("--repeats", type=positive, default=10, metavar="N", help="divisions (default: 10)")
    probe.add_argument(
        "--objective",
        dest="objectives",
        action="append",
        metavar="NAME",
        help=f"may be given several times, the first is the baseline: {_OBJECTIVES} (default: {', '.join(_COMPARED)})",
    )
    probe.add_argument("--model", choices=("fc", "conv", "el-vae"), default="fc", help="on 48 x 48 grey (default: fc)")
    probe.add_argument("--code-size", type=positive, default=64, metavar="N", help="(default: 64)")
    probe.add_argument("--width", type=positive, metavar="N", help="channels after the first convolution")
    probe.add_argument("--epochs", type=positive, default=50, metavar="N", help="(default: 50)")
    probe.add_argument(
        "--warm-up",
        type=int,
        default=5,
        metavar="N",
        help="epochs under the squared error before that, the same for all (default: 5)",
    )
    probe.add_argument("--batch-size", type=positive, default=32, metavar="N", help="(default: 32)")
    probe.add_argument("--learning-rate", type=float, default=1e-3, metavar="X", help="of Adam (default: 0.001)")
    probe.add_argument("--seed", type=seed, default=0, metavar="N", help="of everything drawn (default: 0)")
    probe.add_argument("--threads", type=positive, metavar="N", help="of PyTorch and limen (default: their own)")


def _add_training(parser: ArgumentParser) -> None:
    """What `train` and `compare` have in common."""
    parser.add_argument(
        "--model",
        choices=("fc", "conv", "el-vae"),
        default="conv",
        help="fully connected on 32 x 32 grey; convolutional, and expected-loss VAE, on 96 x 96 RGB (default: conv)",
    )
    parser.add_argument(
        "--width", type=positive, metavar="N", help="channels after the first convolution (default: 128)"
    )
    parser.add_argument("--constant", type=float, metavar="C", help="weight of the expected loss in el-vae")
    parser.add_argument(
        "--images",
        type=path,
        metavar="DIR",
        help="STL-10, CIFAR-10, Extended Yale B, or any folder of images (default: scikit-image's photographs)",
    )
    parser.add_argument("--patch", type=positive, default=96, metavar="N", help="side of patches cut (default: 96)")
    parser.add_argument("--patches", type=positive, default=4096, metavar="N", help="for training (default: 4096)")
    parser.add_argument("--held-out", type=positive, default=256, metavar="N", help="for the test (default: 256)")
    parser.add_argument("--epochs", type=positive, default=20, metavar="N", help="at most (default: 20)")
    parser.add_argument(
        "--warm-up", type=int, default=2, metavar="N", help="epochs under mse before, from which all start (default: 2)"
    )
    parser.add_argument("--patience", type=int, default=0, metavar="N", help="epochs without gain; 0: all (default)")
    parser.add_argument("--batch-size", type=positive, default=32, metavar="N", help="(default: 32)")
    parser.add_argument("--learning-rate", type=float, default=1e-3, metavar="X", help="of Adam (default: 0.001)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of weights, batches, patches (default: 0)")
    parser.add_argument("--threads", type=positive, metavar="N", help="of PyTorch and limen (default: their own)")
    parser.add_argument(
        "--accelerator", default="auto", metavar="NAME", help="Lightning's: cpu, gpu, ... (default: auto)"
    )
    parser.add_argument("--devices", default="auto", metavar="N", help="Lightning's (default: auto)")
    parser.add_argument("--nodes", type=positive, default=1, metavar="N", help="machines (default: 1)")
    parser.add_argument("--strategy", default="auto", metavar="NAME", help="Lightning's: ddp, ... (default: auto)")
    parser.add_argument("--precision", default="32-true", metavar="NAME", help="Lightning's (default: 32-true)")
