"""Square patches cut from photographs: those of a folder, or those that come inside scikit-image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._image_files import ImageError, image_files, read_rgb
from ._image_sets import ImageSet, Splits

Pixels = NDArray[np.uint8]

_PHOTOGRAPHS = (
    "astronaut brick camera chelsea coffee coins grass gravel hubble_deep_field ihc moon motorcycle_left retina rocket"
).split()
# Larger photographs are halved until they are no larger, so that a patch shows about as much of each.
_SHORT_SIDE = 720
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Cut:
    """How photographs are cut.

    side: of the patches, in pixels. train: how many patches for training, spread evenly over the photographs.
    held_out: how many each for validation and for the test. seed: of where they are cut.
    """

    side: int = 96
    train: int = 4096
    held_out: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("side", "train", "held_out"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more; got {getattr(self, name)}")


@dataclass(frozen=True)
class _Source:
    name: str
    load: Callable[[], Pixels]


def builtin_photographs(cut: Cut) -> Splits:
    """Patches of the fourteen photographs in scikit-image's wheel.

    Each photograph is divided, so that no pixel is in two sets: three quarters along its longer side are for training,
    the halves of the last quarter for validation and for the test. Those are other places of the same photographs.

    Raises
    ------
    ImportError
        If scikit-image isn't installed.
    ValueError
        If patches are larger than the smallest of these areas.
    """
    try:
        folder = files("skimage.data")
    except ModuleNotFoundError as error:
        raise ImportError("the built-in photographs need scikit-image: pip install 'limen[autoencoders]'") from error
    photographs = {}
    for name in _PHOTOGRAPHS:
        suffix = "jpg" if name in ("hubble_deep_field", "retina", "rocket") else "png"
        with as_file(folder / f"{name}.{suffix}") as path:
            photographs[name] = _halved(read_rgb(path))
    areas = {name: _areas(photograph) for name, photograph in photographs.items()}
    smallest = min(min(area.shape[:2]) for three in areas.values() for area in three)
    if cut.side > smallest:
        raise ValueError(
            f"patches of {cut.side} pixels don't fit the built-in photographs, whose smallest area has {smallest}; "
            "give a folder of larger ones"
        )
    sources = [
        [_Source(name, lambda area=three[i]: area) for name, three in areas.items()]  # type: ignore[misc]
        for i in range(len(_SPLITS))
    ]
    return _cut_all(sources, cut, "14 photographs from scikit-image")


def photograph_folder(folder: Path, cut: Cut) -> Splits:
    """Patches of all images in a folder and the folders in it.

    A tenth of the files each is for validation and for the test, by a draw that depends on the seed alone. Files that
    can't be read and images smaller than a patch are left out, each with its reason in `skipped`. All patches are held
    in memory.

    Raises
    ------
    ValueError
        If there are fewer than three images, or none of a set can be used.
    """
    found = image_files(folder)
    if len(found) < 3:
        raise ValueError(f"{folder} must have at least 3 images, for training, validation and test; found {len(found)}")
    order = np.random.default_rng(cut.seed).permutation(len(found))
    held_out = max(1, len(found) // 10)
    parts = order[2 * held_out :], order[:held_out], order[held_out : 2 * held_out]
    sources = [
        [_Source(found[i].relative_to(folder).as_posix(), lambda path=found[i]: read_rgb(path)) for i in part]  # type: ignore[misc]
        for part in parts
    ]
    return _cut_all(sources, cut, f"{len(found)} images of {folder.name}")


def _cut_all(sources: Sequence[Sequence[_Source]], cut: Cut, source: str) -> Splits:
    skipped: list[str] = []
    train, validation, test = (
        _patches(sources[i], cut, name, cut.train if name == "train" else cut.held_out, skipped)
        for i, name in enumerate(_SPLITS)
    )
    return Splits(train, validation, test, source, skipped)


def _patches(sources: Sequence[_Source], cut: Cut, split: str, count: int, skipped: list[str]) -> ImageSet:
    """About `count` patches, equally many of each source; of more sources than that the first `count`."""
    sources = sources[:count]
    each = -(-count // len(sources))
    seed = _SPLITS.index(split)

    def one(number: int) -> Pixels | str:
        try:
            return _cut_one(sources[number], cut.side, each, np.random.default_rng([cut.seed, seed, number]))
        except ImageError as error:
            return str(error)

    with ThreadPoolExecutor(thread_name_prefix="limen") as pool:
        results = list(pool.map(one, range(len(sources))))
    good = [(i, result) for i, result in enumerate(results) if not isinstance(result, str)]
    bad = [result for result in results if isinstance(result, str)]
    skipped += bad
    if not good:
        raise ValueError(f"no image for {split} can be used: {'; '.join(bad[:3])}{' ...' if len(bad) > 3 else ''}")
    groups = np.repeat([i for i, _ in good], each)
    return ImageSet(np.concatenate([patches for _, patches in good]), groups, [source.name for source in sources])


def _cut_one(source: _Source, side: int, count: int, rng: np.random.Generator) -> Pixels:
    """Patches (count, 3, side, side) from drawn places."""
    image = source.load()
    height, width = image.shape[:2]
    if min(height, width) < side:
        raise ImageError(f"{source.name}: {height} x {width} is smaller than a patch of {side} x {side} pixels")
    tops, lefts = rng.integers(0, height - side + 1, count), rng.integers(0, width - side + 1, count)
    patches = [image[top : top + side, left : left + side] for top, left in zip(tops, lefts, strict=True)]
    return np.stack(patches).transpose(0, 3, 1, 2)


def _areas(photograph: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Those for training, validation and test: views that share no pixel."""
    along = 0 if photograph.shape[0] > photograph.shape[1] else 1
    turned = photograph.swapaxes(0, along)  # the longer side first
    first, middle = turned.shape[0] * 3 // 4, turned.shape[1] // 2
    three = turned[:first], turned[first:, :middle], turned[first:, middle:]
    a, b, c = (area.swapaxes(0, along) for area in three)
    return a, b, c


def _halved(photograph: Pixels) -> Pixels:
    while min(photograph.shape[:2]) > _SHORT_SIDE:
        height, width = (side // 2 * 2 for side in photograph.shape[:2])
        blocks = photograph[:height, :width].reshape(height // 2, 2, width // 2, 2, 3)
        photograph = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return photograph
