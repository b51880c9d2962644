"""The table of distortions, and how one or several of them are applied and recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from .._checks import integer, number
from . import _blur, _compression, _noise, _photometric, _spatial
from ._kind import Kind, Parameters, Pixels

KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for module in (_photometric, _noise, _blur, _spatial, _compression) for kind in module.KINDS}
)


@dataclass(frozen=True)
class Distortion:
    """What was applied to an image, or is to be: enough to do it again, and plain enough for JSON.

    name
        One of `KINDS`.
    strength
        In [0, 1]. 0 leaves the image as it is.
    seed
        Of all random numbers. The same seed at another strength is another level of the same distortion.

    parameters
        In the distortion's own units. Drawn from the strength and the seed where not given.
    """

    name: str
    strength: float
    seed: int = 0
    parameters: Parameters | None = None

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise ValueError(f"name must be one of {', '.join(KINDS)}; got {self.name!r}")
        strength = number("strength", self.strength)
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must be in [0, 1]; got {self.strength!r}")
        seed = integer("seed", self.seed)
        if seed < 0:
            raise ValueError(f"seed must be 0 or more; got {seed}")
        drawn = KINDS[self.name].draw(strength, self._random(0))
        if self.parameters is not None and set(self.parameters) != set(drawn):
            raise ValueError(
                f"parameters of {self.name} must be {', '.join(drawn)}; got {', '.join(self.parameters) or 'none'}"
            )
        object.__setattr__(self, "strength", strength)
        object.__setattr__(self, "seed", seed)
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters or drawn)))

    def _random(self, purpose: int) -> np.random.Generator:
        # Parameters and pixels draw from streams of their own: given parameters change nothing in the noise.
        return np.random.default_rng([self.seed, purpose])

    def __call__(self, image: Pixels) -> Pixels:
        """Distort an image.

        image: (H, W, 3) uint8, sRGB. Returns the same shape and dtype, always a new array.
        Raises TypeError and ValueError where it isn't one.
        """
        image = _checked(image)
        if self.strength == 0:
            return image.copy()
        assert self.parameters is not None
        values = KINDS[self.name].apply(image, self.parameters, self._random(1))
        pixels: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        return pixels

    def to_dict(self) -> dict[str, Any]:
        """Name, strength, seed and parameters as JSON takes them; `Distortion(**record)` takes them back."""
        assert self.parameters is not None
        return {"name": self.name, "strength": self.strength, "seed": self.seed, "parameters": dict(self.parameters)}


def distort(
    image: Pixels, name: str | Sequence[str], strength: float | Sequence[float], *, seed: int = 0
) -> tuple[Pixels, tuple[Distortion, ...]]:
    """An image distorted once, or by a sequence of distortions one after the other.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    name, strength
        One each, or as many of the one as of the other.
    seed
        Each distortion of a sequence draws from a seed of its own, made from this one and its place.

    Returns
    -------
    The image, and the records: `apply(image, records)` gives the same image again.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what it is and what would do.
    """
    names = [name] if isinstance(name, str) else list(name)
    strengths = [strength] if isinstance(strength, (int, float)) else list(strength)
    if len(names) != len(strengths) or not names:
        raise ValueError(f"name and strength must be as many, at least one; got {len(names)} and {len(strengths)}")
    seeds = np.random.SeedSequence(integer("seed", seed)).generate_state(len(names))
    records = tuple(Distortion(*each) for each in zip(names, strengths, map(int, seeds), strict=True))
    return apply(image, records), records


def apply(image: Pixels, distortions: Iterable[Distortion]) -> Pixels:
    """An image (H, W, 3) uint8 under these distortions, one after the other; rounded to uint8 between them."""
    image = _checked(image).copy()
    for distortion in distortions:
        image = distortion(image)
    return image


def _checked(image: Any) -> Pixels:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        found = f"{image.dtype} array" if isinstance(image, np.ndarray) else type(image).__name__
        raise TypeError(f"image must be a uint8 NumPy array; got {found}")
    if image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape:
        raise ValueError(f"image must have the shape (H, W, 3), of one pixel at least; got {image.shape}")
    return image
