"""`limen weights`: fetches the networks of LPIPS, and exports them for ONNX Runtime."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from limen._weights import BACKBONE_FILES, LINEAR_FILES, LINEAR_VERSIONS, download_folder, obtain, onnx_file_name
from limen.cli._errors import UsageError, needs_extra
from limen.cli._files import check_writable


def run(arguments: Namespace) -> int:
    """Fetch or export; prints where every file lies."""
    return _fetch(arguments) if arguments.action == "fetch" else _export(arguments)


def _fetch(arguments: Namespace) -> int:
    nets = list(dict.fromkeys(arguments.nets or BACKBONE_FILES))
    files = [file for net in nets for file in (BACKBONE_FILES[net], *(LINEAR_FILES[v, net] for v in LINEAR_VERSIONS))]
    try:
        paths = obtain(files, "limen weights fetch")
    except ValueError as error:
        raise UsageError(str(error)) from error
    for path in paths:
        print(path)
    return 0


def _export(arguments: Namespace) -> int:
    if arguments.backbone == "random":
        raise UsageError("--backbone takes a file of weights, .safetensors or .pth; a random network isn't exported")
    if arguments.backbone != "pretrained" and arguments.output is None:
        raise UsageError(
            "OUT.onnx must be given with --backbone: no other network is put where the pretrained one is looked for"
        )
    output: Path = arguments.output or download_folder() / onnx_file_name(arguments.net)
    if arguments.output is None:
        output.parent.mkdir(parents=True, exist_ok=True)
    check_writable(output)
    with needs_extra("export"):
        import torch  # noqa: F401
    with needs_extra("export"):
        import onnx  # noqa: F401
    from limen.torch._lpips_export import export

    try:
        export(arguments.net, output, arguments.backbone)
    except ValueError as error:
        raise UsageError(str(error)) from error
    print(output)
    return 0
