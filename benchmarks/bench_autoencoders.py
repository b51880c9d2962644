"""What MS-SSIM adds to a training step of the convolutional autoencoder, and whether images come as fast as it goes.

The step is forward, backward and Adam, of 32 images of 96 x 96, on two threads. Steps take seconds and differ among
themselves by more than what MS-SSIM adds, so the loss is timed within each of them too. With its window of 11
pytorch-msssim takes no image whose shorter side is 160 or less: it gets one of 5, which is less work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import limen
from limen.autoencoders import make, objective
from limen.autoencoders._data import ImageData, find_images
from limen.autoencoders._image_sets import Splits, to_unit
from limen.autoencoders._layers import Autoencoder
from limen.autoencoders._patches import Cut
from peers import library

from .cases import Case, as_uint8, photographs
from .rows import Compare
from .targets import DATA, DATA_BASELINE, DATA_READ_ONCE, STEP, STEP_BASELINE, STEP_OF_PEER, STEP_ON_ONE

CASE, QUICK_CASE = Case(32, 96, 96), Case(2, 96, 96)
QUICK_WIDTH = 4
MODELS = ("fc", "conv")
PATCHES, QUICK_PATCHES = 1024, 64

Loss = Callable[[Tensor, Tensor], Tensor]


@pytest.fixture(autouse=True)
def two_threads(two_processors: None) -> Iterator[None]:
    """Two on both sides, unless a benchmark asks for one."""
    _set_threads(2)
    yield
    _set_threads(1)


def _set_threads(count: int) -> None:
    torch.set_num_threads(count)
    limen.set_num_threads(count)


class Step:
    """A training step. loss_times: what the loss took of each, forward and backward to the decoded images, seconds."""

    def __init__(self, model: Autoencoder, loss: Loss, images: Tensor) -> None:
        self.model, self.loss, self.images = model, loss, images
        self.optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        self.loss_times: list[float] = []

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        decoded = self.model(self.images)
        start = time.perf_counter()
        leaf = decoded.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.loss(leaf, self.images).mean(), leaf)
        self.loss_times.append(time.perf_counter() - start)
        decoded.backward(gradient)
        self.optimizer.step()


def _peer(decoded: Tensor, images: Tensor) -> Tensor:
    ms_ssim = library("pytorch_msssim").ms_ssim
    score: Tensor = ms_ssim(decoded, images, data_range=1.0, win_size=5, weights=[1.0] * 5, size_average=False)
    return 1 - score


@pytest.mark.parametrize("name", [STEP, STEP_ON_ONE, STEP_OF_PEER])
def test_step(compare: Compare, record: Callable[..., None], quick: bool, name: str) -> None:
    _set_threads(1 if name == STEP_ON_ONE else 2)
    case = QUICK_CASE if quick else CASE
    images = torch.tensor(photographs(case)[0])
    loss = _peer if name == STEP_OF_PEER else objective("ms-ssim")
    expected = 1 - limen.ms_ssim(
        0.9 * images,
        images,
        data_range=1.0,
        convention=limen.Convention(size=5, weights=(1.0,) * 5, downsample="zero") if name == STEP_OF_PEER else "snell",
    )
    torch.testing.assert_close(loss(0.9 * images, images), expected, rtol=1e-4, atol=1e-6)
    ours, baseline = (Step(_network("conv", quick), one, images) for one in (loss, objective("mse")))
    compare(ours, baseline, operation=name, peer=STEP_BASELINE, case=case, seconds=70.0)
    # The first of each wakes threads and fills caches.
    this, mse = (step.loss_times[1:] for step in (ours, baseline))
    record(kind="training loss", operation=name, case=str(case), this=this, mse=mse)


SOURCES: dict[str, Callable[[Path, int], Splits]] = {
    "patches of scikit-image's photographs": lambda folder, count: find_images(None, Cut(train=count, held_out=14)),
    "patches of a folder's photographs": lambda folder, count: find_images(_folder(folder, 10), Cut(train=count)),
    "STL-10's binary files": lambda folder, count: find_images(_stl10(folder, count), Cut()),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("model", MODELS)
def test_data(compare: Compare, quick: bool, tmp_path: Path, model: str, source: str) -> None:
    splits = SOURCES[source](tmp_path, QUICK_PATCHES if quick else PATCHES)
    step = _step(model, quick)
    batches = _batches(ImageData(splits, step.model.shape, batch_size=len(step.images)))
    assert to_unit(next(batches)).shape == step.images.shape
    _against(compare, lambda: to_unit(next(batches)), step, f"{DATA}, {source}", side=96)


@pytest.mark.parametrize("model", MODELS)
def test_folder(compare: Compare, quick: bool, tmp_path: Path, model: str) -> None:
    """A patch of each photograph; a fifth of them, for validation and the test, comes on top."""
    step = _step(model, quick)
    folder, cut = _folder(tmp_path, len(step.images) * 5 // 4), Cut(train=len(step.images), held_out=4)
    assert len(find_images(folder, cut).train) == len(step.images)
    _against(compare, lambda: find_images(folder, cut), step, DATA_READ_ONCE, side=512)


def _network(model: str, quick: bool) -> Autoencoder:
    return make(model, seed=0, **({"width": QUICK_WIDTH} if quick and model != "fc" else {}))


def _step(model: str, quick: bool) -> Step:
    """The cheapest, that of the squared error."""
    network = _network(model, quick)
    return Step(network, objective("mse"), torch.rand(8 if quick else CASE.batch, *network.shape))


def _against(compare: Compare, deliver: Callable[[], object], step: Step, operation: str, side: int) -> None:
    """The side is that of the images before they are made what the network takes."""
    case, peer = Case(len(step.images), side, side), f"{DATA_BASELINE} of {step.model.name}"
    compare(deliver, step, operation=operation, peer=peer, case=case, seconds=15.0)


def _batches(data: ImageData) -> Iterator[Tensor]:
    """Epoch after epoch, as in training."""
    while True:
        yield from data.train_dataloader()


def _folder(folder: Path, count: int) -> Path:
    """Photographs of 512 x 512, PNG and JPEG by turns."""
    images = as_uint8(photographs(Case(3, 512, 512))[0])
    for i in range(count):
        Image.fromarray(images[i % len(images)]).save(folder / f"{i}.{'png' if i % 2 else 'jpg'}")
    return folder


def _stl10(folder: Path, count: int) -> Path:
    """Files as its authors have them, of the same few images."""
    images = as_uint8(photographs(Case(3, 96, 96))[0]).transpose(0, 3, 2, 1)  # Columns come first there.
    for name, n in (("unlabeled_X.bin", count), ("test_X.bin", 3)):
        np.resize(images, (n, *images.shape[1:])).tofile(folder / name)
    return folder
