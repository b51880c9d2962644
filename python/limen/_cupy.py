"""The functions of limen, of CuPy arrays: on the arrays' device and its current stream, without waiting for it.

What is returned are CuPy arrays too, scores of single images without axes. The arguments are those of the functions of
the same name; what is wrong with them is said by the core, or here where room is made before the core sees them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._arrays import Array, map_shape, resolve_channel_axis, resolve_data_range
from ._axes import check_axes, score_shape, unaveraged
from ._checks import check_reduction
from ._conventions import as_convention
from ._cuda_core import cuda_core
from ._feature_distance import channel_weights, check_features, check_weight_shape


def ssim(x: Array, y: Array, *, return_map: bool, **options: Any) -> Any:
    """`limen.ssim`."""
    call = _Call(x, y, **options)
    scores, map_ = call.scores(), None
    if return_map:
        dtype = "float64" if str(x.dtype) == "float64" else "float32"
        map_ = call.empty(map_shape(tuple(x.shape), call.channel_axis, call.convention.map_size), dtype)
    call.start("ssim", *call.options(), scores, map_)
    return (call.reduced(scores), map_) if return_map else call.reduced(scores)


def ms_ssim(x: Array, y: Array, *, return_scales: bool, **options: Any) -> Any:
    """`limen.ms_ssim`."""
    call = _Call(x, y, **options)
    native, scores, scales = call.convention._native, call.scores(), None
    if return_scales:
        scales = call.empty([*scores.shape, native.scales], "float64")
    call.start("ms_ssim", *call.options(), scores, scales, None)
    return (call.reduced(scores), scales) if return_scales else call.reduced(scores)


def ssim_gradient(x: Array, y: Array, **options: Any) -> tuple[Any, Any, Any]:
    """`limen.ssim_gradient`."""
    call = _Call(x, y, **options)
    scores, grad_x, grad_y = call.scores(), call.gradient(), call.gradient()
    call.start("ssim_gradient", *call.options(), scores, grad_x, grad_y, None, None, 1.0)
    return call.reduced(scores), grad_x, grad_y


def ms_ssim_gradient(x: Array, y: Array, **options: Any) -> tuple[Any, Any, Any]:
    """`limen.ms_ssim_gradient`."""
    call = _Call(x, y, **options)
    scores, grad_x, grad_y = call.scores(), call.gradient(), call.gradient()
    call.start("ms_ssim_gradient", *call.options(), scores, grad_x, grad_y, None, 1.0, None)
    return call.reduced(scores), grad_x, grad_y


def feature_distance(f0: Array, f1: Array, weight: Array | None, *, return_map: bool, **options: Any) -> Any:
    """`limen.feature_distance`. Weights that are on the device already are not looked at."""
    call = _Call(f0, f1, data_range=1.0, convention="wang", names=("f0", "f1"), **options)
    axis = check_features(f0.dtype, f0.shape, call.channel_axis)
    call.reduction = "image" if call.reduction == "none" else call.reduction  # there are no channels to keep
    scores, map_ = call.scores(), None
    if return_map:
        shape = [1 if i == axis % f0.ndim else n for i, n in enumerate(f0.shape)]
        map_ = call.empty(shape, "float64" if str(f0.dtype) == "float64" else "float32")
    call.start("feature_distance", _channel_weights(call, weight, f0.shape[axis]), axis, scores, map_, None)
    if map_ is None:
        return call.reduced(scores)
    return call.reduced(scores), map_.reshape(tuple(n for i, n in enumerate(f0.shape) if i != axis % f0.ndim))


def _channel_weights(call: _Call, weight: Array | None, channels: int) -> Array | None:
    if weight is None:
        return None
    import cupy

    if isinstance(weight, type(call.x)):
        if weight.device != call.x.device:
            raise ValueError(f"f0 and weight must be on the same device; got {call.x.device!r} and {weight.device!r}")
        if weight.dtype.kind not in "fiu":
            raise TypeError(f"weight must hold real numbers; got dtype {weight.dtype}")
        check_weight_shape(weight.shape, channels)
        with call.x.device:
            return weight.reshape((channels,)).astype("float64")
    numbers = channel_weights(weight, channels)
    for channel in np.flatnonzero(~((numbers >= 0) & (numbers <= np.finfo(np.float32).max))):
        raise ValueError(
            f"weight must be finite in float32 and not negative; got {numbers[channel]:g} for channel {channel}"
        )
    with call.x.device:
        return cupy.asarray(numbers)


def mse(x: Array, y: Array, **options: Any) -> Any:
    """`limen.mse`."""
    return _pixel_error("mse", x, y, **options)


def mae(x: Array, y: Array, **options: Any) -> Any:
    """`limen.mae`."""
    return _pixel_error("mae", x, y, **options)


def psnr(x: Array, y: Array, *, data_range: float | None, **options: Any) -> Any:
    """`limen.psnr`."""
    return _pixel_error("psnr", x, y, resolve_data_range(data_range, x.dtype), **options)


def _pixel_error(name: str, x: Array, y: Array, *data_range: float, **options: Any) -> Any:
    call = _Call(x, y, data_range=1.0, convention="wang", **options)
    scores = call.scores()
    call.start(name, *data_range, call.channel_axis, unaveraged(call.reduction), scores)
    return call.reduced(scores)


class _Call:
    """A pair of arrays that agree, the options, and room on their device."""

    def __init__(
        self,
        x: Array,
        y: Array,
        *,
        data_range: float | None,
        channel_axis: Any,
        convention: Any,
        reduction: str,
        names: tuple[str, str] = ("x", "y"),
    ) -> None:
        both = " and ".join(names)
        if type(x) is not type(y):
            raise TypeError(f"{both} must be arrays of the same kind; got {_type_name(x)} and {_type_name(y)}")
        if x.device != y.device:
            raise ValueError(f"{both} must be on the same device; got {x.device!r} and {y.device!r}")
        if x.dtype != y.dtype:
            raise TypeError(f"{both} must have the same dtype; got {x.dtype} and {y.dtype}")
        if x.shape != y.shape:
            raise ValueError(f"{both} must have the same shape; got {x.shape} and {y.shape}")
        check_reduction(reduction)
        self.channel_axis = resolve_channel_axis(channel_axis, x.ndim)
        check_axes(x.shape, self.channel_axis)
        self.x, self.y = x, y
        self.convention = as_convention(convention)
        self.data_range = resolve_data_range(data_range, x.dtype)
        self.reduction = reduction
        self.core = cuda_core()

    def options(self) -> tuple[Any, ...]:
        """In the order of the core's arguments."""
        return self.convention._native, self.data_range, self.channel_axis, unaveraged(self.reduction)

    def empty(self, shape: Any, dtype: str) -> Array:
        """An array on the images' device, in the order of its current stream."""
        import cupy

        with self.x.device:
            return cupy.empty(tuple(shape), dtype)

    def scores(self) -> Array:
        """Room for every score that is not a mean of others."""
        return self.empty(score_shape(self.x.shape, self.channel_axis, unaveraged(self.reduction)), "float64")

    def gradient(self) -> Array:
        """Room in the order of the image's axes in memory: its own dtype where that is floating, else float32."""
        import cupy

        with self.x.device:
            return cupy.empty_like(self.x, dtype=None if self.x.dtype.kind not in "ui" else "float32")

    def reduced(self, scores: Array) -> Array:
        """The mean of the batch, if that is what was asked for."""
        if self.reduction != "mean":
            return scores
        with self.x.device:
            return scores.reshape(()) if math.prod(scores.shape) == 1 else scores.mean()

    def start(self, function: str, *arguments: Any) -> None:
        """Puts the work on the current stream of the device."""
        with _stream(self.x) as stream:
            getattr(self.core, function)(self.x, self.y, *arguments, lambda size: self.empty((size,), "uint8"), stream)


@contextlib.contextmanager
def _stream(x: Array) -> Iterator[int]:
    """The handle of the current stream of the array's device, which is the current device meanwhile."""
    import cupy

    with x.device:
        yield cupy.cuda.get_current_stream().ptr


def _type_name(x: Array) -> str:
    return f"{type(x).__module__}.{type(x).__qualname__}"
