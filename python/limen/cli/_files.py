"""Files that a command is asked to write."""

from __future__ import annotations

import os
from pathlib import Path

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
