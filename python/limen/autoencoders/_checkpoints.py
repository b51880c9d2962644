"""Checkpoints, read back only as what they are."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..torch._state_dicts import said
from ._layers import Autoencoder
from ._models import MODELS

RECORD = "limen"
"""The key under which a checkpoint says what it is of."""

BEST, LAST = "best.ckpt", "last.ckpt"
_PREFIX = "model."


@dataclass(frozen=True)
class Trained:
    """A network from a checkpoint, and the record of how it came about: plain values by name."""

    model: Autoencoder
    record: Mapping[str, Any]


def load(path: str | os.PathLike[str]) -> Trained:
    """The network of a checkpoint that training wrote, on the CPU, for evaluation.

    Only tensors and plain values are read: a file from elsewhere can't run anything.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged, or of something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is damaged or no checkpoint: {said(error)}") from error
    record = content.get(RECORD) if isinstance(content, dict) else None
    if not isinstance(record, dict) or record.get("model") not in MODELS:
        raise ValueError(
            f"{path} is a checkpoint of something else: `limen autoencoder train` writes those of {', '.join(MODELS)}"
        )
    weights = {name[len(_PREFIX) :]: value for name, value in content["state_dict"].items() if name.startswith(_PREFIX)}
    try:
        model = MODELS[record["model"]](**record["options"])
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} doesn't fit the network it names: {said(error)}") from error
    return Trained(model.eval(), record)


def refuse_other_run(path: Path, record: Mapping[str, Any]) -> None:
    """Raise ValueError where the checkpoint is of another run than the one that is to go on.

    The version of limen may differ.
    """
    found = load(path).record
    differing = [name for name in record if name != "limen" and found.get(name) != record[name]]
    if differing:
        told = ", ".join(f"{name} {found.get(name)!r} instead of {record[name]!r}" for name in differing)
        raise ValueError(f"{path} is of another run: {told}; choose another folder, or the options of that run")
