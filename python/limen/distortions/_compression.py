"""JPEG."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ._kind import Kind, Parameters, Pixels

_BEST, _WORST = 90.0, 4.0


def _draw_jpeg(strength: float, rng: np.random.Generator) -> dict[str, float | int | str]:
    # Geometric: quality steps of a poor JPEG show more than those of a good one.
    return {"quality": round(_BEST * (_WORST / _BEST) ** strength)}


def _jpeg(image: Pixels, parameters: Parameters, rng: np.random.Generator) -> NDArray[Any]:
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(parameters["quality"]), subsampling="4:2:0")
    return np.asarray(Image.open(file))


KINDS = (Kind("jpeg", "compression", "quality 90 to 4, 4:2:0", _draw_jpeg, _jpeg),)
