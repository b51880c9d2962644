"""Blurs: Gaussian, and bilateral, which keeps edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ._kind import Kind, Parameters, Pixels, parameter

_SIGMA = 4.0  # Pixels.
_RANGE = 80.0  # Levels: what differs by less is blurred together.
_RADIUS = 3


def _draw_gaussian(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"sigma": _SIGMA * strength}


def _gaussian(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    sigma = parameter(parameters, "sigma")
    return ndimage.gaussian_filter(image.astype(float), (sigma, sigma, 0), mode="reflect")


def _draw_bilateral(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"sigma": _SIGMA * strength, "range": _RANGE * strength}


def _bilateral(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    """Weights fall with the distance in space and with that in colour (all channels together).

    scikit-image's filter gives NaN for narrow ranges and drops axes of length 1.
    """
    # Tiny denormal deviations would divide zero by zero at the centre.
    space, colour = (max(parameter(parameters, name), 1e-3) for name in ("sigma", "range"))
    values = image.astype(np.float32)
    height, width = image.shape[:2]
    padded = np.pad(values, ((_RADIUS, _RADIUS), (_RADIUS, _RADIUS), (0, 0)), mode="symmetric")
    total, weights = np.zeros_like(values), np.zeros((height, width, 1), np.float32)
    for down in range(2 * _RADIUS + 1):
        for right in range(2 * _RADIUS + 1):
            shifted = padded[down : down + height, right : right + width]
            apart = ((shifted - values) ** 2).sum(axis=-1, keepdims=True)
            steps = (down - _RADIUS) ** 2 + (right - _RADIUS) ** 2
            weight = np.exp(-apart / (2 * colour**2) - steps / (2 * space**2))
            total += weight * shifted
            weights += weight
    return total / weights


KINDS = (
    Kind("gaussian_blur", "blur", "deviation up to 4 pixels", _draw_gaussian, _gaussian),
    Kind("bilateral_blur", "blur", "7x7, deviation up to 4 pixels and 80 levels", _draw_bilateral, _bilateral),
)
