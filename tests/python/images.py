"""Pairs of images as NumPy arrays, for the tests of the front ends and of every implementation."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import limen
import oracle
from limen import conventions

IMPLEMENTATIONS = limen.implementations()
DTYPES = "uint8 uint16 float16 bfloat16 float32 float64".split()
WITH_MS_SSIM = [name for name, convention in conventions.items() if convention.downsample != "none"]

Image = NDArray[Any]
Pair = tuple[Image, Image]


def dtype_of(name: str) -> np.dtype[Any]:
    """The dtype of that name; skips the test where nothing adds bfloat16 to NumPy."""
    if name == "bfloat16":
        return np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    return np.dtype(name)


def data_range(dtype: str) -> float:
    """Of the images made here: the full range of an integer, else 1."""
    return {"uint8": 255.0, "uint16": 65535.0}.get(dtype, 1.0)


def stored(image: Any, dtype: str) -> Image:
    """An image in [0, 1] as pixels of `dtype`, over its `data_range`."""
    scaled = np.asarray(image) * data_range(dtype)
    return np.asarray(np.rint(scaled) if dtype.startswith("u") else scaled).astype(dtype_of(dtype))


def as_float64(*images: Image) -> list[NDArray[np.float64]]:
    """What the pixels stand for."""
    return [np.asarray(image).astype(np.float64) for image in images]


@functools.lru_cache(maxsize=256)
def alike(*shape: int, dtype: str = "float32", seed: int = 0) -> Pair:
    """Noise in [0, 1], and the same with a quarter of other noise: alike enough for the means of MS-SSIM to be above zero."""
    rng = np.random.default_rng([seed, *shape])
    x = rng.random(shape)
    pair = stored(x, dtype), stored(0.75 * x + 0.25 * rng.random(shape), dtype)
    for image in pair:
        image.flags.writeable = False
    return pair


def channels_last(*images: Image) -> list[Image]:
    """(..., C, H, W) as contiguous (..., H, W, C)."""
    return [np.ascontiguousarray(np.moveaxis(image, -3, -1)) for image in images]


def apart(*images: Image) -> list[Image]:
    """Every channel as an image of its own, (..., C, 1, H, W)."""
    return [np.expand_dims(image, -3) for image in images]


@functools.lru_cache(maxsize=1024)
def expected_gradients(
    metric: str, name: str, shape: tuple[int, ...], dtype: str, separate: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The oracle's, of `alike(*shape)` under a named convention; `separate`: of every channel's own score."""
    x, y = as_float64(*alike(*shape, dtype=dtype))
    x, y = apart(x, y) if separate else (x, y)
    gradients = oracle.gradient(getattr(oracle, metric), x, y, conventions[name], data_range(dtype))
    return gradients[0].reshape(shape), gradients[1].reshape(shape)


def assert_near(actual: Any, expected: Any, tolerance: float, rounding: float = 0, floor: float = 0) -> None:
    """Within `tolerance` of the largest expected number everywhere, and `rounding` of each; `floor` is always fine."""
    actual, expected = as_float64(actual, expected)
    assert actual.shape == expected.shape
    allowed = tolerance * np.abs(expected).max() + rounding * np.abs(expected) + floor
    excess = np.abs(actual - expected) / np.maximum(allowed, np.finfo(float).tiny)
    assert (excess <= 1).all(), f"{np.nanmax(excess):.3g} times the allowed error at {np.argmax(excess)}"


def assert_gradients(actual: Any, expected: Any, dtype: str) -> None:
    """Pairs of gradients, of images of `dtype`."""
    # Spacing of the numbers that a gradient is stored in, and of the smallest of them.
    rounding, floor = {"float16": (2**-11, 2**-25), "bfloat16": (2**-8, 0)}.get(dtype, (0, 0))
    for got, want in zip(actual, expected, strict=True):
        assert_near(got, want, 1e-9 if dtype == "float64" else 1e-5, rounding, floor)


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays, floats or tuples of them agree bit for bit."""
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same_bits(*pair) for pair in zip(a, b, strict=True))
    a, b = np.asarray(a), np.asarray(b)
    return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())


def sides(count: int) -> Iterable[tuple[int, int]]:
    """Heights and widths: each takes every value from 1 to `count` once, in an order of its own."""
    step = next(step for step in range(count // 2 + 1, count) if np.gcd(step, count) == 1)
    return [(n + 1, n * step % count + 1) for n in range(count)]
