"""What stops a command, as against what fails one pair."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager


class UsageError(Exception):
    """The command can't start: the message says what to change, and the exit status is 2."""


def in_options(message: str, arguments: Namespace) -> str:
    """A message of the library, which names arguments, as the command line says it: `resize=64` is `--resize 64`."""

    def option(found: re.Match[str]) -> str:
        name, value = found.groups()
        if name not in vars(arguments):
            return found[0]
        return f"--{name.replace('_', '-')}" + ("" if value == "True" else f" {value.strip(chr(39))}")

    message = re.sub(r"(?<!\S)([a-z_]+)=('\w+'|[\w.+-]*\w)", option, message)
    name, must, rest = message.partition(" must ")
    if must and f"--{name.replace('_', '-')}" in getattr(arguments, "given", ()):
        return f"--{name.replace('_', '-')}{must}{rest}"
    return message


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turns a failed import in the block into the one line that says how to install what is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed: pip install 'limen[{extra}]'") from error
