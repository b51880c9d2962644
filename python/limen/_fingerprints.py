"""What tells weights apart, whatever file, dtype, memory order or library they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def hash_of(arrays: Iterable[NDArray[Any]]) -> str:
    """The SHA-256 of the arrays' shapes and float32 values."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(tuple(array.shape)).encode())
        digest.update(np.ascontiguousarray(array, "<f4").tobytes())
    return digest.hexdigest()


def fingerprint(*hashes: str, scaled: bool) -> str:
    """Twelve digits for several hashes, and for whether the network takes images scaled."""
    text = "".join(hashes) + ("" if scaled else "unscaled")
    return hashlib.sha256(text.encode()).hexdigest()[:12]
