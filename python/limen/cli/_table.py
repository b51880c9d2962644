"""Aligned columns for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from limen.cli._results import Results


def results_table(results: Results) -> str:
    """One line a pair, the mean of what was scored, and the provenance."""
    failures = bool(results.failed)
    lines = [["name", *(metric.name for metric in results.metrics)]]
    for row in results.rows:
        cells = [
            f"{row.scores[metric.name]:.{metric.decimals}f}" if metric.name in row.scores else "-"
            for metric in results.metrics
        ]
        lines.append([row.pair.name, *cells])
    means = [
        "-" if (mean := results.mean(metric)) is None else f"{mean:.{metric.decimals}f}" for metric in results.metrics
    ]
    lines.append(["mean", *means])
    if failures:
        errors = ["error", *(row.error or "" for row in results.rows), ""]
        lines = [[*line, error] for line, error in zip(lines, errors, strict=True)]
    text = align(lines, left={0, len(lines[0]) - 1} if failures else {0}, rules=(1, len(lines) - 1))
    return f"{text}\n\n{results.provenance}"


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
