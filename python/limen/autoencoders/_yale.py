"""Faces under known light: folders as of Extended Yale B (Georghiades et al. 2001, Lee et al. 2005)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ._image_files import ImageError, read_grey
from ._image_sets import ImageSet, Splits

# yaleB01_P00A+035E-20.pgm: subject 1, pose 0, light 35 degrees to the side and 20 below.
_NAME = re.compile(r"yaleB(\d+)_P(\d+)A([+-]\d{3})E([+-]\d{2})\.pgm", re.IGNORECASE)


@dataclass(frozen=True)
class Faces:
    """Faces and what is known of each.

    images: uint8 (N, 1, H, W). subjects: whose face, (N,). azimuths, elevations: of the light in degrees, float64 (N,).
    names: of the files. skipped: why files were left out, one line each.
    """

    images: NDArray[np.uint8]
    subjects: NDArray[np.int64]
    azimuths: NDArray[np.float64]
    elevations: NDArray[np.float64]
    names: Sequence[str]
    skipped: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.images)


def is_yale(folder: Path) -> bool:
    """Whether any file in the folder is called like a face of Extended Yale B."""
    return any(_NAME.fullmatch(path.name) for path in folder.rglob("*.pgm"))


def read_yale(folder: Path, side: int = 48) -> Faces:
    """The faces in a folder and the folders in it, shrunk by area to `side` x `side` whatever their proportions.

    Everything known of a face is in its file's name. Files with other names (such as `*_Ambient.pgm`, where no lamp is
    on, and `*.pgm.bad`) are no faces under known light and are passed over; broken ones are skipped and told.
    Declared choice: 48 pixels; the released crops have 192 x 168.

    Raises
    ------
    ValueError
        If no file in the folder is one.
    """
    rows, skipped = [], []
    for path in sorted(folder.rglob("*.pgm")):
        if found := _NAME.fullmatch(path.name):
            try:
                rows.append((_shrunk(path, side), *map(int, found.group(1, 3, 4)), path.name))
            except ImageError as error:
                skipped.append(str(error))
    if not rows:
        raise ValueError(
            f"{folder} has no readable face of Extended Yale B, such as yaleB01_P00A+000E+00.pgm"
            + (f": {skipped[0]}" if skipped else "")
        )
    images, subjects, azimuths, elevations, names = zip(*rows, strict=True)
    return Faces(
        np.stack(images)[:, None],
        np.array(subjects),
        np.array(azimuths, np.float64),
        np.array(elevations, np.float64),
        names,
        skipped,
    )


def face_splits(faces: Faces, source: str, seed: int) -> Splits:
    """Faces for autoencoders: three fifths for training, a fifth each for validation and test, by a seeded draw."""
    if len(faces) < 5:
        raise ValueError(f"at least 5 faces are needed for training, validation and test; got {len(faces)}")
    order = np.random.default_rng(seed).permutation(len(faces))
    fifth = len(faces) // 5
    parts = order[2 * fifth :], order[:fifth], order[fifth : 2 * fifth]
    train, validation, test = (
        ImageSet(faces.images[part], np.arange(len(part)), [faces.names[i] for i in part]) for part in parts
    )
    return Splits(train, validation, test, source, faces.skipped)


def _shrunk(path: Path, side: int) -> NDArray[np.uint8]:
    image = read_grey(path)
    if min(image.shape) < side:
        raise ImageError(f"{path}: {image.shape[0]} x {image.shape[1]} is smaller than {side} x {side} pixels")
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX))
