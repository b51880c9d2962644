"""Backbones that have seen images and no labels: filters found by k-means, layer by layer.

After Krähenbühl et al., Data-dependent initializations of convolutional neural networks (2016), the "k-means" of the
LPIPS paper.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .._backbones import Backbone, backbone_named
from .._checks import integer
from .._image_files import opened
from ._backbone import Network
from ._lpips import LPIPS

_SIDE = 224
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"})
_PATCHES_PER_FILTER = 40
_DIRECTIONS = (
    128  # In which patches vary most. All of them, and every patch of a deep layer would be far from every other.
)
_ROUNDS = 20
_RIDGE = 1e-2  # Of the mean variance: directions in which patches hardly vary would be blown up to noise.
_ROUNDING = 1e-10  # Of the patches' mean square: a variance below that is rounding.


def kmeans_backbone(
    images: Tensor | str | os.PathLike[str],
    *,
    net: str = "alex",
    value_range: tuple[float, float] = (-1, 1),
    most: int = 128,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Weights of a backbone from images alone: a state dict for `LPIPS(net, backbone=...)`.

    The filters of a layer are the centres of patches of what comes in, whitened; each is scaled so that what comes
    out has mean 0 and deviation 1, and the next layer learns from that.

    Parameters
    ----------
    images
        A tensor (N, 3, H, W), or a folder, whose images of 8 bits, those of sub-folders too, are cut and scaled to
        224 x 224 pixels.
    net
        As for `LPIPS`.
    value_range
        As for `LPIPS`, of a tensor. Those of a folder have their full range.
    most
        Of more images so many are taken, evenly spread.
    seed
        The same images and seed give the same weights.

    Raises
    ------
    TypeError, ValueError
        Naming what is wrong with the images, for example that they are too few or too small for a layer to see two
        patches that differ.
    """
    table = backbone_named(net)
    if integer("most", most) < 1:
        raise ValueError(f"most must be at least 1; got {most}")
    if isinstance(images, Tensor):
        loaded = images
    else:
        loaded, value_range = _from_folder(Path(images), most), (0, 255)
    if loaded.ndim != 4:
        raise ValueError(f"images must be (N, 3, H, W); got shape {tuple(loaded.shape)}")
    chosen = loaded[torch.linspace(0, len(loaded) - 1, min(most, len(loaded)), device="cpu").round().long()]
    preparing = LPIPS(net, backbone="random", linear=None, value_range=value_range)
    network = _Learning(table, integer("seed", seed))
    with torch.no_grad():
        activations = preparing.prepare("images", chosen)[0]
        for stage in range(len(table.stages)):
            activations = network.run_stage(stage, activations)
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


class _Learning(Network):
    """A network whose convolutions learn their filters from what comes in, the first time it does."""

    def __init__(self, table: Backbone, seed: int) -> None:
        super().__init__(table)
        self._random = torch.Generator().manual_seed(seed)

    def convolve(self, key: str, x: Tensor, stride: int = 1, padding: int = 0, groups: int = 1) -> Tensor:
        module = self.get_submodule(key)
        weight, bias = module.get_parameter("weight"), module.get_parameter("bias")
        for x_part, weight_part, bias_part in zip(
            x.chunk(groups, 1), weight.chunk(groups), bias.chunk(groups), strict=True
        ):
            patches = self._patches(x_part, weight_part, stride, padding)
            filters, offsets = _filters(patches, len(weight_part), self._random)
            weight_part.copy_(filters.reshape(weight_part.shape))
            bias_part.copy_(offsets)
        return super().convolve(key, x, stride, padding, groups)

    def _patches(self, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        """Patches (n, values) of the size of a filter, at random positions of every image."""
        each = max(1, _PATCHES_PER_FILTER * len(weight) // len(x))
        found = []
        for image in x:
            columns = functional.unfold(image[None].contiguous(), weight.shape[-2:], padding=padding, stride=stride)[0]
            places = torch.randint(columns.shape[1], (each,), generator=self._random, device="cpu")
            found.append(columns[:, places].T)
        return torch.cat(found)


def _filters(patches: Tensor, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Filters (count, values) and what is added to each one's answer, so that answers have mean 0 and deviation 1."""
    centred = patches - patches.mean(0)
    variances, directions = _principal(centred)
    real = variances > _ROUNDING * patches.square().sum(1).mean()
    if not real.any():
        raise ValueError(
            f"images must be more, larger or more varied: all patches that a layer of {count} filters sees are the same"
        )
    variances, directions = variances[real], directions[:, real]
    whitening = directions / (variances + _RIDGE * variances.mean()).sqrt()
    centres = _centres(centred @ whitening, count, random)
    filters = centres @ whitening.T
    answers = patches @ filters.T
    deviation = answers.std(0).clamp(min=1e-12)
    return filters / deviation[:, None], -answers.mean(0) / deviation


def _principal(centred: Tensor) -> tuple[Tensor, Tensor]:
    """Variances along the directions (values, n) in which patches vary most, n up to `_DIRECTIONS`.

    Of the smaller of two matrices with the same variances, by values or by patches, since deep layers of small images
    have few positions, which are drawn many times. In float64: LAPACK fails on float32 matrices of low rank.
    """
    distinct, times = torch.unique(centred, dim=0, return_counts=True)
    weighed = distinct * (times / len(centred)).sqrt()[:, None]
    if len(weighed) < weighed.shape[1]:
        weighed = weighed.double()
        variances, vectors = _largest(weighed @ weighed.T)
        vectors = functional.normalize(weighed.T @ vectors, dim=0)
    else:
        variances, vectors = _largest((weighed.T @ weighed).double())
    return variances.to(centred.dtype), vectors.to(centred.dtype)


def _largest(matrix: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(matrix)
    return values[-_DIRECTIONS:], vectors[:, -_DIRECTIONS:]


def _centres(points: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Centres of clusters by direction: points and centres have length 1, so that contrast doesn't count."""
    points = functional.normalize(points)
    centres = points[torch.randperm(len(points), generator=random, device="cpu")[:count]]
    for _ in range(_ROUNDS):
        nearest = (points @ centres.T).argmax(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        norms = sums.norm(dim=1, keepdim=True)
        centres = torch.where(norms > 0, sums / norms.clamp(min=1e-12), centres)  # an empty cluster stays
    return centres


def _from_folder(folder: Path, most: int) -> Tensor:
    """The middles of so many images of a folder, uint8 (N, 3, H, W)."""
    try:
        from PIL import ImageOps
    except ImportError as error:
        raise ImportError("reading images needs Pillow: pip install 'limen[cli]'") from error
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not paths:
        raise ValueError(f"no images ({', '.join(sorted(_SUFFIXES))}) in {folder}")
    middles = []
    for i in np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int):
        with opened(paths[i]) as image:
            if image.mode.startswith(("I", "F")):  # which Pillow would clip to 255
                raise ValueError(f"{paths[i]} has values of more than 8 bits: convert it to 8 first")
            middle = ImageOps.fit(image.convert("RGB"), (_SIDE, _SIDE))
            middles.append(torch.from_numpy(np.array(middle)).movedim(-1, 0))
    return torch.stack(middles)
