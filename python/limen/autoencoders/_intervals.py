"""Confidence intervals of means over images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

_DRAWS = 9999


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % confidence interval; NaN where there is too little to tell."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0 or self.high < 0


def mean_interval(values: NDArray[Any], groups: NDArray[Any], seed: int = 0) -> Interval:
    """The mean of values, one an image, and its interval by bootstrap (Efron 1979; percentiles of 9999 draws).

    Whole groups are drawn, as images cut from one photograph tell less than as many from others; where every image is
    its own group this is the ordinary bootstrap over images. For a paired comparison give the differences.

    Parameters
    ----------
    values
        (N,), finite.
    groups
        (N,), what each image belongs to.
    """
    values = np.asarray(values, np.float64)
    if values.shape != np.shape(groups) or values.ndim != 1 or not len(values):
        raise ValueError(f"values and groups must be (N,) and alike; got {values.shape} and {np.shape(groups)}")
    _, places = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(places, values), np.bincount(places).astype(np.float64)
    mean = float(values.mean())
    if len(sums) < 2 or not np.isfinite(values).all():
        return Interval(mean, np.nan, np.nan)
    drawn = bootstrap(
        (sums, counts),
        lambda a, b, axis=-1: a.sum(axis) / b.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=_DRAWS,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, float(drawn.low), float(drawn.high))
