"""Operators for tensors on GPUs: the CUDA core is given room for what it computes, and the stream to do it on.

Nothing here waits for the device: scores stay there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import dlpack

from .._axes import check_axes
from .._cuda_core import cuda_core
from . import (
    _feature_layer_ops,
    _feature_ops,
    _gradient_ops,
    _kept_ops,
    _l1_ops,
    _map_ops,
    _ops,
    _pixel_error_ops,
    _upstream_ops,
)
from ._axes import score_dtype, score_shape, unaveraged
from ._conventions import native
from ._operator import Operator
from ._ops import Options

_dlpack: Any = dlpack
_capsule: Callable[[Tensor], Any] = _dlpack.to_dlpack
# As Triton asks for it; `torch.cuda.current_stream` makes an object each time.
_raw_stream: Callable[[int], int] | None = getattr(torch._C, "_cuda_getCurrentRawStream", None)


def _stream(x: Tensor) -> int:
    """The handle of the current stream of the tensor's device."""
    index = x.get_device()
    return torch.cuda.current_stream(index).cuda_stream if _raw_stream is None else _raw_stream(index)


def _elsewhere(x: Tensor) -> bool:
    """Whether the tensor's device is not the current one."""
    return x.get_device() != torch.cuda.current_device()


def _start(function: str, x: Tensor, y: Tensor, *arguments: Any) -> None:
    """Puts the work of a function of the core on the current stream; its device is the current one meanwhile.

    The core gets capsules of DLPack: to ask a tensor for one by `__dlpack__` takes ten times as long.
    """

    def allocate(size: int) -> Any:
        return _capsule(x.new_empty(size, dtype=torch.uint8))

    started = getattr(cuda_core(), function)
    arrays = [_capsule(a) if isinstance(a, Tensor) else a for a in (x, y, *arguments)]
    if _elsewhere(x):
        with torch.cuda.device(x.device):
            started(*arrays, allocate, _stream(x))
    else:
        started(*arrays, allocate, _stream(x))


def _scores(x: Tensor, channel_axis: int | None, reduction: str) -> Tensor:
    """Room for every score that is not a mean of others."""
    shape = x.shape
    check_axes(shape, channel_axis)
    # The mean of one score is that score.
    room = score_shape(shape, channel_axis, unaveraged(reduction))
    return x.new_empty([] if reduction == "mean" and math.prod(room) == 1 else room, dtype=score_dtype(x.dtype))


def _reduced(scores: Tensor, reduction: str) -> Tensor:
    return scores.mean() if reduction == "mean" and scores.ndim else scores


def _of_core(options: Options) -> tuple[Any, ...]:
    convention, data_range, channel_axis, reduction = options.of_core()
    return convention, data_range, channel_axis, unaveraged(reduction)


def _ssim(x: Tensor, y: Tensor, *options: Any) -> Tensor:
    chosen = Options(*options)
    scores = _scores(x, chosen.channel_axis, chosen.reduction)
    _start("ssim", x, y, *_of_core(chosen), scores, None)
    return _reduced(scores, chosen.reduction)


def _ssim_map(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    chosen = Options(*options)
    scores = _scores(x, chosen.channel_axis, chosen.reduction)
    map_ = _map_ops.empty_map(x, chosen.convention, chosen.channel_axis)
    _start("ssim", x, y, *_of_core(chosen), scores, map_)
    return _reduced(scores, chosen.reduction), map_


def _ms_ssim(x: Tensor, y: Tensor, *options: Any, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    chosen = Options(*options)
    scores = _scores(x, chosen.channel_axis, chosen.reduction)
    # Every image has scales, even where their scores are averaged.
    each = score_shape(x.shape, chosen.channel_axis, unaveraged(chosen.reduction))
    scales = scores.new_empty([*each, native(chosen.convention).scales])
    _start("ms_ssim", x, y, *_of_core(chosen), scores, scales, state)
    return _reduced(scores, chosen.reduction), scales


def _ms_ssim_kept(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor, Tensor]:
    chosen = Options(*options)
    state = _kept_ops.empty_state(x, chosen.convention, chosen.channel_axis)
    return *_ms_ssim(x, y, *options, state=state), state


def _l1_ssim(x: Tensor, y: Tensor, *rest: Any) -> Tensor:
    *options, weight = rest
    chosen = Options(*options)
    scores = _scores(x, chosen.channel_axis, chosen.reduction)
    convention, data_range, *where = _of_core(chosen)
    _start("l1_ssim", x, y, convention, data_range, weight, *where, scores)
    return _reduced(scores, chosen.reduction)


def _ssim_weighted_gradient(x: Tensor, y: Tensor, weight: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    data_range, convention, channel_axis, need_x, need_y = rest
    grads = _upstream_ops.empty_gradients(x, y, need_x, need_y)
    filled = (grads[0] if need_x else None, grads[1] if need_y else None)
    options = native(convention), data_range, channel_axis, "image"
    _start("ssim_gradient", x, y, *options, None, *filled, weight, None, 1.0)
    return grads


def _upstream_gradient(
    function: str, takes_map_weights: bool = False, takes_state: bool = False
) -> Callable[..., tuple[Tensor, Tensor]]:
    def kernel(
        x: Tensor, y: Tensor, upstream: Tensor, *rest: Any, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        data_range, convention, channel_axis, reduction, *more, need_x, need_y = rest
        chosen = Options(data_range, convention, channel_axis, reduction)
        shape = score_shape(x.shape, channel_axis, unaveraged(reduction))
        count = math.prod(shape)
        # One number for every score, side by side.
        if upstream.dtype != score_dtype(x.dtype):
            upstream = upstream.to(score_dtype(x.dtype))
        upstream = (upstream if upstream.numel() == count else upstream.expand(shape)).contiguous()
        factor = 1 / count if reduction == "mean" else 1.0
        grads = _upstream_ops.empty_gradients(x, y, need_x, need_y)
        filled = (grads[0] if need_x else None, grads[1] if need_y else None)
        convention, data_range, *where = _of_core(chosen)
        no_weights = (None,) if takes_map_weights else ()
        kept = (state,) if takes_state else ()
        arguments = convention, data_range, *more, *where, None, *filled, *no_weights, upstream, factor, *kept
        _start(function, x, y, *arguments)
        return grads

    return kernel


_ms_ssim_upstream_gradient = _upstream_gradient("ms_ssim_gradient", takes_state=True)


def _ms_ssim_kept_gradient(x: Tensor, y: Tensor, state: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    return _ms_ssim_upstream_gradient(x, y, *rest, state=state)


def _with_gradient(
    function: str, takes_map_weights: bool = False, takes_state: bool = False
) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    def kernel(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
        *options, expected, need_x, need_y = rest
        chosen = Options(*options)
        scores = _scores(x, chosen.channel_axis, chosen.reduction)
        grads = _gradient_ops.empty_float_gradients(x, y, need_x, need_y)
        filled = (grads[0] if need_x else None, grads[1] if need_y else None)
        no_weights = (None,) if takes_map_weights else ()
        factor = expected / _gradient_ops.images_averaged(x, chosen)
        no_state = (None,) if takes_state else ()
        _start(function, x, y, *_of_core(chosen), scores, *filled, *no_weights, None, factor, *no_state)
        return _reduced(scores, chosen.reduction), *grads

    return kernel


def _pixel_error(function: str) -> Callable[..., Tensor]:
    def kernel(x: Tensor, y: Tensor, *options: Any) -> Tensor:
        *data_range, channel_axis, reduction = options
        scores = _scores(x, channel_axis, reduction)
        _start(function, x, y, *data_range, channel_axis, unaveraged(reduction), scores)
        return _reduced(scores, reduction)

    return kernel


def _feature_weight(weight: Tensor | None, f0: Tensor) -> Tensor | None:
    """In float64 or float32, as the core takes it."""
    if weight is None:
        return None
    dtype = torch.float64 if torch.float64 in (weight.dtype, f0.dtype) else torch.float32
    return (weight if weight.dtype == dtype else weight.to(dtype)).contiguous()


def _feature_distance(
    f0: Tensor, f1: Tensor, weight: Tensor | None, channel_axis: int, reduction: str, need_map: bool, need_state: bool
) -> tuple[Tensor, Tensor, Tensor]:
    kept = _feature_ops.kept(reduction)
    scores = _scores(f0, channel_axis, kept)
    map_ = _feature_ops.empty_numbers(f0, channel_axis, [1], need_map)
    state = _feature_ops.empty_numbers(f0, channel_axis, [_feature_ops.STATE], need_state)
    filled = (
        _feature_ops.as_features(map_, channel_axis) if need_map else None,
        _feature_ops.as_features(state, channel_axis) if need_state else None,
    )
    _start("feature_distance", f0, f1, _feature_weight(weight, f0), channel_axis, scores, *filled)
    return _reduced(scores, kept), map_.squeeze(-3) if need_map else map_, state


def _feature_distance_gradient(
    f0: Tensor,
    f1: Tensor,
    weight: Tensor | None,
    state: Tensor,
    upstream: Tensor,
    channel_axis: int,
    need_f0: bool,
    need_f1: bool,
    need_weight: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    grad_f0, grad_f1 = (_gradient_ops.empty_gradient(f, need, f.dtype) for f, need in ((f0, need_f0), (f1, need_f1)))
    # Batch axes that no single stride describes take several calls of the core, each of which has its own sum.
    rows = 1 if f0.ndim <= 4 or not need_weight else math.prod(score_shape(f0.shape, channel_axis, "image"))
    grad_weight = f0.new_zeros([rows, f0.shape[channel_axis]] if need_weight else [0], dtype=torch.float64)
    _start(
        "feature_distance_gradient",
        f0,
        f1,
        _feature_weight(weight, f0),
        channel_axis,
        _feature_ops.as_features(state, channel_axis),
        _feature_ops.as_features(upstream.unsqueeze(-3), channel_axis),
        grad_f0 if need_f0 else None,
        grad_f1 if need_f1 else None,
        grad_weight if need_weight else None,
    )
    if need_weight:
        grad_weight = grad_weight[0] if rows == 1 else grad_weight.sum(0)
    return grad_f0, grad_f1, grad_weight


def _feature_distances(
    f0: Sequence[Tensor], f1: Sequence[Tensor], weights: Sequence[Tensor], need_state: bool
) -> tuple[Tensor, Tensor]:
    state = _feature_layer_ops.empty_state(f0, need_state)
    none: list[Tensor | None] = [None] * len(f0)
    states = _feature_layer_ops.states_of(state, f0) if need_state else none
    scores = [_scores(f, 1, "image") for f in f0]
    for a, b, weight, score, kept in zip(f0, f1, weights or none, scores, states, strict=True):
        _start("feature_distance", a, b, _feature_weight(weight, a), 1, score, None, kept)
    return torch.stack([_reduced(score, "image") for score in scores], -1), state


def _feature_distance_gradients(
    f0: Sequence[Tensor],
    f1: Sequence[Tensor],
    weights: Sequence[Tensor],
    state: Tensor,
    upstream: Tensor,
    *needed: bool,
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    gradients = []
    none: list[Tensor | None] = [None] * len(f0)
    states, columns = _feature_layer_ops.states_of(state, f0), upstream.unbind(-1)
    for a, b, weight, kept, column in zip(f0, f1, weights or none, states, columns, strict=True):
        factors = (column / (a.shape[2] * a.shape[3]))[:, None, None].expand(-1, *a.shape[2:])
        gradients.append(_feature_distance_gradient(a, b, weight, kept, factors, 1, *needed))
    grad_f0, grad_f1, grad_weights = zip(*gradients, strict=True)
    need_f0, need_f1, _ = needed
    return list(grad_f0) if need_f0 else [], list(grad_f1) if need_f1 else [], torch.cat(grad_weights)


KERNELS: dict[Operator, Callable[..., Any]] = {
    _ops.ssim: _ssim,
    _ops.ms_ssim: _ms_ssim,
    _map_ops.ssim_map: _ssim_map,
    _map_ops.ssim_weighted_gradient: _ssim_weighted_gradient,
    _gradient_ops.ssim_with_gradient: _with_gradient("ssim_gradient", takes_map_weights=True),
    _gradient_ops.ms_ssim_with_gradient: _with_gradient("ms_ssim_gradient", takes_state=True),
    _upstream_ops.ssim_upstream_gradient: _upstream_gradient("ssim_gradient", takes_map_weights=True),
    _upstream_ops.ms_ssim_upstream_gradient: _ms_ssim_upstream_gradient,
    _kept_ops.ms_ssim_kept: _ms_ssim_kept,
    _kept_ops.ms_ssim_kept_gradient: _ms_ssim_kept_gradient,
    _feature_ops.feature_distance: _feature_distance,
    _feature_ops.feature_distance_gradient: _feature_distance_gradient,
    _feature_layer_ops.feature_distances: _feature_distances,
    _feature_layer_ops.feature_distance_gradients: _feature_distance_gradients,
    _l1_ops.l1_ssim: _l1_ssim,
    _l1_ops.l1_ssim_upstream_gradient: _upstream_gradient("l1_ssim_gradient"),
    _pixel_error_ops.mse: _pixel_error("mse"),
    _pixel_error_ops.mae: _pixel_error("mae"),
    _pixel_error_ops.psnr: _pixel_error("psnr"),
}


def register(device: str) -> None:
    """Makes these the operators' kernels for tensors on such devices."""
    for operator, kernel in KERNELS.items():
        operator.register_kernel(device, kernel)


register("cuda")
