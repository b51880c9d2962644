"""Memory for results on the CPU: `torch.empty`, but a large tensor lies where an earlier result lay that nobody has any
more (`_arrays.empty`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .. import _core
from .._arrays import LARGE


def empty(shape: Sequence[int], dtype: torch.dtype, like: Tensor) -> Tensor:
    """On the device of `like`."""
    count = math.prod(shape)
    return _kept(count, dtype).view(shape) if _may_keep(count, dtype, like) else like.new_empty(shape, dtype=dtype)


def empty_like(image: Tensor, dtype: torch.dtype) -> Tensor:
    """In the order of the image's axes in memory."""
    count = image.numel()
    if not _may_keep(count, dtype, image):
        return torch.empty_like(image, dtype=dtype)
    if image.is_contiguous():
        return _kept(count, dtype).view(image.shape)
    strides = torch.empty_like(image, dtype=dtype, device="meta").stride()
    return _kept(count, dtype).as_strided(image.shape, strides)


def _kept(count: int, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(_core.empty_bytes(count * dtype.itemsize)).view(dtype)


def _may_keep(count: int, dtype: torch.dtype, like: Tensor) -> bool:
    """Only tensors with data have memory: neither those that stand for others while code is compiled, nor a GPU's."""
    plain = type(like) in (Tensor, torch.nn.Parameter) and like.device.type == "cpu"
    return plain and count * dtype.itemsize >= LARGE
