"""The functions of limen, of tensors: what `limen.ssim` and the others do when they are given any."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from .._arrays import resolve_channel_axis, resolve_data_range
from .._checks import check_reduction
from .._conventions import Convention
from .._cuda_core import cuda_core
from .._feature_distance import check_features, check_weight_shape
from .._ssim import ChannelAxis, Reduction
from . import _feature_layer_ops, _feature_ops, _gradient_ops, _kept_ops, _l1_ops, _map_ops, _ops, _pixel_error_ops
from ._axes import score_shape
from ._conventions import to_text

_DTYPES = (torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32, torch.float64)
_FEATURE_DTYPES = tuple(dtype for dtype in _DTYPES if dtype.is_floating_point)
_unpack_dual: Callable[[Tensor], Any] = forward_ad.unpack_dual


def ssim(x: Any, y: Any, *, return_map: bool, **options: Any) -> Any:
    """`limen.ssim`. Score and map are float64 for float64 images, else float32."""
    arguments = _arguments(x, y, **options)
    if return_map:
        return _map_ops.ssim_map(*arguments)
    wanted = _wanted_along(*arguments[:2])
    return _gradient_ops.ssim_with_gradient(*arguments, 1.0, *wanted)[0] if any(wanted) else _ops.ssim(*arguments)


def ssim_loss(x: Any, y: Any, **options: Any) -> Tensor:
    """1 - `limen.ssim`, whose gradient is that of -SSIM."""
    arguments = _arguments(x, y, **options)
    wanted = _wanted_along(*arguments[:2])
    score: Tensor
    if any(wanted):
        score, *_ = _gradient_ops.ssim_with_gradient(*arguments, -1.0, *wanted)
    else:
        score = _ops.ssim(*arguments)
    return 1 - score


def ms_ssim_loss(x: Any, y: Any, **options: Any) -> Tensor:
    """1 - `limen.ms_ssim`, whose gradient is that of -MS-SSIM."""
    arguments = _arguments(x, y, **options)
    wanted = _wanted_along(*arguments[:2])
    score: Tensor
    if any(wanted):
        score, *_ = _gradient_ops.ms_ssim_with_gradient(*arguments, -1.0, *wanted)
    else:
        score, _ = _ms_ssim(*arguments)
    return 1 - score


def ms_ssim(x: Any, y: Any, *, return_scales: bool, **options: Any) -> Any:
    """`limen.ms_ssim`. Score and scales are float64 for float64 images, else float32; the scales carry no gradient."""
    arguments = _arguments(x, y, **options)
    wanted = _wanted_along(*arguments[:2])
    if any(wanted):
        score = _gradient_ops.ms_ssim_with_gradient(*arguments, 1.0, *wanted)[0]
        if not return_scales:
            return score
        with torch.no_grad():
            return score, _ops.ms_ssim(*arguments)[1]
    score, scales = _ms_ssim(*arguments)
    return (score, scales) if return_scales else score


def _ms_ssim(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    """Score and scales. On a GPU it keeps what going backward has a use for."""
    if on_gpu(x) and torch.is_grad_enabled() and (x.requires_grad or y.requires_grad):
        score, scales, _ = _kept_ops.ms_ssim_kept(x, y, *options)
        return score, scales
    score, scales = _ops.ms_ssim(x, y, *options)
    return score, scales


def ssim_gradient(x: Any, y: Any, **options: Any) -> tuple[Tensor, Tensor, Tensor]:
    """`limen.ssim_gradient`. Nothing of what is returned carries a gradient itself."""
    return _gradients(_gradient_ops.ssim_with_gradient, *_arguments(x, y, **options))


def ms_ssim_gradient(x: Any, y: Any, **options: Any) -> tuple[Tensor, Tensor, Tensor]:
    """`limen.ms_ssim_gradient`. Nothing of what is returned carries a gradient itself."""
    return _gradients(_gradient_ops.ms_ssim_with_gradient, *_arguments(x, y, **options))


def l1_ssim_loss(x: Any, y: Any, *, weight: float, **options: Any) -> Tensor:
    """The mean absolute error and 1 - `limen.ssim`, weighed."""
    arguments = _arguments(x, y, **options)
    loss: Tensor
    if on_gpu(arguments[0]):
        loss = _l1_ops.l1_ssim(*arguments, weight)
        return loss
    *_, channel_axis, reduction = arguments
    error: Tensor = _pixel_error_ops.mae(*arguments[:2], channel_axis, reduction)
    return (1 - weight) * error + weight * ssim_loss(x, y, **options)


def mse(x: Any, y: Any, *, channel_axis: ChannelAxis, reduction: Reduction) -> Any:
    """`limen.mse`, any number of times differentiable."""
    return _pixel_error_ops.mse(*_images(x, y, channel_axis, reduction), reduction)


def mae(x: Any, y: Any, *, channel_axis: ChannelAxis, reduction: Reduction) -> Any:
    """`limen.mae`; its gradient is zero where pixels are equal."""
    return _pixel_error_ops.mae(*_images(x, y, channel_axis, reduction), reduction)


def psnr(x: Any, y: Any, *, data_range: float | None, channel_axis: ChannelAxis, reduction: Reduction) -> Any:
    """`limen.psnr`; its gradient is zero where images are equal, though their ratio is infinite."""
    x, y, axis = _images(x, y, channel_axis, reduction)
    return _pixel_error_ops.psnr(x, y, resolve_data_range(data_range, x.dtype), axis, reduction)


def feature_distance(
    f0: Any, f1: Any, weight: Any, *, channel_axis: int, reduction: Reduction, return_map: bool
) -> Any:
    """`limen.feature_distance`. Score and map are float64 for float64 features, else float32."""
    f0, f1, axis = _images(f0, f1, channel_axis, reduction, ("f0", "f1"), _FEATURE_DTYPES)
    checked_axis = check_features(f0.dtype, f0.shape, axis)
    if weight is not None:
        weight = _weight(weight, f0, checked_axis)
    score, distances, _ = _feature_ops.feature_distance(
        f0, f1, weight, checked_axis, reduction, return_map, _records(f0, f1, weight)
    )
    return (score, distances) if return_map else score


def feature_distances(f0: Sequence[Any], f1: Sequence[Any], weights: Sequence[Tensor]) -> Tensor:
    """`limen.feature_distance` of layers (N, C, h, w), (N, layers); with a weight for each of them, or none at all."""
    if not f0:
        raise ValueError("features must be of a layer or more; got none")
    pairs = [
        _images(*pair, -3, "image", (f"fx[{i}]", f"fy[{i}]"), _FEATURE_DTYPES)
        for i, pair in enumerate(zip(f0, f1, strict=True))
    ]
    f0, f1 = [x for x, *_ in pairs], [y for _, y, _ in pairs]
    weights = [_weight(weight, x, 1) for weight, x in zip(weights, f0, strict=True)] if weights else []
    recorded = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (*f0, *f1, *weights))
    scores: Tensor
    scores, _ = _feature_layer_ops.feature_distances(f0, f1, weights, recorded)
    return scores


def _weight(weight: Any, features: Tensor, channel_axis: int) -> Tensor:
    """One axis of weights for the channels."""
    if isinstance(weight, (np.ndarray, Sequence)):
        weight = np.array(weight)  # PyTorch would take lists in float32, and no negative strides.
    tensor = weight if isinstance(weight, Tensor) else torch.as_tensor(weight, device=features.device)
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"weight must hold real numbers; got {tensor.dtype}")
    if tensor.device != features.device:
        raise ValueError(f"f0 and weight must be on the same device; got {features.device} and {tensor.device}")
    check_weight_shape(tensor.shape, features.shape[channel_axis])
    return tensor if tensor.ndim == 1 else tensor.reshape(-1)


def _arguments(
    x: Any,
    y: Any,
    *,
    data_range: float | None,
    channel_axis: ChannelAxis,
    convention: str | Convention,
    reduction: Reduction,
) -> tuple[Any, ...]:
    """Those of an operator, checked."""
    x, y, axis = _images(x, y, channel_axis, reduction)
    return x, y, resolve_data_range(data_range, x.dtype), to_text(convention), axis, reduction


def _images(
    x: Any,
    y: Any,
    channel_axis: ChannelAxis,
    reduction: Reduction,
    names: tuple[str, str] = ("x", "y"),
    dtypes: Sequence[torch.dtype] = _DTYPES,
) -> tuple[Tensor, Tensor, int | None]:
    """Tensors that agree, of one of the `dtypes`, and where their channels are.

    Where autocast is on, images of different floating dtypes are taken as the wider one, as PyTorch's own losses do it:
    there the network's output is of half precision and the target is not.
    """
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        raise TypeError(f"{_both(names)} must be arrays of the same kind; got {_type_name(x)} and {_type_name(y)}")
    if x.device != y.device:
        raise ValueError(f"{_both(names)} must be on the same device; got {x.device} and {y.device}")
    # A tensor on "meta" has a shape and no data, and so have its scores.
    if not (x.is_cpu or x.is_cuda or x.is_meta):
        raise ValueError(
            f"{_both(names)} are on {x.device}, for which limen has no core: it computes on the CPU and on CUDA "
            f"devices. Pass {names[0]}.cpu() and {names[1]}.cpu()"
        )
    if on_gpu(x) and not torch.compiler.is_compiling():
        cuda_core()  # which raises where there is none
    if x.dtype != y.dtype:
        if not (x.is_floating_point() and y.is_floating_point() and _autocasts(x)):
            raise TypeError(f"{_both(names)} must have the same dtype; got {x.dtype} and {y.dtype}")
        wider = torch.promote_types(x.dtype, y.dtype)
        x, y = x.to(wider), y.to(wider)
    if x.dtype not in dtypes:
        known = ", ".join([str(dtype) for dtype in dtypes])
        raise TypeError(f"{_both(names)} have dtype {x.dtype}; dtypes that have a meaning here are {known}")
    if x.shape != y.shape:
        raise ValueError(f"{_both(names)} must have the same shape; got {tuple(x.shape)} and {tuple(y.shape)}")
    _check_image(x, names[0])
    _check_image(y, names[1])
    check_reduction(reduction)
    return x, y, resolve_channel_axis(channel_axis, x.ndim)


def _check_image(image: Tensor, name: str) -> None:
    if image.layout != torch.strided:
        raise ValueError(f"{name} must be a dense tensor; got layout {image.layout}: pass {name}.to_dense()")
    if _unpack_dual(image).tangent is not None:  # which an operator would drop in silence
        raise NotImplementedError(f"{name} carries a forward-mode tangent; limen differentiates backward only")


def on_gpu(x: Tensor) -> bool:
    """Whether the CUDA core computes with it."""
    return x.is_cuda


def _both(names: tuple[str, str]) -> str:
    return " and ".join(names)


def _type_name(x: Any) -> str:
    return f"{type(x).__module__}.{type(x).__qualname__}"


def _autocasts(x: Tensor) -> bool:
    return x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)


def _wanted_along(x: Tensor, y: Tensor) -> tuple[bool, bool]:
    """Whether a gradient of each is to come along with the score: where it will be asked for, but not on a GPU."""
    if on_gpu(x) or not torch.is_grad_enabled():
        return False, False
    return x.requires_grad, y.requires_grad


def _records(f0: Tensor, f1: Tensor, weight: Tensor | None) -> bool:
    """Whether what is computed of them is recorded for going backward."""
    if not torch.is_grad_enabled():
        return False
    return f0.requires_grad or f1.requires_grad or (weight is not None and weight.requires_grad)


def _gradients(operator: Any, x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor, Tensor]:
    # Each image's own gradient, whatever the score is averaged over.
    own = float(math.prod(score_shape(x.shape, options[-2], "image"))) if options[-1] == "mean" else 1.0
    with torch.no_grad():
        score, *gradients = operator(x, y, *options, own, True, True)
        grad_x, grad_y = (gradient.to(x.dtype) if x.is_floating_point() else gradient for gradient in gradients)
    return score, grad_x, grad_y
