"""LPIPS against the package `lpips`, on two threads, with the same random network and the same linear weights.

Random weights take as long as trained ones. Images are photographs, of which the second batch is a distorted copy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import limen
import limen.torch
from lpips_peers import NETS, backbone, needs_linear, peer

from .cases import Case, photographs
from .lpips_memory_probe import RESOLUTION
from .rows import Compare
from .targets import LPIPS_BFLOAT16, LPIPS_FORWARD, LPIPS_GRADIENT, LPIPS_MATRIX, LPIPS_MEMORY

ROOT = Path(__file__).parents[1]
CASE, QUICK_CASE = Case(4, 256, 256), Case(1, 64, 64)
SET, QUICK_SET = Case(24, 128, 128), Case(4, 64, 64)
PEER = "lpips"

pytestmark = pytest.mark.usefixtures("two_threads")


@pytest.fixture
def two_threads(two_processors: None) -> Iterator[None]:
    """Two on both sides."""
    for n in (2, 1):
        torch.set_num_threads(n)
        limen.set_num_threads(n)
        if n == 2:
            yield


def _pair(case: Case) -> tuple[Any, Any]:
    x, y = (2 * torch.tensor(image) - 1 for image in photographs(case))
    return x, y


def _metric(net: str, **options: Any) -> Any:
    needs_linear(net)
    return limen.torch.LPIPS(net, backbone=backbone(net), **options)


@torch.no_grad()
def _distances(metric: Callable[..., Any], x: Any, y: Any) -> Any:
    return metric(x, y).flatten()


def _distances_and_gradient(metric: Callable[..., Any], x: Any, y: Any) -> tuple[Any, Any]:
    distances = metric(x, y).flatten()
    (gradient,) = torch.autograd.grad(distances.sum(), x)
    return distances.detach(), gradient


@pytest.mark.parametrize("net", NETS)
def test_forward(compare: Compare, quick: bool, net: str) -> None:
    case = QUICK_CASE if quick else CASE
    ours, theirs, (x, y) = _metric(net), peer(net), _pair(case)
    torch.testing.assert_close(_distances(ours, x, y), _distances(theirs, x, y), rtol=1e-4, atol=1e-6)
    calls = (lambda: _distances(ours, x, y)), (lambda: _distances(theirs, x, y))
    compare(*calls, operation=LPIPS_FORWARD[net], peer=PEER, case=case, seconds=15.0)


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="needs a processor that multiplies bfloat16"
)
@pytest.mark.parametrize("net", NETS)
def test_forward_in_bfloat16(compare: Compare, quick: bool, net: str) -> None:
    case = QUICK_CASE if quick else CASE
    ours, theirs, (x, y) = _metric(net, dtype="bfloat16"), peer(net), _pair(case)
    torch.testing.assert_close(_distances(ours, x, y), _distances(theirs, x, y), rtol=0.05, atol=0)
    calls = (lambda: _distances(ours, x, y)), (lambda: _distances(theirs, x, y))
    compare(*calls, operation=LPIPS_BFLOAT16[net], peer=f"{PEER}, float32", case=case, seconds=15.0)


@pytest.mark.parametrize("net", NETS)
def test_forward_and_gradient(compare: Compare, quick: bool, net: str) -> None:
    case = QUICK_CASE if quick else CASE
    ours, theirs, (x, y) = _metric(net), peer(net), _pair(case)
    x.requires_grad_()
    (our_score, our_gradient), (their_score, their_gradient) = (
        _distances_and_gradient(metric, x, y) for metric in (ours, theirs)
    )
    torch.testing.assert_close(our_score, their_score, rtol=1e-4, atol=1e-6)
    # Of nearly equal values in a pooling window either side may choose another.
    assert (our_gradient - their_gradient).norm() <= 1e-2 * their_gradient.norm()
    calls = (lambda: _distances_and_gradient(ours, x, y)), (lambda: _distances_and_gradient(theirs, x, y))
    compare(*calls, operation=LPIPS_GRADIENT[net], peer=PEER, case=case, seconds=15.0)


def test_all_pairs(compare: Compare, quick: bool) -> None:
    case = QUICK_SET if quick else SET
    _, images = _pair(case)  # the first has photographs several times
    theirs = peer("alex")

    def ours() -> Any:
        return limen.lpips_matrix(images, backbone=backbone("alex"))

    # As lpips_1dir_allpairs.py does it, less the reading of files: one pair after the other.
    @torch.no_grad()
    def pairs() -> Any:
        count = len(images)
        return [theirs(images[i][None], images[j][None]).item() for i in range(count) for j in range(i + 1, count)]

    rows, columns = torch.triu_indices(len(images), len(images), 1)
    torch.testing.assert_close(ours()[rows, columns], torch.tensor(pairs()), rtol=1e-4, atol=1e-6)
    compare(ours, pairs, operation=LPIPS_MATRIX, peer=PEER, case=case, seconds=15.0)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("library", ["limen", PEER])
def test_memory(record: Callable[..., None], quick: bool, library: str) -> None:
    case = QUICK_CASE if quick else CASE
    needs_linear("vgg")
    sizes = map(str, (case.batch, case.height, case.width))
    command = [sys.executable, "-m", "benchmarks.lpips_memory_probe", library, "vgg", *sizes]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    record(
        kind="lpips memory",
        label=library,
        operation=LPIPS_MEMORY,
        case=str(case),
        threads=2,
        bytes=int(output),
        resolution=2 * RESOLUTION,
    )
