"""One call in a process of its own: writes the bytes by which the peak of resident memory grew, less the gradients.

Linux only. The peak is that of /proc, because the one of getrusage outlives exec: a child starts with its parent's.
The kernel counts pages in batches, on every processor by itself, and misses what fills no batch. Hence as many
processors as threads: RESOLUTION bytes on each is the most that can be missing.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Call = Callable[[Any, Any], Any]

RESOLUTION = max(32, 2 * (os.cpu_count() or 1)) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Run the call that the arguments describe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=list(CALLS))
    parser.add_argument("metric", choices=["ssim", "ms_ssim"])
    parser.add_argument("height", type=int)
    parser.add_argument("width", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gradients", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    call = CALLS[options.library](options.metric, options.gradients, options.threads)

    # Loads what is loaded at a first call, on images too small to leave memory behind that the second could use.
    call(*_images(161, 161))
    images = _images(options.height, options.width)
    before = peak(reset=True)
    answer = call(*images)
    growth = peak() - before
    assert 0 < answer[0] < 1
    sys.stdout.write(f"{growth - sum(image.nbytes for image in images) * options.gradients}\n")


def _limen(metric: str, gradients: bool, threads: int) -> Call:
    import limen

    limen.set_num_threads(threads)
    function = getattr(limen, f"{metric}_gradient" if gradients else metric)

    def call(x: Any, y: Any) -> Any:
        answer = function(x, y, data_range=1.0)
        return answer if gradients else (answer,)

    return call


def _pytorch_msssim(metric: str, gradients: bool, threads: int) -> Call:
    import pytorch_msssim
    import torch

    torch.set_num_threads(threads)

    def call(*images: Any) -> Any:
        tensors = [torch.from_numpy(image)[None].requires_grad_(gradients) for image in images]
        score = getattr(pytorch_msssim, metric)(*tensors, data_range=1.0)
        return (float(score), *(torch.autograd.grad(score, tensors) if gradients else ()))

    return call


CALLS = {"limen": _limen, "pytorch-msssim": _pytorch_msssim}


def _images(height: int, width: int) -> tuple[Any, Any]:
    """Two images, made in their own memory: whatever was taken meanwhile would hide as much growth."""
    x, y = (np.empty((3, height, width), np.float32) for _ in range(2))
    waves = np.sin(np.arange(width, dtype=np.float32) / 7)
    for row in range(height):
        x[:, row] = 0.5 + 0.4 * waves * np.sin(row / 5)
        y[:, row] = 0.9 * x[:, row] + 0.02
    return x, y


def peak(*, reset: bool = False) -> int:
    """The most memory that was resident at any time, in bytes; `reset` starts from what is now."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


if __name__ == "__main__":
    main()
