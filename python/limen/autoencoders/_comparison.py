"""One network under several objectives: trained from the same weights on the same batches, scored by every metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._history import read_history
from ._image_sets import ImageSet, Splits
from ._intervals import Interval, mean_interval
from ._models import make
from ._scores import Metric, available_metrics, reconstruct, score
from ._training import Plan, train, warm_up


@dataclass(frozen=True)
class Contender:
    """One trained network and its reconstructions of the images for the test.

    scores: (N,) by the metric's name. images: uint8 (N, C, H, W). history: the rows of its training.
    """

    objective: str
    code_size: int
    images: NDArray[np.uint8]
    scores: Mapping[str, NDArray[np.float64]]
    history: Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Comparison:
    """All that is to be told. The objectives are in the order they were asked for; the first is the baseline."""

    plan: Plan
    source: str
    counts: tuple[int, int, int]
    test: ImageSet
    metrics: Sequence[Metric]
    absent: Mapping[str, str]
    contenders: Sequence[Contender]

    @property
    def objectives(self) -> list[str]:
        """In order."""
        return list(dict.fromkeys(contender.objective for contender in self.contenders))

    @property
    def code_sizes(self) -> list[int]:
        """In order, the largest first: from hardly to strongly compressed."""
        return sorted({contender.code_size for contender in self.contenders}, reverse=True)

    def contender(self, objective: str, code_size: int) -> Contender:
        """That of these."""
        return next(one for one in self.contenders if (one.objective, one.code_size) == (objective, code_size))

    def mean(self, contender: Contender, metric: Metric) -> Interval:
        """The mean score over the test."""
        return mean_interval(contender.scores[metric.name], self.test.groups)

    def gain(self, contender: Contender, metric: Metric, baseline: str | None = None) -> Interval:
        """By how much it is better than the baseline at the same compression, image by image; worse is negative."""
        base = self.contender(baseline or self.objectives[0], contender.code_size)
        gains = contender.scores[metric.name] - base.scores[metric.name]
        return mean_interval(gains if metric.higher_is_better else -gains, self.test.groups)


def compare(
    plan: Plan,
    objectives: Sequence[str],
    code_sizes: Sequence[int],
    splits: Splits,
    folder: Path,
    *,
    announce: Callable[[str], object] = lambda text: None,
    **options: Any,
) -> Comparison:
    """Train the plan's network under each objective and with each size of code, and score the test's images.

    All start from the weights after the plan's warm-up; batches come in an order that depends on the seed alone. Each
    network has a folder of its own within `folder`; what is there already, whole or in part, is not trained again.

    Parameters
    ----------
    plan
        The training; its objective and code size are replaced.
    objectives, code_sizes
        At least one each.
    splits, folder
        As for `train`.
    announce
        Called with a line before each training.
    options
        Further ones of `train`.

    Raises
    ------
    ValueError
        For what `train` refuses, and names given twice.
    """
    for name, values in (("objectives", objectives), ("code_sizes", code_sizes)):
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name} must be at least one, each once; got {list(values)!r}")
    shape = make(plan.model, **plan.options).shape
    splits = splits.adapted(shape)
    metrics, absent = available_metrics()
    contenders = []
    for size in code_sizes:
        sized = replace(plan, options={**plan.options, "code_size": size})
        start = None
        if plan.warm_up:
            announce(f"{plan.model}, code of {size}, warm-up")
            start = warm_up(sized, splits, folder / f"warm-up-{size}", **options)
        for name in objectives:
            announce(f"{plan.model}, code of {size}, {name}")
            one = replace(sized, objective=name)
            contenders.append(_contend(one, splits, folder / folder_name(one), metrics, {"start": start, **options}))
    counts = len(splits.train), len(splits.validation), len(splits.test)
    return Comparison(plan, splits.source, counts, splits.test, metrics, absent, contenders)


def folder_name(plan: Plan) -> str:
    """What the folder of one network is called."""
    return f"{plan.objective.replace('*', 'x').replace(' ', '')}-{plan.options['code_size']}"


def _contend(
    plan: Plan,
    splits: Splits,
    folder: Path,
    metrics: Sequence[Metric],
    options: Mapping[str, Any],
) -> Contender:
    trained = train(plan, splits, folder, resume=True, **options)
    images = reconstruct(trained.model, splits.test)
    history = read_history(folder / "history.csv")
    return Contender(plan.objective, plan.options["code_size"], images, score(images, splits.test, metrics), history)
