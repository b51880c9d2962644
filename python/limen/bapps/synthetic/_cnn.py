"""The subset `cnn`: one autoencoder's pictures at two levels of training, or of corruption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ...distortions._kind import Pixels
from ...distortions.cnn import SNAPSHOTS, Denoiser, draw_plan, train_denoiser
from ...distortions.cnn._train import one_thread as one_thread
from ._observer import cnn_severity
from ._pairs import Candidate

_CORRUPTIONS = (0.0, 1.0)
_APART = 0.2


class Autoencoders:
    """Some trained autoencoders, by which a patch is distorted."""

    def __init__(self, denoisers: Sequence[Denoiser]) -> None:
        self._denoisers = denoisers

    def triplet(self, patch: Pixels, rng: np.random.Generator) -> tuple[Candidate, Candidate]:
        """One autoencoder, twice: after fewer and more steps, or from input more and less corrupted.

        Two different ones are never compared: how good each has become is not known without a look at its pictures.
        """
        denoiser = self._draw(rng)
        seed = int(rng.integers(2**32))
        if denoiser.plan.corruption == "none" or rng.random() < 0.5:
            corruption = _corruption(denoiser, rng)
            fewer, more = sorted(rng.choice(denoiser.snapshots, 2, replace=False).tolist())
            levels = [(fewer, corruption), (more, corruption)]
        else:
            steps = int(rng.choice(denoiser.snapshots))
            low = float(rng.uniform(0, 1 - _APART))
            levels = [(steps, low), (steps, float(rng.uniform(low + _APART, 1)))]
        first, second = rng.permutation(2)
        return (
            self._candidate(denoiser, patch, seed, *levels[first]),
            self._candidate(denoiser, patch, seed, *levels[second]),
        )

    def pair(self, patch: Pixels, rng: np.random.Generator) -> Candidate:
        """One autoencoder at any level."""
        denoiser = self._draw(rng)
        steps = int(rng.choice(denoiser.snapshots))
        return self._candidate(denoiser, patch, int(rng.integers(2**32)), steps, _corruption(denoiser, rng))

    def _draw(self, rng: np.random.Generator) -> Denoiser:
        return self._denoisers[int(rng.integers(len(self._denoisers)))]

    def _candidate(self, denoiser: Denoiser, patch: Pixels, seed: int, steps: int, corruption: float) -> Candidate:
        severity = cnn_severity(steps, SNAPSHOTS[0], corruption, denoiser.plan.full_skip)
        record = {"network": denoiser.plan.seed, "steps": steps, "corruption": corruption, "seed": seed}
        return Candidate(denoiser(patch, steps, corruption, seed), severity, record)


def _corruption(denoiser: Denoiser, rng: np.random.Generator) -> float:
    """None, or any strength, as often the one as the other; a network that undoes nothing is given nothing to undo."""
    strength = float(rng.uniform(*_CORRUPTIONS))
    return 0.0 if denoiser.plan.corruption == "none" or rng.random() < 0.5 else strength


def train_sources(
    patches: Pixels, count: int, val_share: float, seed: int, progress: bool
) -> dict[str, tuple[Autoencoders, list[dict[str, Any]]]]:
    """Train `count` autoencoders; each belongs to train or to val. Returns them by split, with their plans."""
    held_out = min(max(round(val_share * count), 1), count - 1)
    seeds = np.random.default_rng([seed, 3]).choice(2**31, count, replace=False).tolist()
    denoisers = [
        train_denoiser(draw_plan(one), patches)
        for one in tqdm(seeds, unit="network", desc="training", disable=not progress)
    ]
    splits = {"train": denoisers[held_out:], "val": denoisers[:held_out]}
    return {
        split: (Autoencoders(members), [member.plan.to_dict() for member in members])
        for split, members in splits.items()
    }
