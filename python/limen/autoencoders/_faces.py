"""Faces rendered under known light, in the place of Extended Yale B where that isn't at hand.

Heads are seen from the front under one lamp far away: Lambert's law, the side turned from the lamp dark (attached
shadows; none are cast), and a little light from everywhere. The lamp stands where those of Extended Yale B do
(Georghiades et al. 2001), as its file names say. Every picture is shifted by up to a pixel and has a camera's noise.
What these faces lack: cast shadows, highlights, expressions, and the variety of people.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._checks import integer
from ._heads import Head, draw_head
from ._yale import Faces

# Azimuth to either side, then elevation, in degrees.
_BESIDE = """
    5+10 5-10 10+0 10-20 15+20 20+10 20-10 20-40 25+0 35+15 35+40 35+65 35-20 50+0 50-40 60+20 60-20 70+0 70+45 70-35
    85+20 85-20 95+0 110+15 110+40 110+65 110-20 120+0 130+20
"""
_IN_FRONT = (0, 20, 45, 90, -20, -35)

_AMBIENT = 0.06
_LAMP = 1.0
_NOISE = 2.0
_FINE = 3  # Points of the surface along each side of a pixel.


def lights() -> NDArray[np.float64]:
    """The 64 places of the lamp, (64, 2): azimuth and elevation in degrees.

    An azimuth above 0 is to the viewer's right, above 90 behind the head; an elevation above 0 is from above.
    """
    places = [(0, elevation) for elevation in _IN_FRONT]
    for word in _BESIDE.split():
        sign = "+" if "+" in word else "-"
        azimuth, elevation = word.split(sign)
        places += [(side * int(azimuth), int(sign + elevation)) for side in (1, -1)]
    return np.array(sorted(places), np.float64)


def render_faces(subjects: int = 38, *, side: int = 48, seed: int = 0) -> Faces:
    """Every subject once under each of the 64 lights.

    Parameters
    ----------
    subjects
        Extended Yale B has 38.
    side
        Of the square images, in pixels, at least 16.
    seed
        Equal seeds give equal faces; subject k is the same however many there are.

    Raises
    ------
    TypeError, ValueError
        Naming the argument and the value found.
    """
    for name, value, least in (("subjects", subjects, 1), ("side", side, 16), ("seed", seed, 0)):
        if integer(name, value) < least:
            raise ValueError(f"{name} must be at least {least}; got {value}")
    places = lights()
    images = np.concatenate([_under(places, side, np.random.default_rng([seed, k])) for k in range(subjects)])
    names = [f"face {k + 1} A{a:+04.0f}E{e:+03.0f}" for k in range(subjects) for a, e in places]
    return Faces(
        images[:, None],
        np.repeat(np.arange(1, subjects + 1), len(places)),
        np.tile(places[:, 0], subjects),
        np.tile(places[:, 1], subjects),
        names,
    )


def _under(places: NDArray[np.float64], side: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """One head under all lights, uint8 (lights, side, side)."""
    # A pixel more all around, into which the picture may be shifted.
    head = draw_head(random, (side + 2) * _FINE)
    images = []
    for place in places:
        top, left = random.integers(0, 2 * _FINE + 1, 2)
        fine = shade(head, *place)[top : top + side * _FINE, left : left + side * _FINE]
        image = 255 * fine.reshape(side, _FINE, side, _FINE).mean(axis=(1, 3))
        image += _NOISE * random.standard_normal(image.shape)
        images.append(np.rint(np.clip(image, 0, 255)).astype(np.uint8))
    return np.stack(images)


def shade(head: Head, azimuth: float, elevation: float) -> NDArray[np.float64]:
    """The head's brightness under a lamp at that place, in degrees: (H, W), 0 to a little above 1."""
    a, e = np.radians([azimuth, elevation])
    towards = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    shaded: NDArray[np.float64] = head.albedo * (_AMBIENT + _LAMP * np.maximum(head.normals @ towards, 0))
    return shaded
