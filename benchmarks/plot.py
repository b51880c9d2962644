"""The picture of the report: every library's speed, limen's among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .results import Results
from .targets import MAIN_OPERATIONS

ACCENT, GREY, TEXT = "#c8452d", "#b5bac2", "#30343b"


def draw(results: Results, path: Path) -> None:
    """Write the picture of the first case, in the format of the file's name."""
    case = results.cases[0]
    speeds = [(operation, _speeds(results, operation, case)) for operation in MAIN_OPERATIONS]
    heights = [max(len(bars) for _, bars in pair) for pair in (speeds[:2], speeds[2:])]
    # With a salt the same run makes the same file.
    style: dict[Any, object] = {
        "svg.hashsalt": "limen",
        "font.size": 9,
        "text.color": TEXT,
        "axes.titlecolor": TEXT,
        "ytick.color": TEXT,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(9, 1.6 + 0.27 * sum(heights)), layout="constrained")
        axes = figure.subplots(2, 2, height_ratios=heights)
        for i, (operation, bars) in enumerate(speeds):
            _bars(axes.flat[i], operation, bars, places=heights[i // 2])
        figure.suptitle(f"Millions of pixels times channels a second, {case} float32, one thread")
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, metadata=metadata, dpi=150)


def _speeds(results: Results, operation: str, case: str) -> list[tuple[str, float]]:
    """Fastest first. limen's is that of its best implementation, timed by itself."""
    speeds: dict[str, float] = {}
    for comparison in results.comparisons:
        if (comparison.operation, comparison.case) == (operation, case):
            name = "OpenCV, five blurs alone" if comparison.peer.startswith("OpenCV") else comparison.peer
            speed = 1e-6 * comparison.values / comparison.their_time
            speeds[name] = max(speed, speeds.get(name, 0))
    best = results.machine["limen"]["implementations"][-1]
    for timing in results.timings:
        if (timing.operation, timing.case, timing.label) == (operation, case, best) and timing.values:
            speeds["limen"] = 1e-6 * timing.values / timing.median
    return sorted(speeds.items(), key=lambda item: -item[1])


def _bars(panel: Axes, title: str, speeds: list[tuple[str, float]], places: int) -> None:
    """A panel with room for as many bars as its neighbour, so that bars are equally thick."""
    names, values = zip(*speeds, strict=True)
    bars = panel.barh(names, values, height=0.68, color=[ACCENT if name == "limen" else GREY for name in names])
    panel.bar_label(bars, [f"{value:.0f}" if value >= 20 else f"{value:.1f}" for value in values], padding=3)
    panel.set_title(title, loc="left", fontsize=10)
    panel.set_ylim(places - 0.5, -0.5)
    panel.set_xlim(0, 1.12 * max(values))
    panel.set_xticks([])
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
