"""Image files as RGB, with Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._image_files import FORMATS, opened

try:
    from PIL import ImageOps, UnidentifiedImageError
except ImportError as error:
    raise ImportError("reading images needs Pillow: pip install 'limen[autoencoders]'") from error

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".pgm", ".ppm"})

_GREY = frozenset({"1", "L", "LA", "La"})


class ImageError(ValueError):
    """A file that can't be used, and why."""


def image_files(folder: Path) -> list[Path]:
    """All files in a folder and the folders in it that are called like images, in the order of their names.

    Raises
    ------
    ValueError
        If there is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise ValueError(
            f"images must be a folder; got {folder}, which is {'a file' if folder.exists() else 'not there'}"
        )
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise ValueError(f"{folder} has no image in it: no file that ends in {', '.join(sorted(SUFFIXES))}")
    return found


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """The image, upright, as uint8 (H, W, 3). What is grey is repeated, transparency is dropped.

    Raises
    ------
    ImageError
        Naming the file and why it can't be read.
    """
    return _read(path, "RGB")


def read_grey(path: Path) -> NDArray[np.uint8]:
    """The image, upright, as uint8 (H, W); errors as of `read_rgb`."""
    return _read(path, "L")


def read_as_stored(path: Path) -> NDArray[np.uint8]:
    """The image, upright, as uint8: (H, W) where the file is grey, else (H, W, 3); errors as of `read_rgb`."""
    return _read(path, None)


def _read(path: Path, mode: str | None) -> NDArray[np.uint8]:
    try:
        with opened(path, (*FORMATS, "PPM")) as file:
            if file.mode.startswith(("I", "F")):
                raise ImageError(f"{path}: has values of more than 8 bits, which training doesn't take")
            file.load()
            mode = mode or ("L" if file.mode in _GREY else "RGB")
            return np.asarray(ImageOps.exif_transpose(file).convert(mode))
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{path}: not a PNG, JPEG, TIFF, WebP, BMP, PGM or PPM image") from None
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # A malformed file makes decoders raise anything from SyntaxError to struct.error.
        raise ImageError(f"{path}: broken image ({type(error).__name__}: {error})") from error
