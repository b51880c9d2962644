"""Distance of features, one layer of LPIPS, of any array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _core
from ._arrays import Array
from ._ssim import Reduction

_DTYPES = ("float16", "bfloat16", "float32", "float64")


def feature_distance(
    f0: Array,
    f1: Array,
    weight: Array | None = None,
    *,
    channel_axis: int = -3,
    reduction: Reduction = "image",
    return_map: bool = False,
) -> Any:
    """Squared distance of features that are normalised over the channels: one layer of LPIPS (Zhang et al. 2018).

    The mean over positions of the sum over channels of ``weight * (f0 / (|f0| + 1e-10) - f1 / (|f1| + 1e-10)) ** 2``,
    where ``|f|`` is the length of a position's vector of channels; a vector of zeros stays one.

    Parameters
    ----------
    f0, f1
        Features of the same shape, dtype and device: (..., C, H, W), or as `channel_axis` says. float16, bfloat16,
        float32 or float64; float64 is computed in float64, all else in float32. Any strides are read in place.
    weight
        A number for each channel, from 0 on and finite in float32, of shape (C,), (1, C, 1, 1) or another with a
        single axis of channels. ``None``: ones, and a distance is ``2 * (1 - cosine)``. Those of a tensor or array on a
        GPU are not checked: to look at them would be to wait for it.
    channel_axis
        -3 is (..., C, H, W), -1 is (..., H, W, C). The axes before those of the map are batch.
    reduction
        ``"image"`` or ``"none"``: one distance per image, since there are no channels to keep. ``"mean"``: the
        batch's mean.
    return_map
        Also return the distance of every position: the shape of `f0` without the channels, float64 for float64
        features, else float32.

    Returns
    -------
    score or (score, map)
        NumPy: a float for one image, else a float64 array of the batch shape. CuPy: such an array. PyTorch: a tensor
        on the same device, differentiable in both features and the weight. The gradient of a vector of zeros is zero.
        A NaN or infinite feature makes its score NaN.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do.

    Examples
    --------
    >>> import numpy as np, limen
    >>> f0, f1 = np.zeros((2, 3, 3), np.float32), np.zeros((2, 3, 3), np.float32)
    >>> f0[0], f1[1] = 5, 1
    >>> limen.feature_distance(f0, f1, [0.5, 0.25])
    0.75
    """
    if _arrays.is_torch(f0) or _arrays.is_torch(f1):
        from .torch import _functions

        return _functions.feature_distance(
            f0, f1, weight, channel_axis=channel_axis, reduction=reduction, return_map=return_map
        )
    if _arrays.is_cupy(f0, f1):
        from . import _cupy

        return _cupy.feature_distance(
            f0, f1, weight, channel_axis=channel_axis, reduction=reduction, return_map=return_map
        )
    a, b, axis, answer = _arrays.images(f0, f1, channel_axis, reduction, ("f0", "f1"))
    axis = check_features(a.dtype, a.shape, axis)
    numbers = None if weight is None else channel_weights(weight, a.shape[axis])
    if not return_map:
        return answer(_core.feature_distance(a, b, numbers, axis, reduction))
    shape = tuple(1 if i == axis % a.ndim else n for i, n in enumerate(a.shape))
    map_ = _arrays.empty(shape, np.float64 if str(a.dtype) == "float64" else np.float32)
    score = _core.feature_distance(a, b, numbers, axis, reduction, map_)
    return answer(score), answer(map_.squeeze(axis))


def check_features(dtype: Any, shape: Sequence[int], channel_axis: int | None) -> int:
    """The axis of the channels.

    Raises
    ------
    TypeError
        If the dtype is none that features can have.
    ValueError
        If there is no axis of channels, or none of positions beside it.
    """
    if str(dtype).rpartition(".")[2] not in _DTYPES:
        known = f"{', '.join(_DTYPES[:-1])} and {_DTYPES[-1]}"
        raise TypeError(f"f0 and f1 have dtype {dtype}; dtypes that have a meaning here are {known}")
    if channel_axis is None:
        raise ValueError("features have channels: channel_axis must be an integer; got None")
    if len(shape) < 3:
        raise ValueError(
            f"f0 and f1 must have at least 3 axes with channel_axis={channel_axis}; got shape {tuple(shape)}"
        )
    return channel_axis


def check_weight_shape(shape: Sequence[int], channels: int) -> None:
    """A ValueError unless there is one weight for each channel, and only one axis of them."""
    if len(shape) == 1 and shape[0] == channels:
        return
    if math.prod(shape) != channels or sum(n != 1 for n in shape) > 1:
        raise ValueError(f"weight must have the shape ({channels},), one number for each channel; got {tuple(shape)}")


def channel_weights(weight: Array, channels: int) -> NDArray[np.float64]:
    """Weights as the core takes them: one axis, float64."""
    if _arrays.is_torch(weight) and weight.requires_grad:
        raise TypeError("weight requires a gradient, which only features that are tensors give: pass weight.detach()")
    numbers = np.asarray(weight)
    if numbers.dtype.kind not in "fiuV" or numbers.dtype.fields is not None:
        raise TypeError(f"weight must hold real numbers; got dtype {numbers.dtype}")
    check_weight_shape(numbers.shape, channels)
    return np.ascontiguousarray(numbers.reshape(-1), np.float64)
