"""Images in a folder and in the folders in it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePath

from limen.cli._errors import UsageError
from limen.cli._images import SUFFIXES
from limen.cli._names import printable

_MOST_WAYS = 100  # Folders that are all linked with one another have as many ways to each as there are orders of them.


@dataclass(frozen=True)
class Found:
    """What lies in a folder: images, and folders that can't be read with the reason. All paths are relative to it."""

    folder: Path
    images: set[PurePath]
    closed: dict[PurePath, str]

    def lacks(self, path: PurePath) -> str:
        """Why an image of another folder has no partner here."""
        closed = next((folder for folder in path.parents if folder in self.closed), None)
        if closed is not None:
            return f"can't read the folder {printable(self.folder / closed)}"
        return f"no file of this name in {printable(self.folder)}"


def look(folder: Path) -> Found:
    """Look for images; what starts with a dot is left out (macOS puts ._a.png beside a.png).

    Raises UsageError where links lead to one folder on very many ways.
    """
    found = Found(folder, set(), {})

    def cannot_read(error: OSError) -> None:
        found.closed[PurePath(error.filename).relative_to(folder)] = f"can't read this folder: {error.strerror}"

    ways: Counter[tuple[int, int]] = Counter()
    above: dict[str, frozenset[tuple[int, int]]] = {os.fspath(folder): frozenset()}
    for root, folders, files in os.walk(folder, onerror=cannot_read, followlinks=True):
        # A link to a folder above would be walked for ever. Two links to one folder are two folders.
        status = os.stat(root)
        this, line = (status.st_dev, status.st_ino), above.pop(root)
        if this in line:
            folders.clear()
            continue
        ways[this] += 1
        if ways[this] > _MOST_WAYS:
            raise UsageError(f"links in {folder} lead to one folder on more than {_MOST_WAYS} ways: {printable(root)}")
        folders[:] = [name for name in folders if not name.startswith(".")]
        above |= dict.fromkeys((os.path.join(root, name) for name in folders), line | {this})
        images = (name for name in files if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES)
        found.images.update(Path(root, name).relative_to(folder) for name in images)
    return found
