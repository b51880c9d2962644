"""Memory for results on the CPU: `torch.empty`, but a large tensor lies where an earlier result lay that nobody has any
more (`_arrays.empty`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import _core
from .._arrays import LARGE

_NUMPY: dict[torch.dtype, Any] = {
    torch.float16: np.float16,
    torch.bfloat16: np.uint16,  # which NumPy doesn't have
    torch.float32: np.float32,
    torch.float64: np.float64,
}


def empty(shape: Sequence[int], dtype: torch.dtype, like: Tensor) -> Tensor:
    """On the device of `like`."""
    size = dtype.itemsize
    for n in shape:
        size *= n
    return _kept(size, shape, dtype) if _is_large(size, like) else like.new_empty(shape, dtype=dtype)


def empty_like(image: Tensor, dtype: torch.dtype, *, keep: bool) -> Tensor:
    """In the order of the image's axes in memory.

    Without `keep` it is PyTorch's memory, in large pages: a network's features are many and large, and what was kept
    of their gradients would be missing from what the network needs itself.
    """
    size = image.numel() * dtype.itemsize
    if not _is_large(size, image):
        return torch.empty_like(image, dtype=dtype)
    if not keep:
        tensor = torch.empty_like(image, dtype=dtype)
        _core.prefer_large_pages(tensor.data_ptr(), size)
        return tensor
    # Of a dense image they are its own, also those of axes of one pixel.
    dense = image if image.is_contiguous() else torch.empty_like(image, dtype=dtype, device="meta")
    return _kept(size, image.shape, dtype, [dtype.itemsize * stride for stride in dense.stride()])


def _kept(size: int, shape: Sequence[int], dtype: torch.dtype, strides: Sequence[int] | None = None) -> Tensor:
    """`strides` in bytes."""
    tensor = torch.from_numpy(np.ndarray(shape, _NUMPY[dtype], _core.empty_bytes(size), 0, strides))
    return tensor.view(dtype) if dtype == torch.bfloat16 else tensor


def _is_large(size: int, like: Tensor) -> bool:
    """And on the CPU. Those that stand for tensors while code is compiled have no memory."""
    return size >= LARGE and type(like) in (Tensor, torch.nn.Parameter) and like.is_cpu
