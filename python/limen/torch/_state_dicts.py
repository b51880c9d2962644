"""State dicts of files and of users: read without running code, and taken only whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

StateDict = Mapping[str, Tensor]

_SAFE_PICKLE = (2, 6)  # Before, a file could get round weights_only (CVE-2025-32434).
_FEW = 8


def read(file: Path) -> StateDict:
    """The state dict of a ``.safetensors`` file, or of one that ``torch.save`` wrote; neither can run code.

    Raises
    ------
    ValueError
        If it holds something else.
    """
    try:
        loaded = _read_safetensors(file) if file.suffix == ".safetensors" else _read_pickle(file)
    except ImportError:
        raise
    except Exception as error:  # Broken files make both readers raise anything.
        raise ValueError(f"{file} can't be read as weights: {said(error)}") from error
    return checked(loaded, str(file))


def checked(state_dict: Any, what: str) -> StateDict:
    """A mapping from names to tensors, else an error; `what` names it."""
    # Training scripts often save the weights beside other things.
    if isinstance(state_dict, Mapping) and isinstance(state_dict.get("state_dict"), Mapping):
        state_dict = state_dict["state_dict"]
    if not isinstance(state_dict, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state_dict.items()
    ):
        raise ValueError(f"{what} must hold a state dict, names and tensors; got {type(state_dict).__name__}")
    return state_dict


def select(state_dict: StateDict, shapes: Mapping[str, tuple[int, ...]], what: str, ignored: str) -> dict[str, Tensor]:
    """The tensors that a network needs, detached.

    Parameters
    ----------
    shapes
        Names and shapes of all of them.
    ignored
        A regular expression for names of what may be there beside them, such as the classifier above a backbone.

    Raises
    ------
    ValueError
        Listing the names that are missing, foreign or of another shape, or tensors that are without data, sparse, or
        not finite in float32.
    """
    missing = [key for key in shapes if key not in state_dict]
    foreign = [key for key in state_dict if key not in shapes and not re.match(ignored, key)]
    wrong = [
        f"{key} {tuple(state_dict[key].shape)} instead of {shape}"
        for key, shape in shapes.items()
        if key in state_dict and tuple(state_dict[key].shape) != shape
    ]
    complaints = [
        f"{problem}: {_listed(keys)}"
        for problem, keys in (("missing", missing), ("foreign", foreign), ("wrong shape", wrong))
        if keys
    ]
    if complaints:
        raise ValueError(f"{what} doesn't fit; {'; '.join(complaints)}")
    chosen = {key: state_dict[key].detach() for key in shapes}
    hollow = [key for key, tensor in chosen.items() if tensor.is_meta or tensor.layout != torch.strided]
    if hollow:
        raise ValueError(f"{what} must hold dense tensors with their data; others are in: {_listed(hollow)}")
    broken = [
        key for key, tensor in chosen.items() if not (tensor.is_floating_point() and tensor.float().isfinite().all())
    ]
    if broken:
        raise ValueError(f"{what} holds what is no finite floating number, or none in float32, in: {_listed(broken)}")
    return chosen


def _read_safetensors(file: Path) -> Any:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError("reading .safetensors files needs safetensors: pip install 'limen[torch]'") from error
    return load_file(file)


def _read_pickle(file: Path) -> Any:
    version = tuple(map(int, re.findall(r"\d+", torch.__version__)[:2]))
    if version < _SAFE_PICKLE:
        raise ImportError(
            f"PyTorch {torch.__version__} can be made to run code by a .pth file: install PyTorch 2.6 or later, "
            "or convert the weights to .safetensors"
        )
    return torch.load(file, map_location="cpu", weights_only=True)


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - _FEW} more" if len(keys) > _FEW else ""
    return ", ".join(keys[:_FEW]) + more


def said(error: Exception) -> str:
    """The kind of an error and its first sentence: PyTorch goes on to say how to trust an unreadable file."""
    sentence = (str(error).splitlines() or [""])[0].partition(". ")[0]
    return f"{type(error).__name__}: {sentence}" if sentence else type(error).__name__
