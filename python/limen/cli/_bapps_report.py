"""`limen bapps score --report`: a page with tables beside the paper's figures, and charts."""

from __future__ import annotations

import io
import math
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limen.bapps._charts import bar_chart, correlation_chart
from limen.cli._bapps_outputs import judges, title
from limen.cli._pages import write_page

if TYPE_CHECKING:
    from limen.bapps import Results

_LISTED = 200


def write_report(path: Path, results: Results) -> None:
    """Write one self-contained page."""
    tests = dict.fromkeys(column.test for column in results.columns)
    failures = list(results.failures.items())
    write_page(
        path,
        "bapps.html",
        results=results,
        tests=[{"title": title(results, test), **_table(results, test)} for test in tests],
        charts=_charts(results),
        correlation=None if math.isnan(results.correlation) else results.correlation,
        failures=failures[:_LISTED],
        hidden=max(0, len(failures) - _LISTED),
    )


def _table(results: Results, test: str) -> dict[str, Any]:
    columns = results.columns_of(test)
    rows: list[dict[str, Any]] = []
    for name, row in results.scores.items():
        if columns[0] in row:
            cells = [
                {"score": row[column].value, "interval": row[column].interval(), "paper": results.paper(name, column)}
                for column in columns
            ]
            rows.append({"name": name, "description": results.descriptions.get(name, judges(results)), "cells": cells})
    has_paper = any(cell["paper"] is not None for row in rows for cell in row["cells"])
    return {"columns": columns, "rows": rows, "has_paper": has_paper}


def _charts(results: Results) -> list[str]:
    """The paper's two, where all their subsets are there; else one of the mean of each test."""
    averages = [column for column in results.columns if column.name in ("distortions", "real")]
    means = [columns[-1] for test in ("2afc", "jnd") if (columns := results.columns_of(test))]
    charts = [bar_chart(results, column) for column in dict.fromkeys([*averages, *means])]
    if not math.isnan(results.correlation):
        charts.append(correlation_chart(results))
    return [_picture(figure) for figure in charts]


def _picture(figure: Any) -> str:
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return f"data:image/png;base64,{b64encode(data.getvalue()).decode()}"
