"""Which reference goes with which distorted image."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePath

from limen.cli._errors import UsageError
from limen.cli._folders import look
from limen.cli._images import SUFFIXES
from limen.cli._names import printable


@dataclass(frozen=True)
class Pair:
    """Two files to score, or the one that found no partner and why."""

    name: str
    reference: Path | None
    distorted: Path | None
    error: str | None = None


def find_pairs(reference: Path, distorted: Path) -> list[Pair]:
    """Pair two files, or the images of two folders and their sub-folders, in the order of their names.

    Raises UsageError for a folder that is missing or has no image in it, and for a file against a folder.
    """
    if reference.is_dir() and distorted.is_dir():
        return _pair_folders(reference, distorted)
    if _may_be_file(reference) and _may_be_file(distorted):
        return [Pair(printable(reference.name), reference, distorted)]
    for path in (reference, distorted):
        if not path.exists():
            raise UsageError(f"no such file or folder: {path}")
    raise UsageError(f"give two files or two folders, not one of each: {reference} and {distorted}")


def _may_be_file(path: Path) -> bool:
    """Whether a path is no folder. One that doesn't exist is a file by its suffix: scoring tells that it is missing."""
    return not path.is_dir() and (path.exists() or path.suffix.lower() in SUFFIXES)


def _pair_folders(reference: Path, distorted: Path) -> list[Pair]:
    left, right = look(reference), look(distorted)
    for folder, found in ((reference, left), (distorted, right)):
        if not (found.images or found.closed):
            raise UsageError(f"no images ({', '.join(sorted(SUFFIXES))}) in {folder}")

    same = left.images & right.images
    pairs = [Pair(printable(path), reference / path, distorted / path) for path in same]
    pairs += [Pair(printable(path), reference / path, None, why) for path, why in left.closed.items()]
    pairs += [Pair(printable(path), None, distorted / path, why) for path, why in right.closed.items()]
    lefts, rights = _by_stem(left.images - same), _by_stem(right.images - same)
    for stem in lefts.keys() | rights.keys():
        a, b = lefts[stem], rights[stem]
        if len(a) == len(b) == 1:
            pairs.append(Pair(printable(a[0]), reference / a[0], distorted / b[0]))
            continue
        several = "several files share this stem" if a and b else None
        pairs += [Pair(printable(path), reference / path, None, several or right.lacks(path)) for path in a]
        pairs += [Pair(printable(path), None, distorted / path, several or left.lacks(path)) for path in b]
    return sorted(pairs, key=lambda pair: pair.name)


def _by_stem(paths: set[PurePath]) -> dict[str, list[PurePath]]:
    stems: dict[str, list[PurePath]] = defaultdict(list)
    for path in sorted(paths):
        # Some file systems of macOS decompose accents: normalised, a folder copied from there still matches.
        stems[unicodedata.normalize("NFC", printable(path.with_suffix("")))].append(path)
    return stems
