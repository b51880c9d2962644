"""What training adds to LPIPS: the distance with dropout, and the network that tells from two distances who is chosen.

Zhang et al. (2018), section 3 and appendix; where these are silent, as in the authors' training code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from limen.torch import LPIPS

_HIDDEN = 32
_SLOPE = 0.2
_GUARD = 0.1  # In the ratios of distances, which may be zero.


class RankingNetwork(nn.Module):
    """The G of the paper: from distances d0 and d1 (N,) the logit (N,) of how many prefer the second image.

    It sees d0, d1, d0 - d1 and both ratios, through two layers of 32 units.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(5, _HIDDEN),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(_HIDDEN, 1),
        )

    def forward(self, d0: Tensor, d1: Tensor) -> Tensor:
        """The logit, (N,)."""
        seen = torch.stack((d0, d1, d0 - d1, d0 / (d1 + _GUARD), d1 / (d0 + _GUARD)), -1)
        logit: Tensor = self.layers(seen)
        return logit.squeeze(-1)


def ranking_loss(logit: Tensor, judge: Tensor) -> Tensor:
    """Binary cross-entropy to the share of people that preferred the second image."""
    return functional.binary_cross_entropy_with_logits(logit, judge)


def trainable_lpips(net: str, mode: str, backbone: object) -> LPIPS:
    """LPIPS of images with channels last, whose linear weights are drawn anew and require gradients.

    So does its network, but for mode ``"lin"``.

    They are drawn as PyTorch draws a convolution's, from ±1/√C. Training keeps them from zero up after every step; they
    start so too, since negative distances would upset the ratios that G sees.
    """
    metric = LPIPS(net, backbone=backbone, linear=None, channel_axis=-1)  # type: ignore[arg-type]
    metric.linear = nn.ParameterList()
    for channels in metric.table.channels:
        bound = channels**-0.5
        metric.linear.append(nn.Parameter(torch.empty(channels).uniform_(-bound, bound).clamp_(min=0)))
    metric.backbone.requires_grad_(mode != "lin")
    return metric


def project(metric: LPIPS) -> None:
    """No linear weight stays below zero. The network's 1 x 1 convolutions, which SqueezeNet has, are left alone."""
    assert metric.linear is not None
    with torch.no_grad():
        for weight in metric.linear:
            weight.clamp_(min=0)


def distances(metric: LPIPS, images: Sequence[Tensor], dropout: float) -> list[Tensor]:
    """Distances (N,) of the first images (N, H, W, 3) from each of the others, with dropout on squared differences.

    The formula of LPIPS written out, since the kernel has no dropout in it.
    """
    assert metric.linear is not None
    taps = metric.prepare("images", torch.cat(tuple(images)))[0]
    frozen = not any(parameter.requires_grad for parameter in metric.backbone.parameters())
    totals: list[Tensor] = []
    for i, weight in enumerate(metric.linear):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            taps = metric.backbone.run_stage(i, taps)
            # Where no channel is active ReLU hands nothing back, so that the floor needs no slope.
            wide = taps.float()
            unit = wide * wide.square().sum(1, keepdim=True).clamp(min=1e-20).rsqrt()
            reference, *others = unit.chunk(len(images))
            squares = [(reference - other).square() for other in others]
        parts = [
            torch.einsum("nchw,c->n", functional.dropout(square, dropout), weight) / square[0, 0].numel()
            for square in squares
        ]
        totals = [total + part for total, part in zip(totals, parts, strict=True)] if totals else parts
    return totals
