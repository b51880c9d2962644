"""`limen info`: what is installed and what this machine can run."""

from __future__ import annotations

import os
import platform
from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import limen
from limen.cli._table import align

_PACKAGES = ("numpy", "torch", "pillow", "scikit-image", "pyarrow")


def run(arguments: Namespace) -> int:
    """Print one fact a line."""
    best = limen.implementations()[-1]
    facts = [
        ("limen", limen.__version__),
        ("machine", f"{platform.machine()}, {platform.system()}"),
        ("implementations", f"{', '.join(limen.implementations())} (best last)"),
        ("LIMEN_IMPLEMENTATION", os.environ.get("LIMEN_IMPLEMENTATION", f"not set: {best} is used")),
        ("threads", str(limen.get_num_threads())),
        ("CUDA core", "not built"),
        ("Python", platform.python_version()),
        *((package, _version(package)) for package in _PACKAGES),
        *_weights(),
    ]
    print(align(facts, left={0, 1}))
    return 0


def _version(package: str) -> str:
    # From the metadata: importing torch would take seconds.
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _weights() -> list[tuple[str, str]]:
    """Where weights are looked for, in this order."""
    named = os.environ.get("LIMEN_WEIGHTS")
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    hub = Path(os.environ.get("TORCH_HOME", Path(cache, "torch"))).expanduser() / "hub" / "checkpoints"
    return [
        ("weights: LIMEN_WEIGHTS", "not set" if named is None else _place(Path(named))),
        ("weights: torch hub cache", _place(hub)),
    ]


def _place(path: Path) -> str:
    return f"{path}{'' if path.exists() else ' (not there)'}"
