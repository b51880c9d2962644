"""Luminances to train on and to score, from folders or from the photographs in scikit-image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..autoencoders._image_files import image_files, read_as_stored
from ._luminance import luminance

# Disjoint: what is scored was never trained on. All are in the wheel of every scikit-image that supports our Pythons.
_TRAINING = (
    "astronaut.png brick.png grass.png gravel.png hubble_deep_field.jpg ihc.png moon.png retina.jpg rocket.jpg"
).split()
_TEST = "camera.png chelsea.png coffee.png coins.png motorcycle_left.png".split()


@dataclass(frozen=True)
class Source:
    """An image by name, and how to get its luminance (H, W), uint8; what can't be read raises ValueError then."""

    name: str
    load: Callable[[], NDArray[np.uint8]]


def folder_images(folder: Path) -> list[Source]:
    """The images of a folder and the folders in it, by the paths from there.

    Raises
    ------
    ValueError
        If there is no such folder, or no image in it.
    """
    return [Source(path.relative_to(folder).as_posix(), partial(_read, path)) for path in image_files(folder)]


def training_photographs() -> list[Source]:
    """Nine photographs that come with scikit-image."""
    return _photographs(_TRAINING)


def held_out_photographs() -> list[Source]:
    """Five others."""
    return _photographs(_TEST)


def _photographs(names: Sequence[str]) -> list[Source]:
    return [Source(Path(name).stem, partial(_read_photograph, name)) for name in names]


def _read(path: Path) -> NDArray[np.uint8]:
    return luminance(read_as_stored(path))


def _read_photograph(name: str) -> NDArray[np.uint8]:
    with as_file(files("skimage.data") / name) as path:
        return _read(path)
