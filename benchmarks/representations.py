"""Probes codes of rendered faces and writes docs/representations.md: `python -m benchmarks.representations`.

Networks that lie in build/representations already are not trained again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any

from benchmarks.pages import fill
from limen.autoencoders._probe import QUESTIONS
from limen.cli import main

_ROOT = Path(__file__).parents[1]
_BUILD = _ROOT / "build" / "representations"
_PAGE = _ROOT / "docs" / "representations.md"
_SIZE = ["--epochs", "15"]
_PICTURE = _ROOT / "docs" / "faces.png"


def run() -> None:
    """Train and probe, fill the page."""
    _BUILD.parent.mkdir(exist_ok=True)
    if main(["autoencoder", "probe", str(_BUILD), *_SIZE]):
        raise SystemExit("probing failed")
    summary = json.loads((_BUILD / "summary.json").read_text())
    fill(_PAGE, "table", "\n".join(_table(summary["codes"])))
    copyfile(_BUILD / "faces.png", _PICTURE)


def _table(codes: dict[str, Any]) -> Iterator[str]:
    names = list(codes)
    header = [cell for one in QUESTIONS for cell in (one.title, f"more than {names[0]}")]
    yield f"| codes | {' | '.join(header)} |"
    yield "|---" + "|---:" * len(header) + "|"
    for name in names:
        cells = []
        for one in QUESTIONS:
            found = codes[name][one.name]
            cells.append(_told(found["error"], one.digits))
            cells.append("" if name == names[0] else _told(found["more_than_first"], one.digits, "+"))
        yield f"| {name} | {' | '.join(cells)} |"


def _told(ends: dict[str, float], digits: int, sign: str = "") -> str:
    return f"{ends['mean']:{sign}.{digits}f} ± {(ends['high'] - ends['low']) / 2:.{digits}f}"


if __name__ == "__main__":
    run()
