"""CuPy arrays, on a CuPy that keeps them on the CPU and the CUDA core with emulated kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import emulated_cuda
import limen
from emulated_cuda import DEVICES, CupyArray
from features import features, weights
from images import alike, stored
from limen import Convention, conventions
from limen._ssim import Reduction

ZERO = Convention(padding="zero", weights=(0.5, 0.5))


@pytest.fixture(autouse=True)
def _cupy() -> Iterator[None]:
    with emulated_cuda.for_cupy():
        yield


def both(*shape: int, dtype: str = "float32") -> tuple[tuple[Any, Any], tuple[CupyArray, CupyArray]]:
    """A pair of images for NumPy and for CuPy."""
    x, y = alike(*shape, dtype=dtype)
    return (x, y), (CupyArray(np.array(x)), CupyArray(np.array(y)))


def values(answer: Any) -> Any:
    """What CuPy's arrays hold."""
    if isinstance(answer, tuple):
        return tuple(values(part) for part in answer)
    assert isinstance(answer, CupyArray)
    return answer.values


@pytest.mark.parametrize("reduction", ["image", "mean", "none"])
@pytest.mark.parametrize("shape", [(20, 21), (3, 20, 21), (2, 3, 20, 21), (2, 2, 3, 14, 15)])
@pytest.mark.parametrize("name", ["ssim", "ms_ssim", "mse", "mae", "psnr"])
def test_scores_are_those_of_numpy(name: str, shape: tuple[int, ...], reduction: str) -> None:
    keywords: dict[str, Any] = {"reduction": reduction}
    if name in ("ssim", "ms_ssim", "psnr"):
        keywords["data_range"] = 1.0
    if name in ("ssim", "ms_ssim"):
        keywords["convention"] = ZERO
    on_cpu, on_gpu = both(*shape)
    metric = getattr(limen, name)
    expected, got = np.asarray(metric(*on_cpu, **keywords)), values(metric(*on_gpu, **keywords))
    assert (got.shape, got.dtype) == (expected.shape, np.float64)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
def test_maps_scales_and_gradients_are_those_of_numpy(dtype: str) -> None:
    on_cpu, on_gpu = both(2, 3, 25, 26, dtype=dtype)
    keywords: dict[str, Any] = {"data_range": {"uint8": 255.0, "uint16": 65535.0}.get(dtype, 1.0), "convention": ZERO}
    calls = [
        (limen.ssim, {"return_map": True}),
        (limen.ms_ssim, {"return_scales": True}),
        (limen.ssim_gradient, {}),
        (limen.ms_ssim_gradient, {"reduction": "mean"}),
        (limen.ssim_gradient, {"reduction": "none"}),
    ]
    for function, more in calls:
        expected, got = function(*on_cpu, **keywords, **more), values(function(*on_gpu, **keywords, **more))
        for one, other in zip(got, expected, strict=True):
            other = np.asarray(other)
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
            atol = 1e-3 * np.abs(other).max() if dtype == "float16" else 1e-5 * np.abs(other).max()
            np.testing.assert_allclose(one.astype(float), other.astype(float), rtol=1e-4, atol=atol)


@pytest.mark.parametrize("name", conventions)
def test_every_convention(name: str) -> None:
    on_cpu, on_gpu = both(2, 24, 30)
    expected = limen.ssim(*on_cpu, data_range=1.0, convention=name)
    assert values(limen.ssim(*on_gpu, data_range=1.0, convention=name)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("reduction", ["image", "mean", "none"])
@pytest.mark.parametrize("shape", [(5, 6, 7), (2, 5, 6, 7), (2, 3, 20, 4, 5)])
def test_features(shape: tuple[int, ...], reduction: Reduction) -> None:
    pair, numbers = features(*shape), weights(shape[-3])
    for given in (None, numbers, CupyArray(numbers.astype(np.float32)), [[[w]] for w in numbers]):
        on_cpu = numbers if given is not None else None
        expected = limen.feature_distance(*pair, on_cpu, reduction=reduction, return_map=True)
        got = limen.feature_distance(*map(CupyArray, pair), given, reduction=reduction, return_map=True)
        for one, other in zip(values(got), map(np.asarray, expected), strict=True):
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    last = [CupyArray(np.ascontiguousarray(np.moveaxis(f, -3, -1))) for f in pair]
    got = values(limen.feature_distance(*last, numbers, channel_axis=-1, reduction=reduction))
    np.testing.assert_allclose(got, expected[0], rtol=1e-5)


def test_features_that_make_no_sense() -> None:
    zeros = CupyArray(np.zeros((2, 3, 4, 5), np.float32))
    with pytest.raises(
        TypeError, match=r"f0 and f1 must be arrays of the same kind; got cupy\.ndarray and numpy\.ndarray"
    ):
        limen.feature_distance(zeros, zeros.values)
    with pytest.raises(ValueError, match="weight must be finite in float32 and not negative; got -1 for channel 1"):
        limen.feature_distance(zeros, zeros, [1, -1, 1])
    with pytest.raises(ValueError, match=r"weight must have the shape \(3,\), .* got \(2,\)"):
        limen.feature_distance(zeros, zeros, CupyArray(np.ones(2)))
    with pytest.raises(ValueError, match="f0 and weight must be on the same device"):
        limen.feature_distance(zeros, zeros, CupyArray(np.ones(3), DEVICES[1]))
    with pytest.raises(TypeError, match="f0 and f1 have dtype uint8"):
        limen.feature_distance(*[CupyArray(np.zeros((3, 4, 5), np.uint8))] * 2)
    assert (values(limen.feature_distance(zeros, zeros)) == 0).all()  # the next call works


def test_views_are_read_in_place() -> None:
    x, y = alike(2, 3, 40, 44)
    views = [np.array(a)[:, ::-1, 3:33:1, ::2] for a in (x, y)]
    got = values(limen.ssim(*map(CupyArray, views), data_range=1.0))
    np.testing.assert_allclose(got, limen.ssim(*views, data_range=1.0), rtol=1e-6)
    last = [np.ascontiguousarray(np.moveaxis(a, 1, -1)) for a in (x, y)]
    got = values(limen.ssim(*map(CupyArray, last), data_range=1.0, channel_axis=-1))
    np.testing.assert_allclose(got, limen.ssim(x, y, data_range=1.0), rtol=1e-6)


def test_work_is_done_on_the_device_of_the_images() -> None:
    x, y = (CupyArray(stored(image, "uint8"), DEVICES[1]) for image in alike(20, 20))
    before = DEVICES[0].entered, DEVICES[1].entered
    limen.ssim(x, y)
    assert DEVICES[0].entered == before[0]
    assert DEVICES[1].entered > before[1]


def test_images_that_do_not_agree() -> None:
    x = np.zeros((20, 20), np.float32)
    on_gpu = CupyArray(x)
    with pytest.raises(TypeError, match=r"same kind; got cupy\.ndarray and numpy\.ndarray"):
        limen.ssim(on_gpu, x, data_range=1.0)
    with pytest.raises(TypeError, match=r"same kind; got numpy\.ndarray and cupy\.ndarray"):
        limen.mse(x, on_gpu)
    with pytest.raises(ValueError, match="same device; got <CUDA Device 0> and <CUDA Device 1>"):
        limen.ssim(on_gpu, CupyArray(x, DEVICES[1]), data_range=1.0)
    with pytest.raises(TypeError, match="same dtype; got float32 and float64"):
        limen.mae(on_gpu, CupyArray(x.astype(float)))
    with pytest.raises(ValueError, match=r"same shape; got \(20, 20\) and \(20, 19\)"):
        limen.psnr(on_gpu, CupyArray(x[:, 1:]), data_range=1.0)


def test_images_that_make_no_sense() -> None:
    zeros = CupyArray(np.zeros((20, 20), np.float32))
    with pytest.raises(ValueError, match="data_range must be given for float32"):
        limen.ssim(zeros, zeros)
    with pytest.raises(ValueError, match="reduction must be 'image', 'mean' or 'none'; got 'sum'"):
        limen.ssim(zeros, zeros, data_range=1.0, reduction="sum")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 2 axes with channel_axis=None"):
        limen.mse(CupyArray(np.zeros(5)), CupyArray(np.zeros(5)))
    with pytest.raises(TypeError, match="x has dtype int32|dtype"):
        limen.mse(*[CupyArray(np.zeros((5, 5), np.int32))] * 2)
    with pytest.raises(ValueError, match="must not be empty"):
        limen.mse(*[CupyArray(np.zeros((0, 5), np.float32))] * 2)
    with pytest.raises(ValueError, match="height and width must be at least 11"):
        limen.ssim(*[CupyArray(np.zeros((5, 5), np.float32))] * 2, data_range=1.0)
    with pytest.raises(ValueError, match="at least 161"):
        limen.ms_ssim(zeros, zeros, data_range=1.0)
    assert values(limen.ssim(zeros, zeros, data_range=1.0)) == 1  # the next call works


def test_memory_that_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = CupyArray(np.zeros((20, 20), np.float32))

    def full(shape: tuple[int, ...], dtype: str) -> CupyArray:
        if dtype == "uint8":
            raise MemoryError("out of memory")
        return CupyArray(np.empty(shape, dtype))

    with monkeypatch.context() as patch:
        import cupy

        patch.setattr(cupy, "empty", full)
        with pytest.raises(MemoryError, match="out of memory"):
            limen.ssim(zeros, zeros, data_range=1.0)
    assert values(limen.ssim(zeros, zeros, data_range=1.0)) == 1
