"""The deterministic convolutional autoencoder (Snell et al. 2017, section 3.2, the experiment on STL-10).

Known of the paper, some of it through code that says to follow it: images of 96 x 96, RGB; convolutions of 5 x 5 with
stride 2 to 128, 256 and 512 channels, ReLU; a dense bottleneck of 128 or 512 numbers; a mirrored decoder.
Declared choices:

- no padding: sides go 96, 46, 21, 9, and the dense layer has 9 x 9 x 512 inputs;
- the bottleneck has no nonlinearity, and the decoder begins with a dense layer and ReLU;
- the decoder's transposed convolutions have weights of their own (the code ties them to the encoder's);
- a sigmoid at the end, so that images are in [0, 1];
- images enter with 0.5 subtracted; weights are drawn as He et al. (2015) do;
- `width`, the channels after the first convolution, is 128 as in the paper, and less where a run has to be short.
"""

from __future__ import annotations

from torch import nn

from ._layers import Autoencoder, Shape, at_least_one, checked_shape, draw_weights

_TAPS = 5
_LAYERS = 3
SMALLEST = 29
"""The side of which three convolutions leave one pixel."""


class Convolutional(Autoencoder):
    """Images of `shape` through three convolutions to `code_size` numbers, and back.

    Parameters
    ----------
    shape
        Channels, height and width; sides of at least 29.
    code_size
        The bottleneck.
    width
        Channels after the first convolution, doubled by each of the other two.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do.
    """

    name = "conv"

    def __init__(self, shape: Shape = (3, 96, 96), code_size: int = 512, width: int = 128) -> None:
        super().__init__()
        self.shape = checked_shape(shape, SMALLEST)
        self.code_size, self.width = at_least_one("code_size", code_size), at_least_one("width", width)
        self.options = {"shape": list(self.shape), "code_size": self.code_size, "width": self.width}
        self.encoder = encoder(self.shape, self.code_size, self.width)
        self.decoder = decoder(self.shape, self.code_size, self.width)
        draw_weights(self)


def encoder(shape: Shape, outputs: int, width: int) -> nn.Sequential:
    """Three convolutions and a dense layer."""
    channels, inner = _plan(shape, width)
    layers: list[nn.Module] = []
    for i in range(_LAYERS):
        layers += [nn.Conv2d(channels[i], channels[i + 1], _TAPS, stride=2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * inner[0] * inner[1], outputs))


def decoder(shape: Shape, inputs: int, width: int) -> nn.Sequential:
    """A dense layer and three transposed convolutions."""
    channels, inner = _plan(shape, width)
    layers: list[nn.Module] = [
        nn.Linear(inputs, channels[-1] * inner[0] * inner[1]),
        nn.ReLU(),
        nn.Unflatten(1, (channels[-1], *inner)),
    ]
    for i in reversed(range(_LAYERS)):
        layers += [
            # Two sides come out of a convolution alike; which of them it was, the other way has to be told.
            nn.ConvTranspose2d(channels[i + 1], channels[i], _TAPS, stride=2, output_padding=_left_over(shape, i)),
            nn.ReLU() if i > 0 else nn.Sigmoid(),
        ]
    return nn.Sequential(*layers)


def _plan(shape: Shape, width: int) -> tuple[list[int], tuple[int, int]]:
    """Channels before and after each convolution, and the sides after the last."""
    channels = [shape[0], *(width << i for i in range(_LAYERS))]
    return channels, (_side(shape[1], _LAYERS), _side(shape[2], _LAYERS))


def _side(side: int, layers: int) -> int:
    for _ in range(layers):
        side = (side - _TAPS) // 2 + 1
    return side


def _left_over(shape: Shape, layer: int) -> tuple[int, int]:
    return (_side(shape[1], layer) - _TAPS) % 2, (_side(shape[2], layer) - _TAPS) % 2
