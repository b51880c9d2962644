"""Images in memory, and how they are brought into the shape that a network takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ._layers import Shape

# ITU-R BT.601, as Pillow's grey.
_LUMA = (0.299, 0.587, 0.114)
_AT_A_TIME = 1024


@dataclass(frozen=True)
class ImageSet:
    """Images of one shape.

    pixels: uint8 (N, C, H, W), in memory or mapped into it. groups: for each image the number of the photograph it was
    cut from, an index into `names`; images of one photograph resemble each other, and intervals have to know.
    """

    pixels: NDArray[np.uint8]
    groups: NDArray[np.int64]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitems__(self, indices: Sequence[int]) -> Tensor:
        # PyTorch's loader asks for a whole batch at a time where there is this.
        return torch.from_numpy(np.ascontiguousarray(self.pixels[np.asarray(indices)]))

    def __getitem__(self, index: int) -> Tensor:
        return self.__getitems__([index])[0]

    def batches(self, size: int) -> Any:
        """All images in order, as float32 tensors (B, C, H, W) in [0, 1]."""
        for start in range(0, len(self), size):
            yield to_unit(self.__getitems__(range(start, min(start + size, len(self)))))

    def name_of(self, index: int) -> str:
        """The name of the photograph that an image was cut from."""
        return self.names[int(self.groups[index])]


@dataclass(frozen=True)
class Splits:
    """Images for training, for validation and for the test, and why images were left out, one line each."""

    train: ImageSet
    validation: ImageSet
    test: ImageSet
    source: str
    skipped: Sequence[str] = field(default=())

    def adapted(self, shape: Shape) -> Splits:
        """The same for a network that takes images of `shape`."""
        train, validation, test = (adapted(one, shape) for one in (self.train, self.validation, self.test))
        return replace(self, train=train, validation=validation, test=test)


def each_its_own(pixels: NDArray[np.uint8], name: str) -> ImageSet:
    """A set of unrelated images, called by `name` and their number."""
    return ImageSet(pixels, np.arange(len(pixels)), _Numbered(name, len(pixels)))


def to_unit(images: Tensor) -> Tensor:
    """uint8 as float32 in [0, 1]."""
    return images.to(torch.float32).div_(255)


def adapted(images: ImageSet, shape: Shape) -> ImageSet:
    """The images in that shape: colour turns grey by its luma, grey is repeated, larger images are shrunk.

    A pixel of the smaller image is the mean of all that it touches, as in PyTorch's interpolation by area: those at its
    rim count in full.

    Raises
    ------
    ValueError
        If the images are smaller than the shape: pixels are never made up.
    """
    if images.pixels.shape[1:] == shape:
        return images
    height, width = images.pixels.shape[2:]
    if height < shape[1] or width < shape[2]:
        raise ValueError(
            f"images of {height} x {width} are smaller than the {shape[1]} x {shape[2]} that the network takes "
            "(height x width)"
        )
    pixels = np.empty((len(images), *shape), np.uint8)
    for start in range(0, len(images), _AT_A_TIME):
        batch = images.__getitems__(range(start, min(start + _AT_A_TIME, len(images)))).to(torch.float32)
        pixels[start : start + len(batch)] = _in_shape(batch, shape).round_().to(torch.uint8).numpy()
    return replace(images, pixels=pixels)


def _in_shape(images: Tensor, shape: Shape) -> Tensor:
    if images.shape[1] == 3 and shape[0] == 1:
        images = torch.einsum("bchw,c->bhw", images, torch.tensor(_LUMA))[:, None]
    if images.shape[2:] != shape[1:]:
        images = functional.interpolate(images, shape[1:], mode="area")
    return images.expand(-1, shape[0], -1, -1).clone()


class _Numbered(Sequence[str]):
    """Names made when they are asked for: a hundred thousand need no room."""

    def __init__(self, name: str, count: int) -> None:
        self._name, self._count = name, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return f"{self._name} {index % self._count}"
