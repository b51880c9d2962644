"""The operators of SSIM and MS-SSIM that are differentiated.

A score comes with its gradients, from one sweep over the images, made for the upstream gradient that is to be expected
(1, or -1 in a loss): going backward then hands them on, or multiplies them where the upstream is another. Those of
half-precision images are kept in float32 until then: a pixel's share in the mean of a large image is less than float16
can hold, however much the loss is scaled up afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import _core
from . import _memory
from ._axes import on_pixels, score_dtype, score_shape
from ._operator import Operator, define
from ._ops import IMAGES, Options, empty_score, in_place, score


class _Once(torch.autograd.Function):
    """A gradient that can't be differentiated with respect to anything it depends on."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, *_: Tensor) -> Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Tensor:
        raise RuntimeError(
            "limen's SSIM, MS-SSIM and feature distance can't be differentiated twice, and this asks for second "
            "derivatives"
        )


def unrecorded(operator: Operator, *arguments: Any) -> Any:
    """What the operator answers, without a record of it: going backward there is one with create_graph=True alone."""
    if not torch.is_grad_enabled():
        return operator(*arguments)
    with torch.no_grad():
        return operator(*arguments)


def once(gradient: Tensor, *depends_on: Tensor) -> Tensor:
    """The gradient, such that differentiating it is an error: else its second derivatives would be zero unnoticed."""
    if not torch.is_grad_enabled():  # It is when going backward with create_graph=True alone.
        return gradient
    apply: Callable[..., Tensor] = _Once.apply
    return apply(gradient, *depends_on)


def empty_gradient(image: Tensor, needed: bool, dtype: torch.dtype, *, keep: bool = True) -> Tensor:
    """Room for a gradient, in the order of the image's axes in memory; none for one that isn't needed."""
    return _memory.empty_like(image, dtype, keep=keep) if needed else image.new_empty(0, dtype=dtype)


def empty_float_gradients(x: Tensor, y: Tensor, need_x: bool, need_y: bool) -> tuple[Tensor, Tensor]:
    """Room for the gradients that are needed, before they are multiplied by what comes from upstream."""
    dtype = score_dtype(x.dtype)
    return empty_gradient(x, need_x, dtype), empty_gradient(y, need_y, dtype)


def _define_with_gradient(name: str, core: Callable[..., Any]) -> Operator:
    @define(
        f"{name}_with_gradient", f"({IMAGES}, float expected, bool need_x, bool need_y) -> (Tensor, Tensor, Tensor)"
    )
    def operator(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
        *options, expected, need_x, need_y = rest
        chosen = Options(*options)
        grad_x, grad_y = empty_float_gradients(x, y, need_x, need_y)
        filled = {"grad_x": in_place(grad_x, need_x), "grad_y": in_place(grad_y, need_y)}
        factor = expected / images_averaged(x, chosen)
        values = core(in_place(x), in_place(y), *chosen.of_core(), **filled, factor=factor)
        return score(values, x), grad_x, grad_y

    def fake(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
        *options, _, need_x, need_y = rest
        return empty_score(x, *options[-2:]), *empty_float_gradients(x, y, need_x, need_y)

    operator.register_fake(fake)
    operator.register_autograd(_multiply, setup_context=_keep_gradients)
    return operator


def images_averaged(x: Tensor, options: Options) -> int:
    """Images that the mean is over, if a score is one."""
    return math.prod(score_shape(x.shape, options.channel_axis, "image")) if options.reduction == "mean" else 1


def _keep_gradients(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, y, *options, expected, need_x, need_y = inputs
    _, grad_x, grad_y = output
    ctx.mark_non_differentiable(grad_x, grad_y)
    ctx.set_materialize_grads(False)  # else images of zeros for these two
    ctx.save_for_backward(x, y, grad_x, grad_y)
    ctx.options = Options(*options)
    ctx.expected = expected
    ctx.needed = need_x, need_y


def _may_hand_on(upstream: Tensor, expected: float) -> bool:
    """Whether the saved gradients are right as they are, and nobody else will get them."""
    # PyTorch has no public way to ask; without this one gradients are always multiplied.
    keeps_graph = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)
    if torch.compiler.is_compiling() or type(upstream) is not Tensor or keeps_graph is None or keeps_graph():
        return False
    try:
        return upstream.item() == expected if upstream.numel() == 1 else bool((upstream == expected).all())
    except RuntimeError:  # Several upstream gradients at once: vmap can't ask for their values.
        return False


def _multiply(ctx: Any, upstream: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    if upstream is None:
        return (None,) * 9
    x, y, *gradients = ctx.saved_tensors
    if not _may_hand_on(upstream, ctx.expected):
        factor = on_pixels(upstream / ctx.expected, x.ndim, ctx.options.channel_axis)
        gradients = [
            gradient * factor if needed else gradient for gradient, needed in zip(gradients, ctx.needed, strict=True)
        ]
    handed_on = [
        once(gradient.to(x.dtype), x, y) if needed else None
        for gradient, needed in zip(gradients, ctx.needed, strict=True)
    ]
    return *handed_on, *[None] * 7


ssim_with_gradient = _define_with_gradient("ssim", _core.ssim_gradient)
ms_ssim_with_gradient = _define_with_gradient("ms_ssim", _core.ms_ssim_gradient)
