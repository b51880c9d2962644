"""The expected-loss variational autoencoder, EL-VAE (Snell et al. 2017): any objective in the place of the likelihood.

    loss(x) = KL(q(z|x) || p(z)) + C * E_q [ objective(decode(z), x) ]

p(z) is a standard normal, q(z|x) a normal with independent components whose means and variances the encoder gives; the
expectation is estimated by one draw, z = mean + deviation * noise, through which the gradient goes.
With the squared error, the mean over D values, and C = D / (2 s^2) this is the negative evidence bound of a decoder
that adds normal noise of variance s^2, less D/2 log(2 pi s^2).

Declared choices, where the paper is silent or not to be had:

- C is the number of values of an image, which makes the objective a sum over them, unless it is given (`constant`);
- the networks are those of the convolutional autoencoder, with a last layer twice as wide: means and log variances;
- 128 numbers (`code_size`);
- the code of an image, wherever one is asked for, is the mean.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .._checks import number
from ._convolutional import SMALLEST, decoder, encoder
from ._layers import Autoencoder, Loss, Losses, Shape, at_least_one, checked_shape, draw_weights


class ExpectedLossVAE(Autoencoder):
    """Images of `shape` to a distribution over `code_size` numbers, and back.

    Parameters
    ----------
    shape
        Channels, height and width; sides of at least 29.
    code_size
        Components of the distribution.
    width
        As for the convolutional autoencoder.
    constant
        C: what the expected objective, a mean over the values of an image, is multiplied by. None: their number.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do.
    """

    name = "el-vae"

    def __init__(
        self,
        shape: Shape = (3, 96, 96),
        code_size: int = 128,
        width: int = 128,
        constant: float | None = None,
    ) -> None:
        super().__init__()
        self.shape = checked_shape(shape, SMALLEST)
        self.code_size, self.width = at_least_one("code_size", code_size), at_least_one("width", width)
        self.constant = float(math.prod(self.shape)) if constant is None else number("constant", constant)
        if not 0 < self.constant < math.inf:
            raise ValueError(f"constant must be finite and above 0; got {self.constant}")
        self.options = {
            "shape": list(self.shape),
            "code_size": self.code_size,
            "width": self.width,
            "constant": self.constant,
        }
        self.encoder = encoder(self.shape, 2 * self.code_size, self.width)
        self.decoder = decoder(self.shape, self.code_size, self.width)
        draw_weights(self)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances, (B, code_size) each, of q(z|x)."""
        mean, log_variance = super().encode(images).chunk(2, dim=1)
        return mean, log_variance

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, code_size) of images (B, C, H, W) in [0, 1]: the means."""
        return self.posterior(images)[0]

    def losses(self, images: Tensor, objective: Loss, generator: torch.Generator | None = None) -> Losses:
        """KL + C times the objective, means over a batch; the noise comes from the generator, or from PyTorch's own."""
        mean, log_variance = self.posterior(images)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        codes = mean + torch.exp(log_variance / 2) * noise
        expected = objective(self.decode(codes), images).mean()
        divergence = kl_from_standard_normal(mean, log_variance).mean()
        return Losses(divergence + self.constant * expected, {"objective": expected, "kl": divergence})


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)) in nats, summed over the last axis (Kingma and Welling 2014, appendix B)."""
    # expm1: near the prior, variance - 1 - log variance is the small difference of what exp would round to 1.
    return 0.5 * (mean.square() + torch.expm1(log_variance) - log_variance).sum(-1)
