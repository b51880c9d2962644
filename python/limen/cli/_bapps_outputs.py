"""The scores of `limen bapps score` as a table for a terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import limen
from limen._whole_files import write_atomically
from limen.cli._table import align

if TYPE_CHECKING:
    from limen.bapps import Results

TITLES = {"2afc": "2AFC, per cent agreement with {judges}", "jnd": "JND, mean average precision in per cent"}


def scores_table(results: Results) -> str:
    """A table for each test, scores in per cent with half their intervals, below them what wasn't run."""
    parts = []
    for test in dict.fromkeys(column.test for column in results.columns):
        columns = results.columns_of(test)
        has_paper = any(results.paper(name, column) is not None for name in results.scores for column in columns)
        lines = [["metric", *(column.name for column in columns)]]
        for name, row in results.scores.items():
            if columns[0] not in row:
                continue
            lines.append([name, *(_with_interval(row[column]) for column in columns)])
            figures = [results.paper(name, column) for column in columns]
            if has_paper and any(figure is not None for figure in figures):
                lines.append(["  paper", *("-" if figure is None else f"{figure:.1f}     " for figure in figures)])
        lines.append(["items", *(f"{column.count}     " for column in columns)])
        parts.append(f"{title(results, test)}\n{align(lines, left={0}, rules=(1, len(lines) - 1))}")
    if not math.isnan(results.correlation):
        parts.append(f"correlation of the two tests over {len(results.metrics)} metrics: {results.correlation:.3f}")
    if results.not_run:
        parts.append("\n".join(f"not run: {name}: {_first_line(why)}" for name, why in results.not_run.items()))
    return "\n\n".join([*parts, results.provenance])


def title(results: Results, test: str) -> str:
    """What a test's table holds."""
    return TITLES[test].format(judges=judges(results))


def judges(results: Results) -> str:
    """Who judged."""
    return "a synthetic observer" if results.synthetic else "people"


def write_scores(path: Path, results: Results) -> None:
    """Write the format that the path's suffix names, whole or not at all: one record a metric and column."""
    write = _write_csv if path.suffix.lower() == ".csv" else _write_json
    write_atomically(path, lambda file: write(file, results))


def _write_csv(file: BinaryIO, results: Results) -> None:
    records = results.records()
    with io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True) as text:
        writer = csv.DictWriter(text, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def _write_json(file: BinaryIO, results: Results) -> None:
    document = {
        "limen_version": limen.__version__,
        "data": results.path,
        "observer": results.observer,
        "bootstrap_draws": results.draws,
        "correlation": _json_number(results.correlation),
        "metrics": {name: results.descriptions.get(name, judges(results)) for name in results.scores},
        "not_run": dict(results.not_run),
        "failures": dict(results.failures),
        "scores": [{key: _json_number(value) for key, value in record.items()} for record in results.records()],
    }
    file.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n")


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _with_interval(score: Any) -> str:
    low, high = score.interval()
    return f"{100 * score.value:.1f} ±{50 * (high - low):.1f}"


def _first_line(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= 160 else f"{line[:157]}..."
