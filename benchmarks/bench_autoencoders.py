"""What MS-SSIM adds to a training step of the convolutional autoencoder, by limen and by pytorch-msssim.

The step is forward, backward and Adam, of 32 images of 96 x 96, on two threads. With its window of 11 pytorch-msssim
takes no image whose shorter side is 160 or less: it gets one of 5, which is less work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

import limen
from limen.autoencoders import make, objective
from peers import library

from .cases import Case, photographs
from .rows import Compare
from .targets import STEP, STEP_BASELINE, STEP_OF_PEER

CASE, QUICK_CASE = Case(32, 96, 96), Case(2, 96, 96)
WIDTH, QUICK_WIDTH = 128, 4


@pytest.fixture(autouse=True)
def two_threads(two_processors: None) -> Iterator[None]:
    """Two on both sides."""
    for n in (2, 1):
        torch.set_num_threads(n)
        limen.set_num_threads(n)
        if n == 2:
            yield


def _step(loss: Callable[..., torch.Tensor], images: torch.Tensor, width: int) -> Callable[[], float]:
    model = make("conv", seed=0, width=width)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step() -> float:
        optimizer.zero_grad()
        value = model.losses(images, loss).total
        value.backward()
        optimizer.step()
        return value.item()

    return step


def _peer(decoded: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    ms_ssim = library("pytorch_msssim").ms_ssim
    score: torch.Tensor = ms_ssim(decoded, images, data_range=1.0, win_size=5, weights=[1.0] * 5, size_average=False)
    return 1 - score


@pytest.mark.parametrize("name", [STEP, STEP_OF_PEER])
def test_step(compare: Compare, quick: bool, name: str) -> None:
    case, width = (QUICK_CASE, QUICK_WIDTH) if quick else (CASE, WIDTH)
    images = torch.tensor(photographs(case)[0])
    loss = objective("ms-ssim") if name == STEP else _peer
    expected = 1 - limen.ms_ssim(
        0.9 * images,
        images,
        data_range=1.0,
        convention="snell" if name == STEP else limen.Convention(size=5, weights=(1.0,) * 5, downsample="zero"),
    )
    torch.testing.assert_close(loss(0.9 * images, images), expected, rtol=1e-4, atol=1e-6)
    baseline, ours = _step(objective("mse"), images, width), _step(loss, images, width)
    compare(ours, baseline, operation=name, peer=STEP_BASELINE, case=case, seconds=20.0)
