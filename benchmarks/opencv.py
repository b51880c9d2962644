"""SSIM as it is written with OpenCV: five calls of GaussianBlur, and arithmetic between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import library

Image = NDArray[np.float32]
Blurred = NDArray[np.float64]
Slices = Callable[[Image], list[Image]]

# How a batch (N, C, H, W) goes to OpenCV, which has no batches. Planes are what it blurs one by one.
LAYOUTS: dict[str, Slices] = {
    "channels interleaved": lambda batch: [np.ascontiguousarray(image.transpose(1, 2, 0)) for image in batch],
    "plane by plane": lambda batch: [plane for image in batch for plane in image],
}


class FiveBlurs:
    """The blurs of x, y, x * x, y * y and x * y by a Gaussian of 11 x 11 and sigma 1.5, into memory that is kept.

    Calling it is only those blurs: a lower bound of the time of any SSIM on top of them.
    """

    def __init__(self, x: Image, y: Image, layout: str) -> None:
        self._slices = [piece for image in (x, y, x * x, y * y, x * y) for piece in LAYOUTS[layout](image)]
        self._blurred = [np.empty_like(piece) for piece in self._slices]
        self._blur: Any = library("cv2").GaussianBlur

    def __call__(self) -> None:
        for piece, blurred in zip(self._slices, self._blurred, strict=True):
            self._blur(piece, (11, 11), 1.5, dst=blurred)

    def ssim(self, data_range: float) -> float:
        """The score that the last call leads to, over the positions where no border is involved."""
        inner = [piece[5:-5, 5:-5].astype(np.float64) for piece in self._blurred]
        count = len(inner) // 5
        return float(np.mean([_ssim_map(*inner[i::count], data_range=data_range) for i in range(count)]))


def _ssim_map(x: Blurred, y: Blurred, xx: Blurred, yy: Blurred, xy: Blurred, *, data_range: float) -> Blurred:
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * x * y + c1) / (x * x + y * y + c1)
    return luminance * (2 * (xy - x * y) + c2) / (xx - x * x + yy - y * y + c2)
