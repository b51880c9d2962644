"""Five distortions of a photograph, tuned to the same mean squared error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import limen

Pixels = NDArray[np.uint8]

# Grey levels of the mean shift. An integer, because a uint8 image can't be shifted by a fraction: the MSE it causes
# is the target for the other four, whose strength is continuous.
_SHIFT = 15

# Half of the promised 1 %: finer than that, the steps of JPEG quantisation show.
_TOLERANCE = 0.005


@dataclass(frozen=True)
class Distorted:
    """A distorted photograph, by what, and how strongly in words."""

    name: str
    strength: str
    pixels: Pixels


@dataclass(frozen=True)
class _Distortion:
    """One kind of distortion: its MSE grows with its strength from `low` to `high`."""

    name: str
    apply: Callable[[Pixels, float], Pixels]
    low: float
    high: float
    describe: Callable[[float], str]


def distort_equally(photo: Pixels) -> Iterator[Distorted]:
    """Five distortions of a uint8 photograph, (H, W) or (H, W, 3); their MSE agrees within 1 %, rounded and clipped."""
    shifted = _to_pixels(photo + float(_SHIFT))
    yield Distorted("Mean shift", f"every pixel {_SHIFT} levels brighter", shifted)
    target = _mse(photo, shifted)
    for distortion in _DISTORTIONS:
        strength, pixels = _tune(distortion, photo, target)
        yield Distorted(distortion.name, distortion.describe(strength), pixels)


def _tune(distortion: _Distortion, photo: Pixels, target: float) -> tuple[float, Pixels]:
    """Bisect the strength until the MSE is within the tolerance of the target."""
    low, high = distortion.low, distortion.high
    for _ in range(40):
        strength = (low + high) / 2
        pixels = distortion.apply(photo, strength)
        error = _mse(photo, pixels)
        if abs(error / target - 1) < _TOLERANCE:
            return strength, pixels
        low, high = (strength, high) if error < target else (low, strength)
    raise RuntimeError(f"{distortion.name} reaches an MSE of {error:.1f}, not {target:.1f}")


def _mse(x: Pixels, y: Pixels) -> float:
    return float(limen.mse(x, y, channel_axis=-1 if x.ndim == 3 else None))


def _to_pixels(values: NDArray[Any]) -> Pixels:
    pixels: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


def _stretch_contrast(photo: Pixels, gain: float) -> Pixels:
    mean = photo.mean(axis=(0, 1))
    return _to_pixels(mean + gain * (photo - mean))


def _salt_and_pepper(photo: Pixels, share: float) -> Pixels:
    # The same draw for every share: more of them keep all specks of fewer, so that the MSE grows with the share.
    draw = np.random.default_rng(0).random(photo.shape[:2])
    specked = photo.copy()
    specked[draw < share / 2] = 0
    specked[draw > 1 - share / 2] = 255
    return specked


def _blur(photo: Pixels, sigma: float) -> Pixels:
    return np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(sigma)))


# The luminance table of ITU-T T.81, annex K.1, in the zigzag-free order that Pillow takes.
_JPEG_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def _jpeg(photo: Pixels, scale: float) -> Pixels:
    """Compress with the standard table times `scale`, since the whole numbers of a quality setting miss the 1 %."""
    table = np.clip(np.rint(scale * _JPEG_TABLE), 1, 255).astype(int).ravel().tolist()
    data = BytesIO()
    Image.fromarray(photo).save(data, "JPEG", qtables=[table], subsampling=0)
    return np.asarray(Image.open(data))


_DISTORTIONS = (
    _Distortion("Contrast stretch", _stretch_contrast, 1, 3, lambda gain: f"contrast raised by {gain - 1:.0%}"),
    _Distortion("Salt and pepper", _salt_and_pepper, 0, 0.5, lambda share: f"{share:.1%} of the pixels black or white"),
    _Distortion("Gaussian blur", _blur, 0, 20, lambda sigma: f"a blur of sigma {sigma:.1f} pixels"),
    _Distortion("JPEG", _jpeg, 0.1, 60, lambda scale: f"standard quantisation times {scale:.1f}"),
)
