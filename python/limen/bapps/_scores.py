"""The two scores of Zhang et al. (2018): 2AFC, and mAP of just noticeable differences; with bootstrap intervals.

Distances are larger for images that look less alike; only their order counts. Judgements are shares in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_ROOM = 1 << 21  # Numbers drawn at a time.


def two_afc_credits(d0: ArrayLike, d1: ArrayLike, judge: ArrayLike) -> Floats:
    """What each triplet adds to the 2AFC score, (N,): the share of people that agree with the metric; 1/2 for ties."""
    near, far, share = _alike(d0=d0, d1=d1, judge=judge)
    return np.where(near < far, 1 - share, np.where(near > far, share, 0.5))


def two_afc(d0: ArrayLike, d1: ArrayLike, judge: ArrayLike) -> float:
    """How many people on average agree with a metric on which of two images is closer to a reference.

    Parameters
    ----------
    d0, d1
        Distances (N,) of the first and the second image from the reference. Where they are equal it counts 1/2.
    judge
        (N,): the share of people that called the second one closer.

    Raises
    ------
    ValueError
        If lengths differ, nothing is given, a distance is NaN, or a share lies outside [0, 1].
    """
    return float(two_afc_credits(d0, d1, judge).mean())


def two_afc_human(judge: ArrayLike) -> float:
    """The same of a person: how often one picked at random agrees with another, p² + (1 - p)² on average."""
    (share,) = _alike(judge=judge)
    return float(human_credits(share).mean())


def human_credits(judge: Floats) -> Floats:
    """What each triplet adds to the score of a person, (N,)."""
    return judge**2 + (1 - judge) ** 2


def jnd_map(distance: ArrayLike, same: ArrayLike) -> float:
    """How well a distance tells pairs that people call the same from others: average precision, as VOC 2010 has it.

    Pairs are called back in the order of their distance, nearest first; precision at each recall is the best at that or
    any higher recall, and the area below is taken. A pair that some people call the same counts for the others as well,
    by their shares. Pairs at one distance come back together, so that their order doesn't matter.

    Parameters
    ----------
    distance
        (N,), finite or infinite.
    same
        (N,): the share of people that called the two images the same.

    Raises
    ------
    ValueError
        As `two_afc`, or if nobody called any pair the same, so that there is nothing to be found.
    """
    far, share = _alike(distance=distance, same=same)
    if not share.any():
        raise ValueError("nobody called any pair the same: average precision has no meaning")
    return float(_AveragePrecision(far, share)(np.ones((1, len(far))))[0])


class _AveragePrecision:
    """`jnd_map` of weighted pairs, for any number of weightings."""

    def __init__(self, distance: Floats, same: Floats) -> None:
        self._order = np.argsort(distance, kind="stable")
        ordered = distance[self._order]
        self._same = same[self._order]
        self._ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)

    def __call__(self, weights: Floats) -> Floats:
        """(B,) of weights (B, N); NaN where nobody called anything the same."""
        ordered = weights[:, self._order]
        found = np.cumsum(ordered * self._same, 1)[:, self._ends]
        returned = np.cumsum(ordered, 1)[:, self._ends]
        precision = found / np.maximum(returned, 1e-300)  # A group that wasn't drawn at the start has 0 of 0.
        best = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
        steps = np.diff(found, axis=1, prepend=0)
        with np.errstate(invalid="ignore"):
            area: Floats = (best * steps).sum(1) / found[:, -1]
        return area


@dataclass(frozen=True)
class Score:
    """A score with what the bootstrap makes of it: `replicates` (B,), those of all metrics on the same draws.

    Intervals tell how much the score hangs on which triplets were drawn; not on who was asked.
    """

    value: float
    replicates: Floats

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Percentiles of the replicates."""
        if not np.isfinite(self.replicates).any():
            return np.nan, np.nan
        low, high = np.nanquantile(self.replicates, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def __sub__(self, other: Score) -> Score:
        """The difference of two metrics' scores, paired draw by draw."""
        return Score(self.value - other.value, self.replicates - other.replicates)


def mean_score(scores: Sequence[Score]) -> Score:
    """The unweighted mean over subsets, as the paper averages. Subsets are drawn from independently."""
    return Score(
        float(np.mean([score.value for score in scores])), np.mean([score.replicates for score in scores], axis=0)
    )


def score_two_afc(
    credits_of: Mapping[str, Floats], *, draws: int = 1000, seed: int | Sequence[int] = 0
) -> dict[str, Score]:
    """Scores of metrics from the credits (N,) of each, on the same draws of N triplets."""
    table = np.stack(list(credits_of.values()), 1)
    replicates = np.concatenate([counts @ table / len(table) for counts in _resampled(len(table), draws, seed)])
    return {name: Score(float(table[:, i].mean()), replicates[:, i]) for i, name in enumerate(credits_of)}


def score_jnd(
    distances: Mapping[str, Floats], same: Floats, *, draws: int = 1000, seed: int | Sequence[int] = 0
) -> dict[str, Score]:
    """Scores of metrics from the distances (N,) of each, on the same draws of N pairs."""
    curves = {name: _AveragePrecision(distance, same) for name, distance in distances.items()}
    parts = [{name: curve(counts) for name, curve in curves.items()} for counts in _resampled(len(same), draws, seed)]
    return {
        name: Score(jnd_map(distance, same), np.concatenate([part[name] for part in parts]))
        for name, distance in distances.items()
    }


def correlation(two_afc_scores: Sequence[float], jnd_scores: Sequence[float]) -> float:
    """Pearson's r of the two tests over metrics; NaN where there are fewer than three, or one test tells none apart."""
    if len(two_afc_scores) < 3 or np.ptp(two_afc_scores) == 0 or np.ptp(jnd_scores) == 0:
        return float("nan")
    return float(np.corrcoef(two_afc_scores, jnd_scores)[0, 1])


def _resampled(count: int, draws: int, seed: int | Sequence[int]) -> Any:
    """How often each of `count` items is in each draw, (some draws, count) at a time."""
    random = np.random.default_rng(seed)
    step = max(1, _ROOM // count)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        drawn = random.integers(count, size=(rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)


def _alike(**arrays: ArrayLike) -> list[Floats]:
    """One axis of numbers each, as many in all; the last are shares."""
    given = {name: np.asarray(array, np.float64).reshape(-1) for name, array in arrays.items()}
    lengths = {name: len(array) for name, array in given.items()}
    both = " and ".join(lengths)
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{both} must have the same length; got {', '.join(map(str, lengths.values()))}")
    if not next(iter(lengths.values())):
        raise ValueError(f"{both} must not be empty")
    *distances, share = given.items()
    for name, array in distances:
        if np.isnan(array).any():
            raise ValueError(f"{name} must be numbers; {int(np.isnan(array).sum())} of {len(array)} are NaN")
    if not ((share[1] >= 0) & (share[1] <= 1)).all():
        worst = share[1][~((share[1] >= 0) & (share[1] <= 1))][0]
        raise ValueError(f"{share[0]} must be in [0, 1]; got {worst:g}")
    return list(given.values())
