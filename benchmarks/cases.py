"""What is measured: pairs of photographs, as large as the tables say."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photographs import COLOUR, distorted, photograph


@dataclass(frozen=True)
class Case:
    """A batch of colour images."""

    batch: int
    height: int
    width: int

    def __str__(self) -> str:
        if self.batch == 1:
            return f"{self.height}x{self.width}x3"
        return f"{self.batch}x3x{self.height}x{self.width}"

    @property
    def values(self) -> int:
        """Pixels times channels of one of the two batches."""
        return self.batch * 3 * self.height * self.width


CASES = (Case(1, 1080, 1920), Case(4, 512, 512))
QUICK_CASES = (Case(1, 180, 208), Case(2, 192, 192))


@functools.cache
def photographs(case: Case) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Photographs in [0, 1] and distorted ones, planar (batch, 3, height, width).

    None is as large as 1080 x 1920: they are mirrored until they fill it, which keeps the texture of a photograph.
    """
    shape = case.height, case.width
    images = [_mirrored(photograph(COLOUR[i % len(COLOUR)]), *shape) for i in range(case.batch)]
    x = np.stack(images).astype(np.float32)
    y = np.stack([distorted(image, seed=i) for i, image in enumerate(images)]).astype(np.float32)
    for image in (x, y):
        image.flags.writeable = False
    return x, y


def as_uint8(image: NDArray[Any]) -> NDArray[np.uint8]:
    """The image as a file would hold it: (batch, height, width, 3), rounded to a byte."""
    return np.ascontiguousarray(np.rint(255 * np.moveaxis(image, -3, -1)).astype(np.uint8))


def _mirrored(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    missing = [(0, max(0, side - has)) for side, has in zip((height, width), image.shape[-2:], strict=True)]
    return np.pad(image, [(0, 0), *missing], mode="symmetric")[:, :height, :width]
