"""Pairs of features as a network makes them: sparse, not negative, some vectors empty."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from images import dtype_of

Features = NDArray[Any]
DTYPES = "float16 bfloat16 float32 float64".split()


def features(*shape: int, dtype: str = "float32", seed: int = 0) -> tuple[Features, Features]:
    """(..., C, H, W): what a rectifier leaves of noise, and of the same with other noise; the first vectors are zeros."""
    rng = np.random.default_rng([seed, *shape])
    x = rng.normal(size=shape)
    pair = [np.maximum(f, 0).astype(dtype_of(dtype)) for f in (x, x + 0.5 * rng.normal(size=shape))]
    if shape[-1] > 2:
        pair[0][..., :2], pair[1][..., 1:3] = 0, 0
    return pair[0], pair[1]


def weights(channels: int, seed: int = 0) -> NDArray[np.float64]:
    """Not negative, a third of them zero, and float32 holds them."""
    rng = np.random.default_rng([seed, channels])
    return np.asarray((rng.random(channels) * (rng.random(channels) < 0.67)).astype(np.float32).astype(np.float64))


def channels_last(*arrays: Features) -> list[Features]:
    """(..., C, H, W) as contiguous (..., H, W, C)."""
    return [np.ascontiguousarray(np.moveaxis(array, -3, -1)) for array in arrays]


def assert_distances(actual: Any, expected: Any, dtype: str) -> None:
    """Relative, and to within what is left of the difference of normalised features, which rounding leaves of one vector too."""
    rounding, relative = (2.0**-53, 1e-13) if dtype == "float64" else (2.0**-24, 3e-6)
    allowed = relative * expected + 8 * rounding * np.sqrt(expected) + 64 * rounding**2
    error = np.abs(actual - expected)
    assert (error <= allowed).all(), f"{np.max(error / allowed):.3g} times the allowed error"
