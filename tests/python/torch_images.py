"""Pairs of images as tensors, for the tests of PyTorch."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from limen import Convention, conventions

torch = pytest.importorskip("torch")

# For images so small that every pixel's gradient can be had by finite differences.
SMALL = {name: dataclasses.replace(convention, size=5) for name, convention in conventions.items()}
WITH_MS_SSIM = [name for name, convention in conventions.items() if convention.downsample != "none"]
SMALL_MS_SSIM = {name: dataclasses.replace(SMALL[name], weights=(0.4, 0.6)) for name in WITH_MS_SSIM}


def alike(*shape: int, dtype: Any = None, seed: int = 0) -> list[Any]:
    """Two images in [0, 1], float32 unless told, alike enough for every mean of MS-SSIM to be above zero."""
    rng = np.random.default_rng(seed)
    x = rng.random(shape)
    return [torch.tensor(image, dtype=dtype or torch.float32) for image in (x, 0.75 * x + 0.25 * rng.random(shape))]


def leaves(*images: Any) -> list[Any]:
    """The images, copied, as leaves that require gradients."""
    return [image.detach().clone().requires_grad_() for image in images]


def sides(convention: Convention) -> tuple[int, int]:
    """An odd and an even side that the convention's MS-SSIM has room for."""
    shortest = max(convention.ms_ssim_min_side, 40)
    return shortest | 1, (shortest | 1) + 1


def assert_near(actual: Any, expected: Any, tolerance: float) -> None:
    """Within `tolerance` times the largest expected number, everywhere."""
    expected = torch.as_tensor(expected, dtype=torch.float64)
    error = (actual.double() - expected).abs().max()
    assert error <= tolerance * expected.abs().max(), f"{float(error):.3g} of {float(expected.abs().max()):.3g}"
