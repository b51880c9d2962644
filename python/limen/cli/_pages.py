"""Fills the HTML templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import limen
from limen._whole_files import write_atomically
from limen.cli._metrics import Metric
from limen.cli._pictures import MAP_COLOURS


def write_page(path: Path, template: str, **values: Any) -> None:
    """Fill a template of this package and write the page, whole or not at all. All text in `values` is escaped."""
    environment = Environment(
        loader=PackageLoader("limen.cli"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["score"] = _score
    page = environment.get_template(template).render(version=limen.__version__, map_colours=MAP_COLOURS, **values)
    write_atomically(path, lambda file: file.write(page.encode()))


def _score(value: float | None, metric: Metric) -> str:
    return "–" if value is None else f"{value:.{metric.decimals}f}"
