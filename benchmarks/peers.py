"""The libraries that limen is timed against, each called as its users call it.

They take PyTorch tensors (batch, C, H, W) in [0, 1] and return the mean score of the batch. OpenCV has no SSIM: what it
is timed for lies in opencv.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import limen
from peers import library

Score = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Peer:
    """A library, and the convention by which limen computes the same number to within `tolerance`."""

    convention: str | limen.Convention
    ssim: Score
    ms_ssim: Score | None = None
    differentiable: bool = True
    any_values: bool = True
    tolerance: float = 1e-5


def _scikit_image(x: Any, y: Any) -> float:
    similarity = library("skimage.metrics").structural_similarity
    pairs = list(zip(x.numpy(), y.numpy(), strict=True))
    scores = [similarity(*pair, data_range=1.0, channel_axis=0, gaussian_weights=True) for pair in pairs]
    return float(sum(scores) / len(scores))


def _torchmetrics(name: str) -> Score:
    return lambda x, y: getattr(library("torchmetrics.functional.image"), name)(x, y, data_range=1.0)


PEERS = {
    "pytorch-msssim": Peer(
        "pytorch-msssim",
        ssim=lambda x, y: library("pytorch_msssim").ssim(x, y, data_range=1.0),
        ms_ssim=lambda x, y: library("pytorch_msssim").ms_ssim(x, y, data_range=1.0),
    ),
    # Left to itself its SSIM shrinks images first: of 1080 x 1920 a sixteenth of the pixels would be scored.
    "piq": Peer(
        dataclasses.replace(limen.conventions["piq"], auto_downsample=False),
        ssim=lambda x, y: library("piq").ssim(x, y, downsample=False),
        ms_ssim=lambda x, y: library("piq").multi_scale_ssim(x, y),
        any_values=False,
        tolerance=2e-5,
    ),
    "torchmetrics": Peer(
        "torchmetrics",
        ssim=_torchmetrics("structural_similarity_index_measure"),
        ms_ssim=_torchmetrics("multiscale_structural_similarity_index_measure"),
    ),
    # Its MS_SSIMLoss is another metric.
    "kornia": Peer("kornia", ssim=lambda x, y: library("kornia.metrics").ssim(x, y, window_size=11).mean()),
    "scikit-image": Peer("scikit-image-gaussian", ssim=_scikit_image, differentiable=False),
}

MAIN_PEER = "pytorch-msssim"
"""The library that most of the aims are set against, and which is therefore timed longest."""
