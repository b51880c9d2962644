"""Types of the command line's arguments."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path


class FileOfKind:
    """An argument type: a path that ends in one of the given suffixes."""

    def __init__(self, *suffixes: str) -> None:
        self._suffixes = suffixes

    def __call__(self, text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in self._suffixes:
            raise ArgumentTypeError(f"{text!r} must end in {' or '.join(self._suffixes)}")
        return path


def positive(text: str) -> int:
    """An argument type: a whole number from 1 up."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return number
