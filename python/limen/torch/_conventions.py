"""Conventions as text: the one form in which an operator of PyTorch takes them."""

from __future__ import annotations

import ast
import functools

from .. import _core
from .._conventions import Convention, as_convention, conventions


def to_text(convention: str | Convention) -> str:
    """The name, or the fields written as a Python dictionary.

    Raises
    ------
    TypeError, ValueError
        Saying which names there are.
    """
    chosen = as_convention(convention)
    return convention if isinstance(convention, str) else chosen._text


@functools.lru_cache(maxsize=256)
def from_text(text: str) -> Convention:
    """The convention that `to_text` wrote."""
    return conventions[text] if text in conventions else Convention(**ast.literal_eval(text))


@functools.lru_cache(maxsize=256)
def native(text: str) -> _core.Convention:
    """The same as the core takes it."""
    return from_text(text)._native
