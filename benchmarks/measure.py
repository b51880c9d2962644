"""How two things are timed against each other."""

from __future__ import annotations

import gc
import statistics
import timeit
from collections.abc import Callable
from typing import Any

from .cases import Case

Call = Callable[[], object]


def compare(
    benchmark: Any,
    ours: Call,
    theirs: Call,
    *,
    quick: bool,
    operation: str,
    peer: str,
    case: Case,
    seconds: float = 3.0,
) -> None:
    """Time `theirs` with pytest-benchmark, and `ours` before each of its rounds.

    A machine that slows down then slows both sides down. `ours` gets as much of a round as `theirs`, up to five runs,
    of which the median counts; there are as many rounds as fit in about `seconds`, within limits.
    """
    each, other = (timeit.timeit(call, number=1) for call in (ours, theirs))
    runs = min(5, max(1, round(other / each)))
    rounds = 2 if quick else min(60, max(3, round(seconds / (other + runs * each))))
    times: list[float] = []

    def time_ours() -> None:
        # timeit turns the garbage collector off, pytest-benchmark leaves it on.
        times.append(statistics.median(timeit.repeat(ours, setup=gc.enable, number=1, repeat=runs)))

    benchmark.group = f"{operation}, {case}"
    benchmark.extra_info.update(
        kind="comparison", operation=operation, peer=peer, case=str(case), values=case.values, limen=times
    )
    benchmark.pedantic(theirs, setup=time_ours, rounds=rounds)


def time(benchmark: Any, call: Call, *, operation: str, label: str, case: Case | None = None) -> None:
    """Time one thing by itself, with pytest-benchmark."""
    benchmark.group = operation if case is None else f"{operation}, {case}"
    benchmark.extra_info.update(kind="timing", operation=operation, label=label)
    if case is not None:
        benchmark.extra_info.update(case=str(case), values=case.values)
    benchmark(call)
