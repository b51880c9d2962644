"""The distances of LPIPS on a GPU, alone and with their networks, against the package `lpips`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

import limen.torch

from .gpu_measure import Row, by_turns, check, compare, floor, library
from .lpips_taps import TAPS, Tap, distance_by_limen, distance_by_lpips

SHAPE = (16, 3, 256, 256)
SETS = 3  # of features, taken by turns

Taps = list[Tap]


def _taps(net: str, seed: int, dtype: torch.dtype = torch.float32) -> Taps:
    """What a rectifier leaves of noise, never a vector of zeros, of which lpips' gradient is NaN; and weights."""
    generator = torch.Generator("cuda").manual_seed(seed)

    def noise(*shape: int) -> Any:
        return torch.randn(shape, generator=generator, device="cuda")

    taps = []
    for channels, side in TAPS[net]:
        x = noise(SHAPE[0], channels, side, side)
        y = x + 0.3 * noise(*x.shape)
        taps.append((*(f.relu().add(1e-3).to(dtype) for f in (x, y)), noise(channels).abs()))
    return taps


def _backward(function: Callable[..., Any], taps: Taps) -> Callable[[], Any]:
    leaves = [(f0.detach().requires_grad_(), f1.detach().requires_grad_(), weight) for f0, f1, weight in taps]
    inputs = [f for f0, f1, _ in leaves for f in (f0, f1)]
    return lambda: torch.autograd.grad(function(*leaves).sum(), inputs)


def _distance_rows(lpips: Any, net: str) -> Iterator[Row]:
    sets = [_taps(net, seed) for seed in range(SETS)]
    weights = [weight for *_, weight in sets[0]]
    sets = [[(f0, f1, w) for (f0, f1, _), w in zip(taps, weights, strict=True)] for taps in sets]
    numbers = sum(f0.numel() for f0, *_ in sets[0])
    mine, peer = distance_by_limen(net, weights), distance_by_lpips(lpips, weights)
    name = f"distance of {net} features"
    with torch.no_grad():
        check(name, mine(*sets[0]), peer(*sets[0]), 1e-5)
        times = compare(by_turns(mine, sets), by_turns(peer, sets))
        yield Row(f"{name}, forward", SHAPE, "lpips", *times, floor(numbers, 8))
        if net == "vgg":
            half = [_taps(net, seed, torch.bfloat16) for seed in range(SETS)]
            yield Row(
                f"{name} in bfloat16, forward",
                SHAPE,
                "",
                *compare(by_turns(mine, half), None),
                floor(numbers, 4),
            )
    backward = _backward(mine, sets[0]), _backward(peer, sets[0])
    for own, other in zip(*(call() for call in backward), strict=True):
        check(f"gradient of {name}", own, other, 1e-4)
    times = compare(*backward)
    # Read twice, and both gradients written.
    yield Row(f"{name}, forward and backward", SHAPE, "lpips", *times, floor(numbers, 24))


def _network_rows(lpips: Any, net: str) -> Iterator[Row]:
    peer = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).cuda()
    # lpips keeps torchvision's layers in slices, under the numbers that torchvision gives them.
    state = peer.net.state_dict().items()
    backbone = {f"features.{key.partition('.')[2]}": value.cpu() for key, value in state if "slice" in key}
    ours = limen.torch.LPIPS(net, backbone=backbone).cuda()
    generator = torch.Generator("cuda").manual_seed(0)
    x, y = (2 * torch.rand(SHAPE, device="cuda", generator=generator) - 1 for _ in range(2))

    def scored(metric: Any) -> Callable[[], Any]:
        return lambda: metric(x, y).flatten()

    def trained(metric: Any) -> Callable[[], Any]:
        leaf = x.clone().requires_grad_()
        return lambda: torch.autograd.grad(metric(leaf, y).sum(), leaf)[0]

    with torch.no_grad():
        check(f"LPIPS {net}", scored(ours)(), scored(peer)(), 1e-3)  # convolutions may be of TF32
        yield Row(f"LPIPS {net}, forward", SHAPE, "lpips", *compare(scored(ours), scored(peer)))
    yield Row(f"LPIPS {net}, forward and backward", SHAPE, "lpips", *compare(trained(ours), trained(peer)))


def rows() -> Iterator[Row]:
    """All of them, or none where lpips is missing."""
    lpips = library("lpips")
    for net in TAPS if lpips else ():
        yield from _distance_rows(lpips, net)
        yield from _network_rows(lpips, net)
