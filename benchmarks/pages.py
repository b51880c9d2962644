"""Puts what was measured into pages that are otherwise written by hand."""

from __future__ import annotations

import re
from pathlib import Path


def fill(page: Path, name: str, text: str) -> None:
    """Put the text between ``<!-- NAME -->`` and ``<!-- end -->``, in the place of what was there."""
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    filled, count = pattern.subn(lambda found: f"{found[1]}{text}\n{found[2]}", page.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{page} must have one place called {name}; found {count}")
    page.write_text(filled, encoding="utf-8")
