"""What reconstructions are scored by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import limen
from limen.torch import fsim

from ._image_sets import ImageSet
from ._layers import Autoencoder
from ._objectives import LPIPS, missing_weights, objective

_BATCH = 32


@dataclass(frozen=True)
class Metric:
    """A score of images (B, C, H, W) in [0, 1], one number an image."""

    name: str
    title: str
    higher_is_better: bool
    decimals: int
    score: Callable[[Tensor, Tensor], Tensor]


def _fsim(x: Tensor, y: Tensor) -> Tensor:
    return fsim(x, y, data_range=1.0, chromatic=x.shape[1] == 3)


METRICS = (
    Metric("psnr", "PSNR, dB", True, 2, lambda x, y: limen.psnr(x, y, data_range=1.0)),
    Metric("mae", "MAE", False, 4, limen.mae),
    Metric("ssim", "SSIM", True, 4, lambda x, y: limen.ssim(x, y, data_range=1.0)),
    Metric("ms-ssim", "MS-SSIM", True, 4, lambda x, y: limen.ms_ssim(x, y, data_range=1.0, convention="snell")),
    Metric("fsim", "FSIM", True, 4, _fsim),
    *(Metric(name, name.upper().replace("-", " "), False, 4, objective(name)) for name in LPIPS[:1]),
)
"""SSIM in the convention `wang`, MS-SSIM in `snell`; FSIM is FSIMc on colour images."""


def available_metrics() -> tuple[list[Metric], dict[str, str]]:
    """The metrics that can be computed here, and for the others why not."""
    reasons = {metric.name: missing_weights(metric.name) for metric in METRICS if metric.name in LPIPS}
    absent = {name: reason for name, reason in reasons.items() if reason}
    return [metric for metric in METRICS if metric.name not in absent], absent


@torch.inference_mode()
def reconstruct(model: Autoencoder, images: ImageSet) -> NDArray[np.uint8]:
    """The images after a passage through the code, rounded to uint8 (N, C, H, W), as they would be stored and seen."""
    model.eval()
    batches = [model(batch).mul(255).round_().to(torch.uint8).numpy() for batch in images.batches(_BATCH)]
    return np.concatenate(batches)


@torch.inference_mode()
def score(
    reconstructions: NDArray[np.uint8], images: ImageSet, metrics: Sequence[Metric]
) -> dict[str, NDArray[np.float64]]:
    """Scores (N,) by the metric's name."""
    decoded = ImageSet(reconstructions, images.groups, images.names)
    parts: dict[str, list[NDArray[np.float64]]] = {metric.name: [] for metric in metrics}
    for x, y in zip(decoded.batches(_BATCH), images.batches(_BATCH), strict=True):
        for metric in metrics:
            parts[metric.name].append(metric.score(x, y).double().numpy())
    return {name: np.concatenate(values) for name, values in parts.items()}
