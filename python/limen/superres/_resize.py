"""Bicubic resizing as MATLAB's imresize does it, which papers on super-resolution degrade and compare with.

Keys, Cubic convolution interpolation for digital image processing (1981), with a = -1/2. Shrinking stretches the kernel
by the factor, so that it also filters; the image goes on beyond its edge as its mirror image.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._checks import integer

_WIDTH = 4  # Of the kernel, in pixels of the coarser of the two images.


def resize(image: NDArray[Any], *, up: int = 1, down: int = 1) -> NDArray[np.float64]:
    """The image, up / down times as high and wide, rounded up to whole pixels.

    Parameters
    ----------
    image
        (H, W) or (H, W, C), any real dtype.
    up, down
        From 1 up. Two whole numbers, as 1/3 has no float and the size of the answer would hang on its rounding.

    Returns
    -------
    (ceil(H up / down), ceil(W up / down)) or with the same channels, float64. Values may leave the range of the
    image's, and are neither clipped nor rounded.

    Raises
    ------
    TypeError, ValueError
        Naming the argument and the value found.
    """
    for name, value in (("up", up), ("down", down)):
        if integer(name, value) < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")
    image = np.asarray(image)
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"image must be (H, W) or (H, W, C) and hold pixels; got shape {image.shape}")
    rows = _resize_rows(image.astype(np.float64), up, down)
    return np.ascontiguousarray(_resize_rows(rows.swapaxes(0, 1), up, down).swapaxes(0, 1))


def _resize_rows(image: NDArray[np.float64], up: int, down: int) -> NDArray[np.float64]:
    places, weights = _taps(len(image), up, down)
    resized = np.zeros((len(places), *image.shape[1:]))
    for place, weight in zip(places.T, weights.T, strict=True):
        resized += weight.reshape(-1, *[1] * (image.ndim - 1)) * image[place]
    return resized


def _taps(length: int, up: int, down: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Which pixels of a row make each pixel of the answer, and by what weights: both (pixels, taps)."""
    stretch = max(1.0, down / up)
    centres = (np.arange(-(-length * up // down)) + 0.5) * down / up - 0.5
    first = np.floor(centres - _WIDTH * stretch / 2).astype(np.intp)
    places = first[:, None] + np.arange(ceil(_WIDTH * stretch) + 2)
    weights = _cubic((centres[:, None] - places) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    return mirrored[places % (2 * length)], weights


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
