"""SSIM with its map as an operator of PyTorch.

A map can't come with its gradients, which depend on what is upstream: going backward sweeps over the images again.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from .. import _core
from .._arrays import map_shape
from . import _memory
from ._axes import on_pixels, score_dtype
from ._conventions import from_text, native
from ._gradient_ops import empty_gradient, once, unrecorded
from ._operator import define
from ._ops import IMAGES, Options, empty_score, in_place, score


def empty_map(x: Tensor, convention: str, channel_axis: int | None) -> Tensor:
    """Room for the map of `x`."""
    shape = map_shape(tuple(x.shape), channel_axis, from_text(convention).map_size)
    return _memory.empty(shape, score_dtype(x.dtype), x)


@define("ssim_map", f"({IMAGES}) -> (Tensor, Tensor)")
def ssim_map(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    """`limen.ssim` with its map."""
    chosen = Options(*options)
    map_ = empty_map(x, chosen.convention, chosen.channel_axis)
    return score(_core.ssim(in_place(x), in_place(y), *chosen.of_core(), in_place(map_)), x), map_


def _fake_ssim_map(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    _, convention, channel_axis, reduction = Options(*options)
    return empty_score(x, channel_axis, reduction), empty_map(x, convention, channel_axis)


@define(
    "ssim_weighted_gradient",
    "(Tensor x, Tensor y, Tensor weight, float data_range, str convention, int? channel_axis, bool need_x, bool need_y)"
    " -> (Tensor, Tensor)",
)
def ssim_weighted_gradient(
    x: Tensor,
    y: Tensor,
    weight: Tensor,
    data_range: float,
    convention: str,
    channel_axis: int | None,
    need_x: bool,
    need_y: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients of the sum over positions of `weight` times the map."""
    grad_x, grad_y = empty_gradient(x, need_x, x.dtype), empty_gradient(y, need_y, y.dtype)
    filled = in_place(grad_x, need_x), in_place(grad_y, need_y)
    images = in_place(x), in_place(y)
    _core.ssim_gradient(*images, native(convention), data_range, channel_axis, "image", *filled, in_place(weight))
    return grad_x, grad_y


def _fake_weighted_gradient(x: Tensor, y: Tensor, weight: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *_, need_x, need_y = rest
    return empty_gradient(x, need_x, x.dtype), empty_gradient(y, need_y, y.dtype)


ssim_weighted_gradient.register_fake(_fake_weighted_gradient)


def _keep_images(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, y, *options = inputs
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(x, y)
    ctx.options = Options(*options)
    ctx.map_shape = output[1].shape


def _sweep_again(ctx: Any, of_score: Tensor | None, of_map: Tensor | None) -> tuple[Tensor | None, ...]:
    (x, y), needed = ctx.saved_tensors, ctx.needs_input_grad[:2]
    data_range, convention, channel_axis, _ = ctx.options
    weight = of_map
    if of_score is not None:
        averaged = math.prod(ctx.map_shape) // math.prod(of_score.shape)
        mean = on_pixels(of_score / averaged, x.ndim, channel_axis).expand(ctx.map_shape)
        weight = mean if weight is None else weight + mean
    if weight is None:
        return (None,) * 6
    grads = unrecorded(ssim_weighted_gradient, x, y, weight, data_range, convention, channel_axis, *needed)
    once_each = [once(grad, weight, x, y) if need else None for grad, need in zip(grads, needed, strict=True)]
    return *once_each, *[None] * 4


ssim_map.register_fake(_fake_ssim_map)
ssim_map.register_autograd(_sweep_again, setup_context=_keep_images)
