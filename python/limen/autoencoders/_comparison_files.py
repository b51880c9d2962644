"""A comparison as files for other programs: every score, and the means with their intervals."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

import limen

from ._comparison import Comparison
from ._image_sets import ImageSet
from ._intervals import Interval

TEST = "test.npz"


def write_scores(path: Path, comparison: Comparison) -> None:
    """A CSV file: image, photograph, code_size, objective, and a column a metric."""
    names = [metric.name for metric in comparison.metrics]

    def write(file: TextIO) -> None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "photograph", "code_size", "objective", *names])
        for one in comparison.contenders:
            for i in range(len(comparison.test)):
                scores = [one.scores[name][i] for name in names]
                writer.writerow([i, comparison.test.name_of(i), one.code_size, one.objective, *scores])

    _whole(path, write)


def write_summary(path: Path, comparison: Comparison) -> None:
    """A JSON file: for each network and metric the mean and the gain over the baseline, [mean, low, high] each."""
    document = {
        "limen": limen.__version__,
        "model": comparison.plan.model,
        "options": dict(comparison.plan.options),
        "images": comparison.source,
        "counts": dict(zip(("train", "validation", "test"), comparison.counts, strict=True)),
        "photographs": len(np.unique(comparison.test.groups)),
        "baseline": comparison.objectives[0],
        "missing": dict(comparison.absent),
        "networks": [
            {
                "objective": one.objective,
                "code_size": one.code_size,
                "epochs": len(one.history),
                "scores": {metric.name: _three(comparison.mean(one, metric)) for metric in comparison.metrics},
                "gains": {metric.name: _three(comparison.gain(one, metric)) for metric in comparison.metrics},
            }
            for one in comparison.contenders
        ],
    }
    _whole(path, lambda file: file.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n"))


def write_reconstructions(path: Path, comparison: Comparison) -> None:
    """The test's images and their reconstructions, uint8 (N, C, H, W) each, in one .npz file."""
    arrays: dict[str, Any] = {f"{one.objective}/{one.code_size}": one.images for one in comparison.contenders}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                original=comparison.test.pixels,
                groups=comparison.test.groups,
                names=np.array([comparison.test.name_of(i) for i in range(len(comparison.test))]),
                **arrays,
            )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_reconstructions(path: Path) -> tuple[ImageSet, dict[tuple[str, int], Any]]:
    """What `write_reconstructions` wrote: originals, and reconstructions by objective and size of code.

    Raises
    ------
    ValueError
        If there is no such file, or it is damaged.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        names = [str(name) for name in arrays.pop("names")]
        arrays.pop("groups")
        originals = ImageSet(arrays.pop("original"), np.arange(len(names)), names)
        found = {(name.rpartition("/")[0], int(name.rpartition("/")[2])): array for name, array in arrays.items()}
    except FileNotFoundError:
        raise ValueError(f"{path} is not there: `limen autoencoder compare` writes it when all is trained") from None
    except Exception as error:  # A damaged archive makes NumPy and zipfile raise anything.
        raise ValueError(f"{path} is damaged: {error}") from error
    return originals, found


def _three(interval: Interval) -> list[float | None]:
    return [
        None if np.isnan(value) or np.isinf(value) else value for value in (interval.mean, interval.low, interval.high)
    ]


def _whole(path: Path, write: Callable[[TextIO], object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            write(file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
