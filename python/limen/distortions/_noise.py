"""Noise: white, of other spectra, and the checkerboard of transposed convolutions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._kind import Kind, Parameters, Pixels, parameter

_UNIFORM = 70.0  # Half of the width, in levels of 255.
_DEVIATION = 40.0
_CHECKERBOARD = 40.0


def _draw_uniform(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"half_width": _UNIFORM * strength}


def _uniform(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    return image + parameter(parameters, "half_width") * rng.uniform(-1, 1, image.shape)


def _draw_spectral(
    exponents: tuple[float, float], strength: float, rng: np.random.Generator
) -> dict[str, float | int | str]:
    return {"exponent": float(rng.uniform(*exponents)), "deviation": _DEVIATION * strength}


def _spectral(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    noise = spectral_noise(image.shape, parameter(parameters, "exponent"), rng)
    return image + parameter(parameters, "deviation") * noise


def spectral_noise(shape: tuple[int, ...], exponent: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise (H, W, C) of mean 0 and deviation 1 whose power falls as 1 / frequency**exponent.

    0 is white, 1 pink, 2 brown, -1 blue, -2 violet. Channels are independent.
    """
    white = rng.normal(size=shape)
    if exponent == 0:
        return np.asarray(white)
    down, right = np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1])
    frequency = np.hypot(down[:, None], right[None, :])
    # The mean has no frequency; without it the noise doesn't shift the image's lightness.
    gain = np.where(frequency > 0, np.where(frequency > 0, frequency, 1) ** (-exponent / 2), 0.0)
    noise = np.fft.irfft2(np.fft.rfft2(white, axes=(0, 1)) * gain[..., None], s=shape[:2], axes=(0, 1))
    deviation = noise.std(axis=(0, 1), keepdims=True)
    scaled: NDArray[np.float64] = noise / np.where(deviation > 0, deviation, 1)
    return scaled


def _draw_checkerboard(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    red, green, blue = rng.uniform(-1, 1, 3)
    return {
        "cell": int(rng.integers(1, 4)),
        "red": float(red),
        "green": float(green),
        "blue": float(blue),
        "amplitude": _CHECKERBOARD * strength,
    }


def _checkerboard(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    rows, columns = np.indices(image.shape[:2]) // int(parameters["cell"])
    board = np.where((rows + columns) % 2, 1.0, -1.0)
    # The largest weight counts whole, so that the amplitude means the same whatever the colour.
    weights = np.array([parameter(parameters, name) for name in ("red", "green", "blue")])
    weights /= max(np.abs(weights).max(), 1e-12)
    pattern: NDArray[np.float64] = parameter(parameters, "amplitude") * board[..., None] * weights
    return image + pattern


KINDS = (
    Kind("uniform_noise", "noise", "white, uniform in up to ±70 levels", _draw_uniform, _uniform),
    Kind("gaussian_noise", "noise", "white, deviation up to 40 levels", partial(_draw_spectral, (0, 0)), _spectral),
    Kind("pink_noise", "noise", "power as 1/frequency", partial(_draw_spectral, (1, 1)), _spectral),
    Kind("blue_noise", "noise", "power as frequency", partial(_draw_spectral, (-1, -1)), _spectral),
    Kind("coloured_noise", "noise", "any spectrum from violet to brown", partial(_draw_spectral, (-2, 2)), _spectral),
    Kind("checkerboard", "noise", "squares of 1 to 3 pixels, up to ±40 levels", _draw_checkerboard, _checkerboard),
)
