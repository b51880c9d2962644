"""Memory that a call takes beside images and gradients: growth of a fresh process's peak, which sees C++ too."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .memory_probe import RESOLUTION
from .peers import MAIN_PEER
from .rows import NAMES

ROOT = Path(__file__).parents[1]
SIZES = {"1080x1920x3": (1080, 1920), "2160x3840x3": (2160, 3840), "4320x7680x3": (4320, 7680)}
QUICK_SIZES = {"180x208x3": (180, 208), "360x416x3": (360, 416)}

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc"),
    pytest.mark.parametrize("metric", NAMES),
    pytest.mark.parametrize("gradients", [False, True], ids=["forward", "gradients"]),
]

Record = Callable[..., None]


@pytest.mark.parametrize("threads", [1, 2])
def test_limen(record: Record, quick: bool, metric: str, gradients: bool, threads: int) -> None:
    for size, sides in (QUICK_SIZES if quick else SIZES).items():
        _probe(record, "limen", metric, gradients, size, sides, threads)


def test_peer(record: Record, quick: bool, metric: str, gradients: bool) -> None:
    # Its memory grows with the image, and so does the time this takes: the smallest one will do.
    size, sides = next(iter((QUICK_SIZES if quick else SIZES).items()))
    _probe(record, MAIN_PEER, metric, gradients, size, sides, threads=1)


def _probe(
    record: Record, library: str, metric: str, gradients: bool, size: str, sides: tuple[int, int], threads: int
) -> None:
    arguments = [library, metric, *map(str, sides), f"--threads={threads}", *(["--gradients"] if gradients else [])]
    command = [sys.executable, "-m", "benchmarks.memory_probe", *arguments]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    operation = f"{NAMES[metric]} forward{' and both gradients' if gradients else ''}"
    record(
        kind="memory",
        label=library,
        operation=operation,
        case=size,
        threads=threads,
        bytes=int(output),
        resolution=threads * RESOLUTION,
    )
