"""Trains SRCNN under each objective and writes what came of it into docs/superres.md: `python -m benchmarks.superres`.

Networks that lie in build/superres already are not trained again. A scale, as an argument, does that one only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.pages import fill
from limen.cli import main
from limen.cli._superres_pictures import write_picture
from limen.superres import Restored, compare, held_out_photographs, load, restore_and_score

_ROOT = Path(__file__).parents[1]
_BUILD = _ROOT / "build" / "superres"
_PAGE = _ROOT / "docs" / "superres.md"
_PICTURES = _ROOT / "docs" / "superres"

_ALL = ("mse", "mae", "ssim", "ms-ssim")
_OBJECTIVES = {2: _ALL, 3: _ALL, 4: ("mse", "ms-ssim")}
# Patches and epochs: the smaller size shows that another scale works, no more.
_SIZES = {2: (8000, 8), 3: (8000, 8), 4: (2000, 4)}
_METRICS = {"psnr": ("PSNR, dB", 2), "ssim": ("SSIM", 4), "ms_ssim": ("MS-SSIM", 4)}
_PICTURED = {3: ("chelsea", "motorcycle_left")}


def run(scales: Sequence[int]) -> None:
    """Train what is missing, score, fill the page."""
    _BUILD.mkdir(parents=True, exist_ok=True)
    _PICTURES.mkdir(exist_ok=True)
    for scale in scales:
        models = {name: load(_trained(scale, name)).model for name in _OBJECTIVES[scale]}
        images = [restore_and_score(one.name, one.load(), scale, models) for one in held_out_photographs()]
        for image in images:
            if image.name in _PICTURED.get(scale, ()):
                write_picture(_PICTURES, image)
        fill(_PAGE, f"scale {scale}", "\n".join(_table(images, ["bicubic", *models])))
        if scale == 3:
            fill(_PAGE, "brightness", "\n".join(_brightness(images, ["bicubic", *models])))


def _trained(scale: int, objective: str) -> Path:
    path = _BUILD / f"x{scale}_{objective}.ckpt"
    done = path.with_suffix(".done")
    if not done.exists():
        patches, epochs = map(str, _SIZES[scale])
        options = ["--scale", str(scale), "--objective", objective, "--patches", patches, "--epochs", epochs]
        if main(["superres", "train", *options, "--output", str(path), "--resume"]):
            raise SystemExit(f"training {path.name} failed")
        done.touch()
    return path


def _table(images: Sequence[Restored], methods: Sequence[str]) -> Iterator[str]:
    """A line a method: means, and differences to bicubic and to the squared error."""
    header = [cell for title, _ in _METRICS.values() for cell in (title, "to bicubic", "to mse")]
    yield f"| method | {' | '.join(header)} |"
    yield "|---" + "|---:" * len(header) + "|"
    for method in methods:
        cells = []
        for metric, (_, digits) in _METRICS.items():
            for against in ("bicubic", "mse"):
                found = compare(images, metric, method, against)
                assert found is not None
                if against == "bicubic":
                    cells.append(f"{found.mean:.{digits}f}")
                gain = f"{found.difference:+.{digits}f} ± {found.half_width:.{digits}f}"
                cells.append("" if method == against else gain)
        yield f"| {method} | {' | '.join(cells)} |"


def _brightness(images: Sequence[Restored], methods: Sequence[str]) -> Iterator[str]:
    """A line a method: how its images differ from the originals as a whole, and what is left without that."""
    yield "| method | mean, of 255 | deviation | PSNR, dB | after a straight line |"
    yield "|---|---:|---:|---:|---:|"
    for method in methods:
        found = np.mean([_whole(image, method) for image in images], axis=0)
        yield f"| {method} | {found[0]:+.1f} | × {found[1]:.3f} | {found[2]:.2f} | {found[3]:.2f} |"


def _whole(image: Restored, method: str) -> list[float]:
    """Difference of means, ratio of deviations, PSNR, and that after the best scaling and shift of the image."""
    x, y = image.pixels[method].astype(np.float64).ravel(), image.original.astype(np.float64).ravel()
    fitted = np.polyval(np.polyfit(x, y, 1), x)
    return [
        x.mean() - y.mean(),
        x.std() / y.std(),
        image.scores[method].psnr,
        10 * np.log10(255**2 / np.mean((fitted - y) ** 2)),
    ]


if __name__ == "__main__":
    run([int(word) for word in sys.argv[1:]] or list(_OBJECTIVES))
