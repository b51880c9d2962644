"""Image files to arrays, with Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limen._image_files import opened
from limen.cli._errors import needs_extra
from limen.cli._names import printable

with needs_extra("cli"):
    from PIL import Image, ImageOps, UnidentifiedImageError

    from limen.cli._any_size import any_size

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"})

# Pillow's own limit is a sixth of this, which healthy panoramas and scans pass.
_MOST_PIXELS = 1 << 30

# Tags of TIFF.
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _UNSIGNED = 0, 1

_TO_RGB = frozenset({"RGB", "RGBX", "YCbCr"})
_UINT16 = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})

_DEEP_COLOUR = "has 16 bits per colour channel, which Pillow cuts to 8; 16 bits are read for grey without alpha only"
_TRANSPARENT = "has transparent pixels; lay it over a background first"


class ImageError(Exception):
    """A file that can't be scored, and why."""


def read_image(path: Path) -> NDArray[Any]:
    """Decode one image file, upright.

    Returns (H, W) for grey and (H, W, 3) for colour, uint8; grey of 16 bits gives uint16. Palettes become colours, an
    alpha channel is dropped when every pixel is opaque, EXIF orientation is applied, colour profiles are not.
    Raises ImageError when the file is missing, broken, or holds what would only be scored after a silent conversion:
    transparency, 16-bit colour, CMYK, Lab, 10 or 12 bits, 32-bit, signed and floating-point values, several pictures.
    """
    name = printable(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ImageError("no regular file")  # A pipe would be waited for, and for ever.
        with any_size(), opened(path) as file:
            _refuse_lossy(file)
            file.load()
            ImageOps.exif_transpose(file, in_place=True)
            return _array(file)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not a PNG, JPEG, TIFF, WebP or BMP image that Pillow can read") from None
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
    if file.width * file.height > _MOST_PIXELS:
        raise ImageError(f"has {file.width} x {file.height} pixels; at most {_MOST_PIXELS} can be scored")
    if file.format == "TIFF":
        _refuse_lossy_tiff(file)
    if file.mode not in _UINT16 and any(";16" in str(tile[3]) for tile in file.tile):
        raise ImageError(_DEEP_COLOUR)


def _refuse_lossy_tiff(file: Any) -> None:
    """By what the file says of itself: Pillow's mode doesn't tell all."""
    bits, kinds = set(file.tag_v2.get(_BITS, (1,))), set(file.tag_v2.get(_SAMPLE_FORMAT, (_UNSIGNED,)))
    if kinds != {_UNSIGNED}:
        raise ImageError("holds signed or floating-point values; unsigned ones of up to 16 bits can be scored")
    if max(bits) > 8 and file.mode not in _UINT16 and len(file.getbands()) > 1:
        raise ImageError(_DEEP_COLOUR)
    if max(bits) > 8 and bits != {16}:
        raise ImageError(f"has {max(bits)} bits a sample; 1 to 8 and 16 can be scored")


def _array(image: Image.Image) -> NDArray[Any]:
    if image.mode in _UINT16:
        return _deep_grey(image)
    if image.has_transparency_data:
        image = _without_alpha(image)
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode in _TO_RGB or image.mode == "P":
        image = image.convert("RGB")
    if image.mode not in ("L", "RGB"):
        raise ImageError(f"is in Pillow's mode {image.mode}; grey, RGB and palette images can be scored")
    return np.asarray(image)


def _deep_grey(image: Image.Image) -> NDArray[Any]:
    values = np.asarray(image).astype(np.uint16, copy=False)
    transparent = image.info.get("transparency")
    if transparent is not None and (values == transparent).any():
        raise ImageError(_TRANSPARENT)
    # Pillow turns 8 bits and fewer over, and leaves 16 as they are.
    return ~values if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO else values


def _without_alpha(image: Image.Image) -> Image.Image:
    grey = image.mode in ("1", "L", "LA", "La")
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() != (255, 255):
        raise ImageError(_TRANSPARENT)
    return image.convert("L" if grey else "RGB")
