"""The rows of the report's tables, as text."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from .results import Comparison, Results, Timing
from .targets import (
    ACCURACY,
    DATA,
    DATA_AT_LEAST,
    DATA_BASELINE,
    DATA_READ_ONCE,
    HASHING,
    HASHING_ON_ONE,
    LPIPS_MEMORY,
    LPIPS_MEMORY_AIM,
    LPIPS_MEMORY_AT_MOST,
    LPIPS_TARGETS,
    SMALL_PAIR,
    SMALL_PAIR_AIM,
    SMALL_PAIR_AT_MOST,
    SMALL_PAIRS,
    STEP_ADDS_AT_MOST,
    STEP_OF_PEER,
    TARGETS,
)

Row = list[str]


def run(results: Results) -> list[Row]:
    """What was measured on what."""
    facts, cpu = results.machine["limen"], results.machine["cpu"]
    libraries = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    changed = ", with changes not committed" if results.commit.get("dirty") else ""
    return [
        ["processor", f"{cpu.get('brand_raw', results.machine['machine'])}, {facts['processors']} cores at hand"],
        ["limen", f"{facts['version']}, {facts['implementations'][-1]}, built by {facts['compiler']}"],
        ["commit", f"{str(results.commit.get('id', 'unknown'))[:10]}{changed}"],
        ["beside it", f"Python {results.machine['python_version']}, {libraries}"],
        ["system", f"{results.machine['system']} {results.machine['release']}"],
        ["date", results.date],
        ["command", "`make bench`"],
    ]


def targets(results: Results) -> dict[str, Any]:
    """The aims and what was reached."""
    header = ["", "at least", "aim", *(f"measured, {case}" for case in results.cases), "met"]
    rows = []
    for target in TARGETS:
        measured = [target.measured(results, case) for case in results.cases]
        values = [value for value, _, _ in filter(None, measured)]
        reached = [all(target.reaches(value, bound) for value in values) for bound in (target.at_least, target.aim)]
        met = _met(*reached) if len(values) == len(measured) else "not measured"
        rows.append([target.name, *target.bounds, *map(_ratio, measured), met])
    return {"header": header, "rows": [*rows, _hashing(results), *_small_pair(results)]}


def _hashing(results: Results) -> Row:
    """What a second thread is worth on this machine."""
    measured = [results.comparison(HASHING, HASHING_ON_ONE, case) for case in results.cases]
    ratios = [_ratio((c.ratio, *c.range)) if c else "" for c in measured]
    return ["this machine: hashing, which touches no memory, two threads vs one", "", "", *ratios, ""]


def _small_pair(results: Results) -> list[Row]:
    """The slowest of the pairs of NumPy arrays."""
    timings = [t.median for t in results.timings if t.operation == SMALL_PAIR and t.label in SMALL_PAIRS]
    if not timings:
        return []
    slowest = max(timings)
    name = "64x64 pair through `limen.ssim` on NumPy, call overhead included"
    bounds = [f"under {1e6 * bound:g} µs" for bound in (SMALL_PAIR_AT_MOST, SMALL_PAIR_AIM)]
    met = _met(slowest < SMALL_PAIR_AT_MOST, slowest < SMALL_PAIR_AIM)
    return [[name, *bounds, f"{1e6 * slowest:.1f} µs", *[""] * (len(results.cases) - 1), met]]


def lpips(results: Results) -> dict[str, list[Row]]:
    """The aims of LPIPS and what was reached, and everything that was measured for it."""
    cases = {comparison.operation: comparison.case for comparison in results.lpips}
    aims = []
    for target in LPIPS_TARGETS:
        case = cases.get(target.operation)
        measured = target.measured(results, case) if case else None
        met = "not measured"
        if measured is not None:
            met = _met(*(target.reaches(measured[0], bound) for bound in (target.at_least, target.aim)))
        aims.append([target.name, *target.bounds, _ratio(measured), met])
    return {"aims": [*aims, *_lpips_memory(results)], "rows": [[c.case, *_comparison(c)] for c in results.lpips]}


def steps(results: Results) -> list[Row]:
    """Training steps beside those with MSE, and what the loss adds to them."""
    losses = {figure["operation"]: figure for figure in results.figures_of("training loss")}
    rows = []
    for one in results.steps:
        this, mse = (statistics.median(losses[one.operation][name]) for name in ("this", "mse"))
        added = (this - mse) / one.their_time
        bound, met = "", ""
        if one.operation != STEP_OF_PEER:
            bound, met = f"at most {100 * STEP_ADDS_AT_MOST:g} %", _met(*[added <= STEP_ADDS_AT_MOST] * 2)
        ratio, (low, high) = 1 / one.ratio, one.range
        whole = f"{ratio:.3f} ({1 / high:.3f} to {1 / low:.3f}, {len(one.limen)} rounds)"
        times = (_significant(1e3 * time) for time in (one.their_time, mse, this))
        rows.append([one.operation, one.case, *times, f"{100 * added:.2f} %", bound, met, whole])
    return rows


def data(results: Results) -> list[Row]:
    """Batches of images: how much faster they come than they are used."""
    rows = []
    for one in results.data:
        source, model = one.operation.removeprefix(f"{DATA}, "), one.peer.removeprefix(f"{DATA_BASELINE} of ")
        bound, met = "", "once, before training"
        if one.operation != DATA_READ_ONCE:
            bound, met = f"at least {DATA_AT_LEAST:g}x", _met(*[one.ratio >= DATA_AT_LEAST] * 2)
        rates = (f"{int(one.case.split('x')[0]) / time:,.0f}" for time in (one.limen_time, one.their_time))
        rows.append([source, model, one.case, *rates, _ratio((one.ratio, *one.range)), bound, met])
    return rows


def _lpips_memory(results: Results) -> list[Row]:
    """Peak of what training takes, beside that of the peer."""
    grown = {figure["label"]: figure["bytes"] for figure in results.figures_of("lpips memory")}
    if len(grown) < 2:
        return []
    ratio = grown["limen"] / grown["lpips"]
    name = f"{LPIPS_MEMORY}, peak of memory over that of lpips"
    bounds = [f"at most {bound:g}x" for bound in (LPIPS_MEMORY_AT_MOST, LPIPS_MEMORY_AIM)]
    megabytes = " of ".join(f"{grown[label] / 2**20:.0f}" for label in ("limen", "lpips"))
    met = _met(ratio <= LPIPS_MEMORY_AT_MOST, ratio <= LPIPS_MEMORY_AIM)
    return [[name, *bounds, f"{_significant(ratio)}x ({megabytes} MiB)", met]]


def comparisons(results: Results) -> list[dict[str, Any]]:
    """Everything that was compared, SSIM first: with other libraries, and limen with itself."""
    scores = [comparison for comparison in results.comparisons if comparison.operation != HASHING]
    ordered = sorted(scores, key=lambda comparison: comparison.operation.startswith("MS"))
    return [
        {
            "name": case,
            "libraries": [_comparison(c) for c in ordered if c.case == case and not c.peer.startswith("limen")],
            "itself": [_comparison(c) for c in ordered if c.case == case and c.peer.startswith("limen")],
        }
        for case in results.cases
    ]


def _comparison(comparison: Comparison) -> Row:
    times = comparison.their_time, comparison.limen_time
    return [
        comparison.operation,
        comparison.peer,
        *(_significant(1e3 * time) for time in times),
        *(_significant(1e-6 * comparison.values / time) for time in times),
        _ratio((comparison.ratio, *comparison.range)),
    ]


def implementations(results: Results) -> list[dict[str, Any]]:
    """By instruction set."""
    return [
        {"name": case, "rows": [_implementation(timing) for timing in results.timings if timing.case == case]}
        for case in results.cases
    ]


def _implementation(timing: Timing) -> Row:
    assert timing.values is not None
    return [timing.operation, timing.label, _spread(timing, 1e3), _significant(1e-6 * timing.values / timing.median)]


def small(results: Results) -> list[Row]:
    """Calls on small images."""
    return [[timing.label, _spread(timing, 1e6)] for timing in results.timings if timing.operation == SMALL_PAIR]


def accuracy(results: Results) -> dict[str, Any]:
    """Errors of every implementation and of every library."""
    figures = results.figures_of("accuracy")
    columns = _unique((figure["metric"], figure["images"]) for figure in figures)
    errors = {(f["label"], f["metric"], f["images"]): f"{f['error']:.1e}" for f in figures}
    rows = [
        [label, *(errors.get((label, *column), "-") for column in columns)]
        for label in _unique(figure["label"] for figure in figures)
    ]
    return {"header": ["", *(f"{metric}, {images}" for metric, images in columns)], "rows": rows}


def aims() -> dict[str, str]:
    """Those of accuracy."""
    return {name: f"{aim:g}" for name, aim in ACCURACY.items()}


def memory(results: Results) -> dict[str, Any]:
    """Growth of memory, by size of the image."""
    figures = results.figures_of("memory")
    cases = _unique(figure["case"] for figure in figures)
    kib = {(f["operation"], f["label"], f["threads"], f["case"]): _kib(f["bytes"], f["resolution"]) for f in figures}
    rows = [
        [*map(str, what), *(kib.get((*what, case), "-") for case in cases)]
        for what in _unique((figure["operation"], figure["label"], figure["threads"]) for figure in figures)
    ]
    return {"header": ["", "library", "threads", *cases], "rows": rows}


def _kib(count: int, resolution: int) -> str:
    return f"under {resolution / 1024:,.0f}" if count < resolution else f"{count / 1024:,.0f}"


def _met(at_least: bool, aim: bool) -> str:
    if not at_least:
        return "**no**"
    return "aim" if aim else "at least"


def _ratio(measured: tuple[float, float, float] | None) -> str:
    if measured is None:
        return "-"
    value, low, high = map(_significant, measured)
    return f"{value}x ({low} to {high})"


def _spread(timing: Timing, scale: float) -> str:
    low, high = (_significant(scale * quartile) for quartile in timing.quartiles)
    return f"{_significant(scale * timing.median)} ({low} to {high})"


def _significant(number: float) -> str:
    """Three digits, or all those before the point."""
    return f"{number:.0f}" if number >= 100 else f"{number:#.3g}"


def _unique(items: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(items))
