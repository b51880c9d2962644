"""How far scores in float32 lie from those of the same pixels in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import limen
from photographs import COLOUR, GREY, distorted, photograph

from .bench_implementations import IMPLEMENTATIONS
from .peers import PEERS
from .rows import NAMES

Image = NDArray[np.float32]
Record = Callable[..., None]

# What tells a wrong score from a rounded one. Other libraries may lose the cruel pairs entirely.
LIMITS = {"photographs": 1e-4, "cruel": 1e-3}


def _photographs() -> Iterator[tuple[Image, Image]]:
    """Every photograph as it is, against a badly distorted one and against one with faint noise."""
    for seed, name in enumerate((*GREY, *COLOUR)):
        image = photograph(name)
        noise = np.random.default_rng(seed).normal(scale=0.004, size=image.shape)
        for other in (distorted(image, seed), np.clip(image + noise, 0, 1)):
            yield image[None].astype(np.float32), other[None].astype(np.float32)


def _cruel() -> Iterator[tuple[Image, Image]]:
    """Mean 1000 and noise of sigma 1 where the data range is 1: the variance is a millionth of the squares."""
    x, other = 1000 + np.random.default_rng(0).normal(size=(2, 1, 1, 512, 512))
    for y in (other, 1000 + 0.8 * (x - 1000) + 0.6 * (other - 1000)):
        yield x.astype(np.float32), y.astype(np.float32)


IMAGES: dict[str, Callable[[], Iterator[tuple[Image, Image]]]] = {"photographs": _photographs, "cruel": _cruel}


def _largest_error(images: str, metric: str, convention: Any, score: Callable[[Image, Image], float]) -> float:
    function = getattr(limen, metric)

    def exact(x: Image, y: Image) -> float:
        doubles = (image.astype(np.float64) for image in (x, y))
        return float(function(*doubles, data_range=1.0, convention=convention, reduction="mean"))

    return float(np.max([abs(score(x, y) - exact(x, y)) for x, y in IMAGES[images]()]))


@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize("metric", NAMES)
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_implementation(record: Record, metric: str, name: str, images: str) -> None:
    def score(x: Image, y: Image) -> float:
        with limen.use_implementation(name):
            return float(getattr(limen, metric)(x, y, data_range=1.0, reduction="mean"))

    error = _largest_error(images, metric, "wang", score)
    assert error < LIMITS[images]
    record(kind="accuracy", metric=NAMES[metric], images=images, label=f"limen, {name}", error=error)


@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize(
    ("metric", "name"), [(metric, name) for metric in NAMES for name, peer in PEERS.items() if getattr(peer, metric)]
)
def test_peer(record: Record, metric: str, name: str, images: str) -> None:
    peer = PEERS[name]
    if images == "cruel" and not peer.any_values:
        pytest.skip(f"{name} refuses values outside [0, 1]")

    def score(x: Image, y: Image) -> float:
        return float(getattr(peer, metric)(torch.from_numpy(x), torch.from_numpy(y)))

    error = _largest_error(images, metric, peer.convention, score)
    assert images == "cruel" or error < LIMITS[images]
    record(kind="accuracy", metric=NAMES[metric], images=images, label=name, error=error)
