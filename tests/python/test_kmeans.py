"""Backbones learned from images alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import limen.torch
from limen.torch._kmeans import _DIRECTIONS, _filters, _from_folder, _principal
from photographs import COLOUR, crop, distorted
from torch_images import torch

# Small images, and a small network: AlexNet takes ten times as long.
IMAGES = torch.tensor(np.stack([crop(name, 128, 128) for name in COLOUR]), dtype=torch.float32)


def kmeans(**options: Any) -> Any:
    return limen.torch.kmeans_backbone(IMAGES, **{"net": "squeeze", "value_range": (0, 1), **options})


def test_layers_neither_die_nor_explode() -> None:
    metric = limen.torch.LPIPS("squeeze", backbone=kmeans(), linear=None, value_range=(0, 1))
    for tap in metric.features(IMAGES):
        assert 0.5 < tap.std() < 2
        assert 0.1 < (tap > 0).float().mean() < 0.9
        alive = (tap > 0).flatten(2).any(-1).any(0)
        assert alive.float().mean() > 0.95
    slight = IMAGES + 0.02 * torch.randn(IMAGES.shape, generator=torch.Generator().manual_seed(0))
    strong = torch.tensor(np.stack([distorted(image) for image in IMAGES.double().numpy()])).float()
    distances = [metric(IMAGES, other.clamp(0, 1)) for other in (IMAGES, slight, strong)]
    assert (distances[0] == 0).all()
    assert (distances[1] > 0).all()
    assert (distances[1] < distances[2]).all()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it doesn't matter how good the filters are."""
    monkeypatch.setattr("limen.torch._kmeans._PATCHES_PER_FILTER", 4)
    monkeypatch.setattr("limen.torch._kmeans._ROUNDS", 2)


@pytest.mark.usefixtures("quick")
def test_same_seed_same_weights() -> None:
    first, again, other = (kmeans(seed=seed, most=1) for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)
    assert not torch.equal(torch.rand(3), torch.rand(3))  # PyTorch's own generator goes on


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_groups_learn_apart() -> None:
    weights = kmeans(net="caffe-alex", most=1)
    metric = limen.torch.LPIPS("caffe-alex", backbone=weights, linear=None, value_range=(0, 1))
    assert all((tap > 0).any() for tap in metric.features(IMAGES))


def test_few_patches_that_differ() -> None:
    random = torch.Generator().manual_seed(0)
    few = (torch.rand(2, 432, generator=random) > 0.5).float()
    filters, offsets = _filters(few[torch.randint(2, (2000,), generator=random)], 48, random)
    answers = few @ filters.T + offsets
    assert answers.isfinite().all()
    torch.testing.assert_close(answers.abs(), torch.ones(2, 48), rtol=0, atol=0.1)
    for same in (few[:1].expand(2000, 432), torch.zeros(2000, 432)):
        with pytest.raises(
            ValueError, match="images must be more, larger or more varied: all patches that a layer of 48"
        ):
            _filters(same, 48, random)


@pytest.mark.parametrize("count", [30, 300])
def test_directions_are_those_of_the_covariance(count: int) -> None:
    random = torch.Generator().manual_seed(0)
    patches = torch.rand(count, 60, generator=random)[torch.randint(count, (500,), generator=random)]
    centred = patches - patches.mean(0)
    variances, directions = _principal(centred)
    expected = np.linalg.eigvalsh(np.cov(centred.double().numpy().T, bias=True))
    most = min(count, 60, _DIRECTIONS)
    np.testing.assert_allclose(variances[-most:], expected[-most:], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose((centred @ directions[:, -20:]).var(0, correction=0), expected[-20:], rtol=1e-3)


def save(path: Path, image: Any) -> None:
    pixels = np.rint(255 * np.moveaxis(image, 0, -1)).astype(np.uint8)
    Image.fromarray(pixels).resize((224, 230)).save(path)


@pytest.mark.usefixtures("quick")
def test_folder(tmp_path: Path) -> None:
    (tmp_path / "sub.png").mkdir()
    for i, image in enumerate(IMAGES.numpy()):
        save(tmp_path / "sub.png" / f"{i}.png", image)
    weights = limen.torch.kmeans_backbone(tmp_path, net="squeeze", value_range=(0, 1))
    assert limen.torch.LPIPS("squeeze", backbone=weights).backbone_name == "state dict"


# Of a path Pillow maps such a file into memory, and its rows come out as long as its columns.
def test_folder_with_a_grey_tiff_on_its_side(tmp_path: Path) -> None:
    pixels = np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1))
    Image.fromarray(pixels).save(tmp_path / "image.tif", tiffinfo={0x0112: 6})
    (image,) = _from_folder(tmp_path, 1)
    along = image.float().std(dim=1).mean(), image.float().std(dim=2).mean()
    assert min(along) < 1 < 30 < max(along)  # a ramp along one axis, whichever it is


def test_folder_with_an_image_of_16_bits(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((60, 60), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png has values of more than 8 bits"):
        limen.torch.kmeans_backbone(tmp_path)


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no images"):
        limen.torch.kmeans_backbone(tmp_path)
    with pytest.raises(ValueError, match="three channels"):
        limen.torch.kmeans_backbone(IMAGES[:, :1])
    with pytest.raises(ValueError, match=r"images must be \(N, 3, H, W\)"):
        limen.torch.kmeans_backbone(IMAGES[0])
    with pytest.raises(ValueError, match="outside value_range"):
        limen.torch.kmeans_backbone(255 * IMAGES)
    with pytest.raises(ValueError, match="most must be at least 1"):
        kmeans(most=0)
    with pytest.raises(ValueError, match="is empty"):
        limen.torch.kmeans_backbone(IMAGES[:0])
    with pytest.raises(ValueError, match="net must be one of"):
        kmeans(net="resnet")
