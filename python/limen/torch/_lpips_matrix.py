"""LPIPS of all pairs of a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ._lpips import LPIPS

# Values that go through the network at a time: it is no faster on more.
_BATCH = 8 * 3 * 256 * 256


@torch.no_grad()
def matrix(metric: LPIPS, images: Tensor) -> Tensor:
    """Distances (N, N) of images (N, 3, H, W) as the network takes them. All go from tap to tap together."""
    count = len(images)
    split: Any = images.split
    batches: list[Tensor] = list(split(max(1, _BATCH // images[0].numel())))
    distances = torch.zeros(count, count, dtype=torch.float64, device=images.device)
    for i in range(len(metric.table.channels)):
        batches = [metric.backbone.run_stage(i, batch) for batch in batches]
        start = 0
        for first, batch in enumerate(batches):
            for row, features in enumerate(batch):
                left = start + row + 1
                for other in (batch[row + 1 :], *batches[first + 1 :]):
                    if len(other):
                        distances[start + row, left : left + len(other)] += metric.distance(
                            i, features.expand_as(other), other
                        )
                        left += len(other)
            start += len(batch)
    return (distances + distances.T).to(torch.float64 if images.dtype == torch.float64 else torch.float32)
