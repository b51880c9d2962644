"""Numbers and choices that users pass, checked."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from typing import Any

# float32, bfloat16, torch.int8; not bool, complex64, object or datetime64.
_REAL = re.compile(r"(torch\.)?(u?int|b?float)\d")


def integer(name: str, value: Any) -> int:
    """`value` as a Python int; a TypeError that names the argument where it is none."""
    try:
        if _is_real(value) and hasattr(value, "__index__"):
            return operator.index(value)
    except (TypeError, RuntimeError):  # A fraction in a tensor, a tensor without memory.
        pass
    raise TypeError(f"{name} must be an integer; got {value!r}")


def number(name: str, value: Any) -> float:
    """`value` as a Python float; a TypeError or ValueError that names the argument where there is none."""
    try:
        if _is_real(value):
            return float(value)
    except OverflowError:
        raise ValueError(
            f"{name} is beyond what a float can hold; got an integer of {len(str(value))} digits"
        ) from None
    except (TypeError, ValueError, RuntimeError):  # A tensor without memory, a signalling NaN.
        pass
    raise TypeError(f"{name} must be a number; got {value!r}")


def choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """The one of `choices` that `value` equals, a plain str; a ValueError that names the argument where it is none."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")
    return choices[choices.index(value)]


def check_reduction(reduction: Any) -> None:
    """Raises a ValueError where the reduction is none of the three."""
    # An array could be asked whether it is one of them, and not say.
    if not isinstance(reduction, str) or reduction not in ("image", "mean", "none"):
        raise ValueError(f"reduction must be 'image', 'mean' or 'none'; got {reduction!r}")


def _is_real(value: Any) -> bool:
    # torch.compile's symbols can't be asked for attributes, but are ints and floats.
    if isinstance(value, (int, float)):
        return not isinstance(value, bool)
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return hasattr(value, "__float__") or hasattr(value, "__index__")
    if getattr(value, "ndim", 0):
        return False
    # NumPy tells kinds apart sooner than names, but not those of ml_dtypes; PyTorch has names only.
    return getattr(dtype, "kind", "V") in "iuf" or _REAL.match(getattr(dtype, "name", str(dtype))) is not None
