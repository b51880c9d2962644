"""Image files opened by Pillow, which is imported when the first one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Named, so that a file that only claims to be a PNG never reaches a decoder that runs other programs, as EPS does.
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")


@contextmanager
def opened(path: Path, formats: tuple[str, ...] = FORMATS) -> Iterator[ImageFile]:
    """The file, not decoded yet; Pillow's errors, and those of opening a file."""
    from PIL import Image

    # Of a path Pillow would map pixels into memory, and get those of a TIFF that lies on its side wrong.
    with path.open("rb") as stream, Image.open(stream, formats=formats) as file:
        yield file
