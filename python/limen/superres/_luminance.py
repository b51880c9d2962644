"""What super-resolution sees of an image: its luminance, and what is left of it after it was shrunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2ycbcr

from ._resize import resize

SCALES = (2, 3, 4)


@dataclass(frozen=True)
class Pair:
    """An image and what bicubic interpolation makes of it after it was shrunk: (H, W) float32, 0 to 1.

    The bicubic image may leave that range a little.
    """

    bicubic: NDArray[np.float32]
    original: NDArray[np.float32]


def luminance(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Y of ITU-R BT.601, 16 to 235, rounded: MATLAB's rgb2ycbcr of uint8. A grey image is its own luminance.

    image: uint8, (H, W) or (H, W, 3). Returns (H, W).
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] != 3):
        raise ValueError(f"image must be uint8, (H, W) or (H, W, 3); got {image.dtype}, shape {image.shape}")
    if image.ndim == 2:
        return image
    y: NDArray[np.uint8] = np.rint(rgb2ycbcr(image)[..., 0]).astype(np.uint8)
    return y


def degrade(y: NDArray[np.uint8], scale: int) -> Pair:
    """Shrink the luminance by the scale and blow it up again, both bicubic.

    Rows and columns at the bottom and the right are cut off until the scale divides the size. The small image keeps
    its fractions, as in the SRCNN authors' code.

    Raises
    ------
    ValueError
        For another scale than 2, 3 or 4, and an image smaller than the scale.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(map(str, SCALES))}; got {scale!r}")
    height, width = (side - side % scale for side in y.shape)
    if not (height and width):
        raise ValueError(f"image must be at least {scale} x {scale} for scale {scale}; got {y.shape[0]} x {y.shape[1]}")
    original: NDArray[np.float32] = np.divide(y[:height, :width], 255, dtype=np.float32)
    return Pair(resize(resize(original, down=scale), up=scale).astype(np.float32), original)
