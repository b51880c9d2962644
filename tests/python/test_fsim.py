"""FSIM and FSIMc against piq, and where images are flat, extreme or wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import limen.torch
from peers import library
from photographs import COLOUR, crop, distorted
from torch_images import leaves, torch

SIZES = [(64, 64), (63, 65), (31, 40), (96, 129), (2, 3)]


def pair(name: str, height: int, width: int, dtype: Any = None) -> list[Any]:
    x = crop(name, height, width)
    return [torch.tensor(image, dtype=dtype or torch.float64) for image in (x, distorted(x))]


@pytest.mark.parametrize("chromatic", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_numbers_are_those_of_piq(size: tuple[int, int], chromatic: bool) -> None:
    piq = library("piq")
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        x, y = (torch.stack(images) for images in zip(*(pair(n, *size, dtype) for n in COLOUR), strict=True))
        expected = piq.fsim(x, y, data_range=1.0, chromatic=chromatic, reduction="none")
        actual = limen.torch.fsim(x, y, data_range=1.0, chromatic=chromatic)
        assert actual.dtype == dtype
        assert (actual - expected).abs().max() <= tolerance
        assert (actual < 0.999).all()


def test_large_images_are_averaged_first() -> None:
    x, y = pair("coffee", 389, 452, torch.float32)
    expected = library("piq").fsim(x[None], y[None], data_range=1.0)
    assert float(limen.torch.fsim(x, y, data_range=1.0)) == pytest.approx(float(expected), abs=1e-5)


def test_grey_is_that_of_piq() -> None:
    x, y = (torch.tensor(image)[None] for image in (crop("camera", 65, 64), distorted(crop("camera", 65, 64))))
    expected = library("piq").fsim(x, y, data_range=1.0, chromatic=False)
    assert limen.torch.fsim(x, y, data_range=1.0, chromatic=False) == pytest.approx(float(expected), abs=1e-12)


def test_scores_do_not_depend_on_the_batch_or_the_dtype() -> None:
    x, y = (torch.stack(images) for images in zip(*(pair(n, 64, 64) for n in COLOUR), strict=True))
    x, y = ((255 * image).round() for image in (x, y))
    batch = limen.torch.fsim(x.reshape(3, 1, 3, 64, 64), y.reshape(3, 1, 3, 64, 64), data_range=255.0)
    assert batch.shape == (3, 1)
    alone = torch.stack([limen.torch.fsim(a, b, data_range=255.0) for a, b in zip(x, y, strict=True)])
    assert torch.allclose(batch[:, 0], alone, atol=1e-12)
    of_bytes = limen.torch.fsim(x.to(torch.uint8), y.to(torch.uint8))
    assert torch.allclose(of_bytes.double(), alone, atol=1e-6)
    assert limen.torch.fsim(x, y, data_range=255.0, reduction="mean") == pytest.approx(float(alone.mean()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0, "photograph"])
@pytest.mark.parametrize("x", [0.0, 0.3, 1.0])
def test_flat_images_are_finite_with_gradients(x: float, y: Any, dtype: Any) -> None:
    flat = torch.full((3, 33, 40), x, dtype=dtype)
    other = pair("coffee", 33, 40, dtype)[0] if y == "photograph" else torch.full((3, 33, 40), y, dtype=dtype)
    a, b = leaves(flat, other)
    score = limen.torch.fsim(a, b, data_range=1.0)
    assert 0 <= float(score.detach()) <= 1
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(score, (a, b)))
    assert float(limen.torch.fsim(flat, flat, data_range=1.0)) == 1


def test_gradients_are_those_of_finite_differences() -> None:
    x, y = leaves(*pair("astronaut", 7, 9))
    assert torch.autograd.gradcheck(lambda a, b: limen.torch.fsim(a, b, data_range=1.0), (x, y), eps=1e-7, atol=1e-4)


def test_filters_made_in_inference_mode_serve_training() -> None:
    x, y = pair("chelsea", 19, 23)
    with torch.inference_mode():
        expected = limen.torch.fsim(x, y, data_range=1.0)
    x, y = leaves(x, y)
    score = limen.torch.fsim(x, y, data_range=1.0)
    assert torch.autograd.grad(score, x)[0].isfinite().all()
    assert float(score.detach()) == float(expected)


def test_bad_input() -> None:
    x = torch.rand(3, 16, 16)
    with pytest.raises(ValueError, match="data_range must be given"):
        limen.torch.fsim(x, x)
    with pytest.raises(ValueError, match="data_range must be positive"):
        limen.torch.fsim(x, x, data_range=0.0)
    with pytest.raises(ValueError, match="three channels.*give chromatic=False"):
        limen.torch.fsim(x[:1], x[:1], data_range=1.0)
    with pytest.raises(ValueError, match=r"\(\.\.\., 3, H, W\).*got shape \(2, 16, 16\)"):
        limen.torch.fsim(x[:2], x[:2], data_range=1.0)
    with pytest.raises(ValueError, match="at least 2 x 2 pixels"):
        limen.torch.fsim(x[:, :1], x[:, :1], data_range=1.0)
    with pytest.raises(ValueError, match="same shape"):
        limen.torch.fsim(x, x[:, :8], data_range=1.0)
    with pytest.raises(TypeError, match="numpy.ndarray"):
        limen.torch.fsim(np.zeros((3, 8, 8)), np.zeros((3, 8, 8)), data_range=1.0)  # type: ignore[arg-type]
