"""Aligned columns for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def align(lines: Sequence[Sequence[str]], left: set[int], rules: Sequence[int] = ()) -> str:
    """Pad cells to columns: those in `left` to the left, the others to the right; a rule before lines in `rules`."""
    lines = [[_visible(cell) for cell in line] for line in lines]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    text = []
    for number, line in enumerate(lines):
        if number in rules:
            text.append(rule)
        padded = [
            cell + " " * (width - _width(cell)) if column in left else " " * (width - _width(cell)) + cell
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(padded).rstrip())
    return "\n".join(text)


def _visible(text: str) -> str:
    """A file's name may hold line breaks and terminal commands: shown, not obeyed."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _width(text: str) -> int:
    """Columns on a terminal: East Asian characters take two, combining accents none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in unicodedata.normalize("NFC", text)
    )
