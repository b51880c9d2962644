"""Trained networks, from the files that training wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..torch._state_dicts import checked, said, select
from ._recipe import Recipe
from ._srcnn import SRCNN

_PREFIX = "model."


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode, how it was trained, and for how many epochs."""

    model: SRCNN
    recipe: Recipe
    epochs: int


def load(path: Path) -> Trained:
    """The network of a checkpoint, which is read without running code from it.

    Raises
    ------
    ValueError
        Naming the file, if it is none of SRCNN's.
    """
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except Exception as error:  # Broken files make the reader raise anything.
        raise ValueError(f"{path} can't be read as a checkpoint: {said(error)}") from error
    state_dict = checked(found, str(path))
    try:
        recipe = Recipe(**found["hyper_parameters"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no checkpoint of `limen superres train`: {error}") from error
    model = SRCNN(recipe.net)
    shapes = {_PREFIX + name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    tensors = select(state_dict, shapes, str(path), "$")
    model.load_state_dict({name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()})
    return Trained(model.eval().requires_grad_(False), recipe, int(found.get("epoch", -1)) + 1)


def check_resumable(path: Path, recipe: Recipe) -> None:
    """Raise ValueError where a run by this recipe can't go on from that checkpoint: only more epochs would do."""
    trained = load(path)
    before, now = vars(trained.recipe), vars(recipe)
    differing: Mapping[str, Any] = {
        name: value for name, value in before.items() if value != now[name] and name != "epochs"
    }
    if differing:
        asked = ", ".join(f"{name} {now[name]}" for name in differing)
        raise ValueError(f"{path} was trained with {', '.join(f'{n} {v}' for n, v in differing.items())}; got {asked}")
    if trained.epochs >= recipe.epochs:
        raise ValueError(f"{path} has its {trained.epochs} epochs; epochs must be more to go on, got {recipe.epochs}")
