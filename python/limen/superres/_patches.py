"""Patches to train on: a fixed number of them, however many images they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._luminance import degrade


@dataclass(frozen=True)
class Patches:
    """Bicubic patches and what they should become: (N, 1, side, side) and (N, 1, smaller, smaller), float32, 0 to 1."""

    bicubic: Tensor
    original: Tensor

    def __len__(self) -> int:
        return len(self.bicubic)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.bicubic[index], self.original[index]


def cut(
    images: Sequence[NDArray[np.uint8]], *, scale: int, side: int, margin: int, count: int, seed: int = 0
) -> Patches:
    """Patches from random places, as many from each image as from the others, one more from the first ones.

    Images are degraded whole before they are cut, so that no patch sees the mirror at its own edge.

    Parameters
    ----------
    images
        Luminances (H, W), which a patch must fit into after the scale has divided them.
    side, margin
        Of what the network sees, and how much it loses on every side.
    count
        Patches altogether, at least one an image.
    seed
        Equal seeds give equal patches.

    Raises
    ------
    ValueError
        For a scale that isn't one, a patch that the network leaves nothing of, an image too small for a patch, and no
        images.
    """
    if side <= 2 * margin:
        raise ValueError(
            f"patch side must be at least {2 * margin + 1}, of which this network leaves a pixel; got {side}"
        )
    if not images:
        raise ValueError("images must hold at least one image; got none")
    if count < len(images):
        raise ValueError(f"count must be at least one patch for each of {len(images)} images; got {count}")
    random = np.random.default_rng(seed)
    smaller = side - 2 * margin
    bicubic = np.empty((count, 1, side, side), np.float32)
    original = np.empty((count, 1, smaller, smaller), np.float32)
    start = 0
    for number, image in enumerate(images):
        pair = degrade(image, scale)
        height, width = pair.original.shape
        if min(height, width) < side:
            raise ValueError(
                f"image {number} must hold a patch of {side} x {side}; got {height} x {width} in whole pixels of scale {scale}"
            )
        stop = start + count // len(images) + (number < count % len(images))
        tops = random.integers(0, height - side + 1, stop - start)
        lefts = random.integers(0, width - side + 1, stop - start)
        for place, top, left in zip(range(start, stop), tops, lefts, strict=True):
            bicubic[place] = pair.bicubic[top : top + side, left : left + side]
            inner = np.s_[top + margin : top + side - margin, left + margin : left + side - margin]
            original[place] = pair.original[inner]
        start = stop
    return Patches(torch.from_numpy(bicubic), torch.from_numpy(original))
