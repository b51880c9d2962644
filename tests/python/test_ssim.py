"""`limen.ssim` and `limen.ssim_gradient` against the oracle: every implementation, dtype and convention."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any

import numpy as np
import pytest

import limen
import oracle
from images import (
    DTYPES,
    IMPLEMENTATIONS,
    alike,
    apart,
    as_float64,
    assert_gradients,
    assert_near,
    channels_last,
    data_range,
    expected_gradients,
    sides,
    stored,
)
from limen import Convention, conventions
from photographs import COLOUR, GREY, crop, distorted, photograph

# What was measured is a third of these or less.
SCORE = dict.fromkeys(DTYPES, 1e-6) | {"float64": 1e-13}
MAP = dict.fromkeys(DTYPES, 1e-5) | {"float64": 1e-12}

# One for each padding, each window, each covariance, and each of the rest.
CONVENTIONS = {
    "valid": Convention(),
    "zero": Convention(padding="zero"),
    "reflect": Convention(padding="reflect", epsilon=1e-3),
    "symmetric": Convention(padding="symmetric", window="uniform", size=7),
    "replicate": Convention(padding="replicate", size=5, sigma=0.8, covariance="sample"),
}


def assert_scores(x: Any, y: Any, convention: Convention | str, dtype: str, size: float) -> None:
    """Score, scores of the channels and map of (..., C, H, W)."""
    chosen = conventions[convention] if isinstance(convention, str) else convention
    exact_map = oracle.ssim_map(*as_float64(x, y), chosen, size)
    score, ssim_map = limen.ssim(x, y, data_range=size, convention=convention, return_map=True)
    channels = limen.ssim(x, y, data_range=size, convention=convention, reduction="none")
    assert_near(score, exact_map.mean((-3, -2, -1)), 0, floor=SCORE[dtype])
    assert_near(channels, exact_map.mean((-2, -1)), 0, floor=SCORE[dtype])
    assert_near(ssim_map, exact_map, 0, floor=MAP[dtype])
    assert ssim_map.dtype == (np.float64 if dtype == "float64" else np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", conventions)
def test_scores_and_map(implementation: str, name: str, dtype: str) -> None:
    x, y = alike(2, 3, 16, 45, dtype=dtype)
    assert_scores(x, y, name, dtype, data_range(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", conventions)
def test_gradients(implementation: str, name: str, dtype: str) -> None:
    shape = (2, 3, 15, 38)
    x, y = alike(*shape, dtype=dtype)
    options = {"data_range": data_range(dtype), "convention": name}
    score, *gradients = limen.ssim_gradient(x, y, **options)
    np.testing.assert_allclose(score, limen.ssim(x, y, **options), rtol=0, atol=1e-6)
    assert {gradient.dtype for gradient in gradients} == {np.dtype(np.float32) if dtype.startswith("u") else x.dtype}
    assert_gradients(gradients, expected_gradients("ssim", name, shape, dtype), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["wang", "torchmetrics"])
def test_gradients_of_every_channels_score(implementation: str, name: str, dtype: str) -> None:
    shape = (2, 3, 20, 21)
    x, y = alike(*shape, dtype=dtype)
    score, *gradients = limen.ssim_gradient(x, y, data_range=1.0, convention=name, reduction="none")
    assert score.shape == (2, 3)
    assert_gradients(gradients, expected_gradients("ssim", name, shape, dtype, separate=True), dtype)
    # The mean of the batch leaves every image its own score.
    mean, *gradients = limen.ssim_gradient(x, y, data_range=1.0, convention=name, reduction="mean")
    assert isinstance(mean, float)
    assert_gradients(gradients, expected_gradients("ssim", name, shape, dtype), dtype)


@functools.lru_cache(maxsize=32)
def exact(convention: Convention, dtype: str, *shape: int) -> tuple[Any, Any]:
    """Map and gradients of `alike(*shape)`, data range 1."""
    x, y = as_float64(*alike(*shape, dtype=dtype))
    return oracle.ssim_map(x, y, convention, 1.0), oracle.gradient(oracle.ssim, x, y, convention, 1.0)


# Around window and vector: every height and every width from 1 to 70, planar, and with channels side by side, where
# kernels take 2 to 4 of them together and others one by one.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_all_sizes(name: str, dtype: str) -> None:
    convention = CONVENTIONS[name]
    for number, (height, width) in enumerate(sides(70)):
        shape = (1 + number % 5, height, width)
        x, y = alike(*shape, dtype=dtype)
        if min(height, width) < convention.ssim_min_side:
            for function in (limen.ssim, limen.ssim_gradient):
                with pytest.raises(ValueError, match=rf"at least {convention.ssim_min_side} .*got {height} x {width}"):
                    function(x, y, data_range=1.0, convention=convention)
            continue
        expected = exact(convention, dtype, *shape)
        for implementation in IMPLEMENTATIONS:
            if implementation == "reference" and height * width > 1000:
                continue
            with limen.use_implementation(implementation):
                assert_exact(x, y, expected, convention, dtype, axis=-1 if (number + len(name)) % 2 else -3)


def assert_exact(x: Any, y: Any, expected: Any, convention: Convention, dtype: str, axis: int) -> None:
    """Score, map and gradients of (C, H, W), where asked with the channels last in memory."""
    images = (x, y) if axis == -3 else channels_last(x, y)
    options: dict[str, Any] = {"data_range": 1.0, "convention": convention, "channel_axis": axis}
    score, ssim_map = limen.ssim(*images, **options, return_map=True)
    assert score == pytest.approx(expected[0].mean(), abs=SCORE[dtype])
    assert_near(np.moveaxis(ssim_map, axis, 0), expected[0], 0, floor=MAP[dtype])
    score, *gradients = limen.ssim_gradient(*images, **options)
    assert score == pytest.approx(expected[0].mean(), abs=SCORE[dtype])
    assert_gradients([np.moveaxis(gradient, axis, 0) for gradient in gradients], expected[1], dtype)


# Larger than the tiles that kernels are given, in both directions.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 262, 790), (3, 24, 700)], ids=str)
@pytest.mark.parametrize("name", CONVENTIONS)
def test_images_of_many_tiles(name: str, shape: tuple[int, ...], dtype: str) -> None:
    x, y = alike(*shape, dtype=dtype)
    expected = exact(CONVENTIONS[name], dtype, *shape)
    for implementation in IMPLEMENTATIONS[1:]:
        with limen.use_implementation(implementation):
            for axis in (-3, -1):
                assert_exact(x, y, expected, CONVENTIONS[name], dtype, axis)


@pytest.mark.parametrize("channels", [1, 3])
def test_very_wide_images(fast: str, channels: int) -> None:
    x, y = alike(channels, 12, 2200)
    assert_scores(x, y, "wang", "float32", 1.0)
    assert_scores(x, y, "kornia", "float32", 1.0)


@pytest.mark.parametrize("padding", ["valid", "zero", "reflect", "symmetric", "replicate"])
@pytest.mark.parametrize(
    ("window", "size", "sigma"),
    [
        ("gaussian", 3, 0.5),
        ("gaussian", 7, 1.5),
        ("gaussian", 9, 1.5),
        ("gaussian", 11, 0.5),
        ("gaussian", 33, 5.0),
        ("uniform", 3, 1.5),
        ("uniform", 11, 1.5),
        ("uniform", 31, 1.5),
    ],
)
def test_windows(implementation: str, window: Any, size: int, sigma: float, padding: Any) -> None:
    convention = Convention(window=window, size=size, sigma=sigma, padding=padding)
    shape = (1, 35, 38)
    assert_exact(*alike(*shape), exact(convention, "float32", *shape), convention, "float32", axis=-3)


# Larger than the image, where padding allows that.
@pytest.mark.parametrize(
    ("padding", "shape"), [("valid", (1, 256, 259)), ("zero", (1, 40, 41)), ("replicate", (1, 40, 41))]
)
def test_the_largest_window(padding: Any, shape: tuple[int, ...]) -> None:
    convention = Convention(size=255, sigma=40, padding=padding)
    expected = exact(convention, "float32", *shape)
    for implementation in IMPLEMENTATIONS[1:]:
        with limen.use_implementation(implementation):
            assert_exact(*alike(*shape), expected, convention, "float32", axis=-3)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_images_that_a_convention_shrinks(fast: str, dtype: str) -> None:
    shape = (1, 389, 452)
    x, y = alike(*shape, dtype=dtype)
    assert_scores(x, y, "piq", dtype, data_range(dtype))
    gradients = limen.ssim_gradient(x, y, data_range=data_range(dtype), convention="piq")[1:]
    assert_gradients(gradients, expected_gradients("ssim", "piq", shape, dtype), dtype)


@functools.cache
def distorted_photograph(name: str, dtype: str) -> tuple[Any, Any, float]:
    """A pair, and its exact score."""
    original = photograph(name)
    x, y = (stored(image, dtype) for image in (original, distorted(original)))
    return x, y, float(oracle.ssim(*as_float64(x, y), conventions["wang"], data_range(dtype)))


# 2e-6 of the truth in float32, whatever the pixels are.
@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float32") for name in (*GREY, *COLOUR)), *(("coffee", dtype) for dtype in DTYPES)]
)
def test_accuracy_on_photographs(fast: str, name: str, dtype: str) -> None:
    x, y, expected = distorted_photograph(name, dtype)
    options: dict[str, Any] = {"data_range": data_range(dtype)}
    tolerance = 1e-13 if dtype == "float64" else 2e-6
    assert limen.ssim(x, y, **options) == pytest.approx(expected, abs=tolerance)
    assert limen.ssim(*channels_last(x, y), **options, channel_axis=-1) == pytest.approx(expected, abs=tolerance)
    assert limen.ssim_gradient(x, y, **options)[0] == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_accuracy_of_the_reference_on_a_photograph(dtype: str) -> None:
    original = crop("astronaut", 61, 54)
    x, y = (stored(image, dtype) for image in (original, distorted(original)))
    with limen.use_implementation("reference"):
        actual = limen.ssim(x, y, data_range=data_range(dtype))
    # It computes in float64 whatever the pixels are.
    assert actual == pytest.approx(oracle.ssim(*as_float64(x, y), conventions["wang"], data_range(dtype)), abs=1e-13)


# Large mean, small contrast: E[x^2] - E[x]^2 loses everything in float32.
@pytest.mark.parametrize("padding", ["valid", "reflect", "symmetric", "replicate", "zero"])
@pytest.mark.parametrize("shape", [(1, 64, 71), (1, 270, 257), (3, 96, 97)], ids=str)
def test_accuracy_on_large_means(fast: str, shape: tuple[int, ...], padding: Any) -> None:
    x, y = np.random.default_rng(0).normal(1000, 1, (2, *shape)).astype(np.float32)
    convention = Convention(padding=padding)
    expected = oracle.ssim(*as_float64(x, y), convention, 1.0)
    options: dict[str, Any] = {"data_range": 1.0, "convention": convention}
    assert limen.ssim(x, y, **options) == pytest.approx(expected, abs=1e-5)
    assert limen.ssim(*channels_last(x, y), **options, channel_axis=-1) == pytest.approx(expected, abs=1e-5)
    score, gradient, _ = limen.ssim_gradient(x, y, **options)
    assert score == pytest.approx(expected, abs=1e-5)
    assert_near(gradient, oracle.gradient(oracle.ssim, x, y, convention, 1.0)[0], 1e-3)


# Windows see no more than half of so low an image, and the rest is padding.
@pytest.mark.parametrize("padding", ["symmetric", "replicate", "zero"])
@pytest.mark.parametrize("shape", [(1, 5, 64), (1, 64, 5), (3, 5, 5)], ids=str)
def test_accuracy_on_large_means_of_thin_images(fast: str, shape: tuple[int, ...], padding: Any) -> None:
    x, y = np.random.default_rng(0).normal(1000, 1, (2, *shape)).astype(np.float32)
    convention = Convention(padding=padding)
    expected = oracle.ssim(*as_float64(x, y), convention, 1.0)
    assert limen.ssim(x, y, data_range=1.0, convention=convention) == pytest.approx(expected, abs=2e-5)


# What is subtracted from pixels before they are squared comes from a few of them. Wherever the hot one is, it isn't theirs.
@pytest.mark.parametrize("value", [1e3, 1e4, 1e8, 1e30])
def test_a_hot_pixel_spoils_no_others(fast: str, value: float) -> None:
    original = crop("coffee", 40, 40).astype(np.float32)
    x, y = original, distorted(original).astype(np.float32)
    clean = limen.ssim(x, y, data_range=1.0, return_map=True)[1]
    for at in range(3, 40, 4):
        hot_x, hot_y = x.copy(), y.copy()
        hot_x[:, at, at] = hot_y[:, at, at] = value
        ssim_map = limen.ssim(hot_x, hot_y, data_range=1.0, return_map=True)[1]
        far = (abs(np.indices(clean.shape[-2:]) + 5 - at).max(0) > 5) & np.ones(clean.shape, bool)
        np.testing.assert_allclose(ssim_map[far], clean[far], rtol=0, atol=1e-4)


def test_an_image_half_of_which_is_missing(fast: str) -> None:
    original = crop("coffee", 60, 60).astype(np.float32)
    x, y = original, distorted(original).astype(np.float32)
    x[:, :29] = y[:, :29] = -9999
    expected = oracle.ssim(*as_float64(x, y), conventions["wang"], 1.0)
    assert limen.ssim(x, y, data_range=1.0) == pytest.approx(expected, abs=1e-5)


def test_float64_beyond_float32(implementation: str) -> None:
    x, y = as_float64(*alike(1, 24, 25))
    expected = limen.ssim(x, y, data_range=1.0)
    assert limen.ssim(1e39 * x, 1e39 * y, data_range=1e39) == pytest.approx(expected, rel=1e-9)


def test_maps_are_of_32_or_64_bits() -> None:
    x = np.zeros((20, 20), np.uint8)
    with pytest.raises(ValueError, match="map must be float32 or float64; got float16"):
        limen._core.ssim(x, x, conventions["wang"]._native, 255.0, None, "image", np.zeros((10, 10), np.float16))


def checkers(height: int, width: int) -> Any:
    return np.indices((height, width)).sum(0) % 2


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("name", conventions)
def test_extreme_images(implementation: str, name: str, dtype: str) -> None:
    board = checkers(17, 22)
    black, white = 0 * board, 0 * board + 1
    images = [stored(image[None], dtype) for image in (black, white, board, 1 - board, board * np.eye(17, 22))]
    for x, y in itertools.combinations_with_replacement(images, 2):
        assert_scores(x, y, name, dtype, data_range(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, convention in conventions.items() if not convention.epsilon])
def test_an_image_is_itself(implementation: str, name: str, dtype: str) -> None:
    shape = (2, 14, 37)
    options: dict[str, Any] = {"data_range": data_range(dtype), "convention": name}
    for image in (*alike(*shape, dtype=dtype), stored(np.full(shape, 0.6), dtype), stored(np.zeros(shape), dtype)):
        score, ssim_map = limen.ssim(image, image, **options, return_map=True)
        assert score == 1
        assert (ssim_map == 1).all()
        # The top of a hill; what is left is rounding.
        assert np.abs(as_float64(*limen.ssim_gradient(image, image, **options)[1:])).max() < 1e-6


def test_nearly_equal_constants_stay_below_one(implementation: str) -> None:
    x, y = np.full((2, 20, 20), [[[0.6]], [[0.6 + 1e-7]]], np.float32)
    score, grad_x, grad_y = limen.ssim_gradient(x, y, data_range=1.0)
    assert 1 - 1e-6 < score <= 1
    assert np.isfinite([grad_x, grad_y]).all()


def test_ramp_against_its_mirror_image_is_minus_one(implementation: str) -> None:
    ramp = np.tile(np.arange(11, dtype=np.float32), (11, 1))
    convention = Convention(k1=1e-5, k2=1e-5)
    assert limen.ssim(ramp, ramp[:, ::-1], data_range=10, convention=convention) == pytest.approx(-1, abs=1e-6)


def test_step_against_its_mirror_image_is_negative(implementation: str) -> None:
    step = np.zeros((32, 32), np.uint8)
    step[:, 16:] = 255
    assert limen.ssim(step, step[:, ::-1]) < 0


# A broken pixel: the windows that see it know nothing, the others aren't disturbed.
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_broken_pixels(implementation: str, name: str, dtype: str, value: float) -> None:
    convention = dataclasses.replace(CONVENTIONS[name], size=5)
    x, y = alike(2, 3, 17, 37, dtype=dtype)
    broken = x.copy()
    broken[1, 2, 8, 29] = value
    # Windows reach two pixels, and so do the gradients of positions; the first of a smaller map is two pixels in.
    margin = 2 if convention.padding == "valid" else 0
    seen = np.zeros((2, 3, 17 - 2 * margin, 37 - 2 * margin), bool)
    seen[1, 2, 6 - margin : 11 - margin, 27 - margin : 32 - margin] = True
    reached = np.zeros(x.shape, bool)
    reached[1, 2, 4:13, 25:34] = True
    for axis in (-3, -1):
        options: dict[str, Any] = {"data_range": 1.0, "convention": convention, "channel_axis": axis}
        for pair in ((broken, y), (y, broken), (broken, broken)):
            images = pair if axis == -3 else channels_last(*pair)
            score, ssim_map = limen.ssim(*images, **options, return_map=True)
            assert list(np.isnan(score)) == [False, True]
            np.testing.assert_array_equal(np.isnan(np.moveaxis(ssim_map, axis, -3)), seen)
            for gradient in limen.ssim_gradient(*images, **options)[1:]:
                lost = np.isnan(as_float64(np.moveaxis(gradient, axis, -3))[0])
                assert lost[1, 2, 8, 29]
                assert not (lost & ~reached).any()


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=str)
@pytest.mark.parametrize("name", conventions)
def test_images_of_nothing_but_broken_pixels(implementation: str, name: str, value: float) -> None:
    x = np.full((14, 31), value, np.float32)
    assert np.isnan(limen.ssim(x, x, data_range=1.0, convention=name))
    assert np.isnan(limen.ssim_gradient(x, np.zeros_like(x), data_range=1.0, convention=name)[0])


def test_channels_are_averaged_after_their_scores() -> None:
    x, y = alike(2, 3, 20, 21)
    np.testing.assert_allclose(
        limen.ssim(x, y, data_range=1.0), limen.ssim(*apart(x, y), data_range=1.0).mean(-1), rtol=1e-12
    )
