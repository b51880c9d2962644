"""The metrics that the command line knows: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import limen

Image = NDArray[Any]


@dataclass(frozen=True)
class Metric:
    """One metric of the command line.

    score: called with (x, y, convention), two images of one shape (H, W) or (H, W, C) and one dtype, uint8 or uint16.
    net: instead of that, the network of LPIPS, which scores pairs in batches.
    """

    name: str
    description: str
    higher_is_better: bool
    decimals: int
    uses_convention: bool
    score: Callable[[Image, Image, str], float] | None = None
    net: str | None = None


def data_range(image: Image) -> int:
    """The span between the darkest and the brightest value that the image's dtype can hold."""
    return int(np.iinfo(image.dtype).max)


def channel_axis(image: Image) -> int | None:
    """Where a decoded image has its channels: last, or nowhere when it is grey."""
    return None if image.ndim == 2 else -1


def _ssim(x: Image, y: Image, convention: str) -> float:
    return float(limen.ssim(x, y, data_range=data_range(x), channel_axis=channel_axis(x), convention=convention))


def _ms_ssim(x: Image, y: Image, convention: str) -> float:
    return float(limen.ms_ssim(x, y, data_range=data_range(x), channel_axis=channel_axis(x), convention=convention))


def _psnr(x: Image, y: Image, convention: str) -> float:
    return float(limen.psnr(x, y, data_range=data_range(x), channel_axis=channel_axis(x)))


def _mse(x: Image, y: Image, convention: str) -> float:
    return float(limen.mse(x, y, channel_axis=channel_axis(x)))


def _lpips(net: str, pictured: str) -> Metric:
    return Metric(f"lpips-{net}", f"LPIPS by {pictured}, 0 for equal images", False, 4, False, net=net)


def _mae(x: Image, y: Image, convention: str) -> float:
    return float(limen.mae(x, y, channel_axis=channel_axis(x)))


METRICS = {
    metric.name: metric
    for metric in (
        Metric("ssim", "structural similarity, 1 for equal images", True, 6, True, _ssim),
        Metric("ms-ssim", "multi-scale structural similarity, 1 for equal images", True, 6, True, _ms_ssim),
        Metric("psnr", "peak signal-to-noise ratio in decibels, infinite for equal images", True, 3, False, _psnr),
        Metric("mse", "mean squared error, 0 for equal images", False, 3, False, _mse),
        Metric("mae", "mean absolute error, 0 for equal images", False, 3, False, _mae),
        _lpips("alex", "AlexNet"),
        _lpips("vgg", "VGG-16"),
        _lpips("squeeze", "SqueezeNet 1.1"),
    )
}
