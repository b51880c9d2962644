"""The scores as a table for a terminal."""

from __future__ import annotations

from limen.cli._results import Results
from limen.cli._table import align


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
