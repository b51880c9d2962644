"""Training through Lightning: the loop, the progress bar, checkpoints and devices are its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..autoencoders import objective
from ..autoencoders._fit import fit, saving
from ..autoencoders._guard import DivergedError, check_gradients
from ..autoencoders._history import History
from ..torch._lightning import lightning
from ._checkpoints import check_resumable
from ._data import PatchData
from ._patches import Patches
from ._recipe import Recipe
from ._srcnn import SRCNN


class SuperResolution(lightning.LightningModule):
    """SRCNN under an objective. The recipe is its hyperparameters, so that a checkpoint says how it came about."""

    def __init__(self, **recipe: Any) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.recipe = Recipe(**recipe)
        self.objective = objective(self.recipe.objective)
        self.model = SRCNN(self.recipe.net, self.recipe.initial)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """The mean of the objective over a batch."""
        bicubic, original = batch
        loss = self.objective(self.model(bicubic), original).mean()
        if not torch.isfinite(loss):
            raise DivergedError(f"step {self.global_step + 1}: the loss, {self.recipe.objective}, became {loss.item()}")
        self.log("loss", loss.detach(), prog_bar=True)
        return loss

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Let no gradient that isn't finite reach the weights."""
        check_gradients(self.model, f"step {self.global_step + 1}")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, the last layer slower."""
        *first, last = self.model.convolutions()
        rate = self.recipe.learning_rate
        return torch.optim.Adam(
            [
                {"params": [parameter for layer in first for parameter in layer.parameters()], "lr": rate},
                {"params": list(last.parameters()), "lr": rate * self.recipe.last_layer_rate},
            ]
        )


def train(
    recipe: Recipe,
    patches: Patches,
    checkpoint: Path,
    *,
    resume: bool = False,
    progress: bool | None = None,
    **trainer_options: Any,
) -> float:
    """Train and give the mean loss of the last epoch.

    After every epoch the checkpoint is written, and the losses to a file of its name that ends in ``.csv``.

    Parameters
    ----------
    recipe
        Every choice.
    patches
        Of `cut` by the same recipe.
    checkpoint
        A path ending in ``.ckpt``; its folder is made where it is missing.
    resume
        Go on from the checkpoint where there is one. Without it one that is there is refused.
    progress
        A bar; None shows one on a terminal.
    trainer_options
        Those of Lightning's `Trainer`: accelerator, devices, num_nodes and others.

    Raises
    ------
    DivergedError
        Naming the step where the loss or a gradient is not finite; the checkpoint written before remains.
    OSError
        If the checkpoint can't be written: the one before it remains.
    ValueError
        If the checkpoint is of another run.
    """
    resumed = checkpoint.exists()
    if resumed:
        if not resume:
            raise ValueError(f"{checkpoint} exists already: resume it, or choose another name")
        check_resumable(checkpoint, recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        module = SuperResolution(**dataclasses.asdict(recipe))
    history = History(checkpoint.with_suffix(".csv"))
    data = PatchData(patches, batch=recipe.batch, seed=recipe.seed)
    try:
        fit(
            module,
            data,
            recipe.epochs,
            [history, saving(checkpoint)],
            resume_from=checkpoint if resumed else None,
            progress=progress,
            **trainer_options,
        )
    except DivergedError as error:
        kept = f"{checkpoint} is what the epoch before left" if checkpoint.exists() else "no epoch was finished"
        raise DivergedError(f"{error} (learning rate {recipe.learning_rate:g}); {kept}") from None
    return history.rows[-1]["training"]
