"""How a network is trained: every choice, with its default."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

from .._checks import integer, number
from ..autoencoders import objective
from ._luminance import SCALES
from ._srcnn import NETS, Initial


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run.

    The sides of patches are those of Dong et al. (2016), and so is the last layer's learning rate, a tenth of the
    others'. Declared choices, where Snell et al. (2017) are silent or not to be had, or where their numbers are for
    days of training:

    - Adam at a rate of 0.001 for the first two layers, where Dong et al. have gradient descent at 0.0001;
    - batches of 32, 20,000 patches from random places, 30 epochs;
    - the start from the bicubic image (`limen.superres.SRCNN`);
    - SSIM and MS-SSIM in the convention "snell", five scales of exponent 1 whose windows see the patch go on with its
      edge pixels. What the network makes of a patch is 21 pixels wide (17 for 9-5-5): the coarsest scale is 2 x 2.

    Parameters
    ----------
    scale
        2, 3 or 4.
    net, initial
        As for `SRCNN`.
    objective
        As for `limen.autoencoders.objective`: ``"mse"``, ``"mae"``, ``"ssim"``, ``"ms-ssim"``, a weighted sum.
    learning_rate, last_layer_rate
        Of the first two layers, and of the last as a part of it.
    side
        Of the patches that the network sees.
    patches, batch, epochs
        How many, how many at a time, how often.
    seed
        Equal seeds start from equal weights and see equal batches in equal order, whatever the objective.

    Raises
    ------
    TypeError, ValueError
        Naming the field, the value found and what would do.
    """

    scale: int
    net: str = "9-1-5"
    objective: str = "mse"
    learning_rate: float = 1e-3
    last_layer_rate: float = 0.1
    initial: Initial = "identity"
    side: int = 33
    patches: int = 20_000
    batch: int = 32
    epochs: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("scale", SCALES), ("net", tuple(NETS)), ("initial", get_args(Initial))):
            if getattr(self, name) not in choices:
                known = ", ".join(map(str, choices))
                raise ValueError(f"{name} must be one of {known}; got {getattr(self, name)!r}")
        objective(self.objective)  # which raises
        for name in ("side", "patches", "batch", "epochs"):
            if integer(name, getattr(self, name)) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        for name in ("learning_rate", "last_layer_rate"):
            if not 0 < number(name, getattr(self, name)) < math.inf:
                raise ValueError(f"{name} must be finite and above 0; got {getattr(self, name)}")
        if integer("seed", self.seed) < 0:
            raise ValueError(f"seed must not be negative; got {self.seed}")
