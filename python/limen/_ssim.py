"""SSIM of any array."""

from __future__ import annotations

from typing import Any, Literal

from . import _arrays, _core
from ._arrays import Array
from ._conventions import Convention, as_convention

Reduction = Literal["image", "mean", "none"]
ChannelAxis = int | Literal["auto"] | None


def ssim(
    x: Array,
    y: Array,
    *,
    data_range: float | None = None,
    channel_axis: ChannelAxis = "auto",
    convention: str | Convention = "wang",
    reduction: Reduction = "image",
    return_map: bool = False,
) -> Any:
    """Structural similarity (Wang et al. 2004), at most 1, which is reached by equal images.

    The mean over positions of ``(2 mu_x mu_y + C1) (2 s_xy + C2) / ((mu_x^2 + mu_y^2 + C1) (s_xx + s_yy + C2))``,
    with windowed
    means and (co)variances, ``C1 = (k1 data_range)^2`` and ``C2 = (k2 data_range)^2``.

    Parameters
    ----------
    x, y
        Images of the same shape, dtype and device: (H, W), (..., C, H, W), or as `channel_axis` says. uint8, uint16,
        float16,
        bfloat16, float32 or float64; float64 is computed in float64, all else in float32. Any strides are read in
        place.
    data_range
        The largest minus the smallest value a pixel can take. Integer dtypes default to their full range.
    channel_axis
        ``"auto"``: -3, or no channels for (H, W). ``-1`` is (..., H, W, C). ``None``: no axis holds channels. The
        axes before those
        of the image are batch.
    convention
        What is meant by SSIM: a name in `limen.conventions`, or a `limen.Convention`.
    reduction
        ``"image"``: one score per image, the mean over its channels. ``"mean"``: the batch's mean too. ``"none"``:
        one per channel.
    return_map
        Also return the similarity at every position: the shape of `x` with height and width as
        ``Convention.map_size`` gives them, float64 for float64 images, else float32.

    Returns
    -------
    score or (score, map)
        NumPy: a float for one image, else a float64 array of the batch shape (then channels with ``"none"``).
        PyTorch: a tensor
        on the same device, differentiable in both images. A NaN or infinite pixel makes its score NaN.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do.

    Examples
    --------
    >>> import numpy as np, limen
    >>> limen.ssim(np.full((16, 16), 100, np.uint8), np.full((16, 16), 100, np.uint8))
    1.0
    """
    if _arrays.is_torch(x) or _arrays.is_torch(y):
        from .torch import _functions

        return _functions.ssim(
            x,
            y,
            data_range=data_range,
            channel_axis=channel_axis,
            convention=convention,
            reduction=reduction,
            return_map=return_map,
        )
    if _arrays.is_cupy(x, y):
        from . import _cupy

        return _cupy.ssim(
            x,
            y,
            data_range=data_range,
            channel_axis=channel_axis,
            convention=convention,
            reduction=reduction,
            return_map=return_map,
        )
    a, b, axis, answer = _arrays.images(x, y, channel_axis, reduction)
    size = _arrays.data_range_of(data_range, a, b, axis)
    chosen = as_convention(convention)
    if not return_map:
        return answer(_core.ssim(a, b, chosen._native, size, axis, reduction))
    map_ = _arrays.empty_map(a, axis, chosen.map_size)
    return answer(_core.ssim(a, b, chosen._native, size, axis, reduction, map_)), answer(map_)


def ssim_gradient(
    x: Array,
    y: Array,
    *,
    data_range: float | None = None,
    channel_axis: ChannelAxis = "auto",
    convention: str | Convention = "wang",
    reduction: Reduction = "image",
) -> tuple[Any, Any, Any]:
    """SSIM and its gradients with respect to both images, in one sweep.

    Parameters and errors are those of `ssim`.

    Returns
    -------
    score
        As `ssim` returns it.
    grad_x, grad_y
        The shape of `x`; the dtype of `x`, or float32 for integers. Each image's own score by its own pixels (with
        ``"none"``:
        each channel's own score by its own pixels).
    """
    if _arrays.is_torch(x) or _arrays.is_torch(y):
        from .torch import _functions

        return _functions.ssim_gradient(
            x, y, data_range=data_range, channel_axis=channel_axis, convention=convention, reduction=reduction
        )
    if _arrays.is_cupy(x, y):
        from . import _cupy

        return _cupy.ssim_gradient(
            x, y, data_range=data_range, channel_axis=channel_axis, convention=convention, reduction=reduction
        )
    a, b, axis, answer = _arrays.images(x, y, channel_axis, reduction)
    size = _arrays.data_range_of(data_range, a, b, axis)
    chosen = as_convention(convention)
    grad_x, grad_y = _arrays.empty_gradient(a), _arrays.empty_gradient(a)
    score = _core.ssim_gradient(a, b, chosen._native, size, axis, reduction, grad_x, grad_y)
    return answer(score), answer(grad_x), answer(grad_y)
