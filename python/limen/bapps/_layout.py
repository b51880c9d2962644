"""The layout of BAPPS on disk: which file is which part of which triplet or pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

Test = Literal["2afc", "jnd"]

IMAGES: dict[Test, tuple[str, ...]] = {"2afc": ("ref", "p0", "p1"), "jnd": ("p0", "p1")}
JUDGEMENT: dict[Test, str] = {"2afc": "judge", "jnd": "same"}
SPLITS = ("train", "val")
METADATA = "metadata.json"

DISTORTIONS = ("traditional", "cnn")
REAL = ("superres", "deblur", "color", "frameinterp")

# Triplets in the validation sets as released; nobody gives those of the others more closely than to hundreds.
RELEASED: dict[tuple[Test, str, str], int] = {
    ("2afc", "val", "traditional"): 4720,
    ("2afc", "val", "cnn"): 4720,
    ("2afc", "val", "superres"): 10856,
    ("2afc", "val", "deblur"): 9440,
    ("2afc", "val", "color"): 4720,
    ("2afc", "val", "frameinterp"): 1888,
}


class Key(NamedTuple):
    """What names a subset; `str` gives it as the folders do."""

    test: Test
    split: str
    subset: str

    def __str__(self) -> str:
        return "/".join(self)


# For each subset, of each of its parts the files by stem.
Parts = dict[str, dict[str, str]]


def sort_out(names: Iterable[str]) -> dict[Key, Parts]:
    """The subsets that files belong to, by the last folders of their names; what stands before these is passed over.

    The archives as released start anywhere from ``dataset/2afc/val/cnn/ref`` to ``val/cnn/ref``: where the test isn't
    named, a subset with references or judgements between two is of 2AFC.
    """
    unnamed: dict[tuple[str, ...], Parts] = {}
    for name in names:
        *folders, part, file = ("", *PurePosixPath(name).parts)[-5:]
        suffix = ".npy" if part in JUDGEMENT.values() else ".png"
        is_part = part in (*IMAGES["2afc"], *JUDGEMENT.values()) and len(folders) >= 2 and folders[-2] in SPLITS
        if is_part and file.lower().endswith(suffix) and not file.startswith("."):
            named = folders[0] if len(folders) == 3 and folders[0] in IMAGES else ""
            parts = unnamed.setdefault((named, *folders[-2:]), {})
            parts.setdefault(part, {})[PurePosixPath(file).stem] = name
    found: dict[Key, Parts] = {}
    for (name, split, subset), parts in unnamed.items():
        is_2afc = name == "2afc" or (not name and {"ref", "judge"} & parts.keys())
        found[Key("2afc" if is_2afc else "jnd", split, subset)] = parts
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def check_pairing(key: Key, parts: Mapping[str, Mapping[str, str]]) -> None:
    """Every triplet or pair must be whole.

    Raises
    ------
    ValueError
        Naming the subset, the part that lacks files and the first of them.
    """
    wanted = (*IMAGES[key.test], JUDGEMENT[key.test])
    stems = sorted(set().union(*(parts.get(part, {}) for part in wanted)))
    complaints = []
    for part in wanted:
        files = parts.get(part, {})
        missing = [stem for stem in stems if stem not in files]
        if missing:
            complaints.append(f"{key}/{part} lacks {len(missing)} of {len(stems)} files, the first {missing[0]}")
    foreign = sorted(set(parts) - set(wanted))
    if foreign:
        complaints.append(f"{key} has a folder {foreign[0]} that is no part of {key.test}")
    if complaints:
        raise ValueError("; ".join(complaints))


def _order(key: Key) -> tuple[str, str, int, str]:
    """Subsets in the paper's order, others after them by name."""
    known = (*DISTORTIONS, "mix", *REAL)
    place = known.index(key.subset) if key.subset in known else len(known)
    return key.test, key.split, place, key.subset
