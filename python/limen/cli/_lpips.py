"""LPIPS for the command line: batches of decoded images, and what they were scored by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limen._lpips import lpips_model
from limen.cli._errors import UsageError

Image = NDArray[Any]

# Values that go through the network at a time: it is no faster on more.
_BATCH = 8 * 3 * 256 * 256


def score(net: str, x: Sequence[Image], y: Sequence[Image]) -> list[float]:
    """Distances of pairs of images of one shape and dtype."""
    size = max(1, _BATCH // max(1, x[0].size))
    starts = range(0, len(x), size)
    parts = [(_stacked(x[start : start + size]), _stacked(y[start : start + size])) for start in starts]
    return [float(distance) for pair in parts for distance in _model(net).of_arrays(*pair)]


def load(net: str) -> str:
    """Make the model, so that what is missing is told before anything is decoded; what it is, in words."""
    try:
        made_of = _model(net).provenance()
    except (ImportError, ValueError) as error:
        raise UsageError(f"lpips-{net}: {error}") from error
    return "net {net}, backbone {backbone}, linear {linear}, weights {weights}".format(**made_of)


def _model(net: str) -> Any:
    return lpips_model(net=net, channel_axis=-1)


def _stacked(images: Sequence[Image]) -> Image:
    """(N, H, W, C). Grey ones get an axis of their one channel, or three columns would be taken for three channels."""
    batch = np.stack(images)
    return batch if batch.ndim == 4 else batch[..., None]
