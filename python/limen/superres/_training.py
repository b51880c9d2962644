"""Training through Lightning: the loop, the progress bar, checkpoints and devices are its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..autoencoders import objective
from ..torch._lightning import lightning
from ._data import PatchData
from ._patches import Patches
from ._recipe import Recipe
from ._srcnn import SRCNN


class NotFiniteError(ArithmeticError):
    """The loss became infinite or no number."""


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
            raise NotFiniteError(
                f"the loss ({self.recipe.objective}) became {loss.item()} in step {self.global_step}: a learning_rate "
                f"below {self.recipe.learning_rate} would do; what earlier epochs wrote is kept"
            )
        self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True, batch_size=len(bicubic))
        return loss

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


def train(recipe: Recipe, patches: Patches, checkpoint: Path, *, resume: Path | None = None, **trainer: Any) -> None:
    """Train, and write the checkpoint after every epoch.

    Parameters
    ----------
    recipe
        Every choice.
    patches
        Of `cut` by the same recipe.
    checkpoint
        A path ending in ``.ckpt``.
    resume
        A checkpoint to go on from.
    trainer
        Keywords of Lightning's Trainer, such as `devices`.

    Raises
    ------
    NotFiniteError
        If the loss becomes infinite or no number, naming the step.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        module = SuperResolution(**dataclasses.asdict(recipe))
    saving = lightning.callbacks.ModelCheckpoint(
        checkpoint.parent, checkpoint.stem, save_on_train_epoch_end=True, enable_version_counter=False
    )
    options = {"logger": False, "enable_model_summary": False, **trainer}
    runner = lightning.Trainer(max_epochs=recipe.epochs, callbacks=[saving], **options)
    data = PatchData(patches, batch=recipe.batch, seed=recipe.seed)
    runner.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
