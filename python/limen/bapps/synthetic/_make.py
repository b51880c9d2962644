"""Makes a data set in the BAPPS layout from photographs, judged by a synthetic observer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from tqdm import tqdm

from ..._checks import integer
from ...distortions._kind import Pixels
from .._writing import SubsetWriter, staged_folder, write_metadata
from ._observer import SEVERITIES, Observer, share_of_votes
from ._pairs import Candidate, Source, Traditional
from ._photographs import Photograph, cut_patch, find_photographs, split_photographs

SUBSETS = ("traditional", "cnn")

_SIDE = 64
_MARGIN = (
    8  # Cut off after distorting, so that no mirrored border is seen; a multiple of 8 keeps JPEG's blocks in place.
)
_VAL_SHARE = 0.25  # Of the photographs, and of the triplets.
_VOTES = {("2afc", "train"): 2, ("2afc", "val"): 5, ("jnd", "val"): 3}  # As in the released data set.


@dataclass(frozen=True)
class Part:
    """One subset of one test in one split."""

    test: str
    split: str
    subset: str
    items: int

    @property
    def folder(self) -> str:
        """Its place in the layout."""
        return f"{self.test}/{self.split}/{self.subset}"


def make_dataset(
    out: str | os.PathLike[str],
    photographs: str | os.PathLike[str] | None = None,
    *,
    triplets: int = 2000,
    jnd: int = 400,
    subsets: Sequence[str] = SUBSETS,
    seed: int = 0,
    error_rate: float = 0.05,
    networks: int = 8,
    progress: bool = False,
) -> dict[str, int]:
    """Write a data set in the BAPPS layout, judged by a synthetic observer, and marked so in its metadata.json.

    Patches of 64 x 64 are cut from the photographs at their own scale. No photograph, and no autoencoder, is in both
    train and val. `records/*.jsonl` says of each item where it was cut and what was done to it, from which its images
    can be made again.

    Parameters
    ----------
    out
        A folder that doesn't exist or is empty. It appears when all is written.
    photographs
        A folder of two images or more, each at least 80 pixels wide and high; None takes those of scikit-image.
    triplets, jnd
        2AFC triplets (a quarter of them val) and JND pairs (all val) of each subset.
    subsets
        "traditional", "cnn", which needs PyTorch, or both.
    seed
        The same photographs and seed give the same data set; "cnn" only on the same machine and number of threads.
    error_rate
        Share of the observer's votes that are turned round, in [0, 0.5].
    networks
        Autoencoders trained for "cnn", two at least; a quarter of them for val.
    progress
        Show a progress bar.

    Returns
    -------
    The number of items by folder, such as "2afc/train/traditional".

    Raises
    ------
    TypeError, ValueError
        Naming the argument or the file, what was found and what would do.
    FileExistsError
        Where `out` is not empty.
    """
    observer = Observer(error_rate)
    parts = _parts(integer("triplets", triplets), integer("jnd", jnd), subsets)
    seed, networks = integer("seed", seed), integer("networks", networks)
    if seed < 0:
        raise ValueError(f"seed must be 0 or more; got {seed}")
    if networks < 2:
        raise ValueError(f"networks must be 2 or more; got {networks}")
    source = None if photographs is None else Path(photographs)
    found = find_photographs(source, _SIDE + 2 * _MARGIN)
    splits = split_photographs(found, _VAL_SHARE, np.random.default_rng([seed, 0]))
    with staged_folder(Path(out)) as folder:
        sources: dict[tuple[str, str], Source] = {
            (split, "traditional"): Traditional() for split in splits if "traditional" in subsets
        }
        about: dict[str, object] = {}
        if "cnn" in subsets:
            from ._cnn import train_sources

            for split, networks_of, described in train_sources(
                _patches(splits["train"], seed), networks, _VAL_SHARE, seed, progress
            ):
                sources[split, "cnn"] = networks_of
                about[split] = described
        with tqdm(total=sum(part.items for part in parts), unit="item", disable=not progress) as bar:
            for part in parts:
                for _ in _write_part(
                    folder, part, splits[part.split], sources[part.split, part.subset], observer, seed
                ):
                    bar.update()
        write_metadata(
            folder,
            "synthetic",
            observer.sentence,
            seed=seed,
            error_rate=error_rate,
            votes={"/".join(key): votes for key, votes in _VOTES.items()},
            items={part.folder: part.items for part in parts},
            photographs={split: [photograph.name for photograph in members] for split, members in splits.items()},
            severities={name: list(curve) for name, curve in SEVERITIES.items()},
            **({"networks": about} if about else {}),
        )
    return {part.folder: part.items for part in parts}


def _parts(triplets: int, jnd: int, subsets: Sequence[str]) -> list[Part]:
    if triplets < 0 or jnd < 0 or triplets + jnd == 0:
        raise ValueError(f"triplets and jnd must be 0 or more, one of them 1 at least; got {triplets} and {jnd}")
    if isinstance(subsets, str) or not subsets or len(set(subsets)) < len(subsets) or set(subsets) - set(SUBSETS):
        raise ValueError(f"subsets must be some of {', '.join(SUBSETS)}, each once; got {subsets!r}")
    val = round(_VAL_SHARE * triplets)
    sizes = {("2afc", "train"): triplets - val, ("2afc", "val"): val, ("jnd", "val"): jnd}
    return [Part(*key, subset, items) for key, items in sizes.items() for subset in subsets if items]


def _patches(photographs: Sequence[Photograph], seed: int, count: int = 512) -> Pixels:
    """Patches to train autoencoders on, (count, 64, 64, 3)."""
    shares = np.array_split(np.arange(count), len(photographs))
    patches = []
    for number, (photograph, share) in enumerate(zip(photographs, shares, strict=True)):
        if len(share):
            pixels, rng = photograph.read(), np.random.default_rng([seed, 1, number])
            patches += [cut_patch(pixels, _SIDE, rng)[0] for _ in share]
    return np.stack(patches)


def _write_part(
    folder: Path, part: Part, photographs: Sequence[Photograph], source: Source, observer: Observer, seed: int
) -> Iterator[None]:
    """Write the items of one part, as many from one photograph as from another, and yield after each."""
    (folder / "records").mkdir(exist_ok=True)
    writer = SubsetWriter(folder / part.folder, "same" if part.test == "jnd" else "judge")
    key = [seed, 2, ("2afc", "jnd").index(part.test), ("train", "val").index(part.split), SUBSETS.index(part.subset)]
    with ExitStack() as stack:
        path = folder / "records" / f"{part.folder.replace('/', '_')}.jsonl"
        records = stack.enter_context(open(path, "w", encoding="utf-8"))
        for photograph, share in zip(photographs, np.array_split(np.arange(part.items), len(photographs)), strict=True):
            pixels = photograph.read() if len(share) else None
            for item in share:
                assert pixels is not None
                rng = np.random.default_rng([*key, int(item)])
                patch, top, left = cut_patch(pixels, _SIDE + 2 * _MARGIN, rng)
                _write_item(writer, records, part, patch, source, observer, rng, photograph.name, top, left)
                yield


def _write_item(
    writer: SubsetWriter,
    records: TextIO,
    part: Part,
    patch: Pixels,
    source: Source,
    observer: Observer,
    rng: np.random.Generator,
    photograph: str,
    top: int,
    left: int,
) -> None:
    votes = _VOTES[part.test, part.split]
    candidates: tuple[Candidate, ...]
    if part.test == "2afc":
        candidates = source.triplet(patch, rng)
        probability = observer.prefers_p1(candidates[0].severity, candidates[1].severity)
        images = {"ref": patch, "p0": candidates[0].pixels, "p1": candidates[1].pixels}
    else:
        candidates = (source.pair(patch, rng),)
        probability = observer.says_same(candidates[0].severity)
        images = {"p0": patch, "p1": candidates[0].pixels}
    inner = slice(_MARGIN, -_MARGIN)
    share = share_of_votes(probability, votes, rng)
    name = writer.write({role: pixels[inner, inner] for role, pixels in images.items()}, share)
    record = {
        "item": name,
        "photograph": photograph,
        "top": top + _MARGIN,
        "left": left + _MARGIN,
        "severity": [round(candidate.severity, 4) for candidate in candidates],
        "distortions": [candidate.record for candidate in candidates],
    }
    records.write(json.dumps(record) + "\n")
