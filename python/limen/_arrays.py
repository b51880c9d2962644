"""Kinds of arrays: what goes to the core, and the kind an answer comes back in."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._checks import check_reduction, number

Array = Any
"""A NumPy, PyTorch, CuPy or JAX array, or anything with ``__dlpack__`` or ``__array_interface__``."""

MapSize = Callable[[int, int], tuple[int, int]]
"""Height and width of a map from those of the image."""


class Images(NamedTuple):
    """Two images as the core reads them, the axis of their channels, and the way back for what is returned."""

    x: Any
    y: Any
    channel_axis: int | None
    answer: Callable[[Any], Any]


def is_torch(x: Array) -> bool:
    """Whether `x` is a PyTorch tensor, without importing PyTorch."""
    kind = type(x)
    if kind.__module__ == "torch" and kind.__name__ == "Tensor":  # nearly always, and sooner told
        return True
    return any(t.__module__ == "torch" and t.__name__ == "Tensor" for t in kind.__mro__)


def is_cupy(x: Array, y: Array) -> bool:
    """Whether either is a CuPy array, without importing CuPy."""
    if type(x) is np.ndarray and type(y) is np.ndarray:
        return False
    return any(_kind_of_type(cast(Hashable, type(a))) == "cupy" for a in (x, y))


def images(
    x: Array, y: Array, channel_axis: int | str | None, reduction: str, names: tuple[str, str] = ("x", "y")
) -> Images:
    """Arrays other than PyTorch's, on the CPU. The core checks what it computes with: dtype, shape and layout.

    `names` are those of the arguments.

    Raises
    ------
    TypeError
        If an argument is no array, or the two are of different kinds or dtypes.
    ValueError
        If an array is on a device that this installation can't compute on, or `reduction` is none.
    """
    answer: Callable[[Any], Any] = _as_it_is
    if type(x) is not np.ndarray or type(y) is not np.ndarray:
        x, y, answer = _known(x, y, names)
    if x.dtype != y.dtype:
        raise TypeError(f"{' and '.join(names)} must have the same dtype; got {x.dtype} and {y.dtype}")
    check_reduction(reduction)
    return Images(x, y, resolve_channel_axis(channel_axis, x.ndim), answer)


def resolve_channel_axis(channel_axis: int | str | None, ndim: int) -> int | None:
    """``"auto"``: none for (H, W), else -3, as in (..., C, H, W)."""
    if channel_axis is None:
        return None
    if isinstance(channel_axis, str) and channel_axis == "auto":
        return None if ndim <= 2 else -3
    if isinstance(channel_axis, bool) or not isinstance(channel_axis, (int, np.integer)):
        raise TypeError(f"channel_axis must be 'auto', an int or None; got {channel_axis!r}")
    ndim = max(ndim, 3)  # the core says that there are too few
    if not -ndim <= channel_axis < ndim:
        raise ValueError(
            f"channel_axis must be from {-ndim} to {ndim - 1} for images of {ndim} axes; got {channel_axis}"
        )
    return int(channel_axis)


def spatial_axes(channel_axis: int | None, ndim: int) -> tuple[int, int]:
    """The axes of height and width: the last two that are not the channels'."""
    last = ndim - 1
    if channel_axis is None or (channel := channel_axis % ndim) < last - 1:
        return last - 1, last
    return last - 2, last - 1 if channel == last else last


def map_shape(shape: tuple[int, ...], channel_axis: int | None, size: MapSize) -> tuple[int, ...]:
    """The shape of the SSIM map of an image: `shape` with height and width replaced."""
    few = len(shape) < (2 if channel_axis is None else 3)
    if few or 0 in shape or not (channel_axis is None or -len(shape) <= channel_axis < len(shape)):
        return shape  # the core says what is wrong
    row, col = spatial_axes(channel_axis, len(shape))
    out = list(shape)
    out[row], out[col] = size(shape[row], shape[col])
    return tuple(out)


def data_range_of(data_range: float | None, x: Any, y: Any, channel_axis: int | None) -> float:
    """As `resolve_data_range`, but what else is wrong with the images comes first."""
    if data_range is None and str(x.dtype) not in _INTEGER_RANGES:
        _core.check_images(x, y, channel_axis)
    return resolve_data_range(data_range, x.dtype)


def resolve_data_range(data_range: float | None, dtype: Any) -> float:
    """The full range of an integer dtype, unless given.

    Raises
    ------
    ValueError
        For a floating dtype, whose range nothing tells.
    """
    if data_range is not None:
        return number("data_range", data_range)
    full = _INTEGER_RANGES.get(str(dtype).rpartition(".")[2])
    if full is None:
        raise ValueError(
            f"data_range must be given for {dtype} images: the largest minus the smallest value a pixel can take, "
            "for example 1.0 for images in [0, 1], 2.0 for [-1, 1], 255.0 for [0, 255]"
        )
    return full


def empty_map(x: Any, channel_axis: int | None, size: MapSize) -> NDArray[Any]:
    """Room for the map of `x`: float64 for float64 images, else float32."""
    return empty(map_shape(tuple(x.shape), channel_axis, size), np.float64 if str(x.dtype) == "float64" else np.float32)


def empty_gradient(x: Any) -> NDArray[Any]:
    """Room for a gradient: the image's own dtype where that is floating, else float32."""
    name = str(x.dtype)
    dtype = np.float32 if name in _INTEGER_RANGES else x.dtype
    return empty(tuple(x.shape), dtype)


def empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """`numpy.empty`, but a large array lies where an earlier result lay that nobody refers to any more.

    New memory takes the system longer to get than the core takes to fill it. Such an array doesn't own its data, and
    can't be resized in place.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if size < LARGE else np.ndarray(shape, dtype, _core.empty_bytes(size))


LARGE = 1 << 16
"""Bytes of a result from which on its memory is kept; NumPy and PyTorch find smaller ones fast."""

_INTEGER_RANGES = {"uint8": 255.0, "uint16": 65535.0}


def _as_it_is(answer: Any) -> Any:
    return answer


def _to_jax(answer: Any) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(answer)


def _known(x: Array, y: Array, names: tuple[str, str]) -> tuple[Any, Any, Callable[[Any], Any]]:
    """Arrays of one kind, and the way back to it."""
    (x_name, y_name), both = names, " and ".join(names)
    kind, other = _kind(x_name, x), _kind(y_name, y)
    if kind != other:
        raise TypeError(f"{both} must be arrays of the same kind; got {kind} and {other}")
    if kind == "cupy":
        raise ValueError(
            f"{both} are CuPy arrays; this function computes on the CPU only: pass {x_name}.get() and {y_name}.get()"
        )
    if kind == "jax":
        return _untraced(x_name, x), _untraced(y_name, y), _to_jax
    if kind == "dlpack":
        return _core.as_numpy(x_name, x), _core.as_numpy(y_name, y), _as_it_is
    return np.asarray(x), np.asarray(y), _as_it_is


def _untraced(name: str, x: Array) -> Array:
    import jax

    if isinstance(x, jax.core.Tracer):
        raise TypeError(
            f"{name} is traced by JAX (jit, grad or vmap), and limen needs its values: call it outside, "
            "or through jax.pure_callback"
        )
    return x


def _kind(name: str, x: Array) -> str:
    # Some objects have the array interface that their class hasn't.
    return _kind_of_type(cast(Hashable, type(x))) or ("numpy" if _has_array_interface(x) else _refuse(name, x))


def _has_array_interface(x: Array) -> bool:
    return not isinstance(x, (np.ma.MaskedArray, np.generic)) and hasattr(x, "__array_interface__")


@functools.lru_cache(maxsize=64)
def _kind_of_type(t: type) -> str | None:
    roots = {base.__module__.partition(".")[0] for base in t.__mro__}
    if issubclass(t, np.ma.MaskedArray) or issubclass(t, np.generic):
        return None
    if issubclass(t, np.ndarray):
        return "numpy"
    for root, kind in (("torch", "torch"), ("cupy", "cupy"), ("jaxlib", "jax"), ("jax", "jax")):
        if root in roots:
            return kind
    if hasattr(t, "__dlpack__"):
        return "dlpack"
    return "numpy" if hasattr(t, "__array_interface__") else None


def _refuse(name: str, x: Array) -> str:
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be ignored; pass {name}.filled(...)")
    raise TypeError(
        f"{name} must be an array (NumPy, PyTorch, CuPy, JAX, or anything with __dlpack__ or __array_interface__); "
        f"got {type(x).__module__}.{type(x).__qualname__}"
    )
