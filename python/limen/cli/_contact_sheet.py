"""Draws captioned pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from limen.cli._distortions import Pixels

_COLUMNS = 3
_GAP = 24
_CAPTION = 70
_PAPER, _INK, _SOFT = "#ffffff", "#1c1d1f", "#63666c"


@dataclass(frozen=True)
class Tile:
    """A picture and the two lines below it."""

    pixels: Pixels
    title: str
    subtitle: str


def draw_contact_sheet(tiles: Sequence[Tile]) -> Image.Image:
    """The tiles, all of one size, in rows of three on white."""
    height, width = tiles[0].pixels.shape[:2]
    rows = -(-len(tiles) // _COLUMNS)
    size = (_COLUMNS * (width + _GAP) + _GAP, rows * (height + _CAPTION + _GAP) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    title, subtitle = ImageFont.load_default(24), ImageFont.load_default(20)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, _COLUMNS)
        left, top = _GAP + column * (width + _GAP), _GAP + row * (height + _CAPTION + _GAP)
        sheet.paste(Image.fromarray(tile.pixels), (left, top))
        draw.text((left, top + height + 8), tile.title, _INK, title)
        draw.text((left, top + height + 40), tile.subtitle, _SOFT, subtitle)
    return sheet
