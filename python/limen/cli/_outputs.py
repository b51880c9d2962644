"""The scores as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any, BinaryIO

import limen
from limen._whole_files import write_atomically
from limen.cli._errors import needs_extra
from limen.cli._names import printable
from limen.cli._results import Results
from limen.cli._scoring import Row


def check_format(path: Path) -> None:
    """Raise UsageError when what the file's format needs isn't installed."""
    if path.suffix.lower() == ".parquet":
        with needs_extra("parquet"):
            import pyarrow.parquet  # noqa: F401


def write_scores(path: Path, results: Results) -> None:
    """Write the format that the path's suffix names, whole or not at all.

    One row a pair, in order: name, reference, distorted, one column a metric, error, width, height, channels,
    data_range, convention, models, limen_version. What wasn't scored is empty in CSV, null in JSON and Parquet. An
    infinite PSNR is `inf` in CSV, the string "Infinity" in JSON, which has no such number, and infinity in Parquet.
    """
    formats = {".csv": _write_csv, ".json": _write_json, ".parquet": _write_parquet}
    write = formats[path.suffix.lower()]
    write_atomically(path, lambda file: write(file, results))


def _record(row: Row, results: Results) -> dict[str, Any]:
    uses_convention = any(metric.uses_convention for metric in results.metrics)
    return {
        "name": row.pair.name,
        "reference": None if row.pair.reference is None else printable(row.pair.reference),
        "distorted": None if row.pair.distorted is None else printable(row.pair.distorted),
        **{metric.name: row.scores.get(metric.name) for metric in results.metrics},
        "error": row.error,
        "width": row.width,
        "height": row.height,
        "channels": row.channels,
        "data_range": row.data_range,
        "convention": results.convention if uses_convention else None,
        "models": "; ".join(f"{name} {model}" for name, model in results.models.items()) or None,
        "limen_version": limen.__version__,
    }


def _write_csv(file: BinaryIO, results: Results) -> None:
    records = [_record(row, results) for row in results.rows]
    with io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True) as text:
        writer = csv.DictWriter(text, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def _write_json(file: BinaryIO, results: Results) -> None:
    document = {
        "limen_version": limen.__version__,
        "metrics": {
            metric.name: {
                "higher_is_better": metric.higher_is_better,
                "convention": results.convention if metric.uses_convention else None,
                "model": results.models.get(metric.name),
                "mean": _json_number(results.mean(metric)),
                "scored": len(results.scores(metric)),
            }
            for metric in results.metrics
        },
        "failed": len(results.failed),
        "rows": [{key: _json_number(value) for key, value in _record(row, results).items()} for row in results.rows],
    }
    file.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n")


def _json_number(value: Any) -> Any:
    """Infinity as the word that both Python's float() and JavaScript's Number() turn back into it."""
    return "Infinity" if isinstance(value, float) and math.isinf(value) else value


def _write_parquet(file: BinaryIO, results: Results) -> None:
    import pyarrow
    import pyarrow.parquet

    types = {"width": "int64", "height": "int64", "channels": "int64", "data_range": "int64"}
    types |= {metric.name: "float64" for metric in results.metrics}
    records = [_record(row, results) for row in results.rows]
    # Typed by us: a column that is all null, like the errors of a good run, has no type of its own.
    schema = pyarrow.schema([(name, types.get(name, "string")) for name in records[0]])
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records, schema=schema), file)
