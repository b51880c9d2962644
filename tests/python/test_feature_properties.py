"""What holds for the distance of any features at all, searched by hypothesis for features for which it doesn't."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import limen
from test_properties import IMPLEMENTATIONS, assert_close, views

DTYPES = st.sampled_from("float16 float32 float64".split())


@st.composite
def pairs(draw: Any, dtypes: st.SearchStrategy[str] = DTYPES) -> tuple[Any, Any, Any]:
    """Features (N, C, H, W), alike or not, and weights, some of them zero."""
    dtype = draw(dtypes)
    shape = draw(st.integers(1, 2)), draw(st.integers(1, 40)), draw(st.integers(1, 5)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    share, sparsity = draw(st.sampled_from([0, 1e-3, 0.1, 1])), draw(st.sampled_from([-1, 0, 1.5]))
    x, other = (np.maximum(rng.normal(size=shape), sparsity) * (rng.random(shape) > 0.3) for _ in range(2))
    weight = rng.random(shape[1]) * (rng.random(shape[1]) > draw(st.sampled_from([0, 0.5])))
    return x.astype(dtype), ((1 - share) * x + share * other).astype(dtype), weight


def tolerance(f0: Any) -> float:
    """Of numbers up to about one."""
    return 1e-13 if f0.dtype == np.float64 else 2e-6


@given(pairs(), IMPLEMENTATIONS)
@settings(max_examples=80)
def test_symmetry_and_bounds(drawn: Any, implementation: str) -> None:
    f0, f1, weight = drawn
    with limen.use_implementation(implementation):
        score, distance = limen.feature_distance(f0, f1, weight, return_map=True)
        assert_close(limen.feature_distance(f1, f0, weight), score, tolerance(f0))
    assert (distance >= 0).all()
    assert (distance <= 4 * weight.max() * (1 + 1e-5)).all()
    assert_close(distance.mean((-2, -1)), score, 1e-6)


# Powers of two, so that the features lose nothing, each vector its own.
@given(pairs(st.sampled_from(["float32", "float64"])), IMPLEMENTATIONS, st.integers(0, 2**32))
@settings(max_examples=80)
def test_lengths_do_not_matter(drawn: Any, implementation: str, seed: int) -> None:
    f0, f1, weight = drawn
    scales = 2.0 ** np.random.default_rng(seed).integers(0, 60, (f0.shape[0], 1, *f0.shape[2:]))
    with limen.use_implementation(implementation):
        expected = limen.feature_distance(f0, f1, weight, return_map=True)[1]
        scaled = limen.feature_distance((f0 * scales).astype(f0.dtype), f1, weight, return_map=True)[1]
    # 1e-10 is added to lengths, which may be a thousandth.
    assert_close(scaled, expected, tolerance(f0) + 1e-6)


@given(pairs(), IMPLEMENTATIONS, st.floats(0, 100))
@settings(max_examples=80)
def test_linear_in_the_weight(drawn: Any, implementation: str, factor: float) -> None:
    f0, f1, weight = drawn
    rest = np.linspace(0, 1, weight.size)
    with limen.use_implementation(implementation):
        parts = [limen.feature_distance(f0, f1, w) for w in (weight, rest, factor * weight + rest)]
    assert_close(factor * np.asarray(parts[0]) + parts[1], parts[2], 10 * tolerance(f0))


@given(pairs(), IMPLEMENTATIONS, views(), views())
@settings(max_examples=80)
def test_strided_is_contiguous(drawn: Any, implementation: str, lay_0: Any, lay_1: Any) -> None:
    f0, f1, weight = drawn
    with limen.use_implementation(implementation):
        expected = limen.feature_distance(f0, f1, weight, return_map=True)
        actual = limen.feature_distance(lay_0(f0), lay_1(f1), weight, return_map=True)
    for got, want in zip(actual, expected, strict=True):
        assert_close(got, want, tolerance(f0))


@given(pairs(), IMPLEMENTATIONS)
@settings(max_examples=80)
def test_a_batch_is_a_loop(drawn: Any, implementation: str) -> None:
    f0, f1, weight = drawn
    with limen.use_implementation(implementation):
        score, distance = limen.feature_distance(f0, f1, weight, return_map=True)
        for index in range(len(f0)):
            one = limen.feature_distance(f0[index], f1[index], weight, return_map=True)
            np.testing.assert_array_equal(score[index], one[0])
            np.testing.assert_array_equal(distance[index], one[1])
