"""Photographs to make a data set from: a folder of them, or those that come with scikit-image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import ImageOps

from ..._image_files import opened
from ...distortions._kind import Pixels

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"})

# Those in colour: distortions of colour leave a grey photograph as it is. Of the stereo pair one, lest a
# scene be in both splits.
_BUILT_IN = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)

_FLAT = 3.0  # Levels of standard deviation: less is sky or a black margin, where most distortions can't be seen.
_TRIES = 20


@dataclass(frozen=True)
class Photograph:
    """An image file, and its name within the folder it was found in."""

    name: str
    path: Path

    def read(self) -> Pixels:
        """(H, W, 3) uint8, upright; grey and palettes become RGB. ValueError where the file is broken."""
        try:
            with opened(self.path) as file:
                return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
        except Exception as error:  # A malformed file makes decoders raise anything from SyntaxError to struct.error.
            raise ValueError(f"{self.path}: not a readable image ({error})") from error


def find_photographs(folder: Path | None, least: int) -> list[Photograph]:
    """The photographs in a folder and its sub-folders, in the order of their names; None: scikit-image's.

    Raises ValueError, naming the files, where one isn't an image of at least `least` pixels each way, or fewer than
    two are found.
    """
    if folder is None:
        source = Path(str(files("skimage.data")))
        photographs = [Photograph(name, source / name) for name in _BUILT_IN if (source / name).is_file()]
    else:
        if not folder.is_dir():
            raise ValueError(f"photographs must be a folder; got {folder}, which is {_what(folder)}")
        found = (path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        photographs = [Photograph(path.relative_to(folder).as_posix(), path) for path in sorted(found)]
    if len(photographs) < 2:
        raise ValueError(
            f"photographs must be two or more, for train and val; got {len(photographs)} in {folder or 'scikit-image'}"
        )
    if wrong := [fault for photograph in photographs if (fault := _fault(photograph, least))]:
        raise ValueError("; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""))
    return photographs


def _what(path: Path) -> str:
    return "a file" if path.exists() else "not there"


def _fault(photograph: Photograph, least: int) -> str | None:
    try:
        with opened(photograph.path) as file:
            size = file.size
    except Exception as error:
        return f"{photograph.path}: not a readable image ({error})"
    return (
        None if min(size) >= least else f"{photograph.path}: {size[0]} x {size[1]}, at least {least} x {least} needed"
    )


def split_photographs(
    photographs: Sequence[Photograph], val_share: float, rng: np.random.Generator
) -> dict[str, list[Photograph]]:
    """Train and val, at least one photograph each."""
    held_out = min(max(round(val_share * len(photographs)), 1), len(photographs) - 1)
    chosen = set(rng.permutation(len(photographs))[:held_out].tolist())
    return {
        "train": [photograph for i, photograph in enumerate(photographs) if i not in chosen],
        "val": [photograph for i, photograph in enumerate(photographs) if i in chosen],
    }


def cut_patch(photograph: Pixels, side: int, rng: np.random.Generator) -> tuple[Pixels, int, int]:
    """A patch of the photograph that is not flat, if some tries find one, and its top and left."""
    best: tuple[float, Pixels, int, int] | None = None
    for _ in range(_TRIES):
        top, left = (int(rng.integers(0, extent - side + 1)) for extent in photograph.shape[:2])
        patch = photograph[top : top + side, left : left + side]
        spread = float(patch.std(axis=(0, 1)).max())
        if best is None or spread > best[0]:
            best = spread, patch, top, left
        if spread >= _FLAT:
            break
    assert best is not None
    return best[1:]
