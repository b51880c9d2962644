"""The scores of one run, with what they were computed by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import limen
from limen.cli._metrics import Metric
from limen.cli._scoring import Row


@dataclass(frozen=True)
class Results:
    """Rows in the order of the pairs, and the provenance that every output carries.

    models: what a metric's network is, by the metric's name.
    """

    rows: Sequence[Row]
    metrics: Sequence[Metric]
    convention: str
    models: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> list[Row]:
        """The rows that miss a score."""
        return [row for row in self.rows if row.error is not None]

    def scores(self, metric: Metric) -> list[float]:
        """What was scored, in the order of the rows; rows without a score are left out."""
        return [row.scores[metric.name] for row in self.rows if metric.name in row.scores]

    def mean(self, metric: Metric) -> float | None:
        """The mean of what was scored; None if nothing was."""
        scores = self.scores(metric)
        return sum(scores) / len(scores) if scores else None

    @property
    def provenance(self) -> str:
        """One line: version, metrics, convention, networks with the hash of their weights, and data range."""
        ranges = sorted({row.data_range for row in self.rows if row.data_range is not None})
        parts = [f"limen {limen.__version__}", ", ".join(metric.name for metric in self.metrics)]
        if any(metric.uses_convention for metric in self.metrics):
            parts.append(f"convention {self.convention}")
        parts += [f"{name} {model}" for name, model in self.models.items()]
        if ranges:
            parts.append(f"data range {' and '.join(map(str, ranges))}")
        return "; ".join(parts)
