"""BAPPS as an object: subsets of triplets or pairs, their images and judgements."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._images import ItemError, Pixels, Resize, checked_resize, decode
from ._layout import IMAGES, JUDGEMENT, METADATA, RELEASED, Key, check_pairing, sort_out
from ._storage import Storage, open_storage


@dataclass(frozen=True)
class Subset:
    """The triplets (2AFC) or pairs (JND) of one kind. `stems` name them; images are decoded when asked for."""

    key: Key
    stems: tuple[str, ...]
    resize: Resize
    _files: Mapping[str, Mapping[str, tuple[Storage, str]]]

    def __len__(self) -> int:
        return len(self.stems)

    def name(self, index: int) -> str:
        """Of a triplet or pair, for reports."""
        return f"{self.key}/{self.stems[index]}"

    def images(self, index: int) -> tuple[Pixels, ...]:
        """Reference and two candidates, or both images of a pair: uint8 (H, W, 3), of one size.

        Raises
        ------
        ItemError
            If one is broken, has no colours, or is of a size that `resize` doesn't allow for.
        """
        images = tuple(self._image(part, self.stems[index]) for part in IMAGES[self.key.test])
        if len({image.shape for image in images}) > 1:
            sizes = ", ".join(f"{image.shape[1]} x {image.shape[0]}" for image in images)
            raise ItemError(f"{self.name(index)}: images of one item must have one size; got {sizes}")
        return images

    @cached_property
    def judgements(self) -> NDArray[np.float64]:
        """Of each item the share that preferred p1 (2AFC), or called the pair the same (JND); all are in [0, 1].

        Raises
        ------
        ValueError
            Naming the first file that holds anything else.
        """
        files = self._files[JUDGEMENT[self.key.test]]
        return np.array([_judgement(*files[stem]) for stem in self.stems])

    def _image(self, part: str, stem: str) -> Pixels:
        storage, name = self._files[part][stem]
        try:
            return decode(storage.read(name), self.resize)
        except ItemError as error:
            raise ItemError(f"{storage.path}: {name}: {error}") from None
        except Exception as error:  # A malformed file makes decoders raise anything from SyntaxError to struct.error.
            raise ItemError(f"{storage.path}: {name}: no readable PNG ({_said(error)})") from error


class Dataset:
    """A data set in the layout of BAPPS, as released or as `limen bapps make` and `study` write it.

    Parameters
    ----------
    path
        Its folder, an archive (.tar.gz, .tgz, .tar), or a folder of archives. Archives are not unpacked: one pass over
        each lists it. For training, which reads in random order, a folder is much faster.
    resize
        What to do with images of another size than 64 x 64: None refuses them; a number makes every image a square of
        so many pixels by Pillow's bilinear filter, which averages where it shrinks, as the original's loader does it;
        ``"keep"`` takes them as they are.
    partial
        Whether the released validation sets may have fewer triplets than were released.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such data set, or it is incomplete: parts, files or triplets are missing, or an archive is cut
        short.
    """

    def __init__(self, path: str | os.PathLike[str], *, resize: Resize = None, partial: bool = False) -> None:
        self.path = Path(path)
        self.resize = checked_resize(resize)
        storages = open_storage(self.path)
        places: dict[str, Storage] = {}
        for storage in storages:
            for name in storage.names():
                if (twin := places.setdefault(name, storage)) is not storage:
                    raise ValueError(f"{name} lies in both {twin.path} and {storage.path}: remove one of them")
        self.metadata = _metadata(places)
        found = sort_out(places)
        if not found:
            raise ValueError(
                f"no BAPPS data in {self.path}: expected files such as 2afc/val/cnn/ref/000000.png; its "
                f"{len(places)} files are others"
            )
        self.subsets: dict[Key, Subset] = {}
        for key, parts in found.items():
            check_pairing(key, parts)
            files = {part: {stem: (places[name], name) for stem, name in of.items()} for part, of in parts.items()}
            stems = tuple(sorted(parts[JUDGEMENT[key.test]]))
            self.subsets[key] = Subset(key, stems, self.resize, files)
        self._check_counts(partial)

    @property
    def synthetic(self) -> bool:
        """Whether judgements were computed and no person asked."""
        return self.metadata.get("judgements") == "synthetic"

    @property
    def observer(self) -> str:
        """One line for reports: who judged."""
        if self.synthetic:
            said = str(self.metadata.get("observer", "the observer is not described"))
            return f"SYNTHETIC judgements: {said.removeprefix('Synthetic: ')}"
        return f"human judgements: {self.metadata.get('observer', 'as released')}"

    def select(self, test: str, split: str = "val", subsets: Sequence[str] | None = None) -> list[Subset]:
        """The subsets of a test and split, or those of them that are named.

        Raises
        ------
        ValueError
            If one isn't there, saying which are.
        """
        there = {key.subset: subset for key, subset in self.subsets.items() if key[:2] == (test, split)}
        for name in subsets or ():
            if name not in there:
                known = ", ".join(there) or "none"
                raise ValueError(f"{self.path} has no subset {name!r} in {test}/{split}; there are: {known}")
        return [there[name] for name in (dict.fromkeys(subsets) if subsets else there)]

    def _check_counts(self, partial: bool) -> None:
        released = {str(Key(*key)): count for key, count in RELEASED.items()} if not self.metadata else {}
        expected: dict[str, int] = {**released, **self.metadata.get("items", {})}
        there = {str(key): len(subset) for key, subset in self.subsets.items()}
        for name, count in expected.items():
            found = there.get(name, 0)
            counted = name in there or bool(self.metadata)  # Of the released archives one may have any.
            if counted and (found > count or (found < count and not partial)):
                raise ValueError(
                    f"{self.path}: {name} has {found} items, and {count} were made: it is incomplete or another "
                    "data set; partial=True takes what is there"
                )


def _metadata(places: Mapping[str, Storage]) -> dict[str, Any]:
    """What metadata.json says, the one nearest to the root; nothing where there is none, as in the released set."""
    names = sorted((name for name in places if PurePosixPath(name).name == METADATA), key=lambda name: name.count("/"))
    if not names:
        return {}
    try:
        metadata = json.loads(places[names[0]].read(names[0]))
    except ValueError as error:
        raise ValueError(f"{names[0]} is no JSON: {error}") from error
    if not isinstance(metadata, dict) or metadata.get("format") != "bapps":
        raise ValueError(f'{names[0]} must say {{"format": "bapps", ...}}')
    if metadata.get("judgements") not in ("human", "synthetic"):
        raise ValueError(
            f"{names[0]} must say whether judgements are 'human' or 'synthetic'; got {metadata.get('judgements')!r}"
        )
    if not isinstance(metadata.get("items", {}), dict):
        raise ValueError(f"{names[0]}: items must be an object of numbers by subset; got {metadata['items']!r}")
    return metadata


def _judgement(storage: Storage, name: str) -> float:
    data = storage.read(name)
    start = 10 + int.from_bytes(data[8:10], "little")
    try:
        shape, dtype = _npy_header(data[:start])
        array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{storage.path}: {name} is no array of NumPy ({_said(error)})") from error
    if array.size != 1 or array.dtype.kind not in "fiu" or not 0 <= float(array.reshape(())) <= 1:
        found = array.tolist() if array.size < 8 else f"{array.size} of them"
        raise ValueError(f"{storage.path}: {name} must hold one number in [0, 1]; got {found}")
    return float(array.reshape(()))


@lru_cache(8)
def _npy_header(header: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype. A data set has one header, and to parse it takes NumPy longer than all the rest."""
    file = io.BytesIO(header)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"its format is of version {version}, and single numbers have 1.0")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return shape, dtype


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
