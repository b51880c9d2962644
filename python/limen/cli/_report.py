"""`limen compare --report`: a page with the summary and the worst pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from limen.cli._images import ImageError
from limen.cli._metrics import Metric
from limen.cli._pages import write_page
from limen.cli._pictures import picture, ssim_map, thumbnail
from limen.cli._results import Results
from limen.cli._scoring import Row, read_pair

_PICTURED = 12
_LISTED = 1000
_SIDE = 480


@dataclass(frozen=True)
class _Summary:
    metric: Metric
    count: int
    mean: float | None
    median: float | None
    worst: float | None
    best: float | None


@dataclass(frozen=True)
class _Exhibit:
    row: Row
    reference: str
    distorted: str
    ssim_map: str | None


def write_report(path: Path, results: Results) -> None:
    """Write one self-contained page. Rows are ordered by the first metric, worst first."""
    first = results.metrics[0]
    scored = sorted(
        (row for row in results.rows if first.name in row.scores),
        key=lambda row: row.scores[first.name],
        reverse=not first.higher_is_better,
    )
    write_page(
        path,
        "report.html",
        results=results,
        first=first,
        summaries=[_summary(results, metric) for metric in results.metrics],
        exhibits=[exhibit for row in scored[:_PICTURED] if (exhibit := _exhibit(row, results.convention))],
        rows=scored[:_LISTED],
        hidden=max(0, len(scored) - _LISTED),
        failed=results.failed[:_LISTED],
        hidden_failed=max(0, len(results.failed) - _LISTED),
    )


def _summary(results: Results, metric: Metric) -> _Summary:
    scores = sorted(results.scores(metric), reverse=not metric.higher_is_better)
    if not scores:
        return _Summary(metric, 0, None, None, None, None)
    return _Summary(metric, len(scores), results.mean(metric), median(scores), scores[0], scores[-1])


def _exhibit(row: Row, convention: str) -> _Exhibit | None:
    try:
        x, y = read_pair(row.pair)
    except ImageError:  # The file has changed since it was scored: its row stands, its picture is gone.
        return None
    try:
        map_picture = thumbnail(ssim_map(x, y, convention), _SIDE)
    except ValueError:  # Smaller than the window, though another metric could score it.
        map_picture = None
    return _Exhibit(row, thumbnail(picture(x), _SIDE), thumbnail(picture(y), _SIDE), map_picture)
