"""SRCNN: three convolutions that sharpen a bicubic enlargement.

Dong, Loy, He and Tang, Image super-resolution using deep convolutional networks (2016). Filters, sizes and the
Gaussian start of `initial="published"` are the paper's.

Declared choice: `initial="identity"`, the default. The paper trains for days from filters of deviation 0.001, most of
it to learn to hand the bicubic image through; here one channel does so from the start, through Dirac filters, and the
others start as the paper's do, with He's deviation in their place. A few minutes are then spent on what differs
between objectives.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

Initial = Literal["identity", "published"]

NETS: Mapping[str, tuple[int, int, int]] = MappingProxyType({"9-1-5": (9, 1, 5), "9-5-5": (9, 5, 5)})

_CHANNELS = (1, 64, 32, 1)
_PUBLISHED_DEVIATION = 1e-3


def margin(net: str) -> int:
    """How many pixels an image loses on every side where it isn't padded."""
    return sum(side // 2 for side in NETS[net])


class SRCNN(nn.Module):
    """The network.

    Parameters
    ----------
    net
        The sides of its filters: ``"9-1-5"`` or ``"9-5-5"``.
    initial
        ``"identity"`` starts from the bicubic image, ``"published"`` from Gaussian filters of deviation 0.001; biases
        are 0 either way. Drawn from PyTorch's global generator.

    Raises
    ------
    ValueError
        Naming what was found and what would do.
    """

    def __init__(self, net: str = "9-1-5", initial: Initial = "identity") -> None:
        super().__init__()
        if net not in NETS:
            raise ValueError(f"net must be one of {', '.join(NETS)}; got {net!r}")
        if initial not in get_args(Initial):
            raise ValueError(f"initial must be one of {', '.join(get_args(Initial))}; got {initial!r}")
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, side) for (before, after), side in zip(pairwise(_CHANNELS), NETS[net], strict=True)
        )
        self.net = net
        self._start(initial)

    def convolutions(self) -> list[nn.Conv2d]:
        """The three layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, nn.Conv2d)]

    def _start(self, initial: Initial) -> None:
        for layer in self.convolutions():
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if initial == "published":
                nn.init.normal_(layer.weight, std=_PUBLISHED_DEVIATION)
            else:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if initial == "identity":
            self._hand_through()

    @torch.no_grad()
    def _hand_through(self) -> None:
        # The last filter sees the first channel only: what the random ones make would come out as noise.
        *_, last = layers = self.convolutions()
        nn.init.zeros_(last.weight)
        for layer in layers:
            middle = layer.weight.shape[-1] // 2
            layer.weight[0] = 0
            layer.weight[0, 0, middle, middle] = 1

    def forward(self, image: Tensor) -> Tensor:
        """(N, 1, H, W), less `margin` pixels on every side, as in training: filters only where they fit."""
        return self._run(image, padded=False)

    def restore(self, image: Tensor) -> Tensor:
        """(N, 1, H, W) to the same size: every layer's input goes on beyond its edge with the edge's pixels."""
        return self._run(image, padded=True)

    def _run(self, image: Tensor, padded: bool) -> Tensor:
        for number, layer in enumerate(self.convolutions()):
            if number:
                image = functional.relu(image)
            if padded:
                image = functional.pad(image, [layer.weight.shape[-1] // 2] * 4, mode="replicate")
            image = layer(image)
        return image
