"""What stops a command, as against what fails one pair."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UsageError(Exception):
    """The command can't start: the message says what to change, and the exit status is 2."""


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turns a failed import in the block into the one line that says how to install what is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed: pip install 'limen[{extra}]'") from error
