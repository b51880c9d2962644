"""limen on a GPU against its peers: `python -m benchmarks.gpu`.

Every result is checked before it is timed. Times are medians over rounds in which limen and the peer take turns, by
CUDA events. The table goes to benchmarks/results/gpu-<device>.md too.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

import limen
import limen.torch

from . import gpu_features
from .gpu_measure import CALLS, QUEUED, ROUNDS, SLOTS, Call, Row, by_turns, check, compare, floor, library, table

SHAPES: list[tuple[int, ...]] = [(1, 3, 1080, 1920), (4, 3, 1080, 1920), (1, 3, 2160, 3840)]
COMPILED = "pytorch-msssim, compiled"  # with the first shape alone: a compilation takes minutes
PAIRS = 4  # of images, taken by turns
# Of the largest component. In float32 torchmetrics' own rounding reaches .0016.
GRADIENT_TOLERANCE = 5e-3


def images(
    shape: tuple[int, ...], dtype: torch.dtype = torch.float32, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth ones and noisy ones alike, in [0, 1] (uint8: its range)."""
    generator = torch.Generator("cuda").manual_seed(seed)
    coarse = torch.rand((*shape[:-2], shape[-2] // 20, shape[-1] // 20), device="cuda", generator=generator)
    x = torch.nn.functional.interpolate(coarse, shape[-2:], mode="bilinear")
    y = (0.9 * x + 0.1 * torch.rand(shape, device="cuda", generator=generator)).clamp(0, 1)
    if dtype == torch.uint8:
        return (x * 255).round().to(dtype), (y * 255).round().to(dtype)
    return x.to(dtype), y.to(dtype)


@dataclass(frozen=True)
class Peer:
    """A library, and the convention of its number."""

    name: str
    convention: str
    ssim: Callable[[Any, Any], Any]
    ms_ssim: Callable[[Any, Any], Any] | None = None


def peers(wanted: list[str] | None) -> Iterator[Peer]:
    """Those that are installed, or those among them that are wanted."""
    return (peer for peer in _installed_peers() if wanted is None or peer.name in wanted)


def _installed_peers() -> Iterator[Peer]:
    if package := library("pytorch_msssim"):
        scores = partial(package.ssim, data_range=1.0), partial(package.ms_ssim, data_range=1.0)
        yield Peer("pytorch-msssim", "pytorch-msssim", *scores)
        yield Peer(COMPILED, "pytorch-msssim", *map(torch.compile, scores))
    if package := library("torchmetrics.functional.image"):
        yield Peer(
            "torchmetrics",
            "torchmetrics",
            partial(package.structural_similarity_index_measure, data_range=1.0),
            partial(package.multiscale_structural_similarity_index_measure, data_range=1.0),
        )
    for module in ("fused_ssim", "fussim"):
        if package := library(module):
            yield Peer(module.replace("_", "-"), "fused-ssim", partial(_fused, package.fused_ssim))


def _fused(function: Callable[..., Any], x: torch.Tensor, y: torch.Tensor) -> Any:
    # It keeps what going backward needs unless told not to.
    return function(x, y, train=torch.is_grad_enabled())


def pairs(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Several."""
    return [images(shape, dtype, seed) for seed in range(PAIRS)]


def gradient(function: Callable[[Any, Any], Any], leaf: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Forward and backward, as in training: the gradient of one image."""
    (found,) = torch.autograd.grad(function(leaf, y), leaf)
    return found


def trained(function: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> Call:
    """`gradient` of one pair after the other."""
    leaves = [(x.requires_grad_(), y) for x, y in pairs(shape)]
    return by_turns(partial(gradient, function), leaves)


def rows_of(peer: Peer, shape: tuple[int, ...]) -> Iterator[Row]:
    """All comparisons with a peer."""
    for name, theirs in (("SSIM", peer.ssim), ("MS-SSIM", peer.ms_ssim)):
        if theirs is None:
            continue
        metric = limen.ssim if name == "SSIM" else limen.ms_ssim
        ours = partial(metric, data_range=1.0, convention=peer.convention, reduction="mean")
        with torch.no_grad():
            forward = by_turns(ours, pairs(shape)), by_turns(theirs, pairs(shape))
            scores = [call() for call in forward]
            check(f"{name} as {peer.name}", scores[0], scores[1], 1e-4)
            nearer = floor(math.prod(shape), 8, SLOTS) if name == "SSIM" else None
            yield Row(f"{name} forward", shape, peer.name, *compare(*forward), nearer)
        mine, other = trained(ours, shape), trained(theirs, shape)
        check(f"gradient of {name} as {peer.name}", mine(), other(), GRADIENT_TOLERANCE)
        yield Row(f"{name} forward and backward", shape, peer.name, *compare(mine, other))


def own_rows(shape: tuple[int, ...]) -> Iterator[Row]:
    """What has no peer: other dtypes, and the fused loss."""
    for dtype, size in ((torch.float32, 8), (torch.float16, 4), (torch.uint8, 2)):
        score = partial(limen.ssim, data_range=255.0 if dtype == torch.uint8 else 1.0)
        times = compare(by_turns(score, pairs(shape, dtype)), None)
        name = str(dtype).removeprefix("torch.")
        yield Row(f"SSIM forward, {name}", shape, "", *times, floor(math.prod(shape), size, SLOTS))
    loss = limen.torch.L1SSIMLoss(0.2, data_range=1.0, convention="fused-ssim")

    def parts(a: Any, b: Any) -> Any:
        score = limen.ssim(a, b, data_range=1.0, convention="fused-ssim", reduction="mean")
        return 0.8 * (a - b).abs().mean() + 0.2 * (1 - score)

    fused, separate = trained(loss, shape), trained(parts, shape)
    check("L1 and SSIM", fused(), separate(), 1e-3)
    yield Row("L1 + SSIM forward and backward", shape, "limen's SSIM and PyTorch's L1", *compare(fused, separate))


def extra_memory(call: Call) -> int:
    """Bytes that a call takes beside its images, at most at one time."""
    call()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def memory_lines(found: list[Peer]) -> Iterator[str]:
    """Extra memory in training."""
    for shape in SHAPES:
        x, y = images(shape)
        x.requires_grad_()
        parts = []
        for peer in (peer for peer in found if peer.name != COMPILED):
            mine = partial(limen.ssim, data_range=1.0, convention=peer.convention, reduction="mean")
            ours, theirs = (extra_memory(partial(gradient, loss, x, y)) for loss in (mine, peer.ssim))
            parts.append(f"{ours / 1e6:.1f} MB against {theirs / 1e6:.1f} MB of {peer.name}")
        yield f"{'x'.join(map(str, shape))}: {', '.join(parts)}"


def all_rows(found: list[Peer], shapes: list[tuple[int, ...]]) -> Iterator[Row]:
    """Everything that is timed."""
    for shape in shapes:
        for peer in found:
            if peer.name != COMPILED or shape == SHAPES[0]:
                yield from rows_of(peer, shape)
        yield from own_rows(shape)
    yield from gpu_features.rows()


def main() -> None:
    """Measure, write and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="the first shape alone")
    arguments.add_argument("--peers", nargs="+", metavar="NAME", help="of SSIM; all that are installed if left out")
    options = arguments.parse_args()
    if not torch.cuda.is_available():
        sys.exit("benchmarks/gpu.py needs a GPU: PyTorch finds none")
    found = list(peers(options.peers))
    rows: list[Row] = []
    for row in all_rows(found, SHAPES[:1] if options.quick else SHAPES):
        sys.stdout.write(" | ".join(row.cells()) + "\n")
        rows.append(row)
    device = torch.cuda.get_device_name()
    text = (
        f"# {device}\n\nlimen {limen.__version__}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}; float32 "
        f"unless said, medians of {ROUNDS} rounds of {CALLS} calls, which are queued while the device is kept busy for "
        f"{QUEUED:,} cycles; as called: not queued.\n\n{table(rows)}\n\nExtra memory, SSIM forward and backward:\n\n"
        + "\n".join(f"- {line}" for line in memory_lines(found))
        + "\n"
    )
    name = "".join(c if c.isalnum() else "-" for c in device.lower())
    file = Path(__file__).with_name("results") / f"gpu-{name}.md"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
