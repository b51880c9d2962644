"""`limen info`: what is installed and what this machine can run."""

from __future__ import annotations

import os
import platform
from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import limen
from limen import _core, _weights
from limen._cuda_core import cuda_core, is_built
from limen._weights import BACKBONE_FILES, LINEAR_FILES, LINEAR_VERSIONS, Place, onnx_file_name
from limen.cli._table import align

_PACKAGES = ("numpy", "torch", "onnxruntime", "pillow", "scikit-image", "pyarrow")


def run(arguments: Namespace) -> int:
    """Print one fact a line."""
    facts = [
        ("limen", limen.__version__),
        ("machine", f"{platform.machine()}, {platform.system()}"),
        ("implementations", f"{', '.join(limen.implementations())} (best last)"),
        ("LIMEN_IMPLEMENTATION", _implementation()),
        ("threads", str(limen.get_num_threads())),
        ("CUDA core", "built" if is_built() else "not built"),
        ("GPUs", _gpus()),
        ("Python", platform.python_version()),
        *((package, _version(package)) for package in _PACKAGES),
        *_places(),
        *_files(),
    ]
    print(align(facts, left={0, 1}))
    return 0


def _implementation() -> str:
    """What the environment asks for, and what comes of it."""
    try:
        used = _core.get_implementation()
    except ValueError as error:
        return str(error)
    wanted = os.environ.get("LIMEN_IMPLEMENTATION")
    return f"{wanted or ('not set' if wanted is None else 'empty')}: {used} is used"


def _gpus() -> str:
    if not is_built():
        return "none: limen was built without CUDA"
    try:
        names: list[str] = cuda_core().devices()
    except (ImportError, RuntimeError, ValueError) as error:
        return f"unknown: {error.__cause__ or error}"
    return "; ".join(names) or "none found"


def _version(package: str) -> str:
    # From the metadata: importing torch would take seconds.
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _places() -> list[tuple[str, str]]:
    """Where weights are looked for, in this order."""
    return [(f"weights: {place.why}", _place(place)) for place in _weights.places()]


def _place(place: Place) -> str:
    if place.folder is None:
        return "not set" if place.why == "LIMEN_WEIGHTS" else "not installed"
    return f"{place.folder}{'' if place.folder.exists() else ' (not there)'}"


def _files() -> list[tuple[str, str]]:
    """What was found of each network. Whether a file holds what it should is seen when it is read."""
    return [
        (
            f"lpips-{net}",
            ", ".join(
                [
                    _found("backbone", _weights.find(backbone)),
                    *(_found(f"linear {v}", _weights.find(LINEAR_FILES[v, net])) for v in LINEAR_VERSIONS),
                    _found("ONNX", _weights.find_named(onnx_file_name(net))),
                ]
            ),
        )
        for net, backbone in BACKBONE_FILES.items()
    ]


def _found(what: str, path: Path | None) -> str:
    return f"{what} {'missing' if path is None else 'found'}"
