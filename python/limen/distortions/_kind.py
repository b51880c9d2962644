"""What a distortion is: parameters that grow with a strength, and a function of an image and these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Parameters = Mapping[str, float | int | str]


@dataclass(frozen=True)
class Kind:
    """One kind of distortion.

    draw
        (strength, random numbers) to parameters. What is random in them, a direction or a sign, is drawn whatever the
        strength: two strengths of one seed are two levels of the same distortion.
    apply
        (image, parameters, random numbers) to the distorted image, as floats on the scale of uint8: rounding and
        clipping come after.
    """

    name: str
    family: str
    description: str
    draw: Callable[[float, np.random.Generator], dict[str, float | int | str]]
    apply: Callable[[Pixels, Parameters, np.random.Generator], NDArray[Any]]


def parameter(parameters: Parameters, name: str) -> float:
    """A parameter that is a number."""
    return float(parameters[name])


def sign(rng: np.random.Generator) -> int:
    """-1 or 1."""
    return 1 if rng.random() < 0.5 else -1


def angle(rng: np.random.Generator) -> float:
    """Degrees, any direction."""
    return float(rng.uniform(0, 360))


def direction(degrees: float) -> tuple[float, float]:
    """(down, right) of a unit step in that direction."""
    radians = np.deg2rad(degrees)
    return float(np.sin(radians)), float(np.cos(radians))
