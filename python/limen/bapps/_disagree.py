"""Where two metrics disagree: the pairs whose places in the order of one are farthest from those in the other's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._dataset import Subset
from ._evaluate import Measured
from ._images import Pixels


@dataclass(frozen=True)
class Disagreement:
    """A pair, with its distances and ranks, 0 for the nearest of all pairs and 1 for the farthest, by both metrics."""

    name: str
    reference: Pixels
    other: Pixels
    distances: tuple[float, float]
    ranks: tuple[float, float]


def disagreements(measured: Sequence[Measured], first: str, second: str, count: int) -> list[Disagreement]:
    """The `count` pairs that the first metric ranks far and the second near, then as many the other way round.

    All pairs of reference and candidate of all subsets are ranked together; equal distances share their mean rank.
    Each side begins with the widest gap, and a pair is on one side at most.
    """
    where: list[tuple[Subset, int, int]] = []
    distances: list[NDArray[np.float64]] = []
    for one in measured:
        kept = np.flatnonzero(one.valid)
        both = np.stack([one.distances[first], one.distances[second]])[:, :, kept]
        where += [(one.subset, candidate + 1, int(item)) for candidate in range(both.shape[1]) for item in kept]
        distances.append(both.reshape(2, -1))
    joined = np.concatenate(distances, 1)
    ranks = np.stack([_ranks(row) for row in joined])
    gap = ranks[0] - ranks[1]
    order = np.argsort(-gap, kind="stable")
    far_near = [i for i in order[:count] if gap[i] > 0]
    near_far = [i for i in order[::-1][:count] if gap[i] < 0]
    found = []
    for i in (*far_near, *near_far):
        subset, candidate, item = where[i]
        images = subset.images(item)
        name = f"{subset.name(item)} p{candidate - 1 if subset.key.test == '2afc' else candidate}"
        a, b = (float(number) for number in joined[:, i])
        x, y = (float(number) for number in ranks[:, i])
        found.append(Disagreement(name, images[0], images[candidate], (a, b), (x, y)))
    return found


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 to 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means = (ends - (counts + 1) / 2) / max(1, len(values) - 1)
    placed: NDArray[np.float64] = means[inverse]
    return placed
