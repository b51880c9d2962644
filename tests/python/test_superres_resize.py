"""Bicubic resizing against MATLAB's formula, written out weight by weight, and the luminance against the standard."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from limen.superres import degrade, luminance, resize
from photographs import photograph


def cubic(x: float) -> float:
    """The kernel of MATLAB's imresize, a = -0.5."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0


def matlab_row(row: list[float], scale: float, out: int) -> list[float]:
    """One row as imresize's `contributions` and `resizeAlongDim` define it, with MATLAB's indices from 1."""
    antialiased = scale < 1
    width = 4 / scale if antialiased else 4.0
    resized = []
    for x in range(1, out + 1):
        u = x / scale + 0.5 * (1 - 1 / scale)
        left = math.floor(u - width / 2)
        indices = range(left, left + math.ceil(width) + 2)
        weights = [scale * cubic(scale * (u - i)) if antialiased else cubic(u - i) for i in indices]
        mirrored = [*range(1, len(row) + 1), *range(len(row), 0, -1)]
        values = [row[mirrored[(i - 1) % len(mirrored)] - 1] for i in indices]
        resized.append(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))
    return resized


def matlab(image: NDArray[np.float64], scale: float, size: tuple[int, int]) -> NDArray[np.float64]:
    rows = np.array([matlab_row(column, scale, size[0]) for column in image.T.tolist()]).T
    return np.array([matlab_row(row, scale, size[1]) for row in rows.tolist()])


@pytest.mark.parametrize(("up", "down"), [(2, 1), (3, 1), (4, 1), (1, 2), (1, 3), (1, 4), (2, 3), (5, 2)])
@pytest.mark.parametrize("shape", [(31, 17), (12, 24), (7, 5), (1, 3), (2, 1)])
def test_resize_is_matlabs(up: int, down: int, shape: tuple[int, int]) -> None:
    image = 255 * photograph("camera")[0, 200 : 200 + shape[0], 210 : 210 + shape[1]]
    size = (-(-shape[0] * up // down), -(-shape[1] * up // down))
    resized = resize(image, up=up, down=down)
    assert resized.shape == size
    assert resized == pytest.approx(matlab(image, up / down, size), abs=1e-9)


def test_kernel_of_published_values() -> None:
    # At 1/4, 3/4, 5/4 and 7/4 the kernel is (222, 58, -18, -6) / 256; stretched to twice its width, half of that.
    row = np.zeros((1, 32))
    row[0, 16] = 256
    assert resize(np.repeat(row, 8, axis=0), down=2)[2, 5:12].tolist() == pytest.approx([0, -3, 29, 111, -9, 0, 0])
    assert resize(np.repeat(row, 8, axis=0), up=2)[4, 29:37].tolist() == pytest.approx(
        [-6, -18, 58, 222, 222, 58, -18, -6]
    )


def test_channels_and_dtypes() -> None:
    image = np.rint(255 * photograph("chelsea")[:, :40, :61].transpose(1, 2, 0)).astype(np.uint8)
    resized = resize(image, down=3)
    assert resized.shape == (14, 21, 3)
    assert resized.dtype == np.float64
    for channel in range(3):
        assert (resized[..., channel] == resize(image[..., channel].astype(np.float32), down=3)).all()
    assert resize(np.full((9, 5), 7, np.uint16), up=4) == pytest.approx(np.full((36, 20), 7))


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((4, 4), {"up": 0}, "up must be at least 1; got 0"),
        ((4, 4), {"down": 1.5}, "down must be an integer; got 1.5"),
        ((4,), {}, r"image must be \(H, W\) or \(H, W, C\) and hold pixels; got shape \(4,\)"),
        ((0, 4), {}, "hold pixels; got shape"),
    ],
)
def test_what_cannot_be_resized(shape: tuple[int, ...], options: dict[str, int], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        resize(np.zeros(shape), **options)


def test_luminance_is_bt_601() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (33, 21, 3), np.uint8)
    rgb[0, :4] = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]]
    y = luminance(rgb)
    exact = 16 + rgb @ np.array([65.481, 128.553, 24.966]) / 255
    assert np.abs(y - exact).max() <= 0.5
    assert y[0, :4].tolist() == [16, 235, 81, 41]
    assert (luminance(y) == y).all()
    with pytest.raises(ValueError, match="image must be uint8"):
        luminance(rgb.astype(np.float32))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_degraded_pair(scale: int) -> None:
    y = luminance(np.rint(255 * photograph("camera")[0, 100:171, 150:235]).astype(np.uint8))
    pair = degrade(y, scale)
    height, width = 71 - 71 % scale, 85 - 85 % scale
    assert pair.original.shape == pair.bicubic.shape == (height, width)
    assert (pair.original * 255).round().astype(np.uint8).tolist() == y[:height, :width].tolist()
    small = matlab(y[:height, :width] / 255, 1 / scale, (height // scale, width // scale))
    assert pair.bicubic == pytest.approx(matlab(small, scale, (height, width)), abs=1e-6)


def test_what_cannot_be_degraded() -> None:
    with pytest.raises(ValueError, match="scale must be one of 2, 3, 4; got 5"):
        degrade(np.zeros((9, 9), np.uint8), 5)
    with pytest.raises(ValueError, match="image must be at least 4 x 4 for scale 4; got 3 x 90"):
        degrade(np.zeros((3, 90), np.uint8), 4)
