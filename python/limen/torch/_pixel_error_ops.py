"""Errors pixel by pixel as operators of PyTorch. Their derivatives are made of its own, so second ones exist."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import _core
from .._arrays import spatial_axes
from ._axes import channel_axes, on_pixels, score_dtype, score_shape
from ._operator import Operator, define
from ._ops import empty_score, in_place, score

_Backward = Callable[[Tensor, Tensor, int, list[int]], Tensor]
"""Gradient of x, from x - y, the upstream gradient at every pixel, the number of pixels and the axes of one error."""


def _backward_of_mse(difference: Tensor, upstream: Tensor, count: int, axes: list[int]) -> Tensor:
    return difference * (2 * upstream / count)


def _backward_of_mae(difference: Tensor, upstream: Tensor, count: int, axes: list[int]) -> Tensor:
    return difference.sign() * (upstream / count)


def _backward_of_psnr(difference: Tensor, upstream: Tensor, count: int, axes: list[int]) -> Tensor:
    squares = difference.square().sum(axes, keepdim=True)
    # Equal images have an infinite ratio, and nowhere to go from there.
    return difference * (-20 / math.log(10) * upstream / torch.where(squares == 0, 1, squares))


def _define(name: str, options: str, core: Callable[..., Any], formula: _Backward) -> Operator:
    @define(name, f"(Tensor x, Tensor y, {options}) -> Tensor")
    def operator(x: Tensor, y: Tensor, *options: Any) -> Tensor:
        return score(core(in_place(x), in_place(y), *options), x)

    def keep_images(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, y, *options = inputs
        ctx.save_for_backward(x, y)
        ctx.options = options

    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        *_, channel_axis, reduction = ctx.options
        axes = list(spatial_axes(channel_axis, x.ndim))
        if reduction != "none":
            axes += channel_axes(x.ndim, channel_axis)
        if reduction == "mean":
            upstream = upstream / math.prod(score_shape(x.shape, channel_axis, "image"))
        upstream = on_pixels(upstream, x.ndim, channel_axis)
        dtype = score_dtype(x.dtype)
        count = math.prod(x.shape[axis] for axis in axes)
        gradient = formula(x.to(dtype) - y.to(dtype), upstream, count, axes)
        need_x, need_y, *others = ctx.needs_input_grad
        return (
            gradient.to(x.dtype) if need_x else None,
            -gradient.to(y.dtype) if need_y else None,
            *[None] * len(others),
        )

    operator.register_fake(lambda x, y, *options: empty_score(x, *options[-2:]))
    operator.register_autograd(backward, setup_context=keep_images)
    return operator


mse = _define("mse", "int? channel_axis, str reduction", _core.mse, _backward_of_mse)
mae = _define("mae", "int? channel_axis, str reduction", _core.mae, _backward_of_mae)
psnr = _define("psnr", "float data_range, int? channel_axis, str reduction", _core.psnr, _backward_of_psnr)
