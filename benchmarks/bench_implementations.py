"""Each implementation that this processor can run, but for the reference, which is written to be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import limen

from .cases import Case, photographs
from .measure import time
from .rows import NAMES, score_and_gradients

IMPLEMENTATIONS = [name for name in limen.implementations() if name != "reference"]


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("metric", NAMES)
def test_forward(benchmark: Any, case: Case, metric: str, name: str) -> None:
    x, y = photographs(case)
    score = getattr(limen, metric)
    with limen.use_implementation(name):
        actual, expected = score(x, y, data_range=1.0), score(*_doubles(x, y), data_range=1.0)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)
        time(
            benchmark,
            lambda: score(x, y, data_range=1.0),
            operation=f"{NAMES[metric]} forward",
            label=name,
            case=case,
        )


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("metric", NAMES)
def test_forward_and_gradient(benchmark: Any, case: Case, metric: str, name: str) -> None:
    x, y = (torch.tensor(image) for image in photographs(case))

    def score(x: Any, y: Any) -> Any:
        return getattr(limen, metric)(x, y, data_range=1.0, reduction="mean")

    with limen.use_implementation(name):
        _, expected = score_and_gradients(score, x.double().requires_grad_(), y.double())
        x.requires_grad_()
        _, actual = score_and_gradients(score, x, y)
        torch.testing.assert_close(actual.double(), expected, rtol=0, atol=1e-4 * float(expected.abs().max()))
        time(
            benchmark,
            lambda: score_and_gradients(score, x, y),
            operation=f"{NAMES[metric]} forward and one gradient",
            label=name,
            case=case,
        )


def _doubles(*images: Any) -> list[Any]:
    return [image.astype(np.float64) for image in images]
