"""Axes and dtypes of scores, as tensors have them."""

from __future__ import annotations

import torch
from torch import Tensor

from .._arrays import spatial_axes
from .._axes import batch_axes, channel_axes, score_shape, unaveraged

__all__ = ["batch_axes", "channel_axes", "on_pixels", "score_dtype", "score_shape", "unaveraged"]


def score_dtype(dtype: torch.dtype) -> torch.dtype:
    """Of scores and maps: float64 for float64 images, else float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def on_pixels(score: Tensor, ndim: int, channel_axis: int | None) -> Tensor:
    """A view of scores, whatever their reduction, that broadcasts against the `ndim` axes of their images."""
    if not score.ndim:
        return score
    order = [
        *batch_axes(ndim, channel_axis),
        *channel_axes(ndim, channel_axis),
        *spatial_axes(channel_axis, ndim),
    ]
    score = score.reshape([*score.shape, *[1] * (ndim - score.ndim)])
    return score.permute([order.index(axis) for axis in range(ndim)])
