"""The distance of features and its gradient as operators of PyTorch.

A forward pass that is recorded keeps a few numbers of every position; the backward pass then reads each feature once.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .. import _core
from .._arrays import spatial_axes
from ._axes import score_dtype, score_shape
from ._gradient_ops import empty_gradient, once, unrecorded
from ._operator import define
from ._ops import empty_score, in_place, score

STATE = _core.feature_state_size


def empty_numbers(f0: Tensor, channel_axis: int, channels: list[int], needed: bool) -> Tensor:
    """Room for numbers of every position, (batch..., *channels, height, width); none where they aren't needed."""
    if not needed:
        return f0.new_empty(0, dtype=score_dtype(f0.dtype))
    shape = f0.shape
    row, column = spatial_axes(channel_axis, len(shape))
    room = [*score_shape(shape, channel_axis, "image"), *channels, shape[row], shape[column]]
    return f0.new_empty(room, dtype=score_dtype(f0.dtype))


def as_features(numbers: Tensor, channel_axis: int) -> Tensor:
    """A view of (batch..., channels, height, width) with its channels where those of the features are."""
    if channel_axis in (-3, numbers.ndim - 3):
        return numbers
    return numbers.movedim(-3, channel_axis)


def of_core(weight: Tensor | None) -> Any:
    if weight is None:
        return None
    if weight.dtype not in (torch.float32, torch.float64) or not weight.is_contiguous():
        weight = weight.to(torch.float64).contiguous()
    return in_place(weight)


def kept(reduction: str) -> str:
    """There are no channels that "none" could keep."""
    return "image" if reduction == "none" else reduction


@define(
    "feature_distance",
    "(Tensor f0, Tensor f1, Tensor? weight, int channel_axis, str reduction, bool need_map, bool need_state)"
    " -> (Tensor, Tensor, Tensor)",
)
def feature_distance(
    f0: Tensor, f1: Tensor, weight: Tensor | None, channel_axis: int, reduction: str, need_map: bool, need_state: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """`limen.feature_distance`, its map, and what going backward needs."""
    map_ = empty_numbers(f0, channel_axis, [1], need_map)
    state = empty_numbers(f0, channel_axis, [STATE], need_state)
    values = _core.feature_distance(
        in_place(f0),
        in_place(f1),
        of_core(weight),
        channel_axis,
        reduction,
        in_place(as_features(map_, channel_axis)) if need_map else None,
        in_place(as_features(state, channel_axis)) if need_state else None,
    )
    return score(values, f0), map_.squeeze(-3) if need_map else map_, state


def _fake_distance(
    f0: Tensor, f1: Tensor, weight: Tensor | None, channel_axis: int, reduction: str, need_map: bool, need_state: bool
) -> tuple[Tensor, Tensor, Tensor]:
    return (
        empty_score(f0, channel_axis, kept(reduction)),
        empty_numbers(f0, channel_axis, [], need_map),
        empty_numbers(f0, channel_axis, [STATE], need_state),
    )


@define(
    "feature_distance_gradient",
    "(Tensor f0, Tensor f1, Tensor? weight, Tensor state, Tensor upstream, int channel_axis,"
    " bool need_f0, bool need_f1, bool need_weight) -> (Tensor, Tensor, Tensor)",
)
def feature_distance_gradient(
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
    """Gradients of the sum over positions of `upstream`, one number for each, times their distance."""
    grad_f0 = empty_gradient(f0, need_f0, f0.dtype, keep=False)
    grad_f1 = empty_gradient(f1, need_f1, f1.dtype, keep=False)
    grad_weight = f0.new_empty(f0.shape[channel_axis] if need_weight else 0, dtype=torch.float64)
    _core.feature_distance_gradient(
        in_place(f0),
        in_place(f1),
        of_core(weight),
        channel_axis,
        in_place(as_features(state, channel_axis)),
        in_place(as_features(upstream.unsqueeze(-3), channel_axis)),
        in_place(grad_f0, need_f0),
        in_place(grad_f1, need_f1),
        in_place(grad_weight, need_weight),
    )
    return grad_f0, grad_f1, grad_weight


def _fake_gradient(f0: Tensor, f1: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    *_, channel_axis, need_f0, need_f1, need_weight = rest
    channels = f0.shape[channel_axis] if need_weight else 0
    return (
        empty_gradient(f0, need_f0, f0.dtype, keep=False),
        empty_gradient(f1, need_f1, f1.dtype, keep=False),
        f0.new_empty(channels, dtype=torch.float64),
    )


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    f0, f1, weight, channel_axis, reduction, need_map, _ = inputs
    _, map_, state = output
    ctx.mark_non_differentiable(state, *([] if need_map else [map_]))
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(f0, f1, weight, state)
    ctx.channel_axis = channel_axis
    ctx.reduction = kept(reduction)


def _backward(ctx: Any, of_score: Tensor | None, of_map: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
    f0, f1, weight, state = ctx.saved_tensors
    needed, axis = ctx.needs_input_grad[:3], ctx.channel_axis
    upstream = of_map
    if of_score is not None:
        shape = f0.shape
        batch, (row, column) = score_shape(shape, axis, "image"), spatial_axes(axis, len(shape))
        count = shape[row] * shape[column]
        each = of_score / (count * math.prod(batch) if ctx.reduction == "mean" else count)
        if each.ndim:
            each = each.reshape([*each.shape, 1, 1])
        each = each.expand([*batch, shape[row], shape[column]])
        upstream = each if upstream is None else upstream + each
    if upstream is None:
        return (None,) * 7
    grad_f0, grad_f1, grad_weight = unrecorded(
        feature_distance_gradient, f0, f1, weight, state, upstream, axis, *needed
    )
    depends_on = [tensor for tensor in (upstream, f0, f1, weight) if tensor is not None]
    return (
        once(grad_f0, *depends_on) if needed[0] else None,
        once(grad_f1, *depends_on) if needed[1] else None,
        once(grad_weight.to(weight.dtype), *depends_on) if needed[2] else None,
        *[None] * 4,
    )


feature_distance.register_fake(_fake_distance)
feature_distance.register_autograd(_backward, setup_context=_keep)
feature_distance_gradient.register_fake(_fake_gradient)
