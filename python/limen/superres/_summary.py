"""Means over images, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ._scoring import Restored

METRICS = ("psnr", "ssim", "ms_ssim")
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """The mean of a method's scores over images, and how far it lies from another method's on the same images.

    half_width: of the 95 % interval of the difference, Student's t over images; None for fewer than two.
    """

    mean: float
    difference: float
    half_width: float | None
    images: int


def compare(images: Sequence[Restored], metric: str, method: str, against: str) -> Difference | None:
    """One metric of one method against another's, over the images that have it and where neither is infinite."""
    pairs = [(getattr(image.scores[method], metric), getattr(image.scores[against], metric)) for image in images]
    scored = np.array([pair for pair in pairs if None not in pair and all(map(math.isfinite, pair))])
    if not len(scored):
        return None
    differences = scored[:, 0] - scored[:, 1]
    half_width = None
    if len(scored) > 1:
        quantile = stats.t.ppf((1 + _CONFIDENCE) / 2, len(scored) - 1)
        half_width = float(quantile * differences.std(ddof=1) / math.sqrt(len(scored)))
    return Difference(float(scored[:, 0].mean()), float(differences.mean()), half_width, len(scored))
