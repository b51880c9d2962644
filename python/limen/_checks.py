"""Numbers that users pass, checked."""

from __future__ import annotations

import operator
from typing import Any


def integer(name: str, value: Any) -> int:
    """`value` as a Python int; a TypeError that names the argument where it is none."""
    if not hasattr(value, "__index__") or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer; got {value!r}")
    return operator.index(value)


def number(name: str, value: Any) -> float:
    """`value` as a Python float; a TypeError or ValueError that names the argument where there is none."""
    # torch.compile's symbols can't be asked for attributes, but are ints and floats.
    plain = isinstance(value, (int, float)) or (hasattr(value, "__float__") and not getattr(value, "ndim", 0))
    if not plain or isinstance(value, (bool, str)):
        raise TypeError(f"{name} must be a number; got {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(
            f"{name} is beyond what a float can hold; got an integer of {len(str(value))} digits"
        ) from None
