"""A call on images so small that what surrounds the arithmetic shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import limen
from photographs import crop, distorted

from .measure import time

Pair = tuple[Any, Any]


def _grey() -> Pair:
    image = crop("camera", 64, 64)[0]
    return image, distorted(image)


def _colour() -> Pair:
    image = crop("astronaut", 64, 64)
    return image, distorted(image)


def _float32(images: Pair) -> Pair:
    x, y = (image.astype(np.float32) for image in images)
    return x, y


def _uint8(images: Pair) -> Pair:
    x, y = (np.rint(255 * image).astype(np.uint8) for image in images)
    return x, y


def _tensors(images: Pair) -> Pair:
    x, y = (torch.from_numpy(image) for image in _float32(images))
    return x, y


KINDS: dict[str, Callable[[], Pair]] = {
    "NumPy float32 (64, 64)": lambda: _float32(_grey()),
    "NumPy uint8 (64, 64)": lambda: _uint8(_grey()),
    "NumPy float32 (3, 64, 64)": lambda: _float32(_colour()),
    "PyTorch float32 (3, 64, 64)": lambda: _tensors(_colour()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_small_pair(benchmark: Any, kind: str) -> None:
    x, y = KINDS[kind]()
    data_range = 255.0 if "uint8" in kind else 1.0
    expected = limen.ssim(*(np.asarray(image, np.float64) for image in (x, y)), data_range=data_range)
    assert float(limen.ssim(x, y, data_range=data_range)) == pytest.approx(expected, abs=1e-5)
    time(benchmark, lambda: limen.ssim(x, y, data_range=data_range), operation="SSIM of a 64x64 pair", label=kind)
