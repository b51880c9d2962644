"""Errors pixel by pixel, of any array."""

from __future__ import annotations

from typing import Any

from . import _arrays, _core
from ._arrays import Array
from ._ssim import ChannelAxis, Reduction


def mse(x: Array, y: Array, *, channel_axis: ChannelAxis = "auto", reduction: Reduction = "image") -> Any:
    """Mean squared error. Images, `channel_axis`, `reduction`, what is returned and errors as for `limen.ssim`."""
    if _arrays.is_torch(x) or _arrays.is_torch(y):
        from .torch import _functions

        return _functions.mse(x, y, channel_axis=channel_axis, reduction=reduction)
    if _arrays.is_cupy(x, y):
        from . import _cupy

        return _cupy.mse(x, y, channel_axis=channel_axis, reduction=reduction)
    a, b, axis, answer = _arrays.images(x, y, channel_axis, reduction)
    return answer(_core.mse(a, b, axis, reduction))


def mae(x: Array, y: Array, *, channel_axis: ChannelAxis = "auto", reduction: Reduction = "image") -> Any:
    """Mean absolute error. Images, `channel_axis`, `reduction`, what is returned and errors as for `limen.ssim`."""
    if _arrays.is_torch(x) or _arrays.is_torch(y):
        from .torch import _functions

        return _functions.mae(x, y, channel_axis=channel_axis, reduction=reduction)
    if _arrays.is_cupy(x, y):
        from . import _cupy

        return _cupy.mae(x, y, channel_axis=channel_axis, reduction=reduction)
    a, b, axis, answer = _arrays.images(x, y, channel_axis, reduction)
    return answer(_core.mae(a, b, axis, reduction))


def psnr(
    x: Array,
    y: Array,
    *,
    data_range: float | None = None,
    channel_axis: ChannelAxis = "auto",
    reduction: Reduction = "image",
) -> Any:
    """Peak signal-to-noise ratio in decibels, ``10 log10(data_range ** 2 / mse)``; infinite for equal images.

    Images, `data_range`, `channel_axis`, `reduction`, what is returned and errors as for `limen.ssim`. An image's
    ratio comes from the
    squared error of all its channels together; ``"none"`` gives one for each channel.
    """
    if _arrays.is_torch(x) or _arrays.is_torch(y):
        from .torch import _functions

        return _functions.psnr(x, y, data_range=data_range, channel_axis=channel_axis, reduction=reduction)
    if _arrays.is_cupy(x, y):
        from . import _cupy

        return _cupy.psnr(x, y, data_range=data_range, channel_axis=channel_axis, reduction=reduction)
    a, b, axis, answer = _arrays.images(x, y, channel_axis, reduction)
    return answer(_core.psnr(a, b, _arrays.data_range_of(data_range, a, b, axis), axis, reduction))
