"""What pytest-benchmark wrote, as the report needs it."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """limen and something else, timed by turns: one time of each in every round."""

    operation: str
    peer: str
    case: str
    values: int
    limen: list[float]
    theirs: list[float]

    @property
    def limen_time(self) -> float:
        """Median, in seconds."""
        return statistics.median(self.limen)

    @property
    def their_time(self) -> float:
        """Median, in seconds."""
        return statistics.median(self.theirs)

    @property
    def ratio(self) -> float:
        """How many times faster limen is, by the medians."""
        return self.their_time / self.limen_time

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest ratio of a single round."""
        ratios = [theirs / limen for limen, theirs in zip(self.limen, self.theirs, strict=True)]
        return min(ratios), max(ratios)


@dataclass(frozen=True)
class Timing:
    """One thing timed by itself; `case` and `values` are None where the label says all."""

    operation: str
    label: str
    median: float
    quartiles: tuple[float, float]
    case: str | None = None
    values: int | None = None


@dataclass(frozen=True)
class Results:
    """All of one run."""

    machine: dict[str, Any]
    date: str
    commit: dict[str, Any]
    comparisons: list[Comparison]
    timings: list[Timing]
    figures: list[dict[str, Any]]

    @property
    def cases(self) -> list[str]:
        """Those of SSIM, in the order in which they were measured."""
        return list(
            dict.fromkeys(c.case for c in self.comparisons if not c.operation.startswith(("LPIPS", "Training")))
        )

    @property
    def lpips(self) -> list[Comparison]:
        """Comparisons of networks, each with cases of its own."""
        return [comparison for comparison in self.comparisons if comparison.operation.startswith("LPIPS")]

    @property
    def steps(self) -> list[Comparison]:
        """Comparisons of training steps."""
        return [comparison for comparison in self.comparisons if comparison.operation.startswith("Training step")]

    @property
    def data(self) -> list[Comparison]:
        """Batches of images, beside the steps that take them."""
        return [comparison for comparison in self.comparisons if comparison.operation.startswith("Training data")]

    def comparison(self, operation: str, peer: str, case: str) -> Comparison | None:
        """The one with a peer of which the name begins so; of several that against which limen does worst."""
        found = [c for c in self.comparisons if (c.operation, c.case) == (operation, case) and c.peer.startswith(peer)]
        return min(found, key=lambda comparison: comparison.ratio, default=None)

    def figures_of(self, kind: str) -> list[dict[str, Any]]:
        """What was recorded beside timings."""
        return [figure for figure in self.figures if figure["kind"] == kind]


def read(path: Path) -> Results:
    """The JSON file of a run."""
    run = json.loads(path.read_text())
    comparisons, timings = [], []
    for benchmark in run["benchmarks"]:
        extra, stats = benchmark["extra_info"], benchmark["stats"]
        if extra.pop("kind") == "comparison":
            comparisons.append(Comparison(**extra, theirs=stats["data"]))
        else:
            timings.append(Timing(**extra, median=stats["median"], quartiles=(stats["q1"], stats["q3"])))
    return Results(
        machine=run["machine_info"],
        date=run["datetime"][:10],
        commit=run["commit_info"],
        comparisons=comparisons,
        timings=timings,
        figures=run["figures"],
    )
