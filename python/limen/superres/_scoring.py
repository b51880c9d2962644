"""Scores of restored images, as papers on super-resolution give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import limen

from ._luminance import degrade
from ._srcnn import SRCNN, margin

Pixels = NDArray[np.uint8]

BICUBIC = "bicubic"
CONVENTION = "wang"

# What a strip of the first layer's 64 channels takes in memory: 64 MB.
_STRIP_PIXELS = 1 << 18


@dataclass(frozen=True)
class Scores:
    """psnr in decibels, ssim and ms_ssim in the convention "wang"; None for an image too small for it."""

    psnr: float
    ssim: float | None
    ms_ssim: float | None


@dataclass(frozen=True)
class Restored:
    """One image: its luminance in whole pixels of the scale, and what each method made of it, borders cut off.

    pixels: uint8 by method, ``"bicubic"`` among them. scores: likewise.
    """

    name: str
    height: int
    width: int
    original: Pixels
    pixels: Mapping[str, Pixels]
    scores: Mapping[str, Scores]

    def without_pixels(self) -> Restored:
        """The scores alone: those of a thousand images need no room."""
        return replace(self, original=np.empty((0, 0), np.uint8), pixels={})


def restore_and_score(name: str, y: Pixels, scale: int, models: Mapping[str, SRCNN]) -> Restored:
    """Degrade a luminance (H, W), uint8, restore it by every model and by bicubic interpolation, and score.

    Values are clipped to 0 to 255 and rounded, then `scale` pixels are cut off every side, as the SRCNN authors do.

    Raises
    ------
    ValueError
        If nothing would be left of the image.
    """
    if min(y.shape) < 4 * scale:
        raise ValueError(
            f"{name}: {y.shape[0]} x {y.shape[1]} leaves too little to score at scale {scale}, which takes sides of at "
            f"least {4 * scale} pixels"
        )
    pair = degrade(y, scale)
    restored = {BICUBIC: pair.bicubic}
    for label, model in models.items():
        restored[label] = restore(model, pair.bicubic)
    original = _shaved(pair.original, scale)
    pixels = {label: _shaved(image, scale) for label, image in restored.items()}
    scores = {label: _scores(image, original) for label, image in pixels.items()}
    return Restored(name, original.shape[0], original.shape[1], original, pixels, scores)


def restore(model: SRCNN, bicubic: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the network makes of a bicubic enlargement, (H, W) float32: the same shape.

    Strip by strip with as many rows around as the filters reach, so that memory doesn't grow with the height.
    """
    height, width = bicubic.shape
    lost = margin(model.net)
    rows = max(1, _STRIP_PIXELS // width)
    image: Tensor = torch.from_numpy(bicubic)[None, None]
    strips = []
    with torch.no_grad():
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            first, last = max(0, top - lost), min(height, bottom + lost)
            strips.append(model.restore(image[:, :, first:last])[0, 0, top - first : bottom - first])
    return torch.cat(strips).numpy()


def _shaved(image: NDArray[np.float32], scale: int) -> Pixels:
    pixels: Pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)[scale:-scale, scale:-scale]
    return np.ascontiguousarray(pixels)


def _scores(image: Pixels, original: Pixels) -> Scores:
    fields = limen.conventions[CONVENTION]
    side = min(image.shape)
    return Scores(
        float(limen.psnr(image, original)),
        float(limen.ssim(image, original, convention=CONVENTION)) if side >= fields.ssim_min_side else None,
        float(limen.ms_ssim(image, original, convention=CONVENTION)) if side >= fields.ms_ssim_min_side else None,
    )
