"""Reconstructions for human judgement, and what the judgements say.

A triplet is an original and two reconstructions of it under different objectives, in the layout of BAPPS:
``2afc/val/<a>-vs-<b>/{ref,p0,p1}/000000.png``; judged, ``judge/000000.npy`` holds the share of viewers who prefer p1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import binomtest

from ..bapps._layout import METADATA
from ..bapps._writing import staged_folder, write_metadata
from ._image_sets import ImageSet
from ._intervals import Interval, mean_interval

_VAL = Path("2afc", "val")
_BETWEEN = "-vs-"


@dataclass(frozen=True)
class Preference:
    """How viewers judged two objectives.

    a, b: the objectives. images: their numbers. shares: of viewers who prefer b, one an image. votes: how many viewers
    each; None where that isn't known.
    """

    a: str
    b: str
    images: Sequence[str]
    shares: NDArray[np.float64]
    votes: int | None

    @property
    def mean(self) -> Interval:
        """The mean share that prefers b, with its interval over images."""
        return mean_interval(self.shares, np.arange(len(self.shares)))

    @property
    def majorities(self) -> tuple[int, int, Interval]:
        """Images on which most prefer b, images that aren't tied, and the proportion with its Wilson interval."""
        decided = self.shares[self.shares != 0.5]
        if not len(decided):
            return 0, 0, Interval(np.nan, np.nan, np.nan)
        return int((decided > 0.5).sum()), len(decided), _proportion(int((decided > 0.5).sum()), len(decided))

    def of_images(self) -> list[Interval]:
        """For each image the share that prefers b; its Wilson interval where the number of viewers is known."""
        if self.votes is None:
            return [Interval(float(share), np.nan, np.nan) for share in self.shares]
        return [_proportion(round(share * self.votes), self.votes) for share in self.shares]


def export_triplets(
    originals: ImageSet,
    reconstructions: Mapping[str, NDArray[np.uint8]],
    out: Path,
    *,
    count: int,
    seed: int = 0,
    **about: Any,
) -> int:
    """Write triplets of every two objectives, on the same images; `count` drawn ones, or all where there are fewer.

    Parameters
    ----------
    originals
        The test's images.
    reconstructions
        Two or three objectives' uint8 (N, C, H, W), by name; p0 is the earlier one.
    out
        A folder that is empty or not there; it appears whole or not at all.
    about
        More for metadata.json.

    Returns
    -------
    count
        How many images.

    Raises
    ------
    FileExistsError
        If there is something in `out`.
    ValueError
        If there are not two or three objectives.
    """
    if len(reconstructions) not in (2, 3):
        raise ValueError(f"two objectives can be compared, or three ranked; got {', '.join(reconstructions) or 'none'}")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(originals))[:count])
    with staged_folder(out) as folder:
        for a, b in combinations(reconstructions, 2):
            subset = folder / _VAL / f"{_folder(a)}{_BETWEEN}{_folder(b)}"
            roles = {"ref": originals.pixels, "p0": reconstructions[a], "p1": reconstructions[b]}
            for role, images in roles.items():
                (subset / role).mkdir(parents=True)
                for number, i in enumerate(chosen):
                    _as_rgb(images[i]).save(subset / role / f"{number:06d}.png")
        write_metadata(
            folder,
            "none",
            "Nobody has judged these yet.",
            seed=seed,
            objectives=list(reconstructions),
            photographs=[originals.name_of(int(i)) for i in chosen],
            **about,
        )
    return len(chosen)


def read_preferences(root: Path) -> list[Preference]:
    """The judgements in a folder that `limen bapps study --export` wrote.

    Raises
    ------
    ValueError
        If there are none, or one is damaged.
    """
    subsets = sorted(path.parent for path in (root / _VAL).glob(f"*{_BETWEEN}*/judge") if path.is_dir())
    if not subsets:
        raise ValueError(
            f"{root} has no judgements of autoencoders: no {_VAL.as_posix()}/A{_BETWEEN}B/judge. `limen bapps study` "
            "collects them and exports them"
        )
    votes = _votes(root / METADATA)
    preferences = []
    for subset in subsets:
        a, _, b = subset.name.partition(_BETWEEN)
        shares = _shares(subset / "judge")
        preferences.append(Preference(a, b, list(shares), np.array(list(shares.values())), votes))
    return preferences


def rank_shares(preferences: Sequence[Preference]) -> dict[str, list[Interval]] | None:
    """How often each of three objectives comes first, second and third among the images.

    An objective's points on an image are the shares that prefer it to each of the others; more points, better rank, and
    who is tied shares ranks in equal parts. Images that aren't judged in all three pairs don't count. None where there
    are not all pairs of three objectives, or no such image.
    """
    names = list(dict.fromkeys(name for one in preferences for name in (one.a, one.b)))
    shares = [dict(zip(one.images, one.shares, strict=True)) for one in preferences]
    images = [image for image in shares[0] if all(image in others for others in shares)]
    if len(names) != 3 or len(preferences) != 3 or not images:
        return None
    points = {name: np.zeros(len(images)) for name in names}
    for one, of_pair in zip(preferences, shares, strict=True):
        preferring_b = np.array([of_pair[image] for image in images])
        points[one.a] += 1 - preferring_b
        points[one.b] += preferring_b
    table = np.stack([points[name] for name in names]).round(6)
    above = (table[None] > table[:, None]).sum(1)  # objectives by images: how many are better
    tied = (table[None] == table[:, None]).sum(1)
    groups = np.arange(table.shape[1])
    return {
        name: [
            mean_interval(((above[i] <= rank) & (rank < above[i] + tied[i])) / tied[i], groups)
            for rank in range(len(names))
        ]
        for i, name in enumerate(names)
    }


def _shares(folder: Path) -> dict[str, float]:
    """The shares by the image's number."""
    shares = {}
    for path in sorted(folder.glob("*.npy")):
        try:
            share = float(np.load(path).item())
        except (OSError, ValueError, EOFError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        if not 0 <= share <= 1:
            raise ValueError(f"{path} must hold a share from 0 to 1; it holds {share}")
        shares[path.stem] = share
    if not shares:
        raise ValueError(f"{folder} has no judgement in it")
    return shares


def _votes(path: Path) -> int | None:
    """How many viewers judged each triplet, where the metadata say so."""
    try:
        votes = json.loads(path.read_text(encoding="utf-8")).get("votes", {}).get(_VAL.as_posix())
    except (OSError, ValueError, AttributeError):
        return None
    return votes if isinstance(votes, int) and votes > 0 else None


def _proportion(successes: int, trials: int) -> Interval:
    ends = binomtest(successes, trials).proportion_ci(method="wilson")
    return Interval(successes / trials, float(ends.low), float(ends.high))


def _folder(objective: str) -> str:
    return objective.replace("*", "x").replace(" ", "")


def _as_rgb(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).convert("RGB")
