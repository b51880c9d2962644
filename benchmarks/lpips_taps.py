"""The features that LPIPS compares, and what the package `lpips` makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

import limen.torch

# Channels of each tap, and the side of its map for images of 256 x 256.
TAPS: dict[str, list[tuple[int, int]]] = {
    "alex": [(64, 63), (192, 31), (384, 15), (256, 15), (256, 15)],
    "squeeze": [(64, 127), (128, 63), (256, 31), (384, 15), (384, 15), (512, 15), (512, 15)],
    "vgg": [(64, 256), (128, 128), (256, 64), (512, 32), (512, 16)],
}

Tap = tuple[Any, Any, Any]  # two features and a weight for each channel


def distance_by_limen(net: str, weights: Sequence[Any]) -> Callable[..., Any]:
    """Of all taps together, as `limen.torch.LPIPS` has it. Its own backbone isn't used."""
    linear = {f"lin{k}.model.1.weight": weight[None, :, None, None] for k, weight in enumerate(weights)}
    metric = limen.torch.LPIPS(net, backbone="random", linear=linear).to(weights[0].device)
    return lambda *taps: metric.from_features([f0 for f0, *_ in taps], [f1 for _, f1, _ in taps])


def distance_by_lpips(lpips: Any, weights: Sequence[Any]) -> Callable[..., Any]:
    """The same by that package's own functions, put together as it does."""
    layers = [lpips.NetLinLayer(weight.numel(), use_dropout=True).eval() for weight in weights]
    for layer, weight in zip(layers, weights, strict=True):
        layer.model[1].weight = torch.nn.Parameter(weight[None, :, None, None], requires_grad=False)

    def distance(layer: Any, f0: Any, f1: Any) -> Any:
        difference = (lpips.normalize_tensor(f0) - lpips.normalize_tensor(f1)) ** 2
        return lpips.spatial_average(layer(difference))

    return lambda *taps: sum(distance(layer, *tap[:2]) for layer, tap in zip(layers, taps, strict=True)).flatten()
