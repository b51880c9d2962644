"""The rows that SSIM and MS-SSIM have in common. Each checks results before anything is timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import limen

from .cases import Case, photographs
from .peers import MAIN_PEER, PEERS

NAMES = {"ssim": "SSIM", "ms_ssim": "MS-SSIM"}
# Of the largest component. In float64 they agree to 1e-12; in float32 torchmetrics' own rounding reaches .0015.
GRADIENT_TOLERANCE = 5e-3

Compare = Callable[..., None]
Score = Callable[[Any, Any], Any]


def forward(compare: Compare, case: Case, metric: str, name: str) -> None:
    """The score of tensors, by limen and by a library."""
    ours, theirs = _scores(metric, name)
    x, y = (torch.tensor(image) for image in photographs(case))
    assert float(ours(x, y)) == pytest.approx(float(theirs(x, y)), abs=PEERS[name].tolerance)
    _against(compare, case, name, lambda: ours(x, y), lambda: theirs(x, y), f"{NAMES[metric]} forward")


def forward_and_gradient(compare: Compare, case: Case, metric: str, name: str) -> None:
    """The score and its gradient by one of the images, through PyTorch's autograd on both sides."""
    ours, theirs = _scores(metric, name)
    x, y = (torch.tensor(image) for image in photographs(case))
    x.requires_grad_()
    (our_score, our_gradient), (their_score, their_gradient) = (score_and_gradients(f, x, y) for f in (ours, theirs))
    assert our_score == pytest.approx(their_score, abs=PEERS[name].tolerance)
    largest = float(their_gradient.abs().max())
    torch.testing.assert_close(our_gradient, their_gradient, rtol=0, atol=GRADIENT_TOLERANCE * largest)
    calls = (lambda: score_and_gradients(ours, x, y)), (lambda: score_and_gradients(theirs, x, y))
    _against(compare, case, name, *calls, f"{NAMES[metric]} forward and one gradient")


def both_gradients(compare: Compare, case: Case, metric: str) -> None:
    """Gradients by both images, and by one, through PyTorch's autograd."""
    score = _limen(metric)
    x, y = (torch.tensor(image, requires_grad=True) for image in photographs(case))
    fixed = y.detach()
    (_, both, _), (_, one) = score_and_gradients(score, x, y), score_and_gradients(score, x, fixed)
    torch.testing.assert_close(both, one, rtol=0, atol=1e-5 * float(one.abs().max()))
    operation = f"{NAMES[metric]} forward and both gradients"
    calls = (lambda: score_and_gradients(score, x, y)), (lambda: score_and_gradients(score, x, fixed))
    compare(*calls, operation=operation, peer="limen, one gradient", case=case)


def two_threads(compare: Compare, case: Case, metric: str, *, gradient: bool) -> None:
    """Two threads and one, which give the same bits."""
    score = _limen(metric)
    x, y = (torch.tensor(image) for image in photographs(case))
    x.requires_grad_(gradient)

    def on_one() -> Any:
        return score_and_gradients(score, x, y) if gradient else (score(x, y),)

    def on_two() -> Any:
        limen.set_num_threads(2)
        try:
            return on_one()
        finally:
            limen.set_num_threads(1)

    assert all(np.array_equal(a, b) for a, b in zip(on_one(), on_two(), strict=True))
    operation = f"{NAMES[metric]} forward{' and one gradient' if gradient else ''} on two threads"
    compare(on_two, on_one, operation=operation, peer="limen, one thread", case=case)


def score_and_gradients(score: Score, x: Any, y: Any) -> tuple[Any, ...]:
    """A score, and its gradient by each of the tensors that require one."""
    value = score(x, y)
    gradients = torch.autograd.grad(value, [image for image in (x, y) if image.requires_grad])
    return value.item(), *gradients


def _limen(metric: str, convention: str | limen.Convention = "wang") -> Score:
    function = getattr(limen, metric)
    return lambda x, y: function(x, y, data_range=1.0, convention=convention, reduction="mean")


def _scores(metric: str, name: str) -> tuple[Score, Score]:
    return _limen(metric, PEERS[name].convention), getattr(PEERS[name], metric)


def _against(compare: Compare, case: Case, name: str, ours: Any, theirs: Any, operation: str) -> None:
    seconds = 10.0 if name == MAIN_PEER else 3.0
    compare(ours, theirs, operation=operation, peer=name, case=case, seconds=seconds)
