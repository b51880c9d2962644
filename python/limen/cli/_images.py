"""Image files to arrays, with Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limen.cli._errors import needs_extra
from limen.cli._names import printable

with needs_extra("cli"):
    from PIL import Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"})

# Named, so that a file that only claims to be a PNG never reaches a decoder that runs other programs, as EPS does.
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")

_TO_RGB = frozenset({"RGB", "RGBX", "YCbCr"})
_UINT16 = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})


class ImageError(Exception):
    """A file that can't be scored, and why."""


def read_image(path: Path) -> NDArray[Any]:
    """Decode one image file, upright.

    Returns (H, W) for grey and (H, W, 3) for colour, uint8; grey of 16 bits gives uint16. Palettes become colours, an
    alpha channel is dropped when every pixel is opaque, EXIF orientation is applied, colour profiles are not.
    Raises ImageError when the file is missing, broken, or holds what would only be scored after a silent conversion:
    transparency, 16-bit colour, CMYK, Lab, 32-bit values, several pictures.
    """
    name = printable(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ImageError("no regular file")  # A pipe would be waited for, and for ever.
        with Image.open(path, formats=_FORMATS) as file:
            _refuse_lossy(file)
            file.load()
            ImageOps.exif_transpose(file, in_place=True)
            return _array(file)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not a PNG, JPEG, TIFF, WebP or BMP image") from None
    except OSError as error:
        raise ImageError(f"{name}: {error.strerror or error}") from error
    except Exception as error:  # A malformed file makes decoders raise anything from SyntaxError to struct.error.
        raise ImageError(f"{name}: broken image ({type(error).__name__}: {error})") from error


def _refuse_lossy(file: ImageFile) -> None:
    """Before decoding: refuse what Pillow would hand over with less in it than the file holds."""
    # A JPEG of several pictures is an MPO: those after the first are a camera's previews, elsewhere pages or frames.
    pictures = 1 if file.format == "MPO" else getattr(file, "n_frames", 1)
    if pictures > 1:
        raise ImageError(f"holds {pictures} pictures, expected one")
    if file.mode not in _UINT16 and any(";16" in str(tile[3]) for tile in file.tile):
        raise ImageError("has 16 bits per colour channel, which Pillow cuts to 8; 16 bits are read for grey only")


def _array(image: Image.Image) -> NDArray[Any]:
    if image.mode in _UINT16:
        return np.asarray(image).astype(np.uint16, copy=False)
    if image.has_transparency_data:
        image = _without_alpha(image)
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode in _TO_RGB or image.mode == "P":
        image = image.convert("RGB")
    if image.mode not in ("L", "RGB"):
        raise ImageError(f"is in Pillow's mode {image.mode}; grey, RGB and palette images can be scored")
    return np.asarray(image)


def _without_alpha(image: Image.Image) -> Image.Image:
    grey = image.mode in ("1", "L", "LA", "La")
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() != (255, 255):
        raise ImageError("has transparent pixels; lay it over a background first")
    return image.convert("L" if grey else "RGB")
