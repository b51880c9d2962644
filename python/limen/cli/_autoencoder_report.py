"""The page that `limen autoencoder compare` writes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from limen.autoencoders._comparison import Comparison, Contender
from limen.autoencoders._intervals import Interval
from limen.autoencoders._scores import Metric
from limen.cli._pages import write_page
from limen.cli._pictures import lossless

_SHOWN = 6
_MOST_DIFFERENT = 4
# Judges whose own measure no objective is, the best first.
_JUDGES = ("lpips-alex", "fsim", "ssim")
_COLOURS = "#5b6b7a #3b7dd8 #2f9e6e #c2571a #8a4fbf #b8902a".split()


@dataclass(frozen=True)
class Cell:
    """A mean with its interval, and the gain over the baseline with its own: text; better is "better", "worse", ""."""

    mean: str
    interval: str
    gain: str
    verdict: str


@dataclass(frozen=True)
class Picture:
    """A reconstruction and what is said below it."""

    source: str
    title: str
    scores: str = ""


@dataclass(frozen=True)
class Extreme:
    """An image on which two objectives differ much, and by how much."""

    name: str
    difference: str
    pictures: Sequence[Picture]


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write one self-contained page."""
    judge = next(metric for name in _JUDGES for metric in comparison.metrics if metric.name == name)
    first, last = comparison.objectives[0], comparison.objectives[-1]
    write_page(
        path,
        "autoencoder.html",
        comparison=comparison,
        photographs=len(np.unique(comparison.test.groups)),
        tables=[
            (
                size,
                [
                    (one, [cell(comparison, one, metric) for metric in comparison.metrics])
                    for one in _of(comparison, size)
                ],
            )
            for size in comparison.code_sizes
        ],
        exhibits=[_exhibit(comparison, i, judge) for i in shown(comparison, _SHOWN)],
        pair=(first, last),
        judge=judge,
        smallest=comparison.code_sizes[-1],
        extremes=[_extremes(comparison, first, last, judge, sign) for sign in (1, -1)] if first != last else [],
        curves=_curves(comparison),
    )


def cell(comparison: Comparison, one: Contender, metric: Metric) -> Cell:
    """What the table says of one network by one metric."""
    mean, gain = comparison.mean(one, metric), comparison.gain(one, metric)
    if one.objective == comparison.objectives[0]:
        return Cell(_number(mean.mean, metric), _ends(mean, metric), "", "")
    verdict = ("better" if gain.mean > 0 else "worse") if gain.excludes_zero else ""
    # By the metric's own sign: a lower error is a gain, and is written as such.
    text = f"{gain.mean:+.{metric.decimals}f} {_ends(gain, metric)}".replace("-", "−")
    return Cell(_number(mean.mean, metric), _ends(mean, metric), text, verdict)


def shown(comparison: Comparison, count: int) -> list[int]:
    """Images of as many different photographs as there are, evenly spread."""
    _, first = np.unique(comparison.test.groups, return_index=True)
    places = first if len(first) >= count else np.arange(len(comparison.test))
    return [int(i) for i in places[np.unique(np.linspace(0, len(places) - 1, count).round().astype(int))]]


def most_different(comparison: Comparison, a: str, b: str, size: int, judge: Metric, count: int) -> list[int]:
    """The images on which the judge finds `b` better than `a` by most, one a photograph where there are several."""
    gains = comparison.contender(b, size).scores[judge.name] - comparison.contender(a, size).scores[judge.name]
    gains = gains if judge.higher_is_better else -gains
    found: list[int] = []
    groups: set[int] = set()
    for i in np.argsort(-gains, kind="stable"):
        group = int(comparison.test.groups[i])
        if gains[i] > 0 and group not in groups and len(found) < count:
            found.append(int(i))
            groups.add(group)
    return found


def as_picture(image: NDArray[np.uint8]) -> Image.Image:
    """(C, H, W) for looking at, small ones enlarged without smoothing."""
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    factor = max(1, 96 // max(pixels.shape[:2]))
    return Image.fromarray(np.kron(pixels, np.ones((factor, factor, *[1] * (pixels.ndim - 2)), np.uint8)))


def _of(comparison: Comparison, size: int) -> list[Contender]:
    return [comparison.contender(name, size) for name in comparison.objectives]


def _exhibit(comparison: Comparison, i: int, judge: Metric) -> tuple[str, Picture, list[list[Picture]]]:
    """The name of a photograph, the original, and a row of reconstructions a size of code."""
    rows = [
        [Picture(_source(one.images[i]), one.objective, _score(one, judge, i)) for one in _of(comparison, size)]
        for size in comparison.code_sizes
    ]
    return comparison.test.name_of(i), Picture(_source(comparison.test.pixels[i]), "original"), rows


def _extremes(comparison: Comparison, a: str, b: str, judge: Metric, sign: int) -> list[Extreme]:
    worse, better = (a, b) if sign > 0 else (b, a)
    size = comparison.code_sizes[-1]
    extremes = []
    for i in most_different(comparison, worse, better, size, judge, _MOST_DIFFERENT):
        pair = [comparison.contender(name, size) for name in (a, b)]
        scores = [one.scores[judge.name][i] for one in pair]
        pictures = [Picture(_source(one.images[i]), one.objective, _score(one, judge, i)) for one in pair]
        pictures.insert(1, Picture(_source(comparison.test.pixels[i]), "original"))
        extremes.append(
            Extreme(comparison.test.name_of(i), f"{abs(scores[1] - scores[0]):.{judge.decimals}f}", pictures)
        )
    return extremes


def _score(one: Contender, metric: Metric, i: int) -> str:
    return f"{metric.title} {one.scores[metric.name][i]:.{min(3, metric.decimals)}f}"


def _source(image: NDArray[np.uint8]) -> str:
    return lossless(as_picture(image))


def _number(value: float, metric: Metric) -> str:
    return f"{value:.{metric.decimals}f}"


def _ends(interval: Interval, metric: Metric) -> str:
    if np.isnan(interval.low):
        return ""
    return f"[{interval.low:.{metric.decimals}f}, {interval.high:.{metric.decimals}f}]".replace("-", "−")


def _curves(comparison: Comparison) -> str:
    """Each objective's own loss over the epochs, as an SVG picture: validation solid, training dashed."""
    from matplotlib.figure import Figure

    names = comparison.objectives
    figure = Figure(figsize=(3.0 * len(names), 2.6), layout="constrained")
    axes = figure.subplots(1, len(names), squeeze=False)[0]
    for axis, name in zip(axes, names, strict=True):
        for number, size in enumerate(comparison.code_sizes):
            rows = comparison.contender(name, size).history
            epochs, colour = [row["epoch"] for row in rows], _COLOURS[number % len(_COLOURS)]
            axis.plot(epochs, [row["validation"] for row in rows], color=colour, label=f"code of {size}")
            axis.plot(epochs, [row["training"] for row in rows], color=colour, linestyle="--", linewidth=1)
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("epoch", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("loss", fontsize=9)
    axes[0].legend(fontsize=8, frameon=False)
    data = BytesIO()
    figure.savefig(data, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{b64encode(data.getvalue()).decode()}"
