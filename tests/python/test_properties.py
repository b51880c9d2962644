"""What holds for any images at all, searched by hypothesis for images for which it doesn't."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import limen
from images import Image, Pair, data_range, stored
from limen import Convention, conventions

IMPLEMENTATIONS = st.sampled_from(limen.implementations())
DTYPES = st.sampled_from("uint8 uint16 float16 float32 float64".split())
SIDES = st.integers(6, 40)
PATTERNS = {
    "noise": lambda rng, shape: rng.random(shape),
    "binary": lambda rng, shape: rng.integers(0, 2, shape),
    "flat": lambda rng, shape: np.full(shape, rng.random()),
    "zero": lambda rng, shape: np.zeros(shape),
    "checkers": lambda rng, shape: np.indices(shape).sum(0) % 2,
    "ramp": lambda rng, shape: np.indices(shape)[rng.integers(-2, 0)] / max(shape),
    "low contrast": lambda rng, shape: 0.9 + 1e-3 * rng.random(shape),
    "rare": lambda rng, shape: rng.random(shape) > 0.99,
}


@st.composite
def pairs(draw: Any, dtypes: st.SearchStrategy[str] = DTYPES) -> tuple[Pair, str]:
    """Images (N, C, H, W) that are alike or not at all, and their dtype."""
    dtype = draw(dtypes)
    shape = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(SIDES), draw(SIDES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x, other = (PATTERNS[draw(st.sampled_from(list(PATTERNS)))](rng, shape) for _ in range(2))
    share = draw(st.sampled_from([0, 0.01, 0.5, 1]))
    return (stored(x, dtype), stored((1 - share) * x + share * other, dtype)), dtype


@st.composite
def ssim_conventions(draw: Any) -> Convention:
    """Any that the images above have room for."""
    named = dataclasses.replace(conventions[draw(st.sampled_from(list(conventions)))], size=5)
    if draw(st.booleans()):
        return named
    return Convention(
        window=draw(st.sampled_from(["gaussian", "uniform"])),
        size=draw(st.sampled_from([3, 5])),
        sigma=draw(st.floats(0.3, 5)),
        k1=draw(st.sampled_from([0.01, 0.001])),
        k2=draw(st.sampled_from([0.03, 0.003])),
        padding=draw(st.sampled_from(["valid", "zero", "reflect", "symmetric", "replicate"])),
        covariance=draw(st.sampled_from(["population", "sample"])),
    )


@st.composite
def ms_ssim_conventions(draw: Any) -> Convention:
    """Any of two scales or less that the images above have room for."""
    weights = draw(st.lists(st.floats(0.1, 1), min_size=1, max_size=2))
    return dataclasses.replace(
        draw(ssim_conventions()),
        size=3,
        epsilon=0.0,
        weights=tuple(weights),
        downsample=draw(st.sampled_from(["symmetric", "zero", "replicate", "floor"])),
        negative=draw(st.sampled_from(["clamp", "signed"])),
        channels=draw(st.sampled_from(["separate", "joint"])),
        crop_contrast=draw(st.booleans()),
    )


METRICS = st.one_of(
    st.tuples(st.just((limen.ssim, limen.ssim_gradient)), ssim_conventions()),
    st.tuples(st.just((limen.ms_ssim, limen.ms_ssim_gradient)), ms_ssim_conventions()),
)


def assert_close(actual: Any, expected: Any, tolerance: float) -> None:
    """Within `tolerance`, or of the largest number where those are larger than one."""
    actual, expected = (np.asarray(a).astype(np.float64) for a in (actual, expected))
    allowed = tolerance * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=allowed)


@given(pairs(), ssim_conventions(), IMPLEMENTATIONS)
@settings(max_examples=150)
def test_ssim_is_at_most_one(drawn: tuple[Pair, str], convention: Convention, implementation: str) -> None:
    (x, y), dtype = drawn
    with limen.use_implementation(implementation):
        score, ssim_map = limen.ssim(x, y, data_range=data_range(dtype), convention=convention, return_map=True)
    rounding = 1e-12 if dtype == "float64" else 2e-6
    assert np.abs(score).max() <= 1 + rounding
    # With little data and a large sample correction the parts may be off by more than all of it.
    assert np.abs(ssim_map).max() <= 1 + 10 * rounding


@given(pairs(), METRICS, IMPLEMENTATIONS)
@settings(max_examples=150)
def test_identity(drawn: tuple[Pair, str], metric: Any, implementation: str) -> None:
    (x, y), dtype = drawn
    (function, _), convention = metric
    convention = dataclasses.replace(convention, epsilon=0.0)
    with limen.use_implementation(implementation):
        for image in (x, y):
            assert (function(image, image.copy(), data_range=data_range(dtype), convention=convention) == 1).all()


@given(pairs(), METRICS, IMPLEMENTATIONS)
@settings(max_examples=150)
def test_symmetry(drawn: tuple[Pair, str], metric: Any, implementation: str) -> None:
    (x, y), dtype = drawn
    functions, convention = metric
    options = {"data_range": data_range(dtype), "convention": convention}
    with limen.use_implementation(implementation):
        score, swapped = functions[0](x, y, **options), functions[0](y, x, **options)
        _, *gradients = functions[1](x, y, **options)
        _, *exchanged = functions[1](y, x, **options)
    assert_close(score, swapped, 1e-14 if dtype == "float64" else 1e-7)
    for a, b in zip(gradients, exchanged[::-1], strict=True):
        largest = np.abs(b.astype(np.float64)).max() + 1e-9
        assert_close(a / largest, b / largest, {"float64": 1e-12, "float16": 1e-2}.get(dtype, 1e-5))


# Powers of two from 1e-10 to 1e12: the pixels lose nothing.
@given(pairs(st.sampled_from(["float32", "float64"])), METRICS, IMPLEMENTATIONS, st.integers(-33, 40))
@settings(max_examples=200)
def test_scale(drawn: tuple[Pair, str], metric: Any, implementation: str, exponent: int) -> None:
    (x, y), dtype = drawn
    functions, convention = metric
    convention = dataclasses.replace(convention, epsilon=0.0)  # a number that doesn't scale
    scale = 2.0**exponent
    with limen.use_implementation(implementation):
        score, *gradients = functions[1](x, y, data_range=1.0, convention=convention)
        larger = [(image * scale).astype(image.dtype) for image in (x, y)]
        scaled, *scaled_gradients = functions[1](*larger, data_range=scale, convention=convention)
        assert_close(functions[0](*larger, data_range=scale, convention=convention), score, 1e-6)
    # Very large and very small ranges of float32 are computed in float64.
    assert_close(scaled, score, 1e-14 if dtype == "float64" else 1e-6)
    tolerance, noise = (1e-13, 1e-15) if dtype == "float64" else (1e-4, 1e-7)  # all there is where images are equal
    for a, b in zip(scaled_gradients, gradients, strict=True):
        allowed = tolerance * np.abs(b).max() + noise
        np.testing.assert_allclose(a.astype(np.float64) * scale, b, rtol=0, atol=allowed)


@given(pairs(st.just("float32")), st.sampled_from([1e-60, 1e-20, 1e-10, 1e-8, 1e9, 1e12, 1e60]), IMPLEMENTATIONS)
def test_any_range_at_all(drawn: tuple[Pair, str], size: float, implementation: str) -> None:
    (x, y), _ = drawn
    options = {"data_range": size, "convention": Convention(size=5)}
    with limen.use_implementation(implementation):
        assert (np.abs(limen.ssim(x, y, **options)) <= 1 + 1e-12).all()
        # float32 doesn't hold the gradients of the smallest ranges.
        assert np.isfinite(limen.ssim_gradient(x.astype(np.float64), y.astype(np.float64), **options)[1:]).all()


@st.composite
def views(draw: Any) -> Any:
    """A function that makes other memory of a (N, C, H, W) array, with the same pixels."""
    order = draw(st.permutations(range(4)))
    flips = tuple(axis for axis in range(4) if draw(st.booleans()))
    steps = [draw(st.integers(1, 3)) for _ in range(4)]
    start = [draw(st.integers(0, 2)) for _ in range(4)]

    def lay(image: Image) -> Image:
        shape = [start[axis] + steps[axis] * image.shape[axis] for axis in order]
        whole = np.full(shape, 7, image.dtype).transpose(np.argsort(order))
        part = whole[tuple(slice(start[axis], None, steps[axis]) for axis in range(4))]
        part = np.flip(part, flips)
        part[...] = image
        return part

    return lay


@given(pairs(), METRICS, IMPLEMENTATIONS, views(), views())
@settings(max_examples=200)
def test_strided_is_contiguous(
    drawn: tuple[Pair, str], metric: Any, implementation: str, lay_x: Any, lay_y: Any
) -> None:
    (x, y), dtype = drawn
    functions, convention = metric
    options = {"data_range": data_range(dtype), "convention": convention}
    with limen.use_implementation(implementation):
        assert_close(functions[0](lay_x(x), lay_y(y), **options), functions[0](x, y, **options), 1e-6)
        _, *actual = functions[1](lay_x(x), lay_y(y), **options)
        _, *expected = functions[1](x, y, **options)
        assert_close(limen.mse(lay_x(x), lay_y(y)), limen.mse(x, y), 1e-6)
    for a, b in zip(actual, expected, strict=True):
        largest = np.abs(b.astype(np.float64)).max() + 1e-9
        assert_close(a / largest, b / largest, {"float64": 1e-12, "float16": 1e-2}.get(dtype, 1e-5))


@given(pairs(), METRICS, IMPLEMENTATIONS)
@settings(max_examples=100)
def test_a_batch_is_a_loop(drawn: tuple[Pair, str], metric: Any, implementation: str) -> None:
    (x, y), dtype = drawn
    functions, convention = metric
    options = {"data_range": data_range(dtype), "convention": convention}
    with limen.use_implementation(implementation):
        batch = functions[1](x, y, **options)
        channels = functions[0](x, y, **options, reduction="none")
        for index, (a, b) in enumerate(zip(x, y, strict=True)):
            for got, want in zip(batch, functions[1](a, b, **options), strict=True):
                np.testing.assert_array_equal(got[index], want)
            for channel, (c, d) in enumerate(zip(a, b, strict=True)):
                np.testing.assert_array_equal(channels[index, channel], functions[0](c, d, **options))
        np.testing.assert_array_equal(limen.mse(x, y), [limen.mse(a, b) for a, b in zip(x, y, strict=True)])
