"""The autoencoder of a plan: convolutions down and up again, with or without skips."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ._plan import Plan

_MOST_CHANNELS = 48


class Autoencoder(nn.Module):
    """Pictures (N, 3, H, W) in [0, 1], of any size, to pictures of the same size."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        channels = [min(plan.width * 2**level, _MOST_CHANNELS) for level in range(plan.depth + 1)]
        # From the coarsest level that halves; the finest, of full resolution, has its own say.
        self._skips = [
            plan.full_skip if level == 0 else plan.depth - level <= plan.skips for level in range(plan.depth)
        ]
        self.first = _block(3, channels[0], plan, stride=1)
        self.down = nn.ModuleList(_block(channels[i], channels[i + 1], plan, stride=2) for i in range(plan.depth))
        self.dropout = nn.Dropout2d(plan.dropout)
        self.up = nn.ModuleList(_upsampling(channels[i + 1], channels[i], plan) for i in range(plan.depth))
        self.merge = nn.ModuleList(
            _block(channels[i] * (2 if self._skips[i] else 1), channels[i], plan, stride=1) for i in range(plan.depth)
        )
        self.last = nn.Conv2d(channels[0], 3, 3, padding=1)
        self._multiple = 2**plan.depth

    def forward(self, pictures: Tensor) -> Tensor:
        """Encode and decode."""
        height, width = pictures.shape[-2:]
        below, right = -height % self._multiple, -width % self._multiple
        features = self.first(functional.pad(2 * pictures - 1, (0, right, 0, below), mode="replicate"))
        levels = []
        for down in self.down:
            levels.append(features)
            features = down(features)
        features = self.dropout(features)
        for level in reversed(range(len(levels))):
            features = self.up[level](features)
            if self._skips[level]:
                features = torch.cat([features, levels[level]], dim=1)
            features = self.merge[level](features)
        decoded: Tensor = torch.sigmoid(self.last(features))
        return decoded[..., :height, :width]


def _block(inputs: int, outputs: int, plan: Plan, stride: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)]
    if plan.normalisation == "batch":
        # Fast, since the first snapshots come after a few steps.
        layers.append(nn.BatchNorm2d(outputs, momentum=0.3))
    elif plan.normalisation == "instance":
        layers.append(nn.InstanceNorm2d(outputs, affine=True))
    return nn.Sequential(*layers, nn.LeakyReLU(0.1))


def _upsampling(inputs: int, outputs: int, plan: Plan) -> nn.Module:
    if plan.upsampling == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    smooth = {"align_corners": False} if plan.upsampling == "bilinear" else {}
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode=plan.upsampling, **smooth),
        nn.Conv2d(inputs, outputs, 3, padding=1),
    )
