"""Makes docs/bapps_figures.md: a data set of photographs, trainings on it, all metrics before and after, and speeds.

    python -m benchmarks.bapps FOLDER [--speed]

FOLDER keeps what takes long (data set, networks, trainings) and is gone on with; `--speed` measures speeds alone, on a
quiet machine. Both write their section of the page.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

import limen
from limen.bapps import METRICS, Dataset, Metric, find_metrics, score_dataset
from limen.bapps._metrics import network, network_metric

PAGE = Path(__file__).parents[1] / "docs" / "bapps_figures.md"
# With this seed the photographs held out are of everyday things, not of cells or galaxies: three of eleven.
DATA = ("--triplets", "2400", "--jnd", "600", "--subsets", "traditional,cnn", "--networks", "16", "--seed", "4")
# Those in colour that come with packages which are here anyway.
PHOTOGRAPHS = {
    "skimage.data": "astronaut.png chelsea.png coffee.png hubble_deep_field.jpg ihc.png motorcycle_left.png retina.jpg "
    "rocket.jpg",
    "sklearn.datasets.images": "china.jpg flower.jpg",
    "matplotlib": "mpl-data/sample_data/grace_hopper.jpg",
}
# Adam moves a weight by its rate at most in a step: as 1152 steps of `lin` are few, its rate is a hundred times
# the paper's, and that of 1728 steps of `scratch` three times.
LIN = ("--mode", "lin", "--lr", "0.01", "--epochs", "12", "--decay-epochs", "4")
TRAININGS = {
    "kmeans-lin": (*LIN, "--backbone", "kmeans.pth"),
    "random-lin": (*LIN, "--backbone", "random.pth"),
    "scratch": ("--mode", "scratch", "--lr", "0.0003", "--epochs", "18", "--decay-epochs", "6"),
}
# What each was before: the network that training began from, all channels alike.
BEFORE = {"kmeans-lin": "kmeans", "random-lin": "random", "scratch": "random"}
UNTRAINED = ("caffe-alex-random", "squeeze-random")
LOW_LEVEL = ("l2", "l2-lab", "ssim", "ssim-scikit-image", "ms-ssim", "fsim", "fsimc")


def main() -> None:
    """Make what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speed", action="store_true")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if arguments.speed:
        write_section("Speed", speed(folder / "photographs"))
    else:
        make(folder)
        write_section("Scores", scores(folder))


def make(folder: Path) -> None:
    """The data set, both networks and the trainings, those of them that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "photographs").exists():
        gather(folder / "originals")
        command(folder, "make", "originals", "photographs", *DATA)
    if not (folder / "kmeans.pth").exists():
        command(folder, "kmeans", "photographs/2afc/train/traditional/ref", "kmeans.pth")
    if not (folder / "random.pth").exists():
        import torch

        import limen.torch

        torch.manual_seed(0)
        torch.save(limen.torch.LPIPS(backbone="random", linear=None).backbone.state_dict(), folder / "random.pth")
    for name, options in TRAININGS.items():
        if not (folder / name / "weights.pth").exists():
            command(folder, "train", "photographs", name, *options, "--logger", "none")


def gather(folder: Path) -> None:
    """Copies of all photographs."""
    folder.mkdir(exist_ok=True)
    for package, names in PHOTOGRAPHS.items():
        for name in names.split():
            file = Path(str(files(package))) / name
            shutil.copy(file, folder / file.name)


def command(folder: Path, *arguments: str) -> None:
    """One of `limen bapps`."""
    subprocess.run([sys.executable, "-W", "ignore", "-m", "limen", "bapps", *arguments], cwd=folder, check=True)


def scores(folder: Path) -> str:
    """Every metric, then what training moved."""
    dataset = Dataset(folder / "photographs")
    metrics: list[Metric] = [METRICS[name] for name in (*LOW_LEVEL, *UNTRAINED)]
    metrics += [network_metric(name, "alex", folder / f"{name}.pth") for name in ("random", "kmeans")]
    metrics += [network_metric(name, "alex", folder / name / "weights.pth") for name in TRAININGS]
    results = score_dataset(dataset, metrics)
    counts = [
        f"{sum(map(len, dataset.select('2afc', 'train')))} triplets to train on",
        f"{sum(map(len, dataset.select('2afc')))} held out, of other photographs",
        f"{sum(map(len, dataset.select('jnd')))} JND pairs",
    ]
    lines = [
        "; ".join([*counts, dataset.observer]),
        "",
        "Per cent, with 95 % intervals over 1000 draws of the items.",
        "",
        "| metric | 2AFC, traditional | 2AFC, cnn | 2AFC, mean | JND mAP, mean |",
        "|---|---|---|---|---|",
    ]
    two_afc, jnd = results.columns_of("2afc"), results.columns_of("jnd")
    columns = [column for column in two_afc if column.name in ("traditional", "cnn", "mean")]
    for name, row in results.scores.items():
        cells = [interval(row[column]) if column in row else "" for column in (*columns, jnd[-1])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", f"Correlation of the two tests over {len(results.metrics)} metrics: {results.correlation:.3f}."]
    lines += ["", "Gains in held-out 2AFC, before and after on the same draws.", ""]
    lines += ["| trained | from | traditional | cnn | mean | options |", "|---|---|---|---|---|---|"]
    for name, before in BEFORE.items():
        gains = [interval(results.scores[name][of] - results.scores[before][of], signed=True) for of in columns]
        options = json.loads((folder / name / "training.json").read_text())["options"]
        said = f"{options['mode']}, {options['epochs']} + {options['decay_epochs']} epochs, rate {options['lr']:g}"
        lines.append(f"| {name} | {before} | {' | '.join(gains)} | {said} |")
    lines += ["", f"limen {limen.__version__}; `python -m benchmarks.bapps FOLDER`"]
    return "\n".join(lines)


def interval(score: Any, signed: bool = False) -> str:
    """A score in per cent."""
    low, high = (100 * bound for bound in score.interval())
    sign = "+" if signed else ""
    return f"{100 * score.value:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def speed(path: Path) -> str:
    """Triplets a second, by limen and by the package lpips as its evaluator runs, in one process."""
    rows = []
    dataset = Dataset(path)
    subset = dataset.select("2afc", "train")[0]
    images = [subset.images(i) for i in range(256)]
    stacked = tuple(np.stack(part) for part in zip(*images, strict=True))
    measure = find_metrics(["ssim"])[0].make()
    rows.append(("SSIM (Wang), images in memory", per_second(lambda: measure(stacked), 256), ""))

    from limen.bapps import evaluate

    skimage_ssim = {"m": find_metrics(["ssim-scikit-image"])[0].make()}

    def from_files() -> None:
        fresh = dataclasses.replace(subset)  # Its judgements haven't been read.
        evaluate(fresh, skimage_ssim)
        _ = fresh.judgements

    # By turns, so that whatever else the machine does meets both.
    turns = [(per_second(from_files, len(subset), 1), original_evaluator(path)) for _ in range(7)]
    whole, peer = (max(column) for column in zip(*turns, strict=True))
    rows.append(("SSIM (scikit-image), from PNG files", whole, f"{whole / peer:.1f} x"))
    rows.append(("the same by the evaluator of `lpips`: one at a time, scikit-image", peer, "1"))

    ours, theirs = lpips_alex(stacked)
    rows.append(("LPIPS-alex, images in memory", ours, f"{ours / theirs:.2f} x"))
    rows.append(("`lpips`, the same network, two calls a batch", theirs, "1"))
    lines = ["| what | triplets a second | against `lpips` |", "|---|---|---|"]
    lines += [f"| {name} | {figure:,.0f} | {ratio} |" for name, figure, ratio in rows]
    lines += ["", f"{os.cpu_count()} cores; {machine()}; `python -m benchmarks.bapps FOLDER --speed`"]
    return "\n".join(lines)


def original_evaluator(path: Path) -> float:
    """The loop of its test script at batch 1: images by Pillow, scaled to [-1, 1], back to bytes, DSSIM for each."""
    from PIL import Image
    from skimage.metrics import structural_similarity

    folder = path / "2afc" / "val" / "traditional"
    files = sorted(file.name for file in (folder / "ref").iterdir())[:64]

    def loaded(part: str, name: str) -> Any:
        image = np.asarray(Image.open(folder / part / name).convert("RGB").resize((64, 64), Image.Resampling.BILINEAR))
        scaled = image.astype(np.float32) / 127.5 - 1
        return ((scaled + 1) * 127.5).astype(np.uint8)

    def run() -> None:
        dssim: Any = structural_similarity
        for name in files:
            reference, *others = (loaded(part, name) for part in ("ref", "p0", "p1"))
            for other in others:
                (1 - dssim(reference, other, data_range=255, channel_axis=-1)) / 2
            np.load(folder / "judge" / name.replace(".png", ".npy"))

    return per_second(run, len(files), 3)


def lpips_alex(images: Any) -> tuple[float, float]:
    """Batches of 64 triplets, the same random network: checked to agree first."""
    import torch

    sys.path.insert(0, str(PAGE.parents[1] / "tests" / "python"))
    import lpips_peers

    peer = lpips_peers.peer("alex")
    linear = {f"lin{k}.model.1.weight": lin.model[1].weight.detach() for k, lin in enumerate(peer.lins)}
    measure = network("alex", backbone=lpips_peers.backbone("alex"), linear=linear)()
    some = tuple(part[:64] for part in images)
    scaled = [torch.from_numpy(part).permute(0, 3, 1, 2).float() / 127.5 - 1 for part in some]

    def theirs() -> list[Any]:
        with torch.no_grad():
            return [peer(scaled[0], other).flatten().numpy() for other in scaled[1:]]

    for own, other in zip(measure(some), theirs(), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-3)
    # By turns, so that whatever else the machine does meets both.
    figures = [(per_second(lambda: measure(some), 64, 3), per_second(theirs, 64, 3)) for _ in range(5)]
    ours, others = (float(np.median(column)) for column in zip(*figures, strict=True))
    return ours, others


def per_second(run: Callable[[], object], count: int, times: int = 7) -> float:
    """The best of several runs, after one that isn't counted."""
    run()
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return count / best


def machine() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown processor"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")


def write_section(title: str, body: str) -> None:
    """Replace one section of the page."""
    sections: dict[str, str] = {}
    if PAGE.exists():
        for part in PAGE.read_text().split("\n## ")[1:]:
            name, _, text = part.partition("\n")
            sections[name] = text.strip()
    sections[title] = body
    made = "\n\n".join(f"## {name}\n\n{sections[name]}" for name in ("Scores", "Speed") if name in sections)
    PAGE.write_text(f"# BAPPS figures\n\nMade by `benchmarks/bapps.py`, not typed.\n\n{made}\n")


if __name__ == "__main__":
    main()
