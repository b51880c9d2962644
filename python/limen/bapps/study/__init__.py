"""Collects one's own judgements: a page that shows triplets or pairs, and a data set made of the answers."""

from __future__ import annotations

try:
    import PIL  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(f"limen.bapps.study needs {error.name}: pip install 'limen[bapps]'") from error

from ._export import PASS_RATE, Exported, export
from ._server import serve
from ._study import Study
from ._trials import SENTINELS, TRIALS

__all__ = ["PASS_RATE", "SENTINELS", "TRIALS", "Exported", "Study", "export", "serve"]
