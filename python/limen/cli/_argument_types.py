"""Types of the command line's arguments."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

_LARGEST_SEED = (1 << 32) - 1


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
    return _from(1, text)


def whole(text: str) -> int:
    """An argument type: a whole number from 0 up."""
    return _from(0, text)


def seed(text: str) -> int:
    """An argument type: a whole number of 32 bits, as every generator takes it."""
    number = _from(0, text)
    if number > _LARGEST_SEED:
        raise ArgumentTypeError(f"{text!r} is above {_LARGEST_SEED}")
    return number


def path(text: str) -> Path:
    """An argument type: a path, and not the empty one, which `Path` takes for the working directory."""
    if not text:
        raise ArgumentTypeError("the path is empty; . is this folder")
    return Path(text)


def names_of(*choices: str) -> Callable[[str], tuple[str, ...]]:
    """An argument type: some of these names, with commas between."""

    def names(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        if set(chosen) - set(choices) or len(set(chosen)) < len(chosen):
            raise ArgumentTypeError(f"{text!r} must be some of {', '.join(choices)}, each once, with commas between")
        return chosen

    return names


def _from(least: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
    return number
