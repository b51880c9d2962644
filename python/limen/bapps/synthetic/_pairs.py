"""What is compared with what: pairs of distortions of one patch, with their severities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ...distortions import KINDS, Distortion, apply
from ...distortions._kind import Pixels
from ._observer import SEVERITIES, severity

_NAMES = tuple(KINDS)
_WITHIN = 0.5  # Share of the triplets whose candidates are one distortion, or one sequence of two, at two levels.
_SEQUENCES = 0.5  # Share of the images that are distorted twice.
_LEAST = 0.05  # Strength.
_APART = 0.1  # Strengths of two levels: nearer ones may round to the same image.
_FAINT, _STRONG = 0.3, 8.0  # JND of the pairs of the JND test: evenly in logarithms, a little over a third are below 1.


@dataclass(frozen=True)
class Candidate:
    """A distorted patch, its severity in JND, and a record of how it was made, for JSON."""

    pixels: Pixels
    severity: float
    record: Any


class Source(Protocol):
    """Makes the candidates of one subset."""

    def triplet(self, patch: Pixels, rng: np.random.Generator) -> tuple[Candidate, Candidate]:
        """Two candidates for a 2AFC triplet, in no particular order."""

    def pair(self, patch: Pixels, rng: np.random.Generator) -> Candidate:
        """One candidate for a JND pair, near the threshold more often than not."""


class Traditional:
    """The distortions of `limen.distortions`, single and in sequences of two."""

    def triplet(self, patch: Pixels, rng: np.random.Generator) -> tuple[Candidate, Candidate]:
        """Half of them: one distortion, or one sequence of two, at two levels. Half: different ones at any level."""
        names, seeds = _names_and_seeds(rng)
        if rng.random() < _WITHIN:
            weak, strong = _levels(rng)
            levels = [(names, seeds, weak), (names, seeds, strong)]
        else:
            others, other_seeds = _names_and_seeds(rng, besides=names)
            levels = [(names, seeds, _level(rng)), (others, other_seeds, _level(rng))]
        first, second = rng.permutation(2)
        return self._candidate(patch, *levels[first]), self._candidate(patch, *levels[second])

    def pair(self, patch: Pixels, rng: np.random.Generator) -> Candidate:
        """One distortion whose strength follows from a severity that is drawn."""
        name = _NAMES[rng.integers(len(_NAMES))]
        most, power = SEVERITIES[name]
        wanted = float(np.exp(rng.uniform(np.log(_FAINT), np.log(_STRONG))))
        strength = min((wanted / most) ** (1 / power), 1.0)
        return self._candidate(patch, (name,), (_seed(rng),), strength)

    def _candidate(self, patch: Pixels, names: tuple[str, ...], seeds: tuple[int, ...], strength: float) -> Candidate:
        distortions = [Distortion(name, strength, seed) for name, seed in zip(names, seeds, strict=True)]
        records = [distortion.to_dict() for distortion in distortions]
        return Candidate(apply(patch, distortions), severity(distortions), records)


def _names_and_seeds(
    rng: np.random.Generator, besides: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """One distortion, or two different ones; the first is none of `besides`."""
    left = [name for name in _NAMES if name not in besides]
    first = left[rng.integers(len(left))]
    rest = [name for name in _NAMES if name != first]
    second = rest[rng.integers(len(rest))]
    names = (first, second) if rng.random() < _SEQUENCES else (first,)
    return names, tuple(_seed(rng) for _ in names)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**32))


def _level(rng: np.random.Generator) -> float:
    return float(rng.uniform(_LEAST, 1))


def _levels(rng: np.random.Generator) -> tuple[float, float]:
    """Two strengths, the weaker first."""
    weak = float(rng.uniform(_LEAST, 1 - _APART))
    return weak, float(rng.uniform(weak + _APART, 1))
