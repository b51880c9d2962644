"""`limen.ms_ssim` and `limen.ms_ssim_gradient` against the oracle: every implementation, dtype and convention."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

import limen
import oracle
from images import (
    DTYPES,
    IMPLEMENTATIONS,
    WITH_MS_SSIM,
    alike,
    apart,
    as_float64,
    assert_gradients,
    assert_near,
    channels_last,
    data_range,
    sides,
    stored,
)
from limen import Convention, conventions
from photographs import COLOUR, GREY, crop, distorted, photograph

# What was measured is a third of these or less.
SCORE = dict.fromkeys(DTYPES, 3e-6) | {"float64": 1e-12}

# Those with a name, made to fit images that the reference scores at once; 3 scales, of which the last has room for a window.
SMALL = {name: dataclasses.replace(conventions[name], size=5, weights=(0.2, 0.5, 0.3)) for name in WITH_MS_SSIM}
# One for each padding, each way of halving and each of the rest.
CONVENTIONS = {
    "valid": Convention(size=5, weights=(0.3, 0.3, 0.4)),
    "zero": Convention(size=5, weights=(0.3, 0.3, 0.4), padding="zero", downsample="zero"),
    "reflect": Convention(
        size=7, weights=(0.5, 0.5), padding="reflect", downsample="floor", channels="joint", crop_contrast=True
    ),
    "symmetric": Convention(
        weights=(0.25, 0.5, 0.25), window="uniform", size=5, padding="symmetric", downsample="replicate"
    ),
    "replicate": dataclasses.replace(conventions["snell"], covariance="sample"),
}


@functools.lru_cache(maxsize=256)
def exact_scores(convention: Convention, shape: tuple[int, ...], dtype: str, separate: bool) -> tuple[Any, Any]:
    """The oracle's scores of `alike(*shape)`, and the means of every scale; `separate`: of every channel."""
    x, y = as_float64(*alike(*shape, dtype=dtype))
    x, y = apart(x, y) if separate else (x, y)
    means = [mean.mean(-1) for mean in oracle.ms_ssim_scales(x, y, convention, data_range(dtype))]
    return oracle.ms_ssim(x, y, convention, data_range(dtype)), np.stack(means, axis=-1)


@functools.lru_cache(maxsize=256)
def exact_gradients(convention: Convention, shape: tuple[int, ...], dtype: str, separate: bool = False) -> Any:
    x, y = as_float64(*alike(*shape, dtype=dtype))
    x, y = apart(x, y) if separate else (x, y)
    gradients = oracle.gradient(oracle.ms_ssim, x, y, convention, data_range(dtype))
    return [gradient.reshape(shape) for gradient in gradients]


def assert_scores(convention: Convention, shape: tuple[int, ...], dtype: str, axis: int = -3) -> None:
    """Scores and scales of images and of channels of `alike(*shape)`, where asked with the channels last in memory."""
    x, y = alike(*shape, dtype=dtype)
    images = (x, y) if axis == -3 else channels_last(x, y)
    options: dict[str, Any] = {"data_range": data_range(dtype), "convention": convention, "channel_axis": axis}
    for reduction in ("image", "none"):
        score, scales = limen.ms_ssim(*images, **options, reduction=reduction, return_scales=True)
        expected = exact_scores(convention, shape, dtype, separate=reduction == "none")
        assert_near(score, expected[0], 0, floor=SCORE[dtype])
        assert_near(scales, expected[1], 0, floor=SCORE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMALL)
def test_scores_and_scales(implementation: str, name: str, dtype: str) -> None:
    assert_scores(SMALL[name], (2, 3, 18, 45), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMALL)
def test_gradients(implementation: str, name: str, dtype: str) -> None:
    shape = (2, 3, 18, 37)
    x, y = alike(*shape, dtype=dtype)
    options: dict[str, Any] = {"data_range": data_range(dtype), "convention": SMALL[name]}
    score, *gradients = limen.ms_ssim_gradient(x, y, **options)
    np.testing.assert_allclose(score, limen.ms_ssim(x, y, **options), rtol=0, atol=1e-6)
    assert {gradient.dtype for gradient in gradients} == {np.dtype(np.float32) if dtype.startswith("u") else x.dtype}
    assert_gradients(gradients, exact_gradients(SMALL[name], shape, dtype), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["wang", "torchmetrics"])
def test_gradients_of_every_channels_score(implementation: str, name: str, dtype: str) -> None:
    shape = (2, 3, 18, 21)
    x, y = alike(*shape, dtype=dtype)
    score, *gradients = limen.ms_ssim_gradient(x, y, data_range=1.0, convention=SMALL[name], reduction="none")
    assert score.shape == (2, 3)
    assert_gradients(gradients, exact_gradients(SMALL[name], shape, dtype, separate=True), dtype)


# Five scales of 11 taps, as the names mean them.
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 177, 191), (3, 162, 176)], ids=str)
@pytest.mark.parametrize("name", WITH_MS_SSIM)
def test_names(name: str, shape: tuple[int, ...], dtype: str) -> None:
    x, y = alike(*shape, dtype=dtype)
    expected = exact_gradients(conventions[name], shape, dtype)
    for implementation in IMPLEMENTATIONS[1:]:
        with limen.use_implementation(implementation):
            assert_scores(conventions[name], shape, dtype, axis=-3 if shape[0] == 1 else -1)
            gradients = limen.ms_ssim_gradient(x, y, data_range=data_range(dtype), convention=name)[1:]
            assert_gradients(gradients, expected, dtype)


# Every height and every width from 1 to 70.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_all_sizes(name: str, dtype: str) -> None:
    convention = CONVENTIONS[name]
    needed = convention.ms_ssim_min_side
    for number, (height, width) in enumerate(sides(70)):
        shape = (1 + number % 3, height, width)
        x, y = alike(*shape, dtype=dtype)
        if min(height, width) < needed:
            for function in (limen.ms_ssim, limen.ms_ssim_gradient):
                with pytest.raises(ValueError, match=rf"at least {needed} .*got {height} x {width}"):
                    function(x, y, data_range=1.0, convention=convention)
            continue
        expected = exact_gradients(convention, shape, dtype)
        for implementation in IMPLEMENTATIONS:
            if implementation == "reference" and height * width > 1000:
                continue
            with limen.use_implementation(implementation):
                assert_scores(convention, shape, dtype, axis=-1 if number % 2 else -3)
                gradients = limen.ms_ssim_gradient(x, y, data_range=1.0, convention=convention)[1:]
                assert_gradients(gradients, expected, dtype)


# Larger than the tiles that kernels are given, in both directions.
@pytest.mark.parametrize(
    ("shape", "dtype"), [((1, 390, 750), "float32"), ((1, 390, 41), "float64"), ((1, 41, 750), "float64")], ids=str
)
@pytest.mark.parametrize("name", CONVENTIONS)
def test_images_of_many_tiles(name: str, shape: tuple[int, ...], dtype: str) -> None:
    x, y = alike(*shape, dtype=dtype)
    expected = exact_gradients(CONVENTIONS[name], shape, dtype)
    for implementation in IMPLEMENTATIONS[1:]:
        with limen.use_implementation(implementation):
            assert_scores(CONVENTIONS[name], shape, dtype)
            gradients = limen.ms_ssim_gradient(x, y, data_range=1.0, convention=CONVENTIONS[name])[1:]
            assert_gradients(gradients, expected, dtype)


@pytest.mark.parametrize("scales", [1, 2, 8])
@pytest.mark.parametrize("negative", ["clamp", "signed"])
def test_numbers_of_scales(implementation: str, scales: int, negative: Any) -> None:
    convention = Convention(size=3, weights=(1 / scales,) * scales, padding="replicate", negative=negative)
    shape = (1, 40, 53)
    assert_scores(convention, shape, "float32")
    gradients = limen.ms_ssim_gradient(*alike(*shape), data_range=1.0, convention=convention)[1:]
    assert_gradients(gradients, exact_gradients(convention, shape, "float32"), "float32")


def test_one_scale_is_ssim(implementation: str) -> None:
    x, y = alike(2, 3, 30, 31)
    convention = Convention(weights=(1.0,))
    np.testing.assert_allclose(
        limen.ms_ssim(x, y, data_range=1.0, convention=convention), limen.ssim(x, y, data_range=1.0), rtol=0, atol=1e-7
    )


@functools.cache
def distorted_photograph(name: str, dtype: str) -> tuple[Any, Any, float]:
    """A pair, and its exact score."""
    original = photograph(name)
    x, y = (stored(image, dtype) for image in (original, distorted(original)))
    return x, y, float(oracle.ms_ssim(*as_float64(x, y), conventions["wang"], data_range(dtype)))


# 2e-6 of the truth in float32, whatever the pixels are.
@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float32") for name in (*GREY, *COLOUR)), *(("coffee", dtype) for dtype in DTYPES)]
)
def test_accuracy_on_photographs(fast: str, name: str, dtype: str) -> None:
    x, y, expected = distorted_photograph(name, dtype)
    options: dict[str, Any] = {"data_range": data_range(dtype)}
    tolerance = 1e-13 if dtype == "float64" else 2e-6
    assert limen.ms_ssim(x, y, **options) == pytest.approx(expected, abs=tolerance)
    assert limen.ms_ssim(*channels_last(x, y), **options, channel_axis=-1) == pytest.approx(expected, abs=tolerance)
    assert limen.ms_ssim_gradient(x, y, **options)[0] == pytest.approx(expected, abs=tolerance)


# Large mean, small contrast: E[x^2] - E[x]^2 loses everything in float32. Contrasts halve from scale to scale.
@pytest.mark.parametrize("shape", [(1, 200, 211), (2, 270, 180)], ids=str)
@pytest.mark.parametrize("name", WITH_MS_SSIM)
def test_accuracy_on_large_means(fast: str, name: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(1000, 1, shape)
    x, y = x.astype(np.float32), (0.7 * x + 300 + rng.normal(0, 0.3, shape)).astype(np.float32)
    expected = oracle.ms_ssim(*as_float64(x, y), conventions[name], 1.0)
    options: dict[str, Any] = {"data_range": 1.0, "convention": name}
    assert limen.ms_ssim(x, y, **options) == pytest.approx(expected, abs=1e-5)
    score, gradient, _ = limen.ms_ssim_gradient(x, y, **options)
    assert score == pytest.approx(expected, abs=1e-5)
    assert_near(gradient, oracle.gradient(oracle.ms_ssim, *as_float64(x, y), conventions[name], 1.0)[0], 1e-3)


# Where formulas divide by zero or take the power of a negative number.
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("name", WITH_MS_SSIM)
@pytest.mark.parametrize(
    "case", ["negative", "opposite", "flat", "same flat", "zeros", "zeros and ones", "flat and not", "zeros and not"]
)
def test_finite_where_formulas_are_not(case: str, name: str, dtype: str) -> None:
    noise = np.random.default_rng(0).random((1, 162, 163))
    flat, zeros, board = np.full_like(noise, 0.5), 0 * noise, np.indices(noise.shape).sum(0) % 2
    images = {
        "negative": (noise, 1 - noise),
        "opposite": (board, 1 - board),
        "flat": (flat, 0.5 * flat),
        "same flat": (flat, flat),
        "zeros": (zeros, zeros),
        "zeros and ones": (zeros, zeros + 1),
        "flat and not": (flat, noise),
        "zeros and not": (zeros, noise),
    }[case]
    x, y = (stored(image, dtype) for image in images)
    options: dict[str, Any] = {"data_range": data_range(dtype), "convention": name}
    expected = oracle.ms_ssim(*as_float64(x, y), conventions[name], data_range(dtype))
    assert np.isfinite(expected)
    for implementation in IMPLEMENTATIONS[1:]:
        with limen.use_implementation(implementation):
            score, *gradients = limen.ms_ssim_gradient(x, y, **options)
            # The slope of v^w at a small v is large, and so is what becomes of the rounding of v.
            assert score == pytest.approx(expected, abs=1e-9 if dtype == "float64" else 2e-4)
            assert limen.ms_ssim(x, y, **options) == pytest.approx(score, abs=2e-4)
            assert np.isfinite(as_float64(*gradients)).all()
            if case == "negative" and conventions[name].negative == "clamp":
                assert score == 0
                assert not np.any(as_float64(*gradients))


def test_negative_means_keep_their_sign(implementation: str) -> None:
    x = np.random.default_rng(0).random((40, 41))
    convention = dataclasses.replace(conventions["snell"], weights=(1.0,) * 3)
    score, scales = limen.ms_ssim(x, 1 - x, data_range=1.0, convention=convention, return_scales=True)
    assert (scales < 0).all()
    assert score == pytest.approx(scales.prod(), abs=1e-12)
    assert score < 0


@pytest.mark.parametrize("name", WITH_MS_SSIM)
def test_an_image_is_itself(fast: str, name: str) -> None:
    for image in (*alike(3, 162, 165), np.full((3, 162, 165), 0.6, np.float32), np.zeros((3, 162, 165), np.float32)):
        score, scales = limen.ms_ssim(image, image, data_range=1.0, convention=name, return_scales=True)
        assert score == 1
        assert (scales == 1).all()


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_broken_pixels(implementation: str, name: str, value: float) -> None:
    x, y = alike(2, 3, 18, 37)
    broken = x.copy()
    broken[1, 2, 8, 29] = value
    for pair in ((broken, y), (y, broken), (broken, broken)):
        options: dict[str, Any] = {"data_range": 1.0, "convention": SMALL[name]}
        assert list(np.isnan(limen.ms_ssim(*pair, **options))) == [False, True]
        assert np.isnan(limen.ms_ssim(*pair, **options, reduction="none")).tolist() == [
            [False] * 3,
            [False, False, True],
        ]
        score, *gradients = limen.ms_ssim_gradient(*pair, **options)
        assert list(np.isnan(score)) == [False, True]
        for gradient in gradients:
            assert np.isfinite(gradient[0]).all()
            assert np.isnan(gradient[1, 2]).any()


def test_a_hot_pixel_spoils_no_others(fast: str) -> None:
    original = crop("coffee", 200, 200).astype(np.float32)
    x, y = original, distorted(original).astype(np.float32)
    x[:, 25, 25] = y[:, 25, 25] = 1e4
    expected = oracle.ms_ssim(*as_float64(x, y), conventions["wang"], 1.0)
    assert limen.ms_ssim(x, y, data_range=1.0) == pytest.approx(expected, abs=1e-5)
    assert limen.ms_ssim_gradient(x, y, data_range=1.0)[0] == pytest.approx(expected, abs=1e-5)
