"""Lets Pillow read images of any size."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

_lock = threading.Lock()
_readers = 0
_kept: int | None = None


@contextmanager
def any_size() -> Iterator[None]:
    """Within the block Pillow warns of no size and refuses none.

    Its limit is one for the whole process. A program that calls the command has it back when the last thread is out.
    """
    global _readers, _kept
    with _lock:
        if _readers == 0:
            _kept, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                Image.MAX_IMAGE_PIXELS = _kept
