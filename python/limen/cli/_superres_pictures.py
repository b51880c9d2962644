"""Before and after: the busiest part of an image by every method, enlarged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limen._whole_files import write_atomically
from limen.cli._contact_sheet import Tile, draw_contact_sheet

if TYPE_CHECKING:
    from limen.superres import Restored, Scores

_SIDE = 112
_ENLARGED = 3


def write_picture(folder: Path, image: Restored) -> None:
    """Write ``NAME.png``: the original, the bicubic image and every network's, with the scores of the whole image."""
    part = _busiest(image.original, image.pixels["bicubic"])
    place = f"row {part[0].start}, column {part[1].start}"
    tiles = [Tile(_enlarged(image.original[part]), "original", place)]
    for method, pixels in image.pixels.items():
        tiles.append(Tile(_enlarged(pixels[part]), method, _caption(image.scores[method])))
    sheet = draw_contact_sheet(tiles)
    name = image.name.replace("/", "_").removesuffix(".png")
    write_atomically(folder / f"{name}.png", lambda file: sheet.save(file, "PNG", optimize=True))


def _busiest(original: NDArray[np.uint8], bicubic: NDArray[np.uint8]) -> Any:
    """The square in which bicubic interpolation is furthest from the original."""
    errors = (original.astype(np.float64) - bicubic) ** 2
    side = min(_SIDE, *errors.shape)
    sums = np.pad(errors.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    squares = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    top, left = (int(place) for place in np.unravel_index(squares.argmax(), squares.shape))
    return np.s_[top : top + side, left : left + side]


def _enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)


def _caption(scores: Scores) -> str:
    ssim = "" if scores.ssim is None else f"   SSIM {scores.ssim:.3f}"
    return f"{scores.psnr:.2f} dB{ssim}"
