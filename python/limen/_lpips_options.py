"""What LPIPS is asked for, and its images, checked alike whatever engine computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ._backbones import Backbone
from ._checks import check_reduction, number
from ._ssim import Reduction

ValueRange = tuple[float, float]

_INTEGER_RANGES = {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0)}
_DEFAULT_RANGE = (-1.0, 1.0)
# What rounding on the way to an image may add to its range, as a part of the range.
_SLACK = 1e-3


@dataclass(frozen=True)
class Options:
    """Those that have nothing to do with weights."""

    spatial: bool
    value_range: ValueRange
    reduction: Reduction
    return_layers: bool
    check_range: bool

    @classmethod
    def checked(
        cls,
        *,
        spatial: bool,
        value_range: Sequence[float],
        reduction: Reduction,
        return_layers: bool,
        check_range: bool,
    ) -> Options:
        """Raises a TypeError or ValueError that names what is wrong."""
        check_reduction(reduction)
        return cls(spatial, _checked_range(value_range), reduction, return_layers, check_range)

    def range_of(self, dtype: Any) -> ValueRange:
        """What images of this dtype call black and white: for integers nobody can mean [-1, 1]."""
        full = _INTEGER_RANGES.get(str(dtype).rpartition(".")[2])
        return full if full is not None and self.value_range == _DEFAULT_RANGE else self.value_range


def check_values(name: str, low: float, high: float, value_range: ValueRange) -> None:
    """Raise ValueError where the smallest or largest value of an image lies outside. NaN is let through."""
    black, white = value_range
    slack = _SLACK * (white - black)
    if low < black - slack or high > white + slack:
        raise ValueError(
            f"{name} has values from {low:g} to {high:g}, outside value_range=({black:g}, {white:g}); give the range "
            "that its black and white stand for, clamp it, or turn this off with check_range=False"
        )


def check_shape(name: str, shape: Sequence[int], channel_axis: int | None, table: Backbone) -> tuple[int, int]:
    """Height and width of images that a network can see.

    Raises
    ------
    ValueError
        If there are not three channels, or the images are empty or smaller than the deepest layer needs.
    """
    shape = tuple(shape)
    if len(shape) < 3 or channel_axis is None or shape[channel_axis] != 3:
        raise ValueError(
            f"{name} must have three channels, red, green and blue, as in (..., 3, H, W) or as channel_axis says; got "
            f"shape {shape} with channel_axis={channel_axis}. A grey image can be repeated three times, one with an "
            "alpha channel laid over a background"
        )
    axis = channel_axis % len(shape)
    height, width = [size for i, size in enumerate(shape) if i != axis][-2:]
    if 0 in shape:
        raise ValueError(f"{name} is empty: its shape is {shape}")
    if min(height, width) < table.min_side:
        raise ValueError(
            f"net {table.name!r} needs images of at least {table.min_side} x {table.min_side} pixels; "
            f"got {height} x {width} (height x width)"
        )
    return height, width


def _checked_range(value_range: Sequence[float]) -> ValueRange:
    try:
        low, high = value_range
    except (TypeError, ValueError):
        raise TypeError(f"value_range must be two numbers, black and white; got {value_range!r}") from None
    low, high = number("value_range", low), number("value_range", high)
    if not -float("inf") < low < high < float("inf"):
        raise ValueError(f"value_range must be finite and rising, black before white; got ({low:g}, {high:g})")
    return low, high
