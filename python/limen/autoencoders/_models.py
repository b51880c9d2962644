"""The networks by name."""

from __future__ import annotations

from typing import Any

import torch

from ._convolutional import Convolutional
from ._expected_loss_vae import ExpectedLossVAE
from ._fully_connected import FullyConnected
from ._layers import Autoencoder

MODELS: dict[str, type[Autoencoder]] = {model.name: model for model in (FullyConnected, Convolutional, ExpectedLossVAE)}


def make(name: str, *, seed: int | None = None, **options: Any) -> Autoencoder:
    """The network of that name with weights drawn from `seed`, which leaves PyTorch's generator as it was.

    Parameters
    ----------
    name
        ``"fc"``, ``"conv"`` or ``"el-vae"``.
    seed
        Equal seeds give equal weights; None draws from PyTorch's generator.
    options
        Those of `FullyConnected`, `Convolutional` or `ExpectedLossVAE`.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do.
    """
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}; got {name!r}")
    if seed is None:
        return MODELS[name](**options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS[name](**options)
