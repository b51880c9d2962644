"""The scores of one run: every metric in every subset and on average, with what was left out and why."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import limen

from ._dataset import Dataset, Subset
from ._evaluate import Measured, evaluate
from ._metrics import Metric, MetricError
from ._paper import AVERAGES, paper_figure
from ._scores import Score, correlation, human_credits, mean_score, score_jnd, score_two_afc, two_afc_credits

# The row of who judged: how often one of them agrees with another.
HUMAN, OBSERVER = "human", "observer"
MEAN = "mean"


@dataclass(frozen=True)
class Column:
    """A subset of a test, or the average of some; `count` items were scored, `failed` were not."""

    test: str
    name: str
    count: int
    failed: int = 0
    average: bool = False


@dataclass(frozen=True)
class Results:
    """Scores by metric and column. Intervals are of 95 %, over draws of items.

    failures: why an item wasn't scored. not_run: why a metric wasn't.
    """

    path: str
    split: str
    observer: str
    synthetic: bool
    draws: int
    columns: Sequence[Column]
    scores: Mapping[str, Mapping[Column, Score]]
    descriptions: Mapping[str, str]
    failures: Mapping[str, str] = field(default_factory=dict)
    not_run: Mapping[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """Names of all rows but that of people."""
        return [name for name in self.scores if name not in (HUMAN, OBSERVER)]

    def columns_of(self, test: str) -> list[Column]:
        """Subsets first, then averages."""
        return [column for column in self.columns if column.test == test]

    @property
    def correlation(self) -> float:
        """Pearson's r of the two tests' means over metrics; NaN where one is missing."""
        last = [columns[-1] for test in ("2afc", "jnd") if (columns := self.columns_of(test))]
        rows = [self.scores[name] for name in self.metrics]
        if len(last) < 2 or any(column not in row for row in rows for column in last):
            return float("nan")
        return correlation(*([row[column].value for row in rows] for column in last))

    @property
    def provenance(self) -> str:
        """One line: version, data set, who judged."""
        return f"limen {limen.__version__}; {self.path}, {self.split}; {self.observer}"

    def records(self) -> list[dict[str, Any]]:
        """One a metric and column, for files; scores are shares, the paper's figures per cent as printed."""
        return [
            {
                "metric": name,
                "test": column.test,
                "split": self.split,
                "subset": column.name,
                "score": score.value,
                "low": score.interval()[0],
                "high": score.interval()[1],
                "items": column.count,
                "failed": column.failed,
                "paper_percent": self.paper(name, column),
                "judgements": "synthetic" if self.synthetic else "human",
            }
            for name, row in self.scores.items()
            for column, score in row.items()
        ]

    def paper(self, name: str, column: Column) -> float | None:
        """The figure of the paper's Table 5, of the validation sets as released: none for 2AFC judged synthetically."""
        held = column.test == "2afc" and self.split == "val" and not self.synthetic
        return paper_figure(name, column.name) if held else None


def score_dataset(
    dataset: Dataset,
    metrics: Sequence[Metric],
    *,
    tests: Sequence[str] = ("2afc", "jnd"),
    split: str = "val",
    subsets: Sequence[str] | None = None,
    draws: int = 1000,
    seed: int = 0,
    strict: bool = True,
    progress: Callable[[int], object] = lambda count: None,
    jobs: int | None = None,
) -> Results:
    """Score metrics on a data set in one pass over its images.

    Parameters
    ----------
    metrics
        From `METRICS`, `find_metrics` or your own.
    tests
        Those that are in the data set are scored.
    draws, seed
        Of the bootstrap.
    strict
        Whether a metric that can't be made is an error; else it is told of in `not_run`.
    progress
        Told how many items more are done; `item_count` says how many there will be.

    Raises
    ------
    ValueError
        If nothing is there to be scored, a judgement is none, or, with `strict`, a metric can't be made.
    """
    chosen = chosen_subsets(dataset, tests, split, subsets)
    not_run: dict[str, str] = {}
    measures = {}
    for metric in metrics:
        try:
            measures[metric.name] = metric.make()
        except MetricError as error:
            if strict:
                raise MetricError(f"{metric.name}: {error}") from error
            not_run[metric.name] = str(error)
    for subset in chosen:
        _ = subset.judgements  # A broken one is told of before the hours of measuring.
    measured = [evaluate(subset, measures, progress=progress, jobs=jobs) for subset in chosen]
    for one in measured:
        not_run.update(one.broken)
    names = [name for name in measures if name not in not_run]

    columns: list[Column] = []
    judges = OBSERVER if dataset.synthetic else HUMAN
    scores: dict[str, dict[Column, Score]] = {judges: {}, **{name: {} for name in names}}
    for test in dict.fromkeys(subset.key.test for subset in chosen):
        of_test = {one.subset.key.subset: one for one in measured if one.subset.key.test == test and one.valid.any()}
        rows = {name: _score(one, names, judges, draws, seed) for name, one in of_test.items()}
        for name, members in {**{name: (name,) for name in rows}, **_averages(test, list(rows))}.items():
            items, failed = ([len(of_test[m].subset) for m in members], [len(of_test[m].failures) for m in members])
            average = name not in rows
            columns.append(Column(test, name, sum(items) - sum(failed), sum(failed), average))
            for row in rows[members[0]]:
                parts = [rows[member][row] for member in members]
                scores[row][columns[-1]] = mean_score(parts) if average else parts[0]
    if not scores[judges]:
        del scores[judges]
    return Results(
        str(dataset.path),
        split,
        dataset.observer,
        dataset.synthetic,
        draws,
        columns,
        scores,
        {metric.name: metric.description for metric in metrics},
        {one.subset.name(i): reason for one in measured for i, reason in one.failures.items()},
        not_run,
    )


def chosen_subsets(
    dataset: Dataset, tests: Sequence[str], split: str, subsets: Sequence[str] | None = None
) -> list[Subset]:
    """What will be scored.

    Raises
    ------
    ValueError
        If that is nothing, or a named subset isn't there.
    """
    there = {subset.key.subset for test in tests for subset in dataset.select(test, split)}
    chosen = [
        subset
        for test in tests
        for subset in dataset.select(test, split)
        if subsets is None or subset.key.subset in subsets
    ]
    for name in subsets or ():
        if name not in there:
            raise ValueError(f"{dataset.path} has no subset {name!r} in {split}; there are: {', '.join(sorted(there))}")
    if not chosen:
        known = ", ".join(map(str, dataset.subsets))
        raise ValueError(f"{dataset.path} has nothing of {' or '.join(tests)} in {split}; there are: {known}")
    return chosen


def _score(measured: Measured, names: Sequence[str], judges: str, draws: int, seed: int) -> dict[str, Score]:
    valid, subset = measured.valid, measured.subset
    judgements = subset.judgements[valid]
    # Subsets are drawn from independently of each other, in the same way whatever else is scored.
    seeds = (seed, zlib.crc32(str(subset.key).encode()))
    distances = {name: measured.distances[name][:, valid] for name in names}
    if subset.key.test == "jnd":
        return score_jnd({name: d[0] for name, d in distances.items()}, judgements, draws=draws, seed=seeds)
    credits_of = {name: two_afc_credits(d[0], d[1], judgements) for name, d in distances.items()}
    return score_two_afc({judges: human_credits(judgements), **credits_of}, draws=draws, seed=seeds)


def _averages(test: str, subsets: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The paper's averages of which all subsets are there; else the mean of what is."""
    wanted = AVERAGES if test == "2afc" else {}
    known = {name: members for name, members in wanted.items() if set(members) <= set(subsets)}
    if "all" not in known and len(subsets) > 1:
        known[MEAN] = tuple(subsets)
    return known
