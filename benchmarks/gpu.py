"""limen on a GPU against its peers: `python benchmarks/gpu.py`.

Every result is checked before it is timed. Times are medians over rounds in which limen and the peer take turns, by
CUDA events. The table goes to benchmarks/results/gpu-<device>.md too.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

import limen
import limen.torch

SHAPES = [(1, 3, 1080, 1920), (4, 3, 1080, 1920), (1, 3, 2160, 3840)]
SLOTS = 113  # of a lane, for a pixel of SSIM: docs/definitions.md
ROUNDS, CALLS, WARM_UP = 30, 5, 3

Call = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One comparison; the peer may be none."""

    operation: str
    shape: tuple[int, ...]
    peer: str
    limen: float  # seconds
    theirs: float | None
    floor: float | None = None  # seconds, no kernel is faster

    def cells(self) -> list[str]:
        """As the table shows it."""
        ratio = f"{self.theirs / self.limen:.2f}" if self.theirs else ""
        share = f"{100 * self.floor / self.limen:.0f} %" if self.floor else ""
        theirs = f"{1e3 * self.theirs:.3f}" if self.theirs else ""
        return [
            self.operation,
            "x".join(map(str, self.shape)),
            f"{1e3 * self.limen:.3f}",
            self.peer,
            theirs,
            ratio,
            share,
        ]


def seconds(call: Call) -> float:
    """Of one of a few calls in a row, on the device."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(CALLS):
        call()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3 / CALLS


def compare(ours: Call, theirs: Call | None) -> tuple[float, float | None]:
    """Medians, of turns."""
    calls = [call for call in (ours, theirs) if call is not None]
    for _ in range(WARM_UP):
        for call in calls:
            seconds(call)
    times = [[seconds(call) for call in calls] for _ in range(ROUNDS)]
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    return medians[0], medians[1] if theirs else None


def floors(shape: tuple[int, ...], bytes_a_pixel: int) -> float | None:
    """Seconds at the nearer of the two floors, by what the driver says of the device; None if it doesn't say."""
    device = torch.cuda.get_device_properties(torch.cuda.current_device())
    clock, memory, width = (
        getattr(device, name, 0) for name in ("clock_rate", "memory_clock_rate", "memory_bus_width")
    )
    if not (clock and memory and width):
        return None
    pixels = torch.Size(shape).numel()
    arithmetic = pixels * SLOTS / (device.multi_processor_count * 128 * clock * 1e3)
    return max(arithmetic, pixels * bytes_a_pixel / (2 * memory * 1e3 * width / 8))


def images(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth ones and noisy ones alike, in [0, 1] (uint8: its range)."""
    generator = torch.Generator("cuda").manual_seed(0)
    coarse = torch.rand((*shape[:-2], shape[-2] // 20, shape[-1] // 20), device="cuda", generator=generator)
    x = torch.nn.functional.interpolate(coarse, shape[-2:], mode="bilinear")
    y = (0.9 * x + 0.1 * torch.rand(shape, device="cuda", generator=generator)).clamp(0, 1)
    if dtype == torch.uint8:
        return (x * 255).round().to(dtype), (y * 255).round().to(dtype)
    return x.to(dtype), y.to(dtype)


def library(name: str) -> Any:
    """The module, or None where it isn't installed or doesn't load."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        sys.stdout.write(f"left out: {name} ({error})\n")
        return None


@dataclass(frozen=True)
class Peer:
    """A library, and the convention of its number."""

    name: str
    convention: str
    ssim: Callable[[Any, Any], Any]
    ms_ssim: Callable[[Any, Any], Any] | None = None


def peers() -> Iterator[Peer]:
    """Those that are installed."""
    if package := library("pytorch_msssim"):
        scores = partial(package.ssim, data_range=1.0), partial(package.ms_ssim, data_range=1.0)
        yield Peer("pytorch-msssim", "pytorch-msssim", *scores)
        yield Peer("pytorch-msssim, compiled", "pytorch-msssim", *map(torch.compile, scores))
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


def check(name: str, ours: Any, theirs: Any, tolerance: float) -> None:
    """Ends the program if the two differ."""
    error = float((ours - theirs).abs().max() / max(1e-30, float(theirs.abs().max())))
    if not error <= tolerance:
        sys.exit(f"{name}: limen and the peer differ by {error:.2g} of the largest value; nothing was timed")


def trained(function: Callable[[Any, Any], Any], x: torch.Tensor, y: torch.Tensor) -> Callable[[], torch.Tensor]:
    """Forward and backward, as in training: the gradient of one image."""
    leaf = x.detach().clone().requires_grad_()

    def call() -> torch.Tensor:
        (gradient,) = torch.autograd.grad(function(leaf, y), leaf)
        return gradient

    return call


def rows_of(peer: Peer, shape: tuple[int, ...]) -> Iterator[Row]:
    """All comparisons with a peer."""
    x, y = images(shape)
    for name, theirs in (("SSIM", peer.ssim), ("MS-SSIM", peer.ms_ssim)):
        if theirs is None:
            continue
        metric = limen.ssim if name == "SSIM" else limen.ms_ssim
        ours = partial(metric, data_range=1.0, convention=peer.convention, reduction="mean")
        with torch.no_grad():
            check(f"{name} as {peer.name}", ours(x, y), theirs(x, y), 1e-4)
            times = compare(partial(ours, x, y), partial(theirs, x, y))
            yield Row(f"{name} forward", shape, peer.name, *times, floors(shape, 8) if name == "SSIM" else None)
        mine, other = trained(ours, x, y), trained(theirs, x, y)
        check(f"gradient of {name} as {peer.name}", mine(), other(), 1e-3)
        yield Row(f"{name} forward and backward", shape, peer.name, *compare(mine, other))


def own_rows(shape: tuple[int, ...]) -> Iterator[Row]:
    """What has no peer: other dtypes, and the fused loss."""
    for dtype, size in ((torch.float32, 8), (torch.float16, 4), (torch.uint8, 2)):
        x, y = images(shape, dtype)
        ours, _ = compare(partial(limen.ssim, x, y, data_range=255.0 if dtype == torch.uint8 else 1.0), None)
        yield Row(f"SSIM forward, {str(dtype).removeprefix('torch.')}", shape, "", ours, None, floors(shape, size))
    x, y = images(shape)
    loss = limen.torch.L1SSIMLoss(0.2, data_range=1.0, convention="fused-ssim")

    def parts(a: Any, b: Any) -> Any:
        score = limen.ssim(a, b, data_range=1.0, convention="fused-ssim", reduction="mean")
        return 0.8 * (a - b).abs().mean() + 0.2 * (1 - score)

    fused, separate = trained(loss, x, y), trained(parts, x, y)
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
        parts = []
        for peer in found:
            mine = trained(partial(limen.ssim, data_range=1.0, convention=peer.convention, reduction="mean"), x, y)
            ours, theirs = extra_memory(mine), extra_memory(trained(peer.ssim, x, y))
            parts.append(f"{ours / 1e6:.1f} MB against {theirs / 1e6:.1f} MB of {peer.name}")
        yield f"{'x'.join(map(str, shape))}: {', '.join(parts)}"


def table(rows: list[Row]) -> str:
    """In Markdown."""
    heads = ["operation", "shape", "limen, ms", "peer", "peer, ms", "times faster", "share of the nearer floor"]
    lines = [heads, ["---"] * len(heads), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    """Measure, write and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="the first shape alone")
    quick = arguments.parse_args().quick
    if not torch.cuda.is_available():
        sys.exit("benchmarks/gpu.py needs a GPU: PyTorch finds none")
    found = list(peers())
    rows: list[Row] = []
    for shape in SHAPES[:1] if quick else SHAPES:
        for peer in found:
            rows += rows_of(peer, shape)
        rows += own_rows(shape)
    device = torch.cuda.get_device_name()
    text = (
        f"# {device}\n\nlimen {limen.__version__}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}; float32 "
        f"unless said, medians of {ROUNDS} rounds.\n\n{table(rows)}\n\nExtra memory, SSIM forward and backward:\n\n"
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
