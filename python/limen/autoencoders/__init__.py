"""Autoencoders trained with squared, absolute and perceptual errors (Snell et al. 2017)."""

from __future__ import annotations

try:
    import torch as torch
except ImportError as error:
    raise ImportError("limen.autoencoders needs PyTorch: pip install 'limen[autoencoders]'") from error

from ._convolutional import Convolutional
from ._expected_loss_vae import ExpectedLossVAE
from ._fully_connected import FullyConnected
from ._layers import Autoencoder
from ._models import MODELS, make
from ._objectives import OBJECTIVES, Objective, objective

__all__ = [
    "MODELS",
    "OBJECTIVES",
    "Autoencoder",
    "Convolutional",
    "ExpectedLossVAE",
    "FullyConnected",
    "Objective",
    "make",
    "objective",
]
