"""What can be shown: the triplets and pairs of a folder in the BAPPS layout, which needs no judgements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .._layout import IMAGES, Test


@dataclass(frozen=True)
class Item:
    """A triplet or pair. key: its folder and name, as `2afc/val/cnn/000007`; images: its files by role."""

    key: str
    images: dict[str, Path]


def tests_in(directory: Path) -> list[Test]:
    """Which of the two tests the folder has images for. Raises ValueError where it is no folder, or has none."""
    if not directory.is_dir():
        raise ValueError(f"directory must be a folder in the BAPPS layout; {directory} is not a folder")
    tests = [test for test in IMAGES if (directory / test).is_dir()]
    if not tests:
        raise ValueError(f"{directory} holds neither 2afc/ nor jnd/, as the BAPPS layout has them")
    return tests


def find_items(directory: Path, test: Test) -> list[Item]:
    """All items of a test, in the order of their keys.

    Raises ValueError, naming the files, where an image lacks its partners, or there are no images.
    """
    items = []
    subsets = sorted(path for path in (directory / test).glob("*/*") if path.is_dir())
    for folder in subsets:
        names = {role: {file.name for file in (folder / role).glob("*.png")} for role in IMAGES[test]}
        common = set.intersection(*names.values())
        if alone := sorted((name, role) for role in names for name in names[role] - common):
            name, role = alone[0]
            missing = [f"{other}/{name}" for other in IMAGES[test] if name not in names[other]]
            raise ValueError(
                f"{folder}: {role}/{name} is there without {' and '.join(missing)}"
                + (f"; {len(alone) - 1} more images lack a partner" if len(alone) > 1 else "")
            )
        prefix = folder.relative_to(directory).as_posix()
        items += [
            Item(f"{prefix}/{name[: -len('.png')]}", {role: folder / role / name for role in IMAGES[test]})
            for name in sorted(common)
        ]
    if not items:
        raise ValueError(f"{directory / test} holds no images: {test}/SPLIT/SUBSET/{{{','.join(IMAGES[test])}}}/*.png")
    return items
