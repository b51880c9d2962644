"""Shifts, warps, ghosts and colour fringes. What comes in over the border is the image mirrored."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ._kind import Kind, Parameters, Pixels, angle, direction, parameter

_SHIFT = 6.0  # Pixels, of the shift, of the fringes and of the warps' grid points.
_FRINGE = 3.0
_AFFINE = 0.15  # What is added to each entry of the identity matrix.
_CORNERS = 0.12  # Of the sides: how far a homography moves the corners.
_GRID = 5  # Points each way whose displacements a warp interpolates, those on the border included.
_GHOST_STEP = (3.0, 9.0)  # Pixels.


def _sample(image: Pixels, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The image at these places, by cubic splines: linear interpolation would blur what only moves."""
    places = np.stack([rows, columns])
    channels = [
        ndimage.map_coordinates(image[..., c].astype(float), places, order=3, mode="mirror")
        for c in range(image.shape[-1])
    ]
    return np.stack(channels, axis=-1)


def _places(image: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.indices(image.shape[:2], dtype=float)
    return rows, columns


def _moved(image: Pixels, degrees: float, distance: float) -> NDArray[np.float64]:
    down, right = direction(degrees)
    rows, columns = _places(image)
    return _sample(image, rows - distance * down, columns - distance * right)


def _draw_shift(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"direction": angle(rng), "distance": _SHIFT * strength}


def _shift(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    return _moved(image, parameter(parameters, "direction"), parameter(parameters, "distance"))


def _draw_affine(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    names = ("down_by_down", "down_by_right", "right_by_down", "right_by_right")
    return {name: float(strength * _AFFINE * rng.uniform(-1, 1)) for name in names}


def _affine(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    rows, columns = _places(image)
    y, x = rows - rows.mean(), columns - columns.mean()
    return _sample(
        image,
        rows + parameter(parameters, "down_by_down") * y + parameter(parameters, "down_by_right") * x,
        columns + parameter(parameters, "right_by_down") * y + parameter(parameters, "right_by_right") * x,
    )


_CORNER_NAMES = ("top_left", "top_right", "bottom_left", "bottom_right")


def _draw_homography(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    moves = strength * _CORNERS * rng.uniform(-1, 1, (4, 2))
    return {
        f"{corner}_{way}": float(moves[i, j])
        for i, corner in enumerate(_CORNER_NAMES)
        for j, way in enumerate(("down", "right"))
    }


def _homography(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], float)
    moves = np.array(
        [[parameter(parameters, f"{corner}_{way}") for way in ("down", "right")] for corner in _CORNER_NAMES]
    )
    matrix = _homography_matrix(corners, corners + moves)
    rows, columns = _places(image)
    height, width = max(image.shape[0] - 1, 1), max(image.shape[1] - 1, 1)
    homogeneous = np.stack([rows / height, columns / width, np.ones_like(rows)], axis=-1) @ matrix.T
    return _sample(
        image, height * homogeneous[..., 0] / homogeneous[..., 2], width * homogeneous[..., 1] / homogeneous[..., 2]
    )


def _homography_matrix(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 3x3 matrix, lower right entry 1, that takes four points to four others."""
    equations, values = [], []
    for (y, x), (v, u) in zip(old, new, strict=True):
        equations += [[y, x, 1, 0, 0, 0, -v * y, -v * x], [0, 0, 0, y, x, 1, -u * y, -u * x]]
        values += [v, u]
    return np.append(np.linalg.solve(np.array(equations), np.array(values)), 1.0).reshape(3, 3)


def _draw_warp(order: int, strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"order": order, "distance": _SHIFT * strength}


def _warp(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    """Displacements of a grid of points, interpolated between them; the grid comes from the seed."""
    grid = parameter(parameters, "distance") * rng.uniform(-1, 1, (2, _GRID, _GRID))
    rows, columns = _places(image)
    on_grid = np.stack(
        [rows * (_GRID - 1) / max(image.shape[0] - 1, 1), columns * (_GRID - 1) / max(image.shape[1] - 1, 1)]
    )
    order: Literal[1, 3] = 3 if parameters["order"] == 3 else 1
    down, right = (ndimage.map_coordinates(part, on_grid, order=order, mode="nearest") for part in grid)
    return _sample(image, rows + down, columns + right)


def _draw_ghost(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"direction": angle(rng), "distance": float(rng.uniform(*_GHOST_STEP)), "share": 0.5 * strength}


def _ghost(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    share = parameter(parameters, "share")
    ghost = _moved(image, parameter(parameters, "direction"), parameter(parameters, "distance"))
    return (1 - share) * image + share * ghost


def _draw_fringes(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    return {"direction": angle(rng), "distance": _FRINGE * strength}


def _fringes(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    degrees, distance = parameter(parameters, "direction"), parameter(parameters, "distance")
    red = _moved(image[..., :1], degrees, distance)
    blue = _moved(image[..., 2:], degrees, -distance)
    return np.concatenate([red, image[..., 1:2], blue], axis=-1)


KINDS = (
    Kind("shift", "spatial", "up to 6 pixels, in any direction", _draw_shift, _shift),
    Kind("affine", "spatial", "turned, scaled and sheared, each entry by up to 0.15", _draw_affine, _affine),
    Kind("homography", "spatial", "corners moved by up to 12 % of the sides", _draw_homography, _homography),
    Kind("linear_warp", "spatial", "a 5x5 grid moved by up to 6 pixels, linear between", partial(_draw_warp, 1), _warp),
    Kind("cubic_warp", "spatial", "the same, cubic between", partial(_draw_warp, 3), _warp),
    Kind("ghosting", "spatial", "up to half of the image, 3 to 9 pixels off", _draw_ghost, _ghost),
    Kind("chromatic_aberration", "spatial", "red and blue up to 3 pixels, opposite ways", _draw_fringes, _fringes),
)
