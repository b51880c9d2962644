"""What a denoising autoencoder is to be, drawn from a seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..._checks import integer

UPSAMPLINGS = ("nearest", "bilinear", "transposed")
NORMALISATIONS = ("none", "batch", "instance")
CORRUPTIONS = ("white_noise", "pink_noise", "grey", "downsampling", "none")
LOSSES = ("l1", "l2", "ssim")


@dataclass(frozen=True)
class Plan:
    """The architecture, the task and the loss of one autoencoder.

    seed
        Of its weights, of the order of its patches and of the noise in its training.
    depth
        How many times it halves the picture, 1 to 3.
    width
        Channels of the first layer, 8 to 16; each halving doubles them, up to 48.
    skips
        How many of its levels hand what they have straight to the decoder, the coarsest first.
    full_skip
        Whether the level of full resolution does, too.
    upsampling, normalisation
        One of `UPSAMPLINGS`, `NORMALISATIONS`.
    dropout
        Share of the channels dropped in the middle while it is trained.
    corruption, corruption_strength
        What it is trained to undo: one of `CORRUPTIONS`, at up to this strength in (0, 1].
    loss
        One of `LOSSES`.
    rate
        Learning rate of Adam.
    """

    seed: int
    depth: int
    width: int
    skips: int
    full_skip: bool
    upsampling: str
    normalisation: str
    dropout: float
    corruption: str
    corruption_strength: float
    loss: str
    rate: float

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON takes them; `Plan(**fields)` takes them back."""
        return asdict(self)


def draw_plan(seed: int) -> Plan:
    """A random autoencoder; the same for the same seed (0 or more)."""
    if integer("seed", seed) < 0:
        raise ValueError(f"seed must be 0 or more; got {seed}")
    rng = np.random.default_rng(seed)

    def one_of(choices: tuple[str, ...]) -> str:
        return choices[int(rng.integers(len(choices)))]

    depth = int(rng.integers(1, 4))
    return Plan(
        seed=int(seed),
        depth=depth,
        width=int(4 * rng.integers(2, 5)),
        skips=int(rng.integers(0, depth)),
        full_skip=bool(rng.random() < 0.3),
        upsampling=one_of(UPSAMPLINGS),
        normalisation=one_of(NORMALISATIONS),
        dropout=float(rng.choice([0.0, 0.1, 0.3])),
        corruption=one_of(CORRUPTIONS),
        corruption_strength=float(rng.uniform(0.3, 1)),
        loss=one_of(LOSSES),
        rate=float(np.exp(rng.uniform(np.log(1e-3), np.log(5e-3)))),
    )
