"""Axes of scores and of images. Sizes may be symbolic: shapes are computed where there is no data too."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .._arrays import spatial_axes


def batch_axes(ndim: int, channel_axis: int | None) -> list[int]:
    """The axes that hold neither height, width nor channels."""
    image = {*spatial_axes(channel_axis, ndim), *channel_axes(ndim, channel_axis)}
    return [axis for axis in range(ndim) if axis not in image]


def channel_axes(ndim: int, channel_axis: int | None) -> list[int]:
    """The axis of the channels, counted from the first, or none."""
    return [] if channel_axis is None else [channel_axis % ndim]


def score_shape(shape: Sequence[int], channel_axis: int | None, reduction: str) -> list[int]:
    """The batch's shape, with ``"none"`` then the channels; no axes with ``"mean"``."""
    axes = [] if reduction == "mean" else batch_axes(len(shape), channel_axis)
    if reduction == "none":
        axes += channel_axes(len(shape), channel_axis)
    return [shape[axis] for axis in axes]


def score_dtype(dtype: torch.dtype) -> torch.dtype:
    """Of scores and maps: float64 for float64 images, else float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def on_pixels(score: Tensor, ndim: int, channel_axis: int | None) -> Tensor:
    """A view of scores, whatever their reduction, that broadcasts against the `ndim` axes of their images."""
    order = [
        *batch_axes(ndim, channel_axis),
        *channel_axes(ndim, channel_axis),
        *spatial_axes(channel_axis, ndim),
    ]
    score = score.reshape([*score.shape, *[1] * (ndim - score.ndim)])
    return score.permute([order.index(axis) for axis in range(ndim)])
