"""Trains autoencoders for seconds each, keeps them as they were on the way, and distorts images with them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..._implementations import get_num_threads, set_num_threads
from ...torch import SSIMLoss
from .._apply import checked, checked_dtype
from .._kind import Pixels
from .._noise import spectral_noise
from ._network import Autoencoder
from ._plan import CORRUPTIONS, LOSSES, NORMALISATIONS, UPSAMPLINGS, Plan

SNAPSHOTS = (8, 24, 72, 216)

_BATCH = 8
_CROP = 32
_NOISE = 0.3  # Deviation at strength 1, of pictures in [0, 1].
_COARSEST = 6.0  # How many times smaller downsampling makes a picture at strength 1.


class Denoiser:
    """A trained autoencoder, as it was after each number of steps in `snapshots`."""

    def __init__(self, plan: Plan, networks: dict[int, Autoencoder]) -> None:
        self.plan = plan
        self._networks = networks

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Steps of training, fewest first."""
        return tuple(self._networks)

    def __call__(self, image: Pixels, steps: int, corruption: float = 0.0, seed: int = 0) -> Pixels:
        """What the autoencoder makes of an image.

        Parameters
        ----------
        image
            (H, W, 3) uint8.
        steps
            One of `snapshots`.
        corruption
            Strength in [0, 1] of the corruption put on the image before.
        seed
            Of the corruption's noise.

        Raises
        ------
        TypeError, ValueError
            Naming the argument.
        """
        image = checked(image)
        if steps not in self._networks:
            raise ValueError(f"steps must be one of {', '.join(map(str, self._networks))}; got {steps!r}")
        if not 0 <= corruption <= 1:
            raise ValueError(f"corruption must be in [0, 1]; got {corruption!r}")
        corrupted = corrupt(image / 255.0, self.plan.corruption, corruption, np.random.default_rng(seed))
        with torch.inference_mode():
            decoded = self._networks[steps](_to_tensor(corrupted[None]))[0]
        pixels: Pixels = (255 * decoded.permute(1, 2, 0)).round().clamp(0, 255).to(torch.uint8).numpy()
        return pixels


def train_denoiser(plan: Plan, patches: NDArray[np.uint8], *, snapshots: Sequence[int] = SNAPSHOTS) -> Denoiser:
    """Train one autoencoder on patches of photographs, with Adam, 8 crops of 32 x 32 at a time.

    Parameters
    ----------
    plan
        From `draw_plan`, or made by hand.
    patches
        (N, H, W, 3) uint8, at least 16 pixels each way.
    snapshots
        After how many steps to keep a copy, rising; training ends at the last.

    Returns
    -------
    The same for the same plan and patches, on one kind of processor.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what it is and what would do.
    """
    _check(plan)
    checked_dtype("patches", patches)
    if patches.ndim != 4 or patches.shape[-1] != 3 or not len(patches) or min(patches.shape[1:3]) < 16:
        raise ValueError(f"patches must have the shape (N, H, W, 3), H and W 16 or more; got {patches.shape}")
    steps = list(snapshots)
    if not steps or steps != sorted(set(steps)) or steps[0] < 1:
        raise ValueError(f"snapshots must be rising numbers from 1 up; got {snapshots!r}")

    rng = np.random.default_rng([plan.seed, 1])
    loss = _loss(plan.loss)
    kept: dict[int, Autoencoder] = {}
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        network = Autoencoder(plan)
        optimiser = torch.optim.Adam(network.parameters(), lr=plan.rate)
        for step in range(1, steps[-1] + 1):
            clean = _crops(patches, rng)
            strengths = plan.corruption_strength * rng.random(_BATCH)
            corrupted = np.stack(
                [
                    corrupt(one, plan.corruption, float(strength), rng)
                    for one, strength in zip(clean, strengths, strict=True)
                ]
            )
            optimiser.zero_grad(set_to_none=True)
            loss(network(_to_tensor(corrupted)), _to_tensor(clean)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if step in steps:
                kept[step] = copy.deepcopy(network).eval()
    return Denoiser(plan, kept)


@contextmanager
def one_thread() -> Iterator[None]:
    """Layers this small are slower on several threads, and far slower where other programs want the cores too.

    It also makes the weights independent of the number of cores.
    """
    before = torch.get_num_threads(), get_num_threads()
    torch.set_num_threads(1)
    set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        set_num_threads(before[1])


def _crops(patches: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float64]:
    """A batch of crops in [0, 1]: a network of convolutions learns the same from them as from whole patches, sooner."""
    side = min(_CROP, *patches.shape[1:3])
    crops = []
    for patch in patches[rng.integers(0, len(patches), _BATCH)]:
        top, left = (int(rng.integers(0, extent - side + 1)) for extent in patch.shape[:2])
        crops.append(patch[top : top + side, left : left + side])
    batch: NDArray[np.float64] = np.stack(crops) / 255.0
    return batch


def corrupt(picture: NDArray[np.float64], kind: str, strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A picture (H, W, 3) in [0, 1] made worse; strength 0 leaves it as it is."""
    if kind == "none" or strength == 0:
        return picture
    if kind == "white_noise":
        return picture + _NOISE * strength * spectral_noise(picture.shape, 0.0, rng)
    if kind == "pink_noise":
        return picture + _NOISE * strength * spectral_noise(picture.shape, 1.0, rng)
    if kind == "grey":
        grey: NDArray[np.float64] = picture.mean(axis=-1, keepdims=True)
        return picture + strength * (grey - picture)
    tensor = _to_tensor(picture[None])
    height, width = picture.shape[:2]
    factor = 1 + (_COARSEST - 1) * strength
    small = functional.interpolate(
        tensor, (max(round(height / factor), 1), max(round(width / factor), 1)), mode="bilinear", antialias=True
    )
    large = functional.interpolate(small, (height, width), mode="nearest")[0].permute(1, 2, 0)
    coarse: NDArray[np.float64] = large.numpy().astype(np.float64)
    return coarse


def _to_tensor(pictures: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32))


def _loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    if name == "ssim":
        return SSIMLoss(data_range=1.0)
    return functional.l1_loss if name == "l1" else functional.mse_loss


def _check(plan: Plan) -> None:
    """For plans that were made by hand."""
    if not isinstance(plan, Plan):
        raise TypeError(f"plan must be a Plan, as from draw_plan; got {type(plan).__name__}")
    for name, value, choices in (
        ("upsampling", plan.upsampling, UPSAMPLINGS),
        ("normalisation", plan.normalisation, NORMALISATIONS),
        ("corruption", plan.corruption, CORRUPTIONS),
        ("loss", plan.loss, LOSSES),
    ):
        if value not in choices:
            raise ValueError(f"{name} of a plan must be one of {', '.join(choices)}; got {value!r}")
    if not (1 <= plan.depth <= 4 and plan.width >= 1 and 0 <= plan.skips < plan.depth):
        raise ValueError(
            f"depth, width and skips of a plan must be 1 to 4, 1 or more, and less than depth; "
            f"got {plan.depth}, {plan.width} and {plan.skips}"
        )
