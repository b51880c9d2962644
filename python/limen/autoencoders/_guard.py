"""Stops a training whose numbers are none any more, and says where that began."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._layers import Autoencoder, Losses


class DivergedError(ArithmeticError):
    """A training came to values that are not finite. The message names the step and the culprit."""


def check_losses(losses: Losses, images: Tensor, model: Autoencoder, where: str) -> None:
    """Raise DivergedError unless the loss is finite."""
    if not torch.isfinite(losses.total):
        raise DivergedError(f"{where}: {_culprit_of(losses, images, model)}")


def check_gradients(model: nn.Module, where: str) -> None:
    """Raise DivergedError unless all gradients are finite, before they reach the weights."""
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    if gradients and not torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
        named = [(name, parameter.grad) for name, parameter in model.named_parameters() if parameter.grad is not None]
        # None: each is finite, and the squares of all are not.
        name = next((name for name, gradient in named if not _finite(gradient)), named[0][0])
        raise DivergedError(f"{where}: the gradient of {name} is not finite")


def _culprit_of(losses: Losses, images: Tensor, model: Autoencoder) -> str:
    if not _finite(images):
        return "the images have values that are not finite"
    for name, parameter in model.named_parameters():
        if not _finite(parameter):
            return f"the step before made {name} not finite: the learning rate is too high"
    values = ", ".join(f"{name} {value.item():g}" for name, value in losses.parts.items())
    wrong = [name for name, value in losses.parts.items() if not _finite(value)]
    if wrong:
        return f"{' and '.join(wrong)} not finite ({values})"
    return f"the weighted sum of {values} is not finite: its constant is too large"


def _finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())
