"""The CUDA core, loaded when the first array on a GPU comes: importing limen needs neither it nor a GPU or driver."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from typing import Any

_HOW = (
    "Build limen from source where the CUDA toolkit (nvcc) is: "
    "pip install . --config-settings=cmake.define.LIMEN_CUDA=ON"
)


@functools.cache
def cuda_core() -> Any:
    """The module `limen._cuda`.

    Raises
    ------
    ValueError
        If this installation has none, or it can't be loaded, saying what to do.
    """
    try:
        return importlib.import_module("limen._cuda")
    except ModuleNotFoundError as error:
        if error.name != "limen._cuda":
            raise
        raise ValueError(
            f"x and y are on a GPU, and this installation of limen was built without CUDA. {_HOW}; or move x and y to "
            "the CPU"
        ) from None
    except ImportError as error:
        raise ValueError(f"x and y are on a GPU, and the CUDA core of limen can't be loaded: {error}") from error


def is_built() -> bool:
    """Whether this installation has a CUDA core, without loading it."""
    return importlib.util.find_spec("limen._cuda") is not None
