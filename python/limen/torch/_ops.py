"""SSIM and MS-SSIM as operators of PyTorch: kernels for the CPU, and shapes without data. `_cuda_kernels` has others.

The core reads and writes tensors in place, by `in_place`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .. import _core
from .._axes import check_axes
from ._axes import score_dtype, score_shape
from ._conventions import from_text, native
from ._operator import define

IMAGES = "Tensor x, Tensor y, float data_range, str convention, int? channel_axis, str reduction"


class Options(NamedTuple):
    """What the operators take beside the images: an operator's arguments are tensors, numbers and text."""

    data_range: float
    convention: str
    channel_axis: int | None
    reduction: str

    def of_core(self) -> tuple[_core.Convention, float, int | None, str]:
        """In the order of the core's arguments."""
        return native(self.convention), self.data_range, self.channel_axis, self.reduction


def in_place(tensor: Tensor, needed: bool = True) -> Any:
    """A tensor's memory as the core takes it. NumPy's view, where it has the dtype, is made sooner than DLPack's."""
    if not needed:
        return None
    if tensor.requires_grad:
        tensor = tensor.detach()  # There is neither of a tensor that requires a gradient.
    return tensor if tensor.dtype == torch.bfloat16 else tensor.numpy()


def score(values: Any, x: Tensor) -> Tensor:
    """What the core answers, as a tensor. By way of float64, from which a number that is too large becomes infinite."""
    wide = (
        torch.from_numpy(values) if isinstance(values, np.ndarray) else torch.scalar_tensor(values, dtype=torch.float64)
    )
    return wide.to(score_dtype(x.dtype))


def empty_score(x: Tensor, channel_axis: int | None, reduction: str) -> Tensor:
    """What stands for a score where there is no data."""
    check_axes(x.shape, channel_axis)
    return x.new_empty(score_shape(x.shape, channel_axis, reduction), dtype=score_dtype(x.dtype))


@define("ssim", f"({IMAGES}) -> Tensor")
def ssim(x: Tensor, y: Tensor, *options: Any) -> Tensor:
    """`limen.ssim`."""
    return score(_core.ssim(in_place(x), in_place(y), *Options(*options).of_core()), x)


@define("ms_ssim", f"({IMAGES}) -> (Tensor, Tensor)")
def ms_ssim(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    """`limen.ms_ssim` with its scales."""
    values, scales = _core.ms_ssim(in_place(x), in_place(y), *Options(*options).of_core())
    return score(values, x), score(scales, x)


def empty_ms_ssim(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    """What stands for both where there is no data."""
    _, convention, channel_axis, reduction = Options(*options)
    # Every image has scales, even where their scores are averaged.
    each = score_shape(x.shape, channel_axis, "none" if reduction == "none" else "image")
    averaged = empty_score(x, channel_axis, reduction)
    return averaged, averaged.new_empty([*each, len(from_text(convention).weights)])


ssim.register_fake(lambda x, y, *options: empty_score(x, *options[-2:]))
ms_ssim.register_fake(empty_ms_ssim)
