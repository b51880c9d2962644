"""Small data sets in the layout of BAPPS, and archives of them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from photographs import COLOUR, photograph

SIDE = 64


def make_set(root: Path, *, items: int = 6, subsets: Sequence[str] = ("traditional", "cnn"), side: int = SIDE) -> Path:
    """2AFC train and val and JND of noisy photographs, marked synthetic; the weaker noise is preferred."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for subset in subsets:
            for i in range(items):
                patch, levels = _patch(rng, side), 0.2 * rng.random(2)
                p0, p1 = (patch + level * rng.normal(size=patch.shape) for level in levels)
                share = float(levels[1] < levels[0]) if i % 3 else 0.4
                write(root / "2afc" / split / subset, i, {"ref": patch, "p0": p0, "p1": p1}, judge=share)
    for subset in subsets:
        for i in range(items):
            patch, level = _patch(rng, side), 0.05 * rng.random()
            noisy = patch + level * rng.normal(size=patch.shape)
            same = rng.binomial(3, 1 - level / 0.05) / 3
            write(root / "jnd" / "val" / subset, i, {"p0": patch, "p1": noisy}, same=same)
    metadata = {"format": "bapps", "judgements": "synthetic", "observer": "the weaker noise is closer"}
    (root / "metadata.json").write_text(json.dumps(metadata))
    return root


def write(folder: Path, number: int, images: dict[str, Any], **answer: float) -> None:
    """One item: images (3, H, W) in [0, 1], and judge= or same=."""
    for part, image in images.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        pixels = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / part / f"{number:06d}.png")
    for part, share in answer.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        np.save(folder / part / f"{number:06d}.npy", np.float32([share]))


def pack(root: Path, archive: Path, prefix: str = "dataset") -> Path:
    """An archive of the set, compressed where its name says so."""
    with tarfile.open(archive, "w:gz" if archive.suffix in (".gz", ".tgz") else "w") as tar:
        tar.add(root, prefix)
    return archive


def _patch(rng: np.random.Generator, side: int) -> Any:
    image = photograph(COLOUR[rng.integers(len(COLOUR))])
    top, left = (rng.integers(size - side) for size in image.shape[1:])
    return image[:, top : top + side, left : left + side]
