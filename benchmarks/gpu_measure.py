"""How calls are timed on a GPU, and the table of it."""

from __future__ import annotations

import functools
import importlib
import itertools
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

SLOTS = 113  # of a lane, for a pixel of SSIM: docs/definitions.md
ROUNDS, CALLS, WARM_UP = 10, 5, 2
# Clock cycles for which the device is kept busy while calls are put in its queue: some ten milliseconds.
QUEUED = 20_000_000

Call = Callable[[], Any]


@dataclass(frozen=True)
class Times:
    """Of a call, medians in seconds."""

    device: float  # what the GPU takes where its queue never runs dry
    called: (
        float  # what a program sees that makes one call after the other: Python and launches too, if they are slower
    )


@dataclass(frozen=True)
class Row:
    """One comparison; the peer may be none."""

    operation: str
    shape: tuple[int, ...]
    peer: str
    limen: Times
    theirs: Times | None
    floor: float | None = None  # seconds, no kernel is faster

    def cells(self) -> list[str]:
        """As the table shows it."""
        share = f"{100 * self.floor / self.limen.device:.0f} %" if self.floor else ""
        pairs = (self._pair(lambda times: times.device), self._pair(lambda times: times.called))
        return [self.operation, "x".join(map(str, self.shape)), self.peer, *pairs[0], share, *pairs[1]]

    def _pair(self, part: Callable[[Times], float]) -> list[str]:
        ours = part(self.limen)
        if not self.theirs:
            return [f"{1e3 * ours:.3f}", "", ""]
        theirs = part(self.theirs)
        return [f"{1e3 * ours:.3f}", f"{1e3 * theirs:.3f}", f"{theirs / ours:.2f}"]


HEADS = [
    *("operation", "shape", "peer", "limen, ms", "peer, ms", "times faster", "share of the nearer floor"),
    *("as called: limen, ms", "peer, ms", "times faster"),
]


def table(rows: list[Row]) -> str:
    """In Markdown."""
    lines = [HEADS, ["---"] * len(HEADS), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def seconds(call: Call, queued: bool) -> float:
    """Of one of a few calls in a row, by CUDA events."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    if queued:
        torch.cuda._sleep(QUEUED)
    begin.record()
    for _ in range(CALLS):
        call()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3 / CALLS


def compare(ours: Call, theirs: Call | None) -> tuple[Times, Times | None]:
    """Medians, of turns."""
    calls = [call for call in (ours, theirs) if call is not None]
    ways = [(call, queued) for call in calls for queued in (True, False)]
    for _ in range(WARM_UP):
        for way in ways:
            seconds(*way)
    rounds = [[seconds(*way) for way in ways] for _ in range(ROUNDS)]
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    return Times(*medians[:2]), Times(*medians[2:]) if theirs else None


def by_turns(function: Callable[..., Any], arguments: list[Any]) -> Call:
    """A call with the next of some arguments, so that none is met in the cache by chance."""
    turns = itertools.cycle(arguments)
    return lambda: function(*next(turns))


def check(name: str, ours: Any, theirs: Any, tolerance: float) -> None:
    """Ends the program if the two differ."""
    error = float((ours - theirs).abs().max() / max(1e-30, float(theirs.abs().max())))
    if not error <= tolerance:
        sys.exit(f"{name}: limen and the peer differ by {error:.2g} of the largest value; nothing was timed")


def library(name: str) -> Any:
    """The module, or None where it isn't installed or doesn't load."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        sys.stdout.write(f"left out: {name} ({error})\n")
        return None


@functools.cache
def ceilings() -> tuple[float, float] | None:
    """Slots of lanes and bytes of memory a second, at the largest clocks that the driver names; None if it can't be
    asked."""
    pynvml = library("pynvml")
    if pynvml is None:
        return None
    device = torch.cuda.get_device_properties(torch.cuda.current_device())
    pynvml.nvmlInit()
    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{device.uuid}")
    multiprocessor, memory = (
        1e6 * pynvml.nvmlDeviceGetMaxClockInfo(handle, clock) for clock in (pynvml.NVML_CLOCK_SM, pynvml.NVML_CLOCK_MEM)
    )
    width = pynvml.nvmlDeviceGetMemoryBusWidth(handle)
    return device.multi_processor_count * 128 * multiprocessor, 2 * memory * width / 8


def floor(count: int, bytes_each: float, slots_each: float = 0) -> float | None:
    """Seconds for numbers each of which takes so much, at the nearer of the two ceilings."""
    found = ceilings()
    return max(count * slots_each / found[0], count * bytes_each / found[1]) if found else None
