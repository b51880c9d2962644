"""One image of a data set: from the bytes of a PNG file to pixels.

libspng, where imagecodecs is installed, decodes what patches are as a rule, plain 8-bit RGB: faster than Pillow, and
without the interpreter's lock, so that threads decode side by side. All else is Pillow's, and so is every complaint.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

try:
    from imagecodecs import SpngError, spng_decode

    _HAVE_SPNG = True
except ImportError:
    _HAVE_SPNG = False

Pixels = NDArray[np.uint8]
Resize = int | Literal["keep"] | None

SIDE = 64

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_RGB = b"\x08\x02\0\0\0"  # Neither interlaced nor of a method that is to come.
# Chunks that change no pixel. Transparency and animation are not among them: there the decoders' answers differ.
_PLAIN = frozenset((b"IHDR", b"IDAT", b"IEND", b"pHYs", b"tEXt", b"tIME", b"sRGB", b"gAMA", b"cHRM"))

_LARGEST = 4096  # Pixels a side. Pillow guards against small files that would fill the memory.


class ItemError(ValueError):
    """A triplet or pair that can't be had, and why."""


def decode(data: bytes, resize: Resize) -> Pixels:
    """A PNG file as RGB (H, W, 3); for `resize` see `Dataset`.

    Raises ItemError where the image is of another kind or size than can be scored; a broken file makes Pillow raise
    anything from SyntaxError to struct.error.
    """
    pixels = _decoded_fast(data)
    if pixels is None:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as file:
            pixels = np.asarray(file if file.mode == "RGB" else _as_rgb(file))
    if resize == "keep" or pixels.shape[:2] == (resize or SIDE,) * 2:
        return pixels
    if resize is None:
        height, width = pixels.shape[:2]
        raise ItemError(
            f"has {width} x {height} pixels, and BAPPS {SIDE} x {SIDE}: say resize={SIDE} to have it "
            "resized as the original's loader does, or resize='keep'"
        )
    assert isinstance(resize, int)
    return np.asarray(Image.fromarray(pixels).resize((resize, resize), Image.Resampling.BILINEAR))


def checked_resize(resize: Resize) -> Resize:
    """It, or ValueError."""
    if resize is None or resize == "keep" or resize > 0:
        return resize
    raise ValueError(f"resize must be None, 'keep' or a number of pixels; got {resize!r}")


def _decoded_fast(data: bytes) -> Pixels | None:
    """What Pillow would make of it, or None where it had better be asked itself."""
    if not _HAVE_SPNG or not _is_plain(data):
        return None
    try:
        pixels: Pixels = spng_decode(data)
    except SpngError:
        return None
    return pixels


def _is_plain(data: bytes) -> bool:
    """Whether a PNG file is nothing but 8-bit RGB, and whole but for what the decoder checks."""
    if not data.startswith(_SIGNATURE) or data[24:29] != _EIGHT_BIT_RGB:
        return False
    if max(struct.unpack_from(">II", data, 16)) > _LARGEST:
        return False
    start, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        if start + 12 > len(data):
            return False
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 8 + length
        if kind not in _PLAIN:
            return False
        # Pixels have checks of their own, and threads would meet here for the interpreter's lock.
        if kind != b"IDAT" and data[end : end + 4] != zlib.crc32(data[start + 4 : end]).to_bytes(4, "big"):
            return False
        start = end + 4
    return True


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "P"):
        return image.convert("RGB")
    raise ItemError(f"is in Pillow's mode {image.mode}; RGB, grey and palette images can be scored")
