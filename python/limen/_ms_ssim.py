"""Multi-scale SSIM of any array."""

from __future__ import annotations

from typing import Any

from . import _arrays, _core
from ._arrays import Array
from ._conventions import Convention, as_convention
from ._ssim import ChannelAxis, Reduction


def ms_ssim(
    x: Array,
    y: Array,
    *,
    data_range: float | None = None,
    channel_axis: ChannelAxis = "auto",
    convention: str | Convention = "wang",
    reduction: Reduction = "image",
    return_scales: bool = False,
) -> Any:
    """Multi-scale structural similarity (Wang et al. 2003), at most 1, which is reached by equal images.

    The product over scales of ``v_j ** w_j``: v_j is the mean of the contrast-structure part of SSIM at scale j, and
    of all of
    SSIM at the last; each scale halves the one before. The score and its gradient are finite whatever the sign of v_j.

    Parameters
    ----------
    x, y, data_range, channel_axis, convention, reduction
        As for `limen.ssim`. Without padding the short side must be at least 161 for five scales and a window of 11;
        smaller
        images need a convention with padding, or with fewer weights.
    return_scales
        Also return the means v_j, finest first: the axes of the unaveraged score and a last one for the scales,
        float64.

    Returns
    -------
    score or (score, scales)
        The score as `limen.ssim` returns it.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do; among others where the convention's library has no MS-
        SSIM.
    """
    if _arrays.is_torch(x) or _arrays.is_torch(y):
        from .torch import _functions

        return _functions.ms_ssim(
            x,
            y,
            data_range=data_range,
            channel_axis=channel_axis,
            convention=convention,
            reduction=reduction,
            return_scales=return_scales,
        )
    if _arrays.is_cupy(x, y):
        from . import _cupy

        return _cupy.ms_ssim(
            x,
            y,
            data_range=data_range,
            channel_axis=channel_axis,
            convention=convention,
            reduction=reduction,
            return_scales=return_scales,
        )
    a, b, axis, answer = _arrays.images(x, y, channel_axis, reduction)
    size = _arrays.data_range_of(data_range, a, b, axis)
    chosen = as_convention(convention)
    score, scales = _core.ms_ssim(a, b, chosen._native, size, axis, reduction)
    return (answer(score), answer(scales)) if return_scales else answer(score)


def ms_ssim_gradient(
    x: Array,
    y: Array,
    *,
    data_range: float | None = None,
    channel_axis: ChannelAxis = "auto",
    convention: str | Convention = "wang",
    reduction: Reduction = "image",
) -> tuple[Any, Any, Any]:
    """MS-SSIM and its gradients with respect to both images, in one sweep.

    Parameters and errors are those of `ms_ssim`, what is returned is as for `limen.ssim_gradient`.
    """
    if _arrays.is_torch(x) or _arrays.is_torch(y):
        from .torch import _functions

        return _functions.ms_ssim_gradient(
            x, y, data_range=data_range, channel_axis=channel_axis, convention=convention, reduction=reduction
        )
    if _arrays.is_cupy(x, y):
        from . import _cupy

        return _cupy.ms_ssim_gradient(
            x, y, data_range=data_range, channel_axis=channel_axis, convention=convention, reduction=reduction
        )
    a, b, axis, answer = _arrays.images(x, y, channel_axis, reduction)
    size = _arrays.data_range_of(data_range, a, b, axis)
    chosen = as_convention(convention)
    grad_x, grad_y = _arrays.empty_gradient(a), _arrays.empty_gradient(a)
    score = _core.ms_ssim_gradient(a, b, chosen._native, size, axis, reduction, grad_x, grad_y)
    return answer(score), answer(grad_x), answer(grad_y)
