"""Arrays of every kind, layout and number of axes: what is read in place is what the contiguous array holds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import limen
from images import DTYPES, alike, as_float64, data_range, dtype_of
from limen import Convention

SMALL = Convention(size=7, weights=(0.5, 0.5))


def embedded(image: Any) -> Any:
    """Every second row and third column of something larger, one row and two columns in."""
    shape = (*image.shape[:-2], 2 * image.shape[-2] + 1, 3 * image.shape[-1] + 4)
    whole = np.full(shape, 77, image.dtype)
    part = whole[..., 1::2, 2:-2:3]
    part[...] = image
    return part


def in_order(image: Any, *axes: int) -> Any:
    """The same image, in memory with its axes in the given order."""
    return np.ascontiguousarray(image.transpose(axes)).transpose(np.argsort(axes))


def flipped(image: Any, *axes: int) -> Any:
    return np.flip(np.flip(image, axes).copy(), axes)


def part_of_rgba(image: Any) -> Any:
    whole = np.full((*image.shape[:-3], *image.shape[-2:], 4), 77, image.dtype)
    part = np.moveaxis(whole[..., :3], -1, -3)
    part[...] = image
    return part


# What makes another memory of a (N, C, H, W) array.
LAYOUTS = {
    "contiguous": np.array,
    "sliced": embedded,
    "rows flipped": lambda image: flipped(image, -2),
    "columns flipped": lambda image: flipped(image, -1),
    "channels flipped": lambda image: flipped(image, -3),
    "all flipped": lambda image: flipped(image, 0, 1, 2, 3),
    "transposed": lambda image: in_order(image, 0, 1, 3, 2),
    "Fortran": np.asfortranarray,
    "channels last": lambda image: in_order(image, 0, 2, 3, 1),
    "channels last, flipped": lambda image: flipped(in_order(image, 0, 2, 3, 1), 1),
    "of RGBA": part_of_rgba,
    "rows, channels, columns": lambda image: in_order(image, 0, 2, 1, 3),
    "batch last": lambda image: in_order(image, 1, 2, 3, 0),
}


def everything(x: Any, y: Any, size: float = 1.0, **options: Any) -> list[Any]:
    """All that limen computes of a pair, in float64."""
    both = {"data_range": size, "convention": SMALL, **options}
    results = [
        *limen.ssim(x, y, **both, return_map=True),
        *limen.ssim_gradient(x, y, **both),
        *limen.ms_ssim(x, y, **both, return_scales=True),
        *limen.ms_ssim_gradient(x, y, **both),
        limen.mse(x, y, **options),
        limen.mae(x, y, **options),
        limen.psnr(x, y, **options, data_range=size),
    ]
    return as_float64(*results)


def assert_same(actual: list[Any], expected: list[Any], tolerance: float = 2e-6) -> None:
    for got, want in zip(actual, expected, strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * np.abs(want).max())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts(fast: str, dtype: str, layout: str) -> None:
    x, y = alike(2, 3, 23, 30, dtype=dtype)
    lay, size = LAYOUTS[layout], data_range(dtype)
    np.testing.assert_array_equal(lay(x), x)
    expected = everything(x, y, size)
    # Gradients of half precision may round to the next number.
    tolerance = 1e-2 if dtype in ("float16", "bfloat16") else 2e-6
    for pair in ((lay(x), lay(y)), (x, lay(y)), (lay(x), y)):
        assert_same(everything(*pair, size), expected, tolerance)


@pytest.mark.parametrize(
    "layouts", [*itertools.product(["sliced", "all flipped", "channels last", "transposed"], repeat=2)], ids=str
)
def test_two_layouts(fast: str, layouts: tuple[str, str]) -> None:
    x, y = alike(2, 3, 23, 30)
    assert_same(everything(LAYOUTS[layouts[0]](x), LAYOUTS[layouts[1]](y)), everything(x, y))


def test_layouts_of_the_reference() -> None:
    x, y = alike(2, 3, 15, 18)
    with limen.use_implementation("reference"):
        expected = everything(x, y)
        for lay in LAYOUTS.values():
            assert_same(everything(lay(x), lay(y)), expected)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (3,), (0, 1), (2, 3), (0, 1, 2, 3)], ids=str)
def test_repeated_by_a_stride_of_zero(fast: str, axes: tuple[int, ...]) -> None:
    x, y = alike(2, 3, 23, 30)
    small = x[tuple(slice(1) if axis in axes else slice(None) for axis in range(4))]
    repeated = np.broadcast_to(small, x.shape)
    assert_same(everything(repeated, y), everything(repeated.copy(), y))
    assert_same(everything(y, repeated), everything(y, repeated.copy()))


@pytest.mark.parametrize("axis", range(-4, 4))
def test_any_axis_may_hold_the_channels(fast: str, axis: int) -> None:
    pair = alike(2, 3, 23, 30)
    moved = [np.moveaxis(image, 1, axis) for image in pair]
    contiguous = [np.ascontiguousarray(image) for image in moved]
    for reduction in ("image", "none", "mean"):
        expected = everything(*pair, reduction=reduction)
        for images in (moved, contiguous):
            actual = everything(*images, reduction=reduction, channel_axis=axis)
            assert_same([np.moveaxis(a, axis, 1) if a.ndim == 4 else a for a in actual], expected)


@pytest.mark.parametrize("channels", range(1, 8))
def test_any_number_of_channels_side_by_side(fast: str, channels: int) -> None:
    pair = alike(2, channels, 23, 30)
    last = [np.ascontiguousarray(np.moveaxis(image, 1, -1)) for image in pair]
    for reduction in ("image", "none"):
        actual = everything(*last, channel_axis=-1, reduction=reduction)
        assert_same(
            [np.moveaxis(a, -1, 1) if a.ndim == 4 else a for a in actual], everything(*pair, reduction=reduction)
        )


@pytest.mark.parametrize(
    ("shape", "channel_axis", "image", "none"),
    [
        ((21, 22), "auto", (), ()),
        ((21, 22), None, (), ()),
        ((3, 21, 22), "auto", (), (3,)),
        ((3, 21, 22), 0, (), (3,)),
        ((21, 22, 3), -1, (), (3,)),
        ((21, 22, 3), np.int64(2), (), (3,)),
        ((4, 21, 22), None, (4,), (4,)),
        ((4, 3, 21, 22), "auto", (4,), (4, 3)),
        ((4, 21, 22, 3), -1, (4,), (4, 3)),
        ((2, 4, 21, 22), None, (2, 4), (2, 4)),
        ((2, 4, 3, 21, 22), "auto", (2, 4), (2, 4, 3)),
        ((2, 3, 4, 21, 22), 1, (2, 4), (2, 4, 3)),
        ((1, 1, 1, 1, 21, 22), "auto", (1, 1, 1), (1, 1, 1, 1)),
    ],
)
def test_axes_of_scores(
    shape: tuple[int, ...], channel_axis: Any, image: tuple[int, ...], none: tuple[int, ...]
) -> None:
    x, y = alike(*shape)
    options: dict[str, Any] = {"data_range": 1.0, "channel_axis": channel_axis, "convention": SMALL}
    plain: dict[str, Any] = {"channel_axis": channel_axis}
    for reduction, expected in (("image", image), ("none", none), ("mean", ())):
        scores = [
            limen.ssim(x, y, **options, reduction=reduction),
            limen.ssim_gradient(x, y, **options, reduction=reduction)[0],
            limen.ms_ssim(x, y, **options, reduction=reduction),
            limen.ms_ssim_gradient(x, y, **options, reduction=reduction)[0],
            limen.mse(x, y, **plain, reduction=reduction),
            limen.mae(x, y, **plain, reduction=reduction),
            limen.psnr(x, y, **plain, data_range=1.0, reduction=reduction),
        ]
        for score in scores:
            if expected:
                assert isinstance(score, np.ndarray)
                assert (score.shape, score.dtype) == (expected, np.float64)
            else:
                assert type(score) is float
        scales = limen.ms_ssim(x, y, **options, reduction=reduction, return_scales=True)[1]
        assert scales.shape == ((*none, 2) if reduction == "none" else (*image, 2))
    height = shape.index(21)
    expected_map = list(shape)
    expected_map[height : height + 2] = 15, 16
    assert limen.ssim(x, y, **options, return_map=True)[1].shape == tuple(expected_map)
    assert {a.shape for a in limen.ssim_gradient(x, y, **options)[1:]} == {shape}


# Batches that no single stride runs through, and axes of length one, whose strides may be anything.
BATCHES = {
    "contiguous": lambda a: a,
    "swapped": lambda a: a.swapaxes(0, 1),
    "flipped": lambda a: a[::-1, :, ::-1],
    "every other": lambda a: a[:, ::2],
    "one of the last": lambda a: a[:, :, 1:2],
    "one of the middle": lambda a: a[:, 1:2],
    "repeated": lambda a: np.broadcast_to(a[:1], a.shape),
    "repeated and of one": lambda a: np.broadcast_to(a[:1, :, :1], (2, 3, 1, *a.shape[3:])),
    "a new axis": lambda a: np.broadcast_to(a[None, 0, :, 0][:, :, None], (2, 3, 1, *a.shape[3:])),
    "repeated inside": lambda a: np.broadcast_to(a[:, :, :1], a.shape),
    "new axes all round": lambda a: np.broadcast_to(a[None, 0, None, :, 0, None], (2, 1, 3, 2, *a.shape[3:])),
}


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_is_a_loop(fast: str, batch: str) -> None:
    x, y = (BATCHES[batch](image) for image in alike(2, 3, 4, 2, 17, 19))
    for pair in ((x, y), (x.copy(), y), (x, y.copy())):
        actual = everything(*pair)
        for index in np.ndindex(x.shape[:-3]):
            assert_same([a[index] for a in actual], everything(x[index].copy(), y[index].copy()))


class OfDLPack:
    """An array that shows its memory through DLPack and nothing else."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


class OfOldDLPack(OfDLPack):
    """A producer from before DLPack had versions."""

    def __dlpack__(self, stream: Any = None) -> Any:
        return self._array.__dlpack__()


class OfInterface:
    """An array that shows its memory through NumPy's array interface, which the object has and not its class."""

    def __init__(self, array: Any) -> None:
        self._array, self.__array_interface__ = array, array.__array_interface__


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("kind", [OfDLPack, OfOldDLPack, OfInterface])
def test_objects_that_share_their_memory(kind: Any, dtype: str) -> None:
    x, y = (np.array(image) for image in alike(2, 3, 23, 30, dtype=dtype))
    for pair in ((x, y), (flipped(x, -1), embedded(y))):
        expected = everything(*pair)
        for got, want in zip(everything(*map(kind, pair)), expected, strict=True):
            np.testing.assert_array_equal(got, want)
    assert isinstance(limen.ssim(kind(x), kind(y), data_range=1.0), np.ndarray)


def test_bfloat16_through_dlpack() -> None:
    torch = pytest.importorskip("torch")
    x, y = alike(3, 23, 30, dtype="bfloat16")
    pair = [OfDLPack(torch.tensor(as_float64(image)[0]).bfloat16()) for image in (x, y)]
    score, gradient, _ = limen.ssim_gradient(*pair, data_range=1.0)
    expected = limen.ssim_gradient(x, y, data_range=1.0)
    assert score == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    assert gradient.dtype == dtype_of("bfloat16")


def test_subclasses_of_numpys_array(tmp_path: Any) -> None:
    x, y = alike(3, 23, 30)
    maps = []
    for name, image in (("x", x), ("y", y)):
        np.save(tmp_path / f"{name}.npy", image)
        maps.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    assert limen.ssim(*maps, data_range=1.0) == limen.ssim(x, y, data_range=1.0)
    gradient = limen.ssim_gradient(*maps, data_range=1.0)[1]
    assert type(gradient) is np.ndarray
    assert limen.ssim(maps[0], y, data_range=1.0) == limen.ssim(x, y, data_range=1.0)


def test_images_of_pillow() -> None:
    image_module = pytest.importorskip("PIL.Image")
    x, y = (np.ascontiguousarray(np.moveaxis(image, 0, -1)) for image in alike(3, 23, 30, dtype="uint8"))
    pair = [image_module.fromarray(image) for image in (x, y)]
    assert limen.ssim(*pair, channel_axis=-1) == limen.ssim(x, y, channel_axis=-1)
    assert limen.ssim(pair[0], y, channel_axis=-1) == limen.ssim(x, y, channel_axis=-1)
    assert limen.psnr(*(image.convert("L") for image in pair)) > 0


@pytest.fixture
def jnp() -> Any:
    pytest.importorskip("jax")
    return pytest.importorskip("jax.numpy")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32"])
def test_jax(jnp: Any, dtype: str) -> None:
    x, y = alike(2, 3, 23, 30, dtype=dtype)
    pair = [jnp.asarray(image) for image in (x, y)]
    assert_same(everything(*pair), everything(x, y), 1e-6)
    options: dict[str, Any] = {"data_range": data_range(dtype)}
    score, grad_x, _ = limen.ssim_gradient(*pair, **options)
    assert {type(answer) for answer in (score, grad_x, *limen.ssim(*pair, **options, return_map=True))} == {
        type(pair[0])
    }
    assert grad_x.dtype == (np.float32 if dtype.startswith("u") else pair[0].dtype)
    assert isinstance(limen.ssim(*pair, **options, reduction="mean"), type(pair[0]))
    if dtype.startswith("u"):
        assert_same(as_float64(limen.ssim(*pair)), as_float64(limen.ssim(x, y)), 1e-6)


def test_jax_transformations_are_refused(jnp: Any) -> None:
    import jax

    x, y = (jnp.asarray(image) for image in alike(3, 23, 30))

    def score(x: Any, y: Any) -> Any:
        return limen.ssim(x, y, data_range=1.0)

    for transform in (jax.jit, jax.grad):
        with pytest.raises(TypeError, match="x is traced by JAX .* outside"):
            transform(score)(x, y)
    called_back = jax.jit(lambda x, y: jax.pure_callback(score, jax.ShapeDtypeStruct((), np.float32), x, y))
    assert float(called_back(x, y)) == pytest.approx(float(score(x, y)))


def test_inputs_are_left_alone(fast: str) -> None:
    for layout in LAYOUTS.values():
        x, y = (layout(image) for image in alike(2, 3, 23, 30))
        x.flags.writeable = y.flags.writeable = False
        before = x.copy(), y.copy()
        everything(x, y)
        np.testing.assert_array_equal((x, y), before)
