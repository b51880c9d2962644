"""The distances of LPIPS alone, on two threads, against what the package `lpips` makes of the same features.

Features have the shapes that the three networks give for 4 images of 256 x 256, and are what a rectifier leaves of
noise: no network is needed. On the other side stand lpips' own functions, put together as it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import limen
from peers import library

from .cases import Case
from .lpips_taps import TAPS, Tap, distance_by_limen, distance_by_lpips
from .rows import Compare
from .targets import DISTANCE_BACKWARD, DISTANCE_FORWARD

PEER = "lpips"
READING = "PyTorch, sum of the features"
WRITING = "PyTorch, the features times a number"
CASE, QUICK_CASE = Case(4, 256, 256), Case(1, 64, 64)

pytestmark = [pytest.mark.usefixtures("two_threads"), pytest.mark.parametrize("net", TAPS)]

Taps = list[Tap]


@pytest.fixture
def two_threads(two_processors: None) -> Iterator[None]:
    """Two on both sides."""
    for n in (2, 1):
        torch.set_num_threads(n)
        limen.set_num_threads(n)
        if n == 2:
            yield


def _taps(net: str, case: Case) -> Taps:
    """Features of two batches, and a weight for each channel."""
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Any:
        return torch.randn(shape, generator=generator)

    taps = []
    for channels, side in TAPS[net]:
        shape = case.batch, channels, side * case.height // 256, side * case.width // 256
        x = noise(*shape)
        taps.append((x.relu(), (x + 0.3 * noise(*shape)).relu(), noise(channels).abs()))
    return taps


def _distances(net: str, taps: Taps) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """By limen and by lpips."""
    weights = [weight for *_, weight in taps]
    return distance_by_limen(net, weights), distance_by_lpips(library("lpips"), weights)


def test_forward(compare: Compare, quick: bool, net: str) -> None:
    case = QUICK_CASE if quick else CASE
    taps = _taps(net, case)
    ours, theirs = _distances(net, taps)
    torch.testing.assert_close(ours(*taps), theirs(*taps), rtol=1e-5, atol=0)
    compare(
        lambda: ours(*taps),
        lambda: theirs(*taps),
        operation=DISTANCE_FORWARD[net],
        peer=PEER,
        case=case,
        seconds=8.0,
    )


def test_reading(compare: Compare, quick: bool, net: str) -> None:
    """What there is to win: nothing that looks at every number is done before they are read."""
    case = QUICK_CASE if quick else CASE
    taps = _taps(net, case)
    ours, _ = _distances(net, taps)

    def read() -> list[Any]:
        return [f.sum() for *features, _ in taps for f in features]

    assert all(total.isfinite() for total in read())
    compare(lambda: ours(*taps), read, operation=DISTANCE_FORWARD[net], peer=READING, case=case, seconds=4.0)


def test_backward(compare: Compare, quick: bool, net: str) -> None:
    """The backward pass alone, to both features."""
    taps, features = _differentiable(net, quick)
    ours, theirs = (distance(*taps).sum() for distance in _distances(net, taps))
    for got, want in zip(_backward(ours, features), _backward(theirs, features), strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-5 * float(want.abs().max()))
    calls = (lambda: _backward(ours, features)), (lambda: _backward(theirs, features))
    case = QUICK_CASE if quick else CASE
    compare(*calls, operation=DISTANCE_BACKWARD[net], peer=PEER, case=case, seconds=8.0)


def test_writing(compare: Compare, quick: bool, net: str) -> None:
    """What there is to win going backward: gradients are as many numbers as the features."""
    taps, features = _differentiable(net, quick)
    score = _distances(net, taps)[0](*taps).sum()
    assert all(gradient.isfinite().all() for gradient in _backward(score, features))

    def write() -> list[Any]:
        with torch.no_grad():
            return [0.5 * feature for feature in features]

    case = QUICK_CASE if quick else CASE
    compare(
        lambda: _backward(score, features),
        write,
        operation=DISTANCE_BACKWARD[net],
        peer=WRITING,
        case=case,
        seconds=4.0,
    )


def _differentiable(net: str, quick: bool) -> tuple[Taps, list[Any]]:
    # lpips' gradient of a vector of zeros is NaN.
    taps = [(f0 + 1e-6, f1 + 1e-6, weight) for f0, f1, weight in _taps(net, QUICK_CASE if quick else CASE)]
    return taps, [f.requires_grad_() for f0, f1, _ in taps for f in (f0, f1)]


def _backward(score: Any, features: list[Any]) -> Any:
    return torch.autograd.grad(score, features, retain_graph=True)
