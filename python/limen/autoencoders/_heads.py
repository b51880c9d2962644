"""Heads out of numbers: a surface in front of the camera, and how much light each of its points gives back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """A head seen from the front.

    normals: (H, W, 3), x to the right, y up, z to the camera; zero beside the head. albedo: (H, W), 0 to 1.
    """

    normals: Plane
    albedo: Plane


def draw_head(random: np.random.Generator, side: int) -> Head:
    """A head of its own for every state of the generator, in a square of `side` pixels.

    An ellipsoid that narrows towards the chin, with forehead, brows, eyes, nose, cheeks, lips and chin as bumps on it,
    whose places, sizes and heights are drawn around a common face, and a smooth field that makes it uneven. Units are
    half the square: x and y go from -1 to 1.
    """
    y, x = np.mgrid[1 : -1 : side * 1j, -1 : 1 : side * 1j]

    def near(middle: float, spread: float = 0.12) -> float:
        return float(middle * (1 + spread * random.standard_normal()))

    narrowing = near(0.24)
    half_width = near(0.74, 0.05) * (1 - narrowing * _step((-0.1 - y) / 0.8))
    half_height = near(0.92, 0.03)
    inside = 1 - np.abs(x / half_width) ** 2.2 - np.abs(y / half_height) ** 2.4
    height = near(0.72, 0.08) * np.sqrt(np.maximum(inside, 0))

    eye_x, eye_y, eye_size = near(0.31, 0.06), near(0.14, 0.25), near(0.105, 0.1)
    eyes = _pair(x, y, eye_x, eye_y, eye_size * 1.5, eye_size * 0.75)
    height = height - near(0.11) * _pair(x, y, eye_x, eye_y, 0.16, 0.11) + near(0.045) * eyes
    brow_y = eye_y + near(0.17, 0.1)
    brow_arch = near(0.25, 0.3)
    brow_line = y - brow_y + brow_arch * (np.abs(x) - eye_x) ** 2
    brows = np.exp(-((np.abs(x) - eye_x) ** 4) / 0.16**4) * np.exp(-((brow_line / near(0.055, 0.15)) ** 2))
    height = height + near(0.06) * np.exp(-((brow_line / 0.1) ** 2)) * np.exp(-((x / 0.5) ** 4))
    height = height + near(0.07, 0.3) * _pair(x, y, near(0.43, 0.08), near(-0.13, 0.25), 0.17, 0.15)

    tip, bridge = near(-0.2, 0.15), eye_y + 0.06
    along = np.clip((bridge - y) / (bridge - tip), 0, None)
    profile = np.where(along <= 1, along**1.3, np.exp(-(((along - 1) / 0.16) ** 2)))
    width = near(0.062, 0.15) + near(0.065, 0.2) * np.clip(along, 0, 1.2) ** 2
    height = height + near(0.25, 0.15) * profile * np.exp(-((x / width) ** 2))

    mouth_y, mouth_width, lip = near(-0.47, 0.05), near(0.25, 0.12), near(0.05, 0.18)
    across = np.exp(-((x / mouth_width) ** 4))
    upper, lower = (np.exp(-(((y - mouth_y - shift) / lip) ** 2)) for shift in (lip, -1.1 * lip))
    height = height + across * (near(0.045, 0.2) * upper + near(0.055, 0.2) * lower)
    height = height - near(0.04, 0.2) * across * np.exp(-(((y - mouth_y) / (0.4 * lip)) ** 2))
    height = height + near(0.09, 0.25) * np.exp(-((x / near(0.2, 0.15)) ** 2) - ((y + near(0.74, 0.03)) / 0.12) ** 2)
    height = height + 0.05 * _smooth_field(random, x, y)

    skin = float(np.clip(near(0.68, 0.15), 0.4, 0.9))
    albedo = np.full_like(x, skin)
    albedo = albedo * (1 - near(0.6, 0.2) * brows) * (1 - near(0.28, 0.3) * across * np.maximum(upper, lower) ** 2)
    iris = _pair(x, y, eye_x, eye_y, eye_size * 0.5, eye_size * 0.5) ** 2
    albedo = albedo * (1 - 0.85 * np.clip(iris * 1.6, 0, 1)) + 0.12 * np.clip(eyes - iris, 0, 1)
    hair_y = near(0.62, 0.08) - near(0.5, 0.3) * np.abs(x) ** 3
    hair = _step((y - hair_y) / 0.06 + 0.5)
    albedo = albedo * (1 - hair) + float(np.clip(near(0.22, 0.5), 0.05, 0.5)) * hair

    there = inside > 0
    normals = _normals(height, 2 / (side - 1)) * there[..., None]
    return Head(normals, np.clip(albedo, 0, 1) * there)


def _normals(height: Plane, step: float) -> Plane:
    down, right = np.gradient(height, step)
    normals = np.stack([-right, down, np.ones_like(height)], axis=-1)
    unit: Plane = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    return unit


def _pair(x: Plane, y: Plane, middle_x: float, middle_y: float, width: float, height: float) -> Plane:
    """A bump on either side of the nose."""
    bump: Plane = np.exp(-(((np.abs(x) - middle_x) / width) ** 2) - ((y - middle_y) / height) ** 2)
    return bump


def _step(t: Plane) -> Plane:
    """From 0 below t = 0 to 1 above t = 1, smoothly."""
    t = np.clip(t, 0, 1)
    smooth: Plane = t * t * (3 - 2 * t)
    return smooth


def _smooth_field(random: np.random.Generator, x: Plane, y: Plane) -> Plane:
    """A few slow waves, of mean square about 1."""
    field = np.zeros_like(x)
    for _ in range(12):
        frequency, phase = random.uniform(-4, 4, 2), random.uniform(0, 2 * np.pi)
        field += np.cos(frequency[0] * x + frequency[1] * y + phase) / np.sqrt(6)
    return field
