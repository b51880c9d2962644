"""LPIPS and its gradient in a process of its own: writes the bytes by which the peak of resident memory grew."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .memory_probe import RESOLUTION, peak

__all__ = ["RESOLUTION"]


def main() -> None:
    """Run the call that the arguments describe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=["limen", "lpips"])
    parser.add_argument("net")
    parser.add_argument("batch", type=int)
    parser.add_argument("height", type=int)
    parser.add_argument("width", type=int)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python"))

    import torch

    import limen
    import limen.torch
    from lpips_peers import backbone, peer

    torch.set_num_threads(2)
    limen.set_num_threads(2)
    net = options.net
    metric: Any = peer(net) if options.library == "lpips" else limen.torch.LPIPS(net, backbone=backbone(net))

    def loss_and_gradient(*shape: int) -> float:
        random = torch.Generator().manual_seed(0)
        x, y = (2 * torch.rand(shape, generator=random) - 1 for _ in range(2))
        before = peak(reset=True)
        metric(x.requires_grad_(), y).sum().backward()
        assert x.grad is not None
        assert x.grad.abs().max() > 0
        return peak() - before

    loss_and_gradient(1, 3, 64, 64)  # loads what is loaded at a first call
    sys.stdout.write(f"{loss_and_gradient(options.batch, 3, options.height, options.width)}\n")


if __name__ == "__main__":
    main()
