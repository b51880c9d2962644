"""What one subject is shown, in which order and on which side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .._layout import Test

# As in the LPIPS paper's JND test. Of the sentinels, one in five is a pair that anyone sees to differ; the others are
# one image twice. The split is a choice, and so are sentinels in the 2AFC test.
TRIALS, SENTINELS = 160, 40
_OBVIOUS_EVERY = 5


@dataclass(frozen=True)
class Trial:
    """One presentation.

    item
        Key of the images.
    sentinel
        "" for a real one; "same": one image twice; "noise": the image and the image under strong noise.
    swapped
        Whether p1, or the noise, comes left or first.
    """

    item: str
    sentinel: str
    swapped: bool


def draw_trials(
    keys: Sequence[str],
    uses: Mapping[str, tuple[int, int]],
    test: Test,
    trials: int,
    sentinels: int,
    rng: np.random.Generator,
) -> list[Trial]:
    """Trials for one subject: the items used least so far, and sentinels in between.

    uses: of each item how often it was answered, and shown; a pair that is missing counts as (0, 0). Where there are
    fewer items than trials each is shown once, with as many sentinels fewer, two at least if any.
    """
    order = rng.permutation(len(keys)).tolist()
    order.sort(key=lambda i: uses.get(keys[i], (0, 0)))
    chosen = order[:trials]
    scaled = max(round(sentinels * len(chosen) / trials), 2) if sentinels else 0
    kinds = [("noise" if test == "2afc" or i % _OBVIOUS_EVERY == 0 else "same") for i in range(scaled)]
    bases = rng.integers(0, len(keys), scaled).tolist()
    drawn = [(keys[i], "") for i in chosen] + [(keys[i], kind) for i, kind in zip(bases, kinds, strict=True)]
    places = rng.permutation(len(drawn)).tolist()
    return [Trial(drawn[i][0], drawn[i][1], bool(rng.random() < 0.5)) for i in places]


def passes(trial: Trial, choice: str) -> bool:
    """Whether a sentinel was answered as anyone would who looks."""
    if trial.sentinel == "same":
        return choice == "same"
    return choice in ("different", "p0")  # Of a 2AFC sentinel p0 is the reference itself.
