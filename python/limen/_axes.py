"""Axes of images and of their scores. Sizes may be symbolic: shapes are computed where there is no data too."""

from __future__ import annotations

from collections.abc import Sequence

from ._arrays import spatial_axes


def batch_axes(ndim: int, channel_axis: int | None) -> list[int]:
    """The axes that hold neither height, width nor channels."""
    image = {*spatial_axes(channel_axis, ndim), *channel_axes(ndim, channel_axis)}
    return [axis for axis in range(ndim) if axis not in image]


def channel_axes(ndim: int, channel_axis: int | None) -> list[int]:
    """The axis of the channels, counted from the first, or none."""
    return [] if channel_axis is None else [channel_axis % ndim]


def score_shape(shape: Sequence[int], channel_axis: int | None, reduction: str) -> list[int]:
    """The batch's shape, with ``"none"`` then the channels; no axes with ``"mean"``."""
    if reduction == "mean":
        return []
    if channel_axis is None:
        return [*shape[:-2]]
    channel = channel_axis % len(shape)
    batch = [*shape[:channel], *shape[channel + 1 :]][:-2]
    return [*batch, shape[channel]] if reduction == "none" else batch


def unaveraged(reduction: str) -> str:
    """The reduction whose scores ``"mean"`` is the mean of."""
    return "image" if reduction == "mean" else reduction


def check_axes(shape: Sequence[int], channel_axis: int | None) -> None:
    """For room that is made before the core sees the images.

    Raises
    ------
    ValueError
        If there are too few axes for images.
    """
    least = 2 if channel_axis is None else 3
    if len(shape) < least:
        raise ValueError(
            f"x and y must have at least {least} axes with channel_axis={channel_axis}; got shape {tuple(shape)}"
        )
