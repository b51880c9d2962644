"""The fully connected autoencoder of small grey images (Snell et al. 2017, the experiment on CIFAR-10).

Stated by the paper: fully connected; images of 32 x 32, grey; a bottleneck.
Declared choices, where the paper is silent or not to be had:

- hidden layers of 1024 and 512 units, mirrored (`widths`);
- a bottleneck of 64 numbers without a nonlinearity (`code_size`);
- leaky ReLU (slope 0.2) between layers, a sigmoid at the end, so that images are in [0, 1];
- images enter with 0.5 subtracted; weights are drawn as He et al. (2015) do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from ._layers import Autoencoder, Shape, at_least_one, checked_shape, draw_weights

_SLOPE = 0.2


class FullyConnected(Autoencoder):
    """Images of `shape` through layers of `widths` to `code_size` numbers, and back.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do.
    """

    name = "fc"

    def __init__(self, shape: Shape = (1, 32, 32), code_size: int = 64, widths: Sequence[int] = (1024, 512)) -> None:
        super().__init__()
        self.shape = checked_shape(shape, 1)
        self.code_size = at_least_one("code_size", code_size)
        hidden = [at_least_one("widths", width) for width in widths]
        self.options = {"shape": list(self.shape), "code_size": self.code_size, "widths": hidden}
        sizes = [math.prod(self.shape), *hidden, self.code_size]
        self.encoder = nn.Sequential(nn.Flatten(), *_layers(sizes))
        self.decoder = nn.Sequential(*_layers(sizes[::-1]), nn.Sigmoid(), nn.Unflatten(1, self.shape))
        draw_weights(self)


def _layers(sizes: Sequence[int]) -> list[nn.Module]:
    """Linear layers between those sizes, leaky ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(_SLOPE)]
    return layers[:-1]
