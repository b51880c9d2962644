"""The paper's figures: agreement with people as bars, and both tests against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._results import Column, Results

_INK, _BAR, _PAPER, _HUMAN = "#1c1d1f", "#b4471f", "#9da1a8", "#2f6f4f"
_ROW = 0.27  # Inches a metric.


def bar_chart(results: Results, column: Column) -> Any:
    """A matplotlib figure: a bar a metric with its interval, people as a line, the paper's figures as ticks."""
    names = [name for name in results.metrics if column in results.scores[name]][::-1]
    values = [100 * results.scores[name][column].value for name in names]
    intervals = [results.scores[name][column].interval() for name in names]
    errors = [
        [max(0.0, value - 100 * low) for value, (low, _) in zip(values, intervals, strict=True)],
        [max(0.0, 100 * high - value) for value, (_, high) in zip(values, intervals, strict=True)],
    ]
    figure, axes = _figure(6.5, 1.1 + _ROW * len(names))
    axes.barh(names, values, height=0.62, color=_BAR, xerr=errors, error_kw={"ecolor": _INK, "elinewidth": 1})
    judges = "observer" if results.synthetic else "human"
    human = results.scores.get(judges, {}).get(column)
    if human is not None:
        axes.axvline(
            100 * human.value, color=_HUMAN, linewidth=1.5, label="observer" if results.synthetic else "people"
        )
    papers = [(figure_, name) for name in names if (figure_ := results.paper(name, column)) is not None]
    if papers:
        axes.plot(*zip(*papers, strict=True), "|", color=_INK, markersize=11, markeredgewidth=2, label="paper, Table 5")
    lows = [value - error for value, error in zip(values, errors[0], strict=True)] + [value for value, _ in papers]
    # Chance is at a half for 2AFC; bars that began there would hide how metrics differ.
    axes.set_xlim(left=max(0, 5 * ((min(lows) - 5) // 5)))
    unit = "mean average precision" if column.test == "jnd" else "agreement"
    axes.set_xlabel(f"{unit} with {'a synthetic observer' if results.synthetic else 'people'}, %")
    axes.set_title(f"{column.test.upper()}, {column.name}", loc="left", fontsize=11)
    if human is not None or papers:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    return figure


def correlation_chart(results: Results) -> Any:
    """A matplotlib figure: each metric by its means in both tests."""
    across, up = (results.columns_of(test)[-1] for test in ("2afc", "jnd"))
    figure, axes = _figure(6.5, 4.5)
    for name in results.metrics:
        x, y = (100 * results.scores[name][column].value for column in (across, up))
        axes.plot(x, y, "o", color=_BAR, markersize=5)
        axes.annotate(name, (x, y), xytext=(5, 3), textcoords="offset points", fontsize=8)
    axes.set_xlabel(f"2AFC, {across.name}, %")
    axes.set_ylabel(f"JND, {up.name}, mAP in %")
    axes.set_title(f"both tests, r = {results.correlation:.3f}", loc="left", fontsize=11)
    return figure


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)  # By itself: pyplot would want a display and keep every figure.
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes
