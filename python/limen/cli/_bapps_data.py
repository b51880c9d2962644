"""What the actions of `limen bapps` share: opening a data set, and a bar while it is gone through."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from limen.cli._errors import UsageError, needs_extra

if TYPE_CHECKING:
    from limen.bapps import Dataset


def open_dataset(arguments: Namespace) -> Dataset:
    """The data set that the arguments name."""
    with needs_extra("bapps"):
        from limen.bapps import Dataset
    try:
        return Dataset(arguments.data, resize=arguments.resize, partial=arguments.partial)
    except ValueError as error:
        raise UsageError(str(error)) from error


@contextmanager
def progress_bar(count: int, unit: str) -> Iterator[Callable[[int], object]]:
    """A bar for people who wait; files and pipes stay clean. Takes how many more are done."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    with needs_extra("cli"):
        from tqdm import tqdm
    with tqdm(total=count, unit=unit, file=sys.stderr) as bar:
        yield bar.update
