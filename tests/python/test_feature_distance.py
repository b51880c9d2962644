"""`limen.feature_distance` of NumPy and other arrays against its definition, for every implementation, dtype and layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import limen
from feature_oracle import distances
from features import DTYPES, assert_distances, channels_last, features, weights
from images import as_float64, same_bits
from limen import _core


def assert_distance(f0: Any, f1: Any, weight: Any = None, axis: int = -3) -> None:
    """Score and map, within the rounding of the dtype."""
    score, distance = limen.feature_distance(f0, f1, weight, channel_axis=axis, return_map=True)
    expected = distances(*as_float64(f0, f1), None if weight is None else np.asarray(weight), axis)
    assert distance.dtype == (np.float64 if f0.dtype == np.float64 else np.float32)
    assert distance.shape == expected.shape
    assert_distances(distance, expected, str(f0.dtype))
    assert_distances(score, expected.mean((-2, -1)), str(f0.dtype))


@pytest.mark.parametrize("axis", [-3, -1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_channels(implementation: str, dtype: str, axis: int) -> None:
    for channels in (*range(1, 18), 31, 33, 64):
        pair = features(2, channels, 3, 7, dtype=dtype)
        laid = pair if axis == -3 else channels_last(*pair)
        assert_distance(*laid, axis=axis)
        assert_distance(*laid, weights(channels), axis)


@pytest.mark.parametrize("axis", [-3, -1])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_positions(implementation: str, dtype: str, axis: int) -> None:
    for height, width in (*((1, n) for n in range(1, 35)), (15, 15), (64, 1), (1, 1025)):
        pair = features(2, 5, height, width, dtype=dtype)
        assert_distance(*(pair if axis == -3 else channels_last(*pair)), weights(5), axis)


@pytest.mark.parametrize("axis", [-3, -1])
def test_vectors_of_an_embedding(fast: str, axis: int) -> None:
    for channels in (512, 1000, 4096):
        pair = features(3, channels, 1, 1)
        assert_distance(*(pair if axis == -3 else channels_last(*pair)), weights(channels), axis)


def test_cosine(implementation: str) -> None:
    f0, f1 = np.random.default_rng(0).random((2, 4, 9, 5, 6)) + 0.1
    cosine = (f0 * f1).sum(1) / np.sqrt((f0 * f0).sum(1) * (f1 * f1).sum(1))
    np.testing.assert_allclose(limen.feature_distance(f0, f1, return_map=True)[1], 2 * (1 - cosine), rtol=0, atol=1e-9)


@pytest.mark.parametrize("axis", [-3, -1])
def test_vectors_of_zeros(implementation: str, axis: int) -> None:
    weight = np.array([0.5, 0, 2, 1])
    zero, one = np.zeros((4, 3, 40), np.float32), np.zeros((4, 3, 40), np.float32)
    one[2] = 7
    zero, one = (zero, one) if axis == -3 else channels_last(zero, one)
    for f0, f1, expected in ((zero, one, 2), (one, zero, 2), (zero, zero, 0), (one, one, 0)):
        score, distance = limen.feature_distance(f0, f1, weight, channel_axis=axis, return_map=True)
        assert score == pytest.approx(expected, rel=1e-6)
        np.testing.assert_allclose(distance, expected, rtol=1e-6)


# Their squares overflow and underflow float32.
@pytest.mark.parametrize("axis", [-3, -1])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize(
    "scales", [(1e18, 1e18), (1e30, 1e30), (1e18, 1e-18), (1e-12, 1e30), (1, 1e-9), (1e-18, 1e-18)]
)
def test_huge_and_tiny_features(implementation: str, dtype: str, scales: tuple[float, float], axis: int) -> None:
    pair = features(2, 70, 2, 21, dtype="float64")
    f0, f1 = (
        (f * scale).astype(features(1, 1, 1, dtype=dtype)[0].dtype) for f, scale in zip(pair, scales, strict=True)
    )
    assert_distance(*((f0, f1) if axis == -3 else channels_last(f0, f1)), weights(70), axis)


# One huge vector sends its neighbours to float64, which must not show.
def test_neighbours_of_huge_features(implementation: str) -> None:
    f0, f1 = features(16, 5, 37)
    f0[:, 3, 5] *= np.float32(1e25)
    assert_distance(f0, f1, weights(16))


# Where rounding of normalised features would be all that is left.
@pytest.mark.parametrize("axis", [-3, -1])
@pytest.mark.parametrize("noise", [1e-1, 1e-3, 1e-5])
def test_features_that_are_nearly_equal(implementation: str, noise: float, axis: int) -> None:
    rng = np.random.default_rng(0)
    f0 = rng.random((64, 5, 37)).astype(np.float32)
    f1 = (f0 * (1 + noise * rng.normal(size=f0.shape))).astype(np.float32)
    f1[:, 3, 7] *= np.float32(3)  # sends this one position over its channels again
    expected = distances(*as_float64(f0, f1), weights(64))
    laid = (f0, f1) if axis == -3 else channels_last(f0, f1)
    _, actual = limen.feature_distance(*laid, weights(64), channel_axis=axis, return_map=True)
    error = np.abs(actual / expected - 1)
    error[3, 7] = 0
    assert error.max() < 1e-5


@pytest.mark.parametrize("axis", [-3, -1])
@pytest.mark.parametrize("noise", [1e-1, 1e-3])
def test_features_of_one_direction(implementation: str, noise: float, axis: int) -> None:
    rng = np.random.default_rng(0)
    f0 = rng.random((64, 5, 37)).astype(np.float32)
    lengths = 10 ** rng.uniform(-5, 5, (5, 37))
    f1 = (lengths * f0 * (1 + noise * rng.normal(size=f0.shape))).astype(np.float32)
    expected = distances(*as_float64(f0, f1), weights(64))
    laid = (f0, f1) if axis == -3 else channels_last(f0, f1)
    _, actual = limen.feature_distance(*laid, weights(64), channel_axis=axis, return_map=True)
    # Rounding a normalised number is 6e-8 of it, and of the difference more by the noise.
    np.testing.assert_allclose(actual, expected, rtol=1e-5 + 3e-7 / noise)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_features_are_nothing_apart(implementation: str, dtype: str) -> None:
    f0, _ = features(2, 33, 6, 7, dtype=dtype)
    assert (limen.feature_distance(f0, f0.copy(), weights(33)) == 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [-3, -1])
def test_broken_features(implementation: str, dtype: str, value: float, axis: int) -> None:
    f0, f1 = features(2, 9, 5, 11, dtype=dtype)
    weight = weights(9)
    weight[4] = 0
    broken = f0.copy()
    broken[1, 4, 2, 6] = value  # in the norm, though of no weight
    for pair in ((broken, f1), (f1, broken)):
        laid = pair if axis == -3 else channels_last(*pair)
        score, distance = limen.feature_distance(*laid, weight, channel_axis=axis, return_map=True)
        assert list(np.isnan(score)) == [False, True]
        assert np.argwhere(np.isnan(distance)).tolist() == [[1, 2, 6]]


def test_weights_that_are_zero(implementation: str) -> None:
    f0, f1 = features(2, 8, 4, 5)
    assert (limen.feature_distance(f0, f1, np.zeros(8)) == 0).all()
    weight = weights(8)
    weight[2] = 0
    other = f1.copy()
    other[:, 2] = 0
    # Without a weight a channel still counts in the length.
    assert (limen.feature_distance(f0, f1, weight) != limen.feature_distance(f0, other, weight)).all()


@pytest.mark.parametrize("shape", [(6,), (1, 6, 1, 1), (6, 1, 1), (1, 1, 6)], ids=str)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_shapes_and_dtypes_of_weights(shape: tuple[int, ...], dtype: str) -> None:
    f0, f1 = features(2, 6, 4, 5)
    weight = np.arange(6).astype(dtype)
    expected = limen.feature_distance(f0, f1, weight.astype(np.float64))
    assert same_bits(limen.feature_distance(f0, f1, weight.reshape(shape)), expected)
    assert same_bits(limen.feature_distance(f0, f1, np.repeat(weight, 2)[::2].reshape(shape)), expected)
    assert same_bits(limen.feature_distance(f0, f1, weight.tolist()), expected)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)], ids=str)
def test_shapes_of_answers(batch: tuple[int, ...]) -> None:
    f0, f1 = features(*batch, 6, 4, 5)
    score, distance = limen.feature_distance(f0, f1, return_map=True)
    assert distance.shape == (*batch, 4, 5)
    assert type(score) is float if batch == () else score.shape == batch
    np.testing.assert_array_equal(limen.feature_distance(f0, f1, reduction="none"), score)
    mean = limen.feature_distance(f0, f1, reduction="mean")
    assert isinstance(mean, float)
    assert mean == pytest.approx(np.mean(score), rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2, -3, -4])
def test_channel_axes(axis: int) -> None:
    f0, f1 = features(7, 4, 5, 6)
    expected = np.moveaxis(distances(*as_float64(f0, f1), weights(f0.shape[axis]), axis), 0, 0)
    _, distance = limen.feature_distance(f0, f1, weights(f0.shape[axis]), channel_axis=axis, return_map=True)
    assert_distances(distance, expected, "float32")


@pytest.mark.parametrize(
    "lay",
    [
        lambda f: f[..., ::-1],
        lambda f: f[:, ::-1, ::-1],
        lambda f: np.repeat(f, 2, -1)[..., ::2],
        lambda f: np.pad(f, ((0, 0), (0, 0), (1, 2), (3, 1)))[..., 1:-2, 3:-1],
        lambda f: np.ascontiguousarray(f.swapaxes(-1, -2)).swapaxes(-1, -2),
        lambda f: np.moveaxis(np.ascontiguousarray(np.moveaxis(f, 0, -1)), -1, 0),
        lambda f: np.asfortranarray(f),
    ],
    ids=["mirrored", "flipped", "spread", "cropped", "turned", "batch last", "Fortran"],
)
def test_any_strides(implementation: str, lay: Any) -> None:
    f0, f1 = features(2, 13, 6, 18)
    assert_distance(lay(f0), f1, weights(13))
    assert_distance(lay(f0), lay(f1), weights(13))


def test_repeated_features(implementation: str) -> None:
    f0, f1 = features(1, 13, 1, 18)
    assert_distance(*(np.broadcast_to(f, (3, 13, 4, 18)) for f in (f0, f1)), weights(13))


def test_batch_axes_that_no_stride_describes() -> None:
    f0, f1 = features(4, 3, 5, 6, 7)
    parts = f0[::2, ::-1], f1[::2, 1:]
    assert_distance(parts[0][:, :2], parts[1], weights(5))


def test_other_kinds_of_arrays() -> None:
    f0, f1 = features(2, 5, 6, 7)
    expected = limen.feature_distance(f0, f1, weights(5))
    jnp = pytest.importorskip("jax.numpy")
    answer = limen.feature_distance(jnp.asarray(f0), jnp.asarray(f1), weights(5))
    assert isinstance(answer, type(jnp.asarray(f0)))
    np.testing.assert_allclose(answer, expected, rtol=1e-7)

    class Producer:
        def __init__(self, array: Any) -> None:
            self.array = array

        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

    answer = limen.feature_distance(Producer(f0), Producer(f1), weights(5))
    assert same_bits(answer, expected)


@pytest.mark.parametrize("axis", [-3, -1])
@pytest.mark.parametrize("shape", [(3, 7, 40, 50), (1, 5, 60, 100), (2, 64, 15, 15)], ids=str)
def test_any_number_of_threads_gives_the_same_bits(implementation: str, shape: tuple[int, ...], axis: int) -> None:
    pair = features(*shape)
    laid = pair if axis == -3 else channels_last(*pair)
    before = limen.get_num_threads()
    try:
        answers = []
        for threads in (1, 2, 3, 5):
            limen.set_num_threads(threads)
            answers.append(everything(*laid, weights(shape[1]), axis))
    finally:
        limen.set_num_threads(before)
    assert all(same_bits(answer, answers[0]) for answer in answers)


def everything(f0: Any, f1: Any, weight: Any, axis: int) -> tuple[Any, ...]:
    """Score, map and gradients."""
    ones, numbers = ([n if i == axis % f0.ndim else m for i, m in enumerate(f0.shape)] for n in (1, 6))
    state, distance = np.empty(numbers, np.float32), np.empty(ones, np.float32)
    score = _core.feature_distance(f0, f1, weight, axis, "image", distance, state)
    upstream = np.random.default_rng(0).random(ones).astype(np.float32)
    gradients = np.empty_like(f0), np.empty_like(f1), np.empty_like(weight)
    _core.feature_distance_gradient(f0, f1, weight, axis, state, upstream, *gradients)
    return score, distance, *gradients


def test_the_gradients_of_the_core_need_what_they_read_and_room_to_write() -> None:
    f, state, upstream = (np.ones((n, 4, 5), np.float32) for n in (3, 6, 1))
    fixed = np.zeros(3)
    fixed.flags.writeable = False
    for arguments in ((None, upstream), (state, None)):
        with pytest.raises(ValueError, match="state and upstream must be arrays; got None"):
            _core.feature_distance_gradient(f, f, None, -3, *arguments, np.empty_like(f))
    with pytest.raises(ValueError, match="grad_weight must be writable"):
        _core.feature_distance_gradient(f, f, None, -3, state, upstream, None, None, fixed)


GOOD = np.zeros((2, 5, 6, 7), np.float32)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((GOOD, GOOD[:, :4]), {}, ValueError, r"f0 and f1 .* shape; got \(2, 5, 6, 7\) and \(2, 4, 6, 7\)"),
        ((GOOD, GOOD.astype("f8")), {}, TypeError, "f0 and f1 .* dtype; got float32 and float64"),
        ((GOOD.astype("u1"), GOOD.astype("u1")), {}, TypeError, "f0 and f1 have dtype uint8; .* float16, bfloat16, float32 and"),
        ((GOOD.astype("i8"), GOOD.astype("i8")), {}, TypeError, "f0 and f1 have dtype int64"),
        ((GOOD[0, 0], GOOD[0, 0]), {}, ValueError, r"at least 3 axes with channel_axis=-3; got shape \(6, 7\)|channels"),
        ((GOOD[:, :, :0], GOOD[:, :, :0]), {}, ValueError, r"f0 and f1 must not be empty; got shape \(2, 5, 0, 7\)"),
        ((GOOD[:, :0], GOOD[:, :0], []), {}, ValueError, "f0 and f1 must not be empty"),
        (([1.0], GOOD), {}, TypeError, "f0 must be an array .* got builtins.list"),
        ((GOOD, None), {}, TypeError, "f1 must be an array .* got builtins.NoneType"),
        ((GOOD, GOOD), {"channel_axis": None}, ValueError, "channel_axis must be an integer; got None"),
        ((GOOD, GOOD), {"channel_axis": 4}, ValueError, "channel_axis must be from -4 to 3 .* got 4"),
        ((GOOD, GOOD), {"channel_axis": 1.5}, TypeError, "channel_axis must be .* got 1.5"),
        ((GOOD, GOOD), {"reduction": "sum"}, ValueError, "reduction must be 'image', 'mean' or 'none'; got 'sum'"),
        ((GOOD, GOOD, np.ones(4)), {}, ValueError, r"weight must have the shape \(5,\), .* got \(4,\)"),
        ((GOOD, GOOD, np.ones((2, 5))), {}, ValueError, r"weight must have the shape \(5,\), .* got \(2, 5\)"),
        ((GOOD, GOOD, 1.0), {}, ValueError, r"weight must have the shape \(5,\), .* got \(\)"),
        ((GOOD, GOOD, [1, 1, -0.5, 1, 1]), {}, ValueError, "weight must be finite in float32 and not negative; got -0.5 for channel 2"),
        ((GOOD, GOOD, [1, 1, 1, 1, np.nan]), {}, ValueError, "weight must be finite in float32 and not negative; got nan for channel 4"),
        ((GOOD, GOOD, [np.inf, 1, 1, 1, 1]), {}, ValueError, "weight must be finite in float32 and not negative; got inf for channel 0"),
        ((GOOD, GOOD, [1, 1e300, 1, 1, 1]), {}, ValueError, r"weight must be finite in float32 .* got 1e\+300 for channel 1"),
        ((GOOD, GOOD, ["a"] * 5), {}, TypeError, "weight must hold real numbers; got dtype <U1"),
        ((GOOD, GOOD, [1j] * 5), {}, TypeError, "weight must hold real numbers; got dtype complex128"),
    ],
)  # fmt: skip
def test_bad_input(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        limen.feature_distance(*arguments, **options)
