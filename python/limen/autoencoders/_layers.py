"""What the networks have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .._checks import integer

Shape = tuple[int, int, int]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Losses:
    """What one step makes small, a scalar, and the parts it is made of, by name."""

    total: Tensor
    parts: dict[str, Tensor]


class Autoencoder(nn.Module):
    """A network that writes an image as a few numbers and reads it from them again.

    shape: (channels, height, width) of its images. code_size: how many numbers. options: what it was made with, so that
    ``type(model)(**model.options)`` is the same network with other weights. encoder, decoder: its halves; images enter
    the one with 0.5 subtracted.
    """

    name: ClassVar[str]
    shape: Shape
    code_size: int
    options: dict[str, Any]
    encoder: nn.Module
    decoder: nn.Module

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, code_size) of images (B, C, H, W) in [0, 1]."""
        self._check(images)
        # Values that are all positive leave most units off, or on, for every image alike.
        codes: Tensor = self.encoder(images - 0.5)
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] of codes (B, code_size)."""
        images: Tensor = self.decoder(codes)
        return images

    def forward(self, images: Tensor) -> Tensor:
        """The images after a passage through the code."""
        return self.decode(self.encode(images))

    def losses(self, images: Tensor, objective: Loss, generator: torch.Generator | None = None) -> Losses:
        """The mean of the objective over a batch; a generator is for networks whose codes are drawn."""
        expected = objective(self(images), images).mean()
        return Losses(expected, {"objective": expected})

    def _check(self, images: Tensor) -> None:
        if images.ndim != 4 or tuple(images.shape[1:]) != self.shape:
            raise ValueError(
                f"images must be (batch, {', '.join(map(str, self.shape))}), for which this network was made; got "
                f"shape {tuple(images.shape)}"
            )


def draw_weights(network: nn.Module) -> None:
    """Weights as He et al. (2015) draw them for ReLU, biases zero: every layer hands on as much as it gets.

    With PyTorch's own the signal of six layers is a twentieth, and every image begins as the same grey, of which SSIM
    has next to no slope.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            inputs = float(layer.in_features)
        elif isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            inputs = layer.in_channels * float(math.prod(layer.kernel_size))
            if isinstance(layer, nn.ConvTranspose2d):
                inputs /= math.prod(layer.stride)  # A pixel meets that part of the taps.
        else:
            continue
        nn.init.normal_(layer.weight, 0, math.sqrt(2 / inputs))
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)


def checked_shape(shape: object, least: int) -> Shape:
    """Channels, height and width; sides of at least `least` pixels."""
    try:
        channels, height, width = (integer("shape", value) for value in shape)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise ValueError(f"shape must be three whole numbers (channels, height, width); got {shape!r}") from None
    if channels not in (1, 3) or min(height, width) < least:
        raise ValueError(
            f"shape must have 1 or 3 channels and sides of at least {least} pixels; got {(channels, height, width)}"
        )
    return channels, height, width


def at_least_one(name: str, value: object) -> int:
    """A whole number from 1 up, or a ValueError that names the argument."""
    found = integer(name, value)
    if found < 1:
        raise ValueError(f"{name} must be 1 or more; got {found}")
    return found
