"""Writes the BAPPS layout: a folder appears whole or not at all, and every item has all its files."""

from __future__ import annotations

import json
import os
import platform
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ._layout import METADATA


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` to write into; it becomes `out` when the block ends well, and is removed when it doesn't.

    What runs that were killed have left of the same `out` is removed first, with a warning.

    Raises FileExistsError where `out` is a file or a folder with something in it, before and after the block.
    """
    out = out.resolve()
    check_free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    # The machine's name too, as others may write to the same disk, whose processes can't be asked after here.
    start = f".{out.name}.{platform.node()}."
    _remove_left_over(out.parent, start)
    stage = out.with_name(f"{start}{os.getpid()}.tmp")
    stage.mkdir()
    try:
        yield stage
        check_free(out)
        os.replace(stage, out)  # Takes the place of an empty folder too.
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        # What a full disk answers to a write says nothing of the file.
        raise OSError(error.errno, f"can't write ({error.strerror})", os.fspath(out)) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _remove_left_over(folder: Path, start: str) -> None:
    for path in folder.iterdir():
        process = path.name.removeprefix(start).removesuffix(".tmp")
        if path.name == f"{start}{process}.tmp" and process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(path)
            warnings.warn(f"removed {path}, left by a run that was killed", stacklevel=4)


def _runs(process: int) -> bool:
    """Whether there is another process of that number."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)  # Sends nothing.
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def check_free(out: Path) -> None:
    """Raise FileExistsError where `out` is a file or a folder with something in it."""
    if out.is_dir():
        if any(out.iterdir()):
            raise FileExistsError(f"{out} is not empty: name a new folder, or empty this one")
    elif out.exists():
        raise FileExistsError(f"{out} is a file: name a new folder")


class SubsetWriter:
    """Writes the items of one subset, such as `2afc/val/traditional`, numbered from 0.

    answer: "judge", the share that prefers p1, or "same", the share that saw no difference.
    """

    def __init__(self, folder: Path, answer: str) -> None:
        self.folder = folder
        self.answer = answer
        self.count = 0

    def write(self, images: Mapping[str, NDArray[np.uint8]], share: float) -> str:
        """Write one item, its images by role (ref, p0, p1) and its share in [0, 1]; returns its name."""
        name = f"{self.count:06d}"
        for role, pixels in images.items():
            Image.fromarray(pixels).save(self._place(role, f"{name}.png"))
        np.save(self._place(self.answer, f"{name}.npy"), np.array([share], np.float32))
        self.count += 1
        return name

    def _place(self, role: str, file: str) -> Path:
        folder = self.folder / role
        if self.count == 0:
            folder.mkdir(parents=True, exist_ok=True)
        return folder / file


def write_metadata(folder: Path, judgements: str, observer: str, **others: Any) -> None:
    """Write metadata.json, which says whose judgements these are: "human" or "synthetic"."""
    metadata = {"format": "bapps", "judgements": judgements, "observer": observer, **others}
    text = json.dumps(metadata, indent=2, ensure_ascii=False)
    (folder / METADATA).write_text(f"{text}\n", encoding="utf-8")
