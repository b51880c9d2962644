"""Distances of all metrics in one pass over the images: threads decode batches ahead of the one that is measured."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

import limen

from ._dataset import Subset
from ._images import ItemError, Pixels
from ._metrics import Measure

_BATCH = 64  # Triplets: 192 images of 64 x 64 fit in the second-level cache, and a network is no faster on more.


@dataclass
class Measured:
    """What metrics say of a subset: of each metric the distances (2, N) of a triplet's candidates, or (1, N) of pairs.

    An item that can't be decoded has NaN, and its reason in `failures` by its index. A metric that can't be computed
    for some batch is left out, and its reason told in `broken`.
    """

    subset: Subset
    distances: dict[str, NDArray[np.float64]]
    failures: dict[int, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which items were decoded, (N,)."""
        mask = np.ones(len(self.subset), bool)
        mask[list(self.failures)] = False
        return mask


def evaluate(
    subset: Subset,
    measures: Mapping[str, Measure],
    *,
    progress: Callable[[int], object] = lambda count: None,
    jobs: int | None = None,
) -> Measured:
    """Measure a subset with all metrics; `progress` is told how many items more are done.

    `jobs` threads decode while the metrics compute; None takes as many as `limen.get_num_threads()`, and the kernels
    run on half of these meanwhile: all of them would spend their time waiting for each other.
    """
    candidates = 2 if subset.key.test == "2afc" else 1
    blank = {name: np.full((candidates, len(subset)), np.nan) for name in measures}
    measured = Measured(subset, blank)
    threads = limen.get_num_threads()
    limen.set_num_threads(max(1, threads // 2))
    try:
        for batch in _decoded(subset, jobs or threads):
            measured.failures.update(batch.failures)
            for indices, images in batch.groups:
                _measure(measured, measures, indices, images)
            progress(batch.count)
    finally:
        limen.set_num_threads(threads)
    return measured


def _measure(
    measured: Measured, measures: Mapping[str, Measure], indices: list[int], images: tuple[Pixels, ...]
) -> None:
    for name, measure in measures.items():
        if name not in measured.broken:
            try:
                measured.distances[name][:, indices] = measure(images)
            except Exception as error:  # A user's function may raise anything.
                measured.broken[name] = f"{type(error).__name__}: {error}"
                del measured.distances[name]


@dataclass(frozen=True)
class _Batch:
    """Items that were decoded, stacked by size, and those that could not be."""

    count: int
    groups: list[tuple[list[int], tuple[Pixels, ...]]]
    failures: dict[int, str]


def _decoded(subset: Subset, jobs: int) -> Iterator[_Batch]:
    """Batches in order, a few ahead."""
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="limen")
    try:
        todo = iter([range(start, min(start + _BATCH, len(subset))) for start in range(0, len(subset), _BATCH)])
        line: deque[Future[_Batch]] = deque(pool.submit(_decode, subset, some) for some in islice(todo, 2 * jobs))
        while line:
            batch = line.popleft().result()
            line.extend(pool.submit(_decode, subset, some) for some in islice(todo, 1))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(subset: Subset, indices: Sequence[int]) -> _Batch:
    by_size: dict[tuple[int, ...], tuple[list[int], list[tuple[Pixels, ...]]]] = defaultdict(lambda: ([], []))
    failures = {}
    for index in indices:
        try:
            images = subset.images(index)
        except ItemError as error:
            failures[index] = str(error)
        else:
            which, items = by_size[images[0].shape]
            which.append(index)
            items.append(images)
    groups = [(which, tuple(np.stack(part) for part in zip(*items, strict=True))) for which, items in by_size.values()]
    return _Batch(len(indices), groups, failures)
