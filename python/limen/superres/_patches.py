"""Patches to train on: a bounded number of them, however many images they come from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._images import Source
from ._luminance import degrade
from ._recipe import Recipe
from ._srcnn import margin

_Cut = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class Patches:
    """Bicubic patches and what they should become.

    bicubic, original: float32 tensors (N, 1, side, side) and (N, 1, smaller, smaller), 0 to 1. skipped: why images were
    left out, one line each.
    """

    bicubic: Tensor
    original: Tensor
    skipped: Sequence[str] = field(default=())

    def __len__(self) -> int:
        return len(self.bicubic)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        # PyTorch's loader asks for a whole batch at a time where there is this.
        chosen = torch.as_tensor(indices)
        return self.bicubic[chosen], self.original[chosen]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.bicubic[index], self.original[index]


def cut(sources: Sequence[Source], recipe: Recipe) -> Patches:
    """Patches from drawn places, about as many as the recipe says, the same number from every image.

    An image is degraded whole before it is cut, so that no patch sees the mirror at its own edge. Images that can't be
    read or are smaller than a patch are left out; of more images than patches some are drawn.

    Raises
    ------
    ValueError
        If no image can be used, or the network leaves nothing of a patch.
    """
    lost = margin(recipe.net)
    if recipe.side <= 2 * lost:
        raise ValueError(
            f"side must be at least {2 * lost + 1}, of which {recipe.net} leaves a pixel; got {recipe.side}"
        )
    if len(sources) > recipe.patches:
        drawn = np.random.default_rng(recipe.seed).choice(len(sources), recipe.patches, replace=False)
        sources = [sources[i] for i in sorted(drawn)]
    each = -(-recipe.patches // len(sources))

    def one(number: int) -> _Cut | str:
        try:
            return _cut_one(sources[number], recipe, each, lost, np.random.default_rng([recipe.seed, number]))
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(thread_name_prefix="limen") as pool:
        results = list(pool.map(one, range(len(sources))))
    good = [result for result in results if not isinstance(result, str)]
    bad = [result for result in results if isinstance(result, str)]
    if not good:
        raise ValueError(f"no image can be used: {'; '.join(bad[:3])}{' ...' if len(bad) > 3 else ''}")
    bicubic, original = (torch.from_numpy(np.concatenate(parts)[:, None]) for parts in zip(*good, strict=True))
    return Patches(bicubic, original, bad)


def _cut_one(source: Source, recipe: Recipe, count: int, lost: int, random: np.random.Generator) -> _Cut:
    y = source.load()
    side = recipe.side
    if min(y.shape) - min(y.shape) % recipe.scale < side:
        raise ValueError(
            f"{source.name}: {y.shape[0]} x {y.shape[1]} is smaller than a patch of {side} x {side} in whole pixels of "
            f"scale {recipe.scale}"
        )
    pair = degrade(y, recipe.scale)
    height, width = pair.original.shape
    tops, lefts = random.integers(0, height - side + 1, count), random.integers(0, width - side + 1, count)
    places: list[Any] = [np.s_[top : top + side, left : left + side] for top, left in zip(tops, lefts, strict=True)]
    inner = np.s_[lost : side - lost, lost : side - lost]
    return np.stack([pair.bicubic[place] for place in places]), np.stack(
        [pair.original[place][inner] for place in places]
    )
