"""The `limen` command: parses the command line and hands over to one module per sub-command."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import limen
from limen._weights import BACKBONE_FILES
from limen.cli._argument_types import FileOfKind, path, positive
from limen.cli._autoencoder_arguments import add_autoencoder
from limen.cli._bapps_arguments import add_bapps
from limen.cli._errors import UsageError, in_options
from limen.cli._metrics import METRICS
from limen.cli._superres_arguments import add_superres

__all__ = ["main"]

_INTERRUPTED = 130
_BROKEN_PIPE = 141

_COMPARE_EPILOG = "\n".join(
    (
        "metrics:",
        *(f"  {metric.name:15}{metric.description}" for metric in METRICS.values()),
        "",
        "exit status:",
        "  0              every pair has every score",
        "  1              some score is missing: the pair's row says why",
        "  2              nothing was scored: wrong usage, or something needed is missing",
        "  130            interrupted",
        "  141            the reader of a pipe left",
    )
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `limen` command.

    argv: the arguments after the program's name; None takes them from `sys.argv`.
    Returns the exit status: 0 all scored, 1 some pair failed, 2 wrong usage, 130 interrupted,
    141 the reader of a pipe left.
    """
    _open_missing_streams()
    _accept_any_text()
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        arguments.given = {text.partition("=")[0] for text in (sys.argv[1:] if argv is None else argv)}
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    try:
        # Imported here, so that `limen --help` doesn't wait for image decoders and templates.
        status: int = import_module(f"limen.cli._{arguments.command}").run(arguments)
        sys.stdout.flush()
        return status
    except UsageError as error:
        print(f"limen {arguments.command}: {in_options(str(error), arguments)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes stdout once more at exit, and would complain about the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as error:
        print(f"limen {arguments.command}: {error}", file=sys.stderr)
        return 2


def _open_missing_streams() -> None:
    """Let a process that was started without standard streams write to nowhere: Python has None in their place.

    All three, in this order: they take the lowest descriptors, on which the files of a run would else lie, in the way
    of libraries that complain there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _accept_any_text() -> None:
    """Let file names that the terminal's encoding lacks come out escaped instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="limen", description="Perceptual image metrics.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"limen {limen.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    compare = commands.add_parser(
        "compare",
        help="score a distorted image, or a folder of them, against its reference",
        description="Scores two images, or two folders of images matched by name (or by stem where extensions differ).",
        epilog=_COMPARE_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    compare.add_argument("reference", metavar="REFERENCE", type=path, help="an image, or a folder of images")
    compare.add_argument("distorted", metavar="DISTORTED", type=path, help="an image, or a folder of images")
    compare.add_argument(
        "--metric",
        dest="metrics",
        action="append",
        choices=METRICS,
        metavar="NAME",
        help=f"may be given several times: {', '.join(METRICS)} (default: ssim)",
    )
    compare.add_argument(
        "--convention",
        choices=limen.conventions,
        default="wang",
        metavar="NAME",
        help=f"whose SSIM and MS-SSIM: {', '.join(limen.conventions)} (default: wang)",
    )
    compare.add_argument(
        "--output",
        type=FileOfKind(".csv", ".json", ".parquet"),
        metavar="FILE",
        help="write the scores to a .csv, .json or .parquet file instead of printing them",
    )
    compare.add_argument(
        "--report",
        type=FileOfKind(".html", ".htm"),
        metavar="FILE",
        help="write an HTML page with the summary and the worst pairs",
    )
    compare.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="pairs decoded and scored at the same time (default: limen.get_num_threads())",
    )

    demo = commands.add_parser(
        "demo",
        help="show five distortions of equal MSE and what each metric says of them",
        description="Writes a page with real photographs, each under five distortions of the same mean squared error, "
        "and what every metric says of them.",
        allow_abbrev=False,
    )
    demo.add_argument("directory", metavar="DIRECTORY", type=path, nargs="?", default=Path("limen-demo"))
    demo.add_argument("--no-open", dest="open", action="store_false", help="don't show the page in the browser")

    commands.add_parser("info", help="version, implementations, threads, GPUs, weights", allow_abbrev=False)

    weights = commands.add_parser(
        "weights",
        help="fetch the networks of LPIPS, or export them for use without PyTorch",
        description="Weights of LPIPS. They are kept in the folder that LIMEN_WEIGHTS names, or in torch hub's cache.",
        allow_abbrev=False,
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    fetch = weights.add_parser("fetch", help="download what is missing", allow_abbrev=False)
    fetch.add_argument(
        "--net",
        dest="nets",
        action="append",
        choices=BACKBONE_FILES,
        metavar="NAME",
        help=f"may be given several times: {', '.join(BACKBONE_FILES)} (default: all)",
    )
    export = weights.add_parser("export", help="write an .onnx file for ONNX Runtime", allow_abbrev=False)
    export.add_argument("--net", choices=BACKBONE_FILES, default="alex", metavar="NAME", help="(default: alex)")
    export.add_argument("--backbone", metavar="FILE", default="pretrained", help="own weights, .safetensors or .pth")
    export.add_argument(
        "output",
        metavar="OUT.onnx",
        type=FileOfKind(".onnx"),
        nargs="?",
        help="(default: the place and name that limen.lpips looks for)",
    )
    add_bapps(commands)
    add_autoencoder(commands)
    add_superres(commands)
    return parser
