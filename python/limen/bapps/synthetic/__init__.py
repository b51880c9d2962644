"""Data sets in the BAPPS layout from any photographs, judged by a stated synthetic observer."""

from __future__ import annotations

try:
    import tqdm  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(f"limen.bapps.synthetic needs {error.name}: pip install 'limen[bapps]'") from error

from ._make import SUBSETS, make_dataset
from ._observer import SEVERITIES, Observer

__all__ = ["SEVERITIES", "SUBSETS", "Observer", "make_dataset"]
