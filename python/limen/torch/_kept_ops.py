"""MS-SSIM that keeps its coarser scales for going backward, as operators of PyTorch.

For GPUs, where gradients don't come along with the score (`_upstream_ops`): else going backward would begin with a
sweep over the images that makes them again. They take two thirds of an image in float32. On the CPU nothing is kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import _core
from .._arrays import spatial_axes
from .._axes import check_axes
from . import _upstream_ops
from ._axes import score_shape
from ._conventions import from_text
from ._gradient_ops import once, unrecorded
from ._operator import define
from ._ops import IMAGES, Options, empty_ms_ssim, in_place, score
from ._upstream_ops import GRADIENTS, SCORE, empty_gradients


def empty_state(x: Tensor, convention: str, channel_axis: int | None) -> Tensor:
    """Room for what the core keeps, or a little more: the exact sizes are its own business.

    For a data range that float32 doesn't hold it is too little, and nothing is kept; nor is it of images of several
    batch axes, which may take several calls of the core.
    """
    check_axes(x.shape, channel_axis)
    several = sum(n > 1 for n in score_shape(x.shape, channel_axis, "image")) > 1
    if several or 0 in x.shape:  # of empty images the core says what is wrong
        return x.new_empty(0, dtype=torch.uint8)
    height, width = (x.shape[axis] for axis in spatial_axes(channel_axis, x.ndim))
    planes, chosen = x.numel() // (height * width), from_text(convention)
    scales, wide = len(chosen.weights), x.dtype == torch.float64 or chosen.k1 == 0 or chosen.k2 == 0
    pixels = sum((height // 2**j + 1) * (width // 2**j + 1) for j in range(1, scales))
    # u and v of the coarser scales, means and centers in float64, each from a multiple of 256 bytes on.
    size = 2 * planes * pixels * (8 if wide else 4) + 8 * planes * (scales + 2) + 256 * (2 * scales + 3)
    return x.new_empty(size, dtype=torch.uint8)


@define("ms_ssim_kept", f"({IMAGES}) -> (Tensor, Tensor, Tensor)")
def ms_ssim_kept(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor, Tensor]:
    """`limen.ms_ssim` with its scales, and what going backward has a use for."""
    chosen = Options(*options)
    values, scales = _core.ms_ssim(in_place(x), in_place(y), *chosen.of_core())
    return score(values, x), score(scales, x), empty_state(x, chosen.convention, chosen.channel_axis).zero_()


@define("ms_ssim_kept_gradient", f"(Tensor x, Tensor y, Tensor state, Tensor upstream, {SCORE}, {GRADIENTS}")
def ms_ssim_kept_gradient(x: Tensor, y: Tensor, state: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    """Gradients of the score times `upstream`."""
    gradients: tuple[Tensor, Tensor] = _upstream_ops.ms_ssim_upstream_gradient(x, y, *rest)
    return gradients


def _fake(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor, Tensor]:
    chosen = Options(*options)
    return *empty_ms_ssim(x, y, *options), empty_state(x, chosen.convention, chosen.channel_axis)


def _fake_gradient(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    return empty_gradients(x, y, *rest[-2:])


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, y, *options = inputs
    _, scales, state = output
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(scales, state)
    ctx.save_for_backward(x, y, state)
    ctx.options = options


def _backward(ctx: Any, upstream: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    x, y, state = ctx.saved_tensors
    needed, nothing = ctx.needs_input_grad[:2], [None] * len(ctx.options)
    if upstream is None:
        return None, None, *nothing
    gradients = unrecorded(ms_ssim_kept_gradient, x, y, state, upstream, *ctx.options, *needed)
    handed_on = [once(grad, upstream, x, y) if need else None for grad, need in zip(gradients, needed, strict=True)]
    return *handed_on, *nothing


ms_ssim_kept.register_fake(_fake)
ms_ssim_kept.register_autograd(_backward, setup_context=_keep)
ms_ssim_kept_gradient.register_fake(_fake_gradient)
