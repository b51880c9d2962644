"""Gradients of scores, given what comes from upstream, as operators of PyTorch.

On a GPU a score does not bring its gradients along, as it does on the CPU (`_gradient_ops`): to see whether the
upstream gradient is the one that they were made for would be to wait for the device. Going backward sweeps over the
images once more instead, with the upstream gradient read where it lies, and only the images are kept in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .. import _core
from ._axes import on_pixels
from ._gradient_ops import empty_gradient, images_averaged, once, unrecorded
from ._operator import Operator, define
from ._ops import Options, in_place, ms_ssim, ssim

SCORE = "float data_range, str convention, int? channel_axis, str reduction"
GRADIENTS = "bool need_x, bool need_y) -> (Tensor, Tensor)"


def empty_gradients(x: Tensor, y: Tensor, need_x: bool, need_y: bool) -> tuple[Tensor, Tensor]:
    """Room for the gradients that are needed, in the images' own dtype: what comes from upstream is in them already."""
    return empty_gradient(x, need_x, x.dtype), empty_gradient(y, need_y, y.dtype)


def _fake_gradients(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *_, need_x, need_y = rest
    return empty_gradients(x, y, need_x, need_y)


def _define_gradient(name: str, core: Callable[..., Any]) -> Operator:
    @define(f"{name}_upstream_gradient", f"(Tensor x, Tensor y, Tensor upstream, {SCORE}, {GRADIENTS}")
    def operator(x: Tensor, y: Tensor, upstream: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
        *options, need_x, need_y = rest
        chosen = Options(*options)
        grads = empty_gradients(x, y, need_x, need_y)
        filled = {"grad_x": in_place(grads[0], need_x), "grad_y": in_place(grads[1], need_y)}
        core(in_place(x), in_place(y), *chosen.of_core(), **filled, factor=1 / images_averaged(x, chosen))
        factor = on_pixels(upstream, x.ndim, chosen.channel_axis)
        return (grads[0].mul_(factor) if need_x else grads[0], grads[1].mul_(factor) if need_y else grads[1])

    operator.register_fake(_fake_gradients)
    return operator


ssim_upstream_gradient = _define_gradient("ssim", _core.ssim_gradient)
ms_ssim_upstream_gradient = _define_gradient("ms_ssim", _core.ms_ssim_gradient)


def sweep_again(score: Operator, gradient: Operator) -> None:
    """Makes the operator `score` differentiable in its images, which are kept for `gradient`, called going backward.

    Its arguments are the images, the upstream gradient of the score, the score's own, and which gradients are needed.
    """

    def keep_images(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, y, *options = inputs
        ctx.set_materialize_grads(False)
        if not isinstance(output, Tensor):
            ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(x, y)
        ctx.options = options

    def backward(ctx: Any, upstream: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        (x, y), needed = ctx.saved_tensors, ctx.needs_input_grad[:2]
        nothing = [None] * len(ctx.options)
        if upstream is None:
            return None, None, *nothing
        grads = unrecorded(gradient, x, y, upstream, *ctx.options, *needed)
        once_each = [once(grad, upstream, x, y) if need else None for grad, need in zip(grads, needed, strict=True)]
        return *once_each, *nothing

    score.register_autograd(backward, setup_context=keep_images)


sweep_again(ssim, ssim_upstream_gradient)
sweep_again(ms_ssim, ms_ssim_upstream_gradient)
