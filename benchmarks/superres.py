"""Trains SRCNN under each objective and writes what came of it into docs/superres.md: `python -m benchmarks.superres`.

Takes some minutes a network on two cores; networks that lie in build/superres already are not trained again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pages import fill
from limen.cli import main

_ROOT = Path(__file__).parents[1]
_BUILD = _ROOT / "build" / "superres"
_PAGE = _ROOT / "docs" / "superres.md"
_PICTURES = _ROOT / "docs" / "superres"

_OBJECTIVES = {3: ("mse", "mae", "ssim", "ms-ssim"), 2: ("mse", "ms-ssim"), 4: ("mse", "ms-ssim")}
_SIZE = ["--patches", "8000", "--epochs", "8"]
_SHOWN = ("chelsea", "motorcycle_left")


def run() -> None:
    """Train what is missing, score, fill the page."""
    _BUILD.mkdir(parents=True, exist_ok=True)
    for scale, objectives in _OBJECTIVES.items():
        checkpoints = [_trained(scale, objective) for objective in objectives]
        fill(_PAGE, f"scale {scale}", _scored(scale, checkpoints))


def _trained(scale: int, objective: str) -> Path:
    path = _BUILD / f"x{scale}_{objective}.ckpt"
    done = path.with_suffix(".done")
    if not done.exists():
        options = ["--scale", str(scale), "--objective", objective, "--output", str(path), "--resume", *_SIZE]
        if main(["superres", "train", *options]):
            raise SystemExit(f"training {path.name} failed")
        done.touch()
    return path


def _scored(scale: int, checkpoints: Sequence[Path]) -> str:
    """The tables as Markdown: differences to bicubic, and of the others to the squared error."""
    scores = _BUILD / f"x{scale}.json"
    command = ["superres", "score", *map(str, checkpoints), "--output", str(scores)]
    pictures = ["--pictures", str(_PICTURES)] if scale == 3 else []
    if main([*command, *pictures]):
        raise SystemExit(f"scoring at scale {scale} failed")
    for picture in _PICTURES.glob("*.png"):
        if picture.stem not in _SHOWN:
            picture.unlink()
    document = json.loads(scores.read_text())
    methods = ["bicubic", *document["networks"]]
    lines = ["| method | PSNR, dB | against mse | SSIM | against mse | MS-SSIM | against mse |", "|---" * 7 + "|"]
    for method in methods:
        cells = [cell for metric, digits in (("psnr", 2), ("ssim", 4), ("ms_ssim", 4)) for cell in _cells(document, method, metric, digits)]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)
