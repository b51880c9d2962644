"""Names of files as text."""

from __future__ import annotations

import os
from pathlib import PurePath


def printable(path: PurePath | str) -> str:
    """The path as text that any file can hold: bytes of a name that are no UTF-8 come out as backslash escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace").replace(os.sep, "/")
