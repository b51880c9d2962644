"""`limen.mse`, `limen.mae` and `limen.psnr` against their definitions in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import limen
from images import DTYPES, alike, as_float64, channels_last, data_range, sides, stored
from photographs import distorted, photograph


def assert_errors(x: Any, y: Any, dtype: str, axis: int = -3) -> None:
    """All three, of every reduction, of (..., C, H, W)."""
    size = data_range(dtype)
    a, b = as_float64(x, y)
    laid = (x, y) if axis == -3 else channels_last(x, y)
    tolerance = 1e-12 if dtype == "float64" else 1e-6
    for reduction, axes in (("image", (-3, -2, -1)), ("none", (-2, -1))):
        squared, absolute = ((a - b) ** 2).mean(axes), abs(a - b).mean(axes)
        options: dict[str, Any] = {"channel_axis": axis, "reduction": reduction}
        np.testing.assert_allclose(limen.mse(*laid, **options), squared, rtol=tolerance)
        np.testing.assert_allclose(limen.mae(*laid, **options), absolute, rtol=tolerance)
        ratio = limen.psnr(*laid, **options, data_range=size)
        np.testing.assert_allclose(ratio, 10 * np.log10(size**2 / squared), rtol=tolerance)
        if reduction == "image":
            mean = limen.psnr(*laid, data_range=size, channel_axis=axis, reduction="mean")
            assert isinstance(mean, float)
            assert mean == pytest.approx(np.mean(ratio), rel=1e-12)


@pytest.mark.parametrize("axis", [-3, -1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_errors(implementation: str, dtype: str, axis: int) -> None:
    for channels in range(1, 6):
        assert_errors(*alike(2, channels, 31, 46, dtype=dtype), dtype, axis)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_all_sizes(implementation: str, dtype: str) -> None:
    for number, (height, width) in enumerate(sides(70)):
        x, y = alike(1 + number % 5, height, width, dtype=dtype)
        assert_errors(x, y, dtype, -1 if number % 2 else -3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["camera", "coffee"])
def test_photographs(implementation: str, name: str, dtype: str) -> None:
    original = photograph(name)
    x, y = (stored(image, dtype) for image in (original, distorted(original)))
    assert_errors(x, y, dtype)
    assert_errors(x, y, dtype, axis=-1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_extremes(implementation: str, dtype: str) -> None:
    black, white = (stored(np.full((3, 300, 301), value), dtype) for value in (0.0, 1.0))
    size = data_range(dtype)
    for x, y in ((black, white), (white, black)):
        # float32 sums of so many equal squares would fall short. A square itself may be rounded to float32.
        assert limen.mse(x, y) == pytest.approx(size**2, rel=1e-9)
        assert limen.mae(x, y) == pytest.approx(size, rel=1e-12)
        assert limen.psnr(x, y, data_range=size) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_images(implementation: str, dtype: str) -> None:
    x, _ = alike(2, 3, 20, 21, dtype=dtype)
    assert (limen.mse(x, x) == 0).all()
    assert (limen.mae(x, x) == 0).all()
    assert (limen.psnr(x, x, data_range=data_range(dtype)) == math.inf).all()


def test_integers_have_a_range_of_their_own() -> None:
    for dtype in ("uint8", "uint16"):
        x, y = alike(3, 20, 21, dtype=dtype)
        assert limen.psnr(x, y) == limen.psnr(x, y, data_range=data_range(dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_broken_pixels(implementation: str, value: float) -> None:
    x, y = alike(2, 3, 20, 21)
    broken = x.copy()
    broken[1, 2, 3, 4] = value
    for pair in ((broken, y), (y, broken)):
        for error in (limen.mse(*pair), limen.mae(*pair)):
            assert list(np.isfinite(error)) == [True, False]
            assert error[1] == pytest.approx(abs(value), nan_ok=True)
    assert np.isnan(limen.mse(broken, broken)[1])


# Float32 doesn't hold the squares of all of these.
@pytest.mark.parametrize("scale", [1e-34, 1e-25, 1e-10, 1e12, 1e20, 1e37])
def test_psnr_of_any_range(implementation: str, scale: float) -> None:
    x, y = as_float64(*alike(3, 20, 21))
    expected = limen.psnr(x, y, data_range=1.0)
    a, b = ((scale * image).astype(np.float32) for image in (x, y))
    for axis, pair in ((-3, (a, b)), (-1, channels_last(a, b))):
        assert limen.psnr(*pair, data_range=scale, channel_axis=axis) == pytest.approx(expected, abs=1e-4)
        assert limen.mse(*pair, channel_axis=axis) == pytest.approx(scale**2 * limen.mse(x, y), rel=1e-5)
        assert limen.mae(*pair, channel_axis=axis) == pytest.approx(scale * limen.mae(x, y), rel=1e-5)
