"""Weights of LPIPS from wherever the user says they are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from .. import _weights
from .._weights import BACKBONE_FILES, LINEAR_FILES, LINEAR_VERSIONS
from . import _state_dicts
from ._backbone import Network
from ._state_dicts import StateDict

Weights = str | os.PathLike[str] | Mapping[str, Tensor]


def name_of(weights: Weights | None) -> str:
    """What stands for the weights in a result."""
    if weights is None:
        return "none"
    return os.fspath(weights) if isinstance(weights, (str, os.PathLike)) else "state dict"


def load(network: Network, backbone: Weights, linear: Weights | None) -> list[Tensor] | None:
    """Fill the network; the weights of each tap's channels, or None where all are 1.

    Whatever is published and missing is looked for, and told of, in one go.
    """
    net = network.table.name
    files = {}
    if isinstance(backbone, str) and backbone == "pretrained":
        if net not in BACKBONE_FILES:
            raise ValueError(
                f"no weights are published for net {net!r}: give backbone a path, a state dict or 'random'"
            )
        files["backbone"] = BACKBONE_FILES[net]
    if isinstance(linear, str) and linear in LINEAR_VERSIONS:
        if (linear, net) not in LINEAR_FILES:
            raise ValueError(f"linear={linear!r} is not published for net {net!r}: give None, a path or a state dict")
        files["linear"] = LINEAR_FILES[linear, net]
    paths = dict(zip(files, _weights.obtain(files.values(), f"limen weights fetch --net {net}"), strict=True))
    if isinstance(backbone, str) and backbone == "random":
        network.randomise()
    else:
        network.load(*_state_dict("backbone", paths.get("backbone", backbone), "'pretrained' or 'random'"))
    if linear is None:
        return None
    names = " or ".join(f"{version!r}" for version in LINEAR_VERSIONS)
    return _vectors(*_state_dict("linear", paths.get("linear", linear), names), network.table.channels)


def floating(dtype: str | torch.dtype) -> torch.dtype:
    """A dtype that a backbone can compute in, of its name."""
    chosen = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(chosen, torch.dtype) or not chosen.is_floating_point:
        raise ValueError(f"dtype must be a floating dtype of PyTorch, for example 'bfloat16'; got {dtype!r}")
    return chosen


def _state_dict(argument: str, weights: Weights, names: str) -> tuple[StateDict, str]:
    """The weights, and what they are called in an error."""
    if isinstance(weights, Mapping):
        return _state_dicts.checked(weights, argument), argument
    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(f"{argument} must be {names}, a path or a state dict; got {type(weights).__name__}")
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"{argument} must be {names}, a path or a state dict; there is no file {path}")
    return _state_dicts.read(path), f"{argument} {path}"


def _vectors(state_dict: StateDict, what: str, channels: Sequence[int]) -> list[Tensor]:
    """One vector of weights a tap, from keys ``lin{k}.model.1.weight``; none is negative."""
    shapes = {f"lin{k}.model.1.weight": (1, count, 1, 1) for k, count in enumerate(channels)}
    # A whole network that `lpips` trained has its backbone beside them, and the same weights twice.
    chosen = _state_dicts.select(state_dict, shapes, what, ignored=r"net\.|lins\.|scaling_layer\.")
    for key, weight in chosen.items():
        if (weight < 0).any():
            raise ValueError(f"{what} has negative weights in {key}: the smallest is {float(weight.min()):g}")
    # Copies: flattened alone, they would be the caller's own memory, and training would write to it.
    return [weight.flatten().to("cpu", torch.float32, copy=True) for weight in chosen.values()]
