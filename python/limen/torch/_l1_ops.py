"""Mean absolute error and SSIM in one sweep, as an operator for GPUs; on the CPU one is computed after the other."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ._operator import define
from ._ops import IMAGES, Options, empty_score
from ._upstream_ops import GRADIENTS, SCORE, empty_gradients, sweep_again


def _refuse(*_: Any) -> Any:
    raise NotImplementedError("limen::l1_ssim is an operator for GPUs; on the CPU use limen.torch.L1SSIMLoss")


l1_ssim = define("l1_ssim", f"({IMAGES}, float weight) -> Tensor")(_refuse)
l1_ssim_upstream_gradient = define(
    "l1_ssim_upstream_gradient", f"(Tensor x, Tensor y, Tensor upstream, {SCORE}, float weight, {GRADIENTS}"
)(_refuse)


def _fake_gradients(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *_, need_x, need_y = rest
    return empty_gradients(x, y, need_x, need_y)


def _fake(x: Tensor, y: Tensor, *rest: Any) -> Tensor:
    *options, _ = rest
    _, _, channel_axis, reduction = Options(*options)
    return empty_score(x, channel_axis, reduction)


l1_ssim.register_fake(_fake)
l1_ssim_upstream_gradient.register_fake(_fake_gradients)
sweep_again(l1_ssim, l1_ssim_upstream_gradient)
