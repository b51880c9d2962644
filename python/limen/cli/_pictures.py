"""Images and SSIM maps as pictures inside a page."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import limen
from limen.cli._metrics import channel_axis, data_range

# Eleven samples of the inferno colour map (Smith and van der Walt, CC0), whose lightness rises evenly.
_STOPS = "000004 160b39 420a68 6a176e 932667 bc3754 dd513a f37819 fca50a f6d746 fcffa4".split()

MAP_COLOURS = tuple(f"#{stop}" for stop in _STOPS)


def ssim_map(x: NDArray[Any], y: NDArray[Any], convention: str) -> Image.Image:
    """The map as a picture of the images' size: 1 is pale yellow, 0 and less is black.

    A convention without padding has no values along the edge: the picture is transparent there.
    """
    _, values = limen.ssim(
        x, y, data_range=data_range(x), channel_axis=channel_axis(x), convention=convention, return_map=True
    )
    if values.ndim == 3:
        values = values.mean(axis=-1)
    fields = limen.conventions[convention]
    edge = fields.size // 2 if fields.padding == "valid" else 0
    colours = _colour_table()[np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)]
    colours = np.pad(colours, ((edge, edge), (edge, edge), (0, 0)))
    # A convention that halves large images before it scores them has a smaller map.
    return Image.fromarray(colours).resize((x.shape[1], x.shape[0]), Image.Resampling.NEAREST)


def _colour_table() -> NDArray[np.uint8]:
    stops = np.array([tuple(bytes.fromhex(f"{stop}ff")) for stop in _STOPS])
    places = np.linspace(0, 1, len(stops))
    return (
        np.stack([np.interp(np.linspace(0, 1, 256), places, band) for band in stops.T], axis=-1)
        .round()
        .astype(np.uint8)
    )


def picture(pixels: NDArray[Any]) -> Image.Image:
    """A decoded image for looking at: 16 bits lose their lower half."""
    return Image.fromarray((pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels)


def lossless(image: Image.Image) -> str:
    """The picture as a data URI that keeps every pixel."""
    return _data_uri(image, "webp", lossless=True)


def thumbnail(image: Image.Image, side: int) -> str:
    """The picture, at most `side` pixels wide and high, as a small data URI."""
    small = image.copy()
    small.thumbnail((side, side))
    return _data_uri(small, "webp", quality=85)


def _data_uri(image: Image.Image, kind: str, **options: Any) -> str:
    data = BytesIO()
    image.save(data, kind, **options)
    return f"data:image/{kind};base64,{b64encode(data.getvalue()).decode()}"
