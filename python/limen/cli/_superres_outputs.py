"""The scores of `limen superres score` as CSV or JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import limen
from limen._whole_files import write_atomically
from limen.cli._names import printable

if TYPE_CHECKING:
    from limen.superres import Restored, Trained


def write_scores(path: Path, images: Sequence[Restored], scale: int, networks: Mapping[str, Trained]) -> None:
    """One row for each image and method: image, width, height, method, scale, psnr, ssim, ms_ssim.

    The size is what was scored. What an image is too small for is empty in CSV and null in JSON; an infinite PSNR is
    `inf` and "Infinity". JSON also holds how each network was trained.
    """
    rows = [
        {
            "image": printable(image.name),
            "width": image.width,
            "height": image.height,
            "method": method,
            "scale": scale,
            **dataclasses.asdict(scores),
        }
        for image in images
        for method, scores in image.scores.items()
    ]
    write = _write_csv if path.suffix.lower() == ".csv" else _write_json
    write_atomically(path, lambda file: write(file, rows, networks))


def _write_csv(file: BinaryIO, rows: Sequence[dict[str, Any]], networks: Mapping[str, Trained]) -> None:
    with io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True) as text:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_json(file: BinaryIO, rows: Sequence[dict[str, Any]], networks: Mapping[str, Trained]) -> None:
    document = {
        "limen_version": limen.__version__,
        "convention": "wang",
        "networks": {
            label: {**dataclasses.asdict(trained.recipe), "epochs_trained": trained.epochs}
            for label, trained in networks.items()
        },
        "rows": [{name: _json_number(value) for name, value in row.items()} for row in rows],
    }
    file.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n")


def _json_number(value: Any) -> Any:
    return "Infinity" if isinstance(value, float) and math.isinf(value) else value
