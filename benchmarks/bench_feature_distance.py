"""The distances of LPIPS alone, on two threads, against what the package `lpips` makes of the same features.

Features have the shapes that the three networks give for 4 images of 256 x 256, and are what a rectifier leaves of
noise. lpips is not called: its lines for one layer, normalise, subtract, square, a convolution of 1 x 1 and a mean, are
written out below, so that no network is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

import limen

from .cases import Case
from .rows import Compare
from .targets import DISTANCE_BACKWARD, DISTANCE_FORWARD

PEER = "lpips, its composition"
CASE, QUICK_CASE = Case(4, 256, 256), Case(1, 64, 64)

# Channels of each tap, and the side of its map from that of the image.
TAPS: dict[str, list[tuple[int, int]]] = {
    "alex": [(64, 63), (192, 31), (384, 15), (256, 15), (256, 15)],
    "squeeze": [(64, 127), (128, 63), (256, 31), (384, 15), (384, 15), (512, 15), (512, 15)],
    "vgg": [(64, 256), (128, 128), (256, 64), (512, 32), (512, 16)],
}

pytestmark = [pytest.mark.usefixtures("two_threads"), pytest.mark.parametrize("net", TAPS)]

Taps = list[tuple[Any, Any, Any]]


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


def _ours(taps: Taps) -> Any:
    return sum(limen.feature_distance(*tap) for tap in taps)


def _theirs(taps: Taps) -> Any:
    def normalised(f: Any) -> Any:
        return f / (torch.sqrt(torch.sum(f**2, dim=1, keepdim=True)) + 1e-10)

    def distance(f0: Any, f1: Any, weight: Any) -> Any:
        squares = (normalised(f0) - normalised(f1)) ** 2
        return torch.conv2d(squares, weight[None, :, None, None]).mean([2, 3], keepdim=True)

    return sum(distance(*tap) for tap in taps).flatten()


def test_forward(compare: Compare, quick: bool, net: str) -> None:
    case = QUICK_CASE if quick else CASE
    taps = _taps(net, case)
    torch.testing.assert_close(_ours(taps), _theirs(taps), rtol=1e-5, atol=0)
    calls = (lambda: _ours(taps)), (lambda: _theirs(taps))
    compare(*calls, operation=DISTANCE_FORWARD[net], peer=PEER, case=case, seconds=8.0)


def test_backward(compare: Compare, quick: bool, net: str) -> None:
    """The backward pass alone, to both features."""
    case = QUICK_CASE if quick else CASE
    # A vector of zeros has a gradient of NaN in the composition.
    taps = [(f0 + 1e-6, f1 + 1e-6, weight) for f0, f1, weight in _taps(net, case)]
    features = [f.requires_grad_() for f0, f1, _ in taps for f in (f0, f1)]
    ours, theirs = _ours(taps).sum(), _theirs(taps).sum()

    def backward(score: Any) -> Any:
        return torch.autograd.grad(score, features, retain_graph=True)

    for got, want in zip(backward(ours), backward(theirs), strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-5 * float(want.abs().max()))
    calls = (lambda: backward(ours)), (lambda: backward(theirs))
    compare(*calls, operation=DISTANCE_BACKWARD[net], peer=PEER, case=case, seconds=8.0)
