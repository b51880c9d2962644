"""Tables and pictures of docs/autoencoders.md: `python -m benchmarks.autoencoders FOLDER...` of comparisons.

A folder is called as its place in the page and its seed: fc-0, fc-1, conv-0. Pictures are of the first seed.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from limen.autoencoders._comparison_files import read_reconstructions
from limen.autoencoders._scores import METRICS

DOCS = Path(__file__).parents[1] / "docs"
SIDE, GAP, LABEL = 96, 6, 84
SHOWN, EXTREMES = 7, 3
JUDGE = "fsim"


def table(summary: dict[str, Any], size: int) -> str:
    """The means, and the gains over the baseline with their intervals, as Markdown; bold where zero is excluded."""
    metrics = [metric for metric in METRICS if metric.name in summary["networks"][0]["scores"]]
    arrows = ["↑" if metric.higher_is_better else "↓" for metric in metrics]
    lines = [
        f"| code of {size} | "
        + " | ".join(f"{m.title} {arrow}" for m, arrow in zip(metrics, arrows, strict=True))
        + " |",
        "| --- |" + " --- |" * len(metrics),
    ]
    for network in summary["networks"]:
        if network["code_size"] == size:
            cells = [_cell(network, metric.name, min(3, metric.decimals), summary["baseline"]) for metric in metrics]
            lines.append(f"| {network['objective']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(network: dict[str, Any], name: str, decimals: int, baseline: str) -> str:
    mean = f"{network['scores'][name][0]:.{decimals}f}"
    if network["objective"] == baseline:
        return mean
    gain, low, high = network["gains"][name]
    text = f"{gain:+.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]".replace("-", "−")
    return f"{mean}<br>**{text}**" if low > 0 or high < 0 else f"{mean}<br>{text}"


def seeds_table(summaries: list[dict[str, Any]], size: int) -> str:
    """The gains over the baseline by seed, as Markdown; bold where the interval over images excludes zero."""
    of_first = summaries[0]["networks"]
    metrics = [metric for metric in METRICS if metric.name in of_first[0]["scores"]]
    lines = [
        f"| code of {size}, gains by seed | " + " | ".join(metric.title for metric in metrics) + " |",
        "| --- |" + " --- |" * len(metrics),
    ]
    for objective in dict.fromkeys(network["objective"] for network in of_first):
        if objective != summaries[0]["baseline"]:
            found = [_network(summary, objective, size) for summary in summaries]
            cells = [", ".join(_gain(one["gains"][m.name], min(3, m.decimals)) for one in found) for m in metrics]
            lines.append(f"| {objective} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _network(summary: dict[str, Any], objective: str, size: int) -> dict[str, Any]:
    wanted = objective, size
    found: dict[str, Any] = next(n for n in summary["networks"] if (n["objective"], n["code_size"]) == wanted)
    return found


def _gain(interval: list[float], decimals: int) -> str:
    gain, low, high = interval
    text = f"{gain:+.{decimals}f}".replace("-", "−")
    return f"**{text}**" if low > 0 or high < 0 else text


def sheet(columns: list[list[NDArray[np.uint8]]], labels: list[str]) -> Image.Image:
    """Pictures in rows with a label each."""
    size = LABEL + len(columns) * (SIDE + GAP), len(labels) * (SIDE + GAP) - GAP
    page = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for row, label in enumerate(labels):
        draw.text((0, row * (SIDE + GAP) + SIDE // 2 - 8), label, "#1c1d1f", font)
        for column, images in enumerate(columns):
            picture = Image.fromarray(images[row].transpose(1, 2, 0).squeeze()).convert("RGB")
            place = LABEL + column * (SIDE + GAP), row * (SIDE + GAP)
            page.paste(picture.resize((SIDE, SIDE), Image.Resampling.NEAREST), place)
    return page


def pictures(folder: Path, name: str, objectives: list[str], sizes: list[int]) -> list[str]:
    """Write both sheets; their Markdown."""
    originals, found = read_reconstructions(folder / "test.npz")
    photographs = [originals.name_of(i) for i in range(len(originals))]
    first = list({photograph: i for i, photograph in reversed(list(enumerate(photographs)))}.values())[::-1]
    chosen = [first[i] for i in np.linspace(0, len(first) - 1, SHOWN).round().astype(int)]
    rows = [(f"{one}, {size}" if len(sizes) > 1 else one, found[one, size]) for size in sizes for one in objectives]
    _save(
        sheet(
            [[originals.pixels[i], *(images[i] for _, images in rows)] for i in chosen],
            ["original", *(label for label, _ in rows)],
        ),
        name,
    )

    size, (a, b) = sizes[-1], (objectives[0], objectives[-1])
    gains = _scores(folder, b, size) - _scores(folder, a, size)
    most = [_most(sign * gains, photographs) for sign in (1, -1)]
    columns = [[originals.pixels[i], found[a, size][i], found[b, size][i]] for i in most[0] + most[1]]
    _save(sheet(columns, ["original", a, b]), f"{name}-differing")
    told = (
        f"Where {JUDGE.upper()} differs most, one image a photograph: the first {len(most[0])} in favour of {b}, "
        f"the others of {a} (code of {size})."
    )
    return [f"![{name}](autoencoders/{name}.png)", told, f"![{name}, differing](autoencoders/{name}-differing.png)"]


def _scores(folder: Path, objective: str, size: int) -> NDArray[np.float64]:
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    with open(folder / "scores.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            scores[row["objective"], row["code_size"]].append(float(row[JUDGE]))
    return np.array(scores[objective, str(size)])


def _most(gains: NDArray[np.float64], photographs: list[str]) -> list[int]:
    found: dict[str, int] = {}
    for i in np.argsort(-gains, kind="stable"):
        if gains[i] > 0 and len(found) < EXTREMES:
            found.setdefault(photographs[i], int(i))
    return list(found.values())


def _save(image: Image.Image, name: str) -> None:
    (DOCS / "autoencoders").mkdir(exist_ok=True)
    image.quantize(192, dither=Image.Dither.FLOYDSTEINBERG).save(DOCS / "autoencoders" / f"{name}.png", optimize=True)


def main() -> None:
    """Put each folder's results between the marks of its name in docs/autoencoders.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+", help="such as fc-0")
    page = (DOCS / "autoencoders.md").read_text(encoding="utf-8")
    runs: dict[str, list[Path]] = defaultdict(list)
    for folder in parser.parse_args().folders:
        runs[folder.name.rpartition("-")[0]].append(folder)
    for name, folders in runs.items():
        summaries = [json.loads((folder / "summary.json").read_text(encoding="utf-8")) for folder in folders]
        networks = summaries[0]["networks"]
        objectives = list(dict.fromkeys(network["objective"] for network in networks))
        sizes = sorted({network["code_size"] for network in networks}, reverse=True)
        parts = [table(summaries[0], size) for size in sizes]
        if len(summaries) > 1:
            parts += [seeds_table(summaries, size) for size in sizes]
        parts += pictures(folders[0], name, objectives, sizes)
        marks = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        new = marks[0] + "\n" + "\n\n".join(parts) + "\n\n" + marks[1]
        page = re.sub(
            re.escape(marks[0]) + ".*?" + re.escape(marks[1]), new.replace("\\", r"\\"), page, flags=re.DOTALL
        )
    (DOCS / "autoencoders.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
