"""Writes whole files or none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from limen.cli._errors import UsageError


def check_writable(path: Path) -> None:
    """Raise UsageError now rather than after an hour of scoring."""
    folder = path.resolve().parent
    if path.is_dir():
        raise UsageError(f"can't write {path}: it is a folder")
    if not folder.is_dir():
        raise UsageError(f"can't write {path}: no such folder as {folder}")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"can't write {path}: no permission in {folder}")


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a file beside `path` and move it there: readers see the old file or the new one, never half."""
    # Through the link, if it is one: replacing the link would leave its target as it was.
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
