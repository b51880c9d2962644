"""Writes docs/benchmarks.md and its picture from what pytest-benchmark wrote: `python -m benchmarks.report FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import plot, tables
from .results import Results, read

HERE = Path(__file__).parent
BUDGET = HERE.parent / "docs" / "cuda_budget.md"


def page(results: Results, picture: str) -> str:
    """The report as Markdown."""
    # Markdown, in which nothing is to be escaped, of this project's own figures.
    environment = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template("page.md.jinja").render(
        quick=results.machine["limen"]["quick"],
        plot=picture,
        run=tables.run(results),
        targets=tables.targets(results),
        notes=(HERE / "notes.md").read_text(),
        comparisons=tables.comparisons(results),
        lpips=tables.lpips(results),
        steps=tables.steps(results),
        data=tables.data(results),
        implementations=tables.implementations(results),
        small=tables.small(results),
        accuracy=tables.accuracy(results),
        aims=tables.aims(),
        memory=tables.memory(results),
        budget=BUDGET.read_text().partition("\n\n")[2].strip(),
    )


def main() -> None:
    """Write the report, and show what became of the aims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the JSON file of a run")
    parser.add_argument("--output", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    options = parser.parse_args()
    results = read(options.results)
    picture = options.output.with_suffix(".svg")
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(page(results, picture.name))
    plot.draw(results, picture)
    targets = tables.targets(results)
    sys.stdout.writelines(" | ".join(row) + "\n" for row in (targets["header"], *targets["rows"]))
    sys.stdout.write(f"\n{options.output} and {picture.name} are written\n")


if __name__ == "__main__":
    main()
