"""Lightness, colour, contrast and saturation, each in CIELAB (D65)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.color import lab2rgb, rgb2lab

from ._kind import Kind, Parameters, Pixels, angle, direction, parameter, sign

_LIGHTNESS = 30.0  # Of the 100 from black to white.
_COLOUR = 40.0  # In the plane of a and b, where saturated colours lie at about 100.
_CONTRAST = 1.0  # e-fold: a factor of 2.7 or 0.37.


def _to_lab(image: Pixels) -> NDArray[np.float64]:
    lab: NDArray[np.float64] = rgb2lab(image / 255.0)
    return lab


def _from_lab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    # Colours beyond sRGB are bound to come out of a shift; scikit-image clips them, and warns of those without a Z.
    rgb: NDArray[np.float64] = 255 * lab2rgb(_inside_lab(lab))
    return rgb


def _inside_lab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """With L in [0, 100], and b no larger than leaves Z positive."""
    lightness = np.clip(lab[..., 0], 0, 100)
    most = 200 * (lightness + 16) / 116 - 1e-9
    return np.stack([lightness, lab[..., 1], np.minimum(lab[..., 2], most)], axis=-1)


def _draw_lightness(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"shift": sign(rng) * _LIGHTNESS * strength}


def _lightness(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    lab = _to_lab(image)
    lab[..., 0] += parameter(parameters, "shift")
    return _from_lab(lab)


def _draw_colour(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"hue": angle(rng), "shift": _COLOUR * strength}


def _colour(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    lab = _to_lab(image)
    b, a = direction(parameter(parameters, "hue"))
    lab[..., 1:] += parameter(parameters, "shift") * np.array([a, b])
    return _from_lab(lab)


def _draw_contrast(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"gain": float(np.exp(sign(rng) * _CONTRAST * strength))}


def _contrast(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    lab = _to_lab(image)
    mean = lab[..., 0].mean()
    lab[..., 0] = mean + parameter(parameters, "gain") * (lab[..., 0] - mean)
    return _from_lab(lab)


def _draw_saturation(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"gain": 1 + strength * (1.5 if sign(rng) > 0 else -1.0)}


def _saturation(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    lab = _to_lab(image)
    lab[..., 1:] *= parameter(parameters, "gain")
    return _from_lab(lab)


KINDS = (
    Kind("lightness", "photometric", "CIELAB L raised or lowered by up to 30", _draw_lightness, _lightness),
    Kind("colour", "photometric", "CIELAB a and b moved by up to 40, in any hue", _draw_colour, _colour),
    Kind("contrast", "photometric", "L stretched or squeezed about its mean, up to e-fold", _draw_contrast, _contrast),
    Kind("saturation", "photometric", "a and b times 1 to 2.5, or 1 to 0", _draw_saturation, _saturation),
)
