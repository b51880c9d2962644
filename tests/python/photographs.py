"""Photographs that come inside the scikit-image package, as float64 (C, H, W) in [0, 1]. Nothing is downloaded."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

GREY = ("camera", "coins", "moon")
COLOUR = ("astronaut", "coffee", "chelsea")


@functools.cache
def photograph(name: str) -> NDArray[np.float64]:
    """One of the names above; skips the test where scikit-image is missing or comes without the file."""
    file = Path(pytest.importorskip("skimage.data").__file__).with_name(f"{name}.png")
    if not file.exists():
        pytest.skip(f"this scikit-image comes without {file.name}")
    image = np.atleast_3d(pytest.importorskip("skimage.io").imread(file)).transpose(2, 0, 1) / 255
    image.flags.writeable = False
    return image


def crop(name: str, height: int, width: int) -> NDArray[np.float64]:
    """The middle of a photograph."""
    image = photograph(name)
    top, left = (image.shape[-2] - height) // 2, (image.shape[-1] - width) // 2
    return image[:, top : top + height, left : left + width]


def distorted(image: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """The photograph blurred, dimmed and noisy, in [0, 1]: luminance, contrast and structure all differ."""
    blurred = (image + np.roll(image, 1, axis=-1) + np.roll(image, 1, axis=-2)) / 3
    noise = np.random.default_rng(seed).normal(scale=0.04, size=image.shape)
    return np.clip(0.9 * blurred + 0.02 + noise, 0, 1)


def blended(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The middle of `camera`, and the same with a quarter of `coins` in it: a pair that needs no random numbers."""
    x, other = (np.rint(255 * crop(name, height, width)) for name in ("camera", "coins"))
    return x.astype(np.uint8), ((3 * x + other) // 4).astype(np.uint8)
