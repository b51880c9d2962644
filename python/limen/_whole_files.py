"""Writes whole files or none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a file beside `path` and move it there: readers see the old file or the new one, never half.

    Raises
    ------
    OSError
        That names `path`, if it can't be written; what was there before remains.
    """
    # Through the link, if it is one: replacing the link would leave its target as it was.
    target = Path(path).resolve()
    temporary = beside(target, "tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
        os.replace(temporary, target)
    except OSError as error:
        # What a full disk answers to a write says nothing of the file.
        kept = "; what was there is kept" if target.exists() else ""
        raise OSError(error.errno, f"can't write ({error.strerror or error}){kept}", os.fspath(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def beside(target: Path, suffix: str) -> Path:
    """A hidden name in the folder of `target` that nobody else takes.

    Threads of a process have one number, as processes of two machines or containers may that share a disk. Not by
    `tempfile`, whose files nobody but their owner could read afterwards.
    """
    return target.with_name(f".{target.name}.{os.urandom(8).hex()}.{suffix}")
