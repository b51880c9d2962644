"""The synthetic observer: judges by what was done to an image and how strongly, and never looks at a pixel.

A choice, not a measurement. Each distortion has a severity in just-noticeable differences (JND), a power of its
strength: shifts, warps and changes of lightness are mild for what they do to the pixels, noise, blur and JPEG severe.
The severities of several distortions of one image add in squares. Thurstone's model (1927, case V) makes votes of
severities, and a share of all votes is turned round.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..._checks import number
from ...distortions import KINDS, Distortion

# JND at full strength, and the power of the strength.
SEVERITIES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "lightness": (2.5, 1.0),
        "colour": (5.0, 1.0),
        "contrast": (3.0, 1.0),
        "saturation": (3.0, 1.0),
        "uniform_noise": (9.0, 0.8),
        "gaussian_noise": (9.0, 0.8),
        "pink_noise": (9.0, 0.8),
        "blue_noise": (7.0, 0.8),
        "coloured_noise": (8.0, 0.8),
        "checkerboard": (7.0, 0.8),
        "gaussian_blur": (9.0, 0.7),
        "bilateral_blur": (6.0, 1.0),
        "shift": (1.5, 1.0),
        "affine": (2.5, 1.0),
        "homography": (2.5, 1.0),
        "linear_warp": (4.0, 1.0),
        "cubic_warp": (4.0, 1.0),
        "ghosting": (6.0, 1.0),
        "chromatic_aberration": (5.0, 1.0),
        "jpeg": (9.0, 1.5),
    }
)
if set(SEVERITIES) != set(KINDS):
    raise RuntimeError(f"the observer's table and the distortions differ in {set(SEVERITIES) ^ set(KINDS)}")

# Of an autoencoder's picture: JND after the fewest steps of training, the power by which more steps lower it, the JND
# of input corrupted at full strength, and what a skip connection of full resolution leaves of it all.
_UNTRAINED, _LEARNING, _CORRUPTED, _SKIPPED = 7.0, 0.5, 5.0, 0.6

_THRESHOLD = 1.0  # JND at which half of the votes say "same" ...
_SHARPNESS = 2.0  # ... and how fast that share falls: in inverse deviations of the observer's noise.


@dataclass(frozen=True)
class Observer:
    """Votes on images whose severities are known. error_rate: share of the votes that are turned round, in [0, 0.5]."""

    error_rate: float = 0.05

    def __post_init__(self) -> None:
        rate = number("error_rate", self.error_rate)
        if not 0 <= rate <= 0.5:
            raise ValueError(f"error_rate must be in [0, 0.5]; got {self.error_rate!r}")

    @property
    def sentence(self) -> str:
        """What a report says of these judgements."""
        return (
            "Synthetic: votes follow a declared table of severities of the known distortions, never the pixels; "
            f"Thurstone's case V with deviation 1 JND, {self.error_rate:.0%} of the votes turned round."
        )

    def prefers_p1(self, severity0: float, severity1: float) -> float:
        """Probability that one vote says p1 is nearer to the reference."""
        return self._with_errors(_normal_share((severity0 - severity1) / math.sqrt(2)))

    def says_same(self, severity: float) -> float:
        """Probability that one vote says a reference and its distortion are the same."""
        return self._with_errors(_normal_share(_SHARPNESS * (_THRESHOLD - severity)))

    def _with_errors(self, share: float) -> float:
        return self.error_rate + (1 - 2 * self.error_rate) * share


def severity(distortions: Iterable[Distortion]) -> float:
    """JND of an image under these distortions."""
    return math.hypot(*(SEVERITIES[each.name][0] * each.strength ** SEVERITIES[each.name][1] for each in distortions))


def cnn_severity(steps: int, first_steps: int, corruption: float, full_skip: bool) -> float:
    """JND of an autoencoder's picture: after so many steps of training, from input so strongly corrupted."""
    learnt = _UNTRAINED * (first_steps / steps) ** _LEARNING
    return math.hypot(learnt, _CORRUPTED * corruption) * (_SKIPPED if full_skip else 1.0)


def share_of_votes(probability: float, votes: int, rng: np.random.Generator) -> float:
    """The share of so many independent votes."""
    return float(rng.binomial(votes, probability)) / votes


def _normal_share(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))
