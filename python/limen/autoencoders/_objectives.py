"""What a network is trained to make small: errors of its images, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

import limen

from .._conventions import Convention, as_convention
from .._lpips import lpips_model

PLAIN = ("mse", "mae", "ssim", "ms-ssim")
LPIPS = ("lpips-alex", "lpips-vgg", "lpips-squeeze")
OBJECTIVES = (*PLAIN, *LPIPS)
"""Names that `objective` takes; sums of them too."""

_TERM = re.compile(r"(?:(\d+\.?\d*|\.\d+)\s*\*)?\s*([a-z][a-z-]*)")


@dataclass(frozen=True)
class Objective:
    """A weighted sum of errors. Called with images of a network and those they should be, both (B, C, H, W) in [0, 1].

    name: as it was asked for. terms: weights by name.
    """

    name: str
    terms: Mapping[str, float]
    convention: Convention
    lpips_options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, decoded: Tensor, images: Tensor) -> Tensor:
        """The loss of each image, (B,), 0 for equal ones; float64 for float64 images, else float32."""
        total = sum(weight * self.error(term, decoded, images) for term, weight in self.terms.items())
        assert isinstance(total, Tensor)
        return total

    def error(self, term: str, decoded: Tensor, images: Tensor) -> Tensor:
        """One term of the sum, unweighted, (B,)."""
        if decoded.ndim != 4:
            raise ValueError(f"images must be (batch, channels, height, width); got shape {tuple(decoded.shape)}")
        error: Tensor
        if term == "mse":
            error = limen.mse(decoded, images)
        elif term == "mae":
            error = limen.mae(decoded, images)
        elif term == "ssim":
            error = 1 - limen.ssim(decoded, images, data_range=1.0, convention=self.convention)
        elif term == "ms-ssim":
            error = 1 - limen.ms_ssim(decoded, images, data_range=1.0, convention=self.convention)
        else:
            options = {"value_range": (0, 1), "check_range": False, **self.lpips_options}
            net = term.removeprefix("lpips-")
            error = limen.lpips(_coloured(decoded), _coloured(images), net=net, **options)
        return error


def objective(
    name: str, *, convention: str | Convention = "snell", lpips_options: Mapping[str, Any] | None = None
) -> Objective:
    """The error of that name, one number an image.

    Declared choices: SSIM and MS-SSIM are taken per channel and averaged; ``"snell"`` has five scales of exponent 1 and
    repeats edge pixels, since windows of 11 pixels otherwise don't fit into the coarsest scale of 96 x 96. A
    similarity s enters as 1 - s.

    Parameters
    ----------
    name
        ``"mse"``, ``"mae"``, ``"ssim"``, ``"ms-ssim"``, ``"lpips-alex"``, ``"lpips-vgg"``, ``"lpips-squeeze"``, or a
        sum such as ``"0.8*ms-ssim+0.2*mae"``; weights are finite and above 0.
    convention
        Whose SSIM and MS-SSIM; a name or a `limen.Convention`.
    lpips_options
        Keywords of `limen.lpips`, for example ``{"backbone": "random", "linear": None}``. Grey images are repeated.

    Returns
    -------
    objective
        Called with two tensors (B, C, H, W) in [0, 1], of which the first is the network's: a tensor (B,),
        differentiable in both.

    Raises
    ------
    TypeError, ValueError
        Naming the part of the name that is wrong and what would do.

    Examples
    --------
    >>> import torch
    >>> images = torch.rand(4, 3, 96, 96)
    >>> objective("0.8*ms-ssim+0.2*mae")(images, images)
    tensor([0., 0., 0., 0.])
    """
    if not isinstance(name, str):
        raise TypeError(f"objective must be a name such as 'ms-ssim'; got {type(name).__name__}")
    terms: dict[str, float] = {}
    for part in name.split("+"):
        weight, term = _parsed(part.strip(), name)
        if term in terms:
            raise ValueError(f"objective {name!r} names {term} twice")
        terms[term] = weight
    fields = as_convention(convention)
    if "ms-ssim" in terms:
        _ = fields.ms_ssim_min_side  # which raises where the convention has none
    return Objective(name, terms, fields, dict(lpips_options or {}))


def missing_weights(name: str) -> str | None:
    """Why an objective can't be had: the weights of LPIPS are neither on this machine nor on the network. Else None."""
    for term in objective(name).terms:
        if term in LPIPS:
            try:
                lpips_model(net=term.removeprefix("lpips-"), value_range=(0, 1), check_range=False)
            except (FileNotFoundError, ValueError) as error:
                return str(error)
    return None


def _parsed(part: str, name: str) -> tuple[float, str]:
    found = _TERM.fullmatch(part)
    if found is None or found[2] not in OBJECTIVES:
        where = "" if part == name else f" in {name!r}"
        raise ValueError(
            f"objective {part!r}{where} is none of {', '.join(OBJECTIVES)}, nor one of them with a weight as in "
            "'0.8*ms-ssim+0.2*mae'"
        )
    weight = float(found[1] or 1)
    if not 0 < weight < float("inf"):
        raise ValueError(f"the weight of {found[2]} must be finite and above 0; got {found[1]} in objective {name!r}")
    return weight, found[2]


def _coloured(images: Tensor) -> Tensor:
    """Grey images in three channels, without a copy."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
