"""FSIM and FSIMc: similarity of images by phase congruency and gradient.

After Zhang, Zhang, Mou and Zhang, FSIM: a feature similarity index for image quality assessment (2011), and Kovesi's
phase congruency. Where the paper leaves something open this follows the authors' MATLAB code as `piq` reads it, whose
numbers these are:

- images are averaged over squares of round(min(H, W) / 256) pixels first, and what is left over at the end is dropped;
- frequencies of an odd side of n pixels are multiples of 1 / (n - 1);
- the median of an even number of values, for the noise of a filter, is the lower of the two in the middle.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .._arrays import resolve_data_range
from .._ssim import Reduction
from . import _functions

_SCALES, _ORIENTATIONS = 4, 4
_SHORTEST_WAVE = 6.0  # Pixels; each scale's is twice that of the one before.
_BANDWIDTH = 0.55
_ANGULAR_DEVIATION = math.pi / _ORIENTATIONS / 1.2
_CUTOFF, _SHARPNESS = 0.45, 15
# Noise is Rayleigh distributed: its mean and two deviations, less what Kovesi found this to overestimate.
_THRESHOLD = (math.sqrt(math.pi / 2) + 2 * math.sqrt(2 - math.pi / 2)) / 1.7

_PHASE, _GRADIENT, _CHROMA = 0.85, 160.0, 200.0  # T1, T2, and T3 = T4, for values from 0 to 255.
_CHROMA_EXPONENT = 0.03

_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


class FsimFeatures(NamedTuple):
    """What FSIM sees of images (N, C, H, W): maps (N, H, W), and the chroma (N, 2, H, W) of colour images."""

    phase: Tensor
    gradient: Tensor
    chroma: Tensor | None


def fsim(
    x: Tensor, y: Tensor, *, data_range: float | None = None, chromatic: bool = True, reduction: Reduction = "image"
) -> Tensor:
    """Feature similarity (Zhang et al. 2011): 1 for equal images, smaller for worse ones.

    Phase congruency tells where a viewer looks; there phases, gradients and, for FSIMc, chroma are compared.

    Parameters
    ----------
    x, y
        Tensors (..., C, H, W) of the same shape, dtype and device: three channels, red, green and blue, or one.
    data_range
        The span of pixel values, counted from 0; that of the dtype for integers, else it must be given.
    chromatic
        FSIMc, which compares colours too, and needs three channels. Without, colours are made grey.
    reduction
        ``"image"``: one number an image, as does ``"none"``. ``"mean"``: that of the batch.

    Returns
    -------
    score
        float64 for float64 images, else float32, in the shape of the batch; differentiable in both images.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do.
    """
    x, y, _ = _functions._images(x, y, "auto", reduction)
    span = resolve_data_range(data_range, x.dtype)
    if not 0 < span < math.inf:
        raise ValueError(f"data_range must be positive and finite; got {data_range!r}")
    _check_shape(x.shape, chromatic)
    batch, images = x.shape[:-3], (image.reshape(-1, *image.shape[-3:]) for image in (x, y))
    score = fsim_from_features(*(fsim_features(image, data_range=span, chromatic=chromatic) for image in images))
    return score.mean() if reduction == "mean" else score.reshape(batch)


def fsim_features(x: Tensor, *, data_range: float, chromatic: bool) -> FsimFeatures:
    """What FSIM sees of images (N, C, H, W), for `fsim_from_features`: an image that is met often is looked at once."""
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    x = x.to(wide) * (255 / data_range)
    side = max(1, round(min(x.shape[-2:]) / 256))
    x = functional.avg_pool2d(x, side) if side > 1 else x
    if x.shape[1] == 3:
        x = torch.einsum("kc,nchw->nkhw", x.new_tensor(_YIQ), x)
    grey = x[:, :1]
    kernel = x.new_tensor([[-3.0, 0.0, 3.0], [-10.0, 0.0, 10.0], [-3.0, 0.0, 3.0]]) / 16
    across, down = functional.conv2d(grey, torch.stack((kernel, kernel.T))[:, None], padding=1).unbind(1)
    return FsimFeatures(_phase_congruency(grey[:, 0]), _length(across, down), x[:, 1:] if chromatic else None)


def fsim_from_features(x: FsimFeatures, y: FsimFeatures) -> Tensor:
    """The score (N,) of images whose features are given."""
    weight = torch.maximum(x.phase, y.phase)
    local = _similarity(x.phase, y.phase, _PHASE) * _similarity(x.gradient, y.gradient, _GRADIENT) * weight
    if x.chroma is not None and y.chroma is not None:
        chroma = _similarity(x.chroma, y.chroma, _CHROMA).prod(1)
        # Chroma may be opposed, and a power of a negative number is none; at 0 its slope would be infinite.
        local = local * chroma.abs().clamp(min=1e-12) ** _CHROMA_EXPONENT
    return local.sum((-2, -1)) / weight.sum((-2, -1))


def _check_shape(shape: torch.Size, chromatic: bool) -> None:
    if len(shape) < 3 or shape[-3] not in (1, 3):
        raise ValueError(f"x and y must be (..., 3, H, W) or (..., 1, H, W); got shape {tuple(shape)}")
    if chromatic and shape[-3] != 3:
        raise ValueError("chromatic=True needs three channels, red, green and blue; got one: give chromatic=False")
    if min(shape[-2:]) < 2:
        raise ValueError(f"x and y must have at least 2 x 2 pixels; got shape {tuple(shape)}")


def _phase_congruency(grey: Tensor) -> Tensor:
    """Kovesi's, (N, H, W) in (0, 1]: how much the waves at each pixel agree in phase, noise left out."""
    filters, power = _filters(*grey.shape[-2:], grey.dtype, grey.device)
    tiny = torch.finfo(grey.dtype).eps
    # No filter lets the mean pass. Taken off before, it leaves no rounding errors to congrue in a flat image.
    spectrum = torch.fft.fft2(grey - grey.mean((-2, -1), keepdim=True))
    total = amplitude = torch.zeros_like(grey)
    for bank, noise in zip(filters, power, strict=True):
        waves = torch.fft.ifft2(spectrum[:, None] * bank)
        mean = waves.sum(1)
        mean = mean / (mean.abs() + tiny)
        turned = waves * mean[:, None].conj()
        size = waves.abs()
        median = (size[:, 0] ** 2).flatten(1).median(-1).values
        threshold = _THRESHOLD * torch.sqrt(median * noise + tiny**2)
        energy = (turned.real - turned.imag.abs()).sum(1) - threshold[:, None, None]
        total = total + energy.clamp(min=0)
        amplitude = amplitude + size.sum(1)
    return (total + tiny) / (amplitude + tiny)


@functools.lru_cache(maxsize=16)
def _filters(height: int, width: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Log-Gabor filters (orientation, scale, H, W), and each orientation's factor from a median to a noise's energy."""
    with torch.inference_mode(False), torch.no_grad():
        down, across = _frequencies(height), _frequencies(width)
        radius = torch.hypot(down[:, None], across[None])
        low_pass = 1 / (1 + (radius / _CUTOFF) ** (2 * _SHARPNESS))
        radius[0, 0] = 1.0
        angle = torch.atan2(-across[None].expand_as(radius), down[:, None].expand_as(radius))
        waves = torch.tensor([_SHORTEST_WAVE * 2.0**scale for scale in range(_SCALES)], dtype=torch.float64)
        radial = torch.exp(-((radius * waves[:, None, None]).log() ** 2) / (2 * math.log(_BANDWIDTH) ** 2)) * low_pass
        radial[:, 0, 0] = 0.0
        turns = torch.arange(_ORIENTATIONS, dtype=torch.float64) * (math.pi / _ORIENTATIONS)
        apart = torch.remainder(angle - turns[:, None, None] + math.pi, 2 * math.pi) - math.pi
        angular = torch.exp(-(apart**2) / (2 * _ANGULAR_DEVIATION**2))
        filters = angular[:, None] * radial
        # Expected energy of noise: that of the filters added up, for noise of the power that the finest lets pass.
        impulse = torch.fft.ifft2(filters.sum(1)).real ** 2
        noise = impulse.sum((-2, -1)) * (height * width) / math.log(2) / (filters[:, 0] ** 2).sum((-2, -1))
        return filters.to(device, dtype), noise.to(device, dtype)


def _frequencies(count: int) -> Tensor:
    """In cycles a pixel, zero first, then rising, then the negative ones."""
    steps = torch.arange(count, dtype=torch.float64) - count // 2
    return torch.roll(steps / (count - count % 2), -(count // 2))


def _length(a: Tensor, b: Tensor) -> Tensor:
    """The root of the sum of squares, whose slope at zero is zero and not NaN."""
    length: Tensor = torch.complex(a, b).abs()
    return length


def _similarity(a: Any, b: Any, constant: float) -> Tensor:
    similarity: Tensor = (2 * a * b + constant) / (a**2 + b**2 + constant)
    return similarity
