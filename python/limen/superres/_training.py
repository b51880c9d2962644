"""Training through Lightning: the loop, the progress bar, checkpoints and devices are its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import ModelCheckpoint, TQDMProgressBar
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from ..autoencoders import objective
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
        self.losses: list[float] = []

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """The mean of the objective over a batch."""
        bicubic, original = batch
        loss = self.objective(self.model(bicubic), original).mean()
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the {self.recipe.objective} loss became {loss.item()} in step {self.global_step}: a learning rate below "
                f"{self.recipe.learning_rate} would do; the checkpoint of the epoch before is kept"
            )
        self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True)
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


class _EpochOrder(Sampler[int]):
    """A random order that hangs on the seed and the epoch alone: a resumed run goes on in the order it would have had."""

    def __init__(self, data: Sized, seed: int) -> None:
        self._size, self._seed, self._epoch = len(data), seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(hash((self._seed, self._epoch)))
        return iter(torch.randperm(self._size, generator=generator).tolist())

    def __len__(self) -> int:
        return self._size


def train(recipe: Recipe, patches: Patches, directory: Path, *, resume: Path | None = None, **trainer: Any) -> Path:
    """Train, write a checkpoint after every epoch, and give the path of the last, ``last.ckpt`` in the directory.

    Parameters
    ----------
    recipe
        Every choice.
    patches
        Of `cut`, with the recipe's scale and side.
    directory
        Made where it is missing.
    resume
        A checkpoint to go on from.
    trainer
        Keywords of Lightning's Trainer, such as `devices`.
    """
    lightning.seed_everything(recipe.seed, verbose=False)
    module = SuperResolution(**dataclasses.asdict(recipe))
    loader = DataLoader(patches, batch_size=recipe.batch, sampler=_EpochOrder(patches, recipe.seed))
    checkpoint = ModelCheckpoint(directory, "last", save_on_train_epoch_end=True, enable_version_counter=False)
    options = {"logger": False, "enable_model_summary": False, "callbacks": [checkpoint], **trainer}
    lightning.Trainer(max_epochs=recipe.epochs, **options).fit(module, loader, ckpt_path=resume)
    return Path(checkpoint.best_model_path)
