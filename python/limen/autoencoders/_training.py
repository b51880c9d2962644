"""Training, through Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import limen

from ..torch._lightning import lightning
from ._checkpoints import BEST, LAST, RECORD, Trained, load, refuse_other_run
from ._data import ImageData
from ._fit import fit, saving
from ._guard import DivergedError, check_gradients, check_losses
from ._history import History
from ._image_sets import Splits, to_unit
from ._layers import Autoencoder
from ._models import make
from ._objectives import objective

# Odd, so that step, rank and seed don't meet by chance in small multiples of each other.
_STRIDE = 1_000_003
# Beyond, Adam can't compute its steps in float32.
_LARGEST_RATE = 1e30


@dataclass(frozen=True)
class Plan:
    """What makes one training: equal plans give equal networks, bit for bit on the CPU with as many threads.

    model: ``"fc"``, ``"conv"`` or ``"el-vae"``. options: those of the network. objective: a name that `objective`
    takes. epochs: passages through the images at most. patience: epochs without a better validation after which to
    stop; 0 never stops early. warm_up: epochs under the squared error before that, from which every objective then
    starts: MS-SSIM, a product of five similarities that are near zero for the images of drawn weights, has next to no
    slope there. Declared choices, where the paper is silent: Adam, and all the defaults here.
    """

    model: str
    options: Mapping[str, Any]
    objective: str
    epochs: int = 20
    learning_rate: float = 1e-3
    batch_size: int = 32
    seed: int = 0
    patience: int = 0
    warm_up: int = 0

    def __post_init__(self) -> None:
        objective(self.objective)
        for name, least in (("epochs", 1), ("patience", 0), ("warm_up", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more; got {getattr(self, name)}")
        if not 0 < self.learning_rate <= _LARGEST_RATE:
            raise ValueError(f"learning_rate must be above 0 and at most {_LARGEST_RATE:g}; got {self.learning_rate}")


class Training(lightning.LightningModule):
    """A network and its objective, as Lightning takes them: batches of uint8 images, Adam, the mean loss logged."""

    def __init__(self, plan: Plan, record: Mapping[str, Any]) -> None:
        super().__init__()
        self.model = make(plan.model, seed=plan.seed, **plan.options)
        self.objective = objective(plan.objective)
        self.plan, self.record = plan, record

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.model.parameters(), self.plan.learning_rate)

    def training_step(self, batch: Tensor) -> Tensor:
        """The loss of a batch."""
        images = to_unit(batch)
        losses = self.model.losses(images, self.objective, self._noise(self.global_step))
        check_losses(losses, images, self.model, f"step {self.global_step + 1}")
        self.log("loss", losses.total.detach(), prog_bar=True, logger=False)
        return losses.total

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Let no gradient that isn't finite reach the weights."""
        if not self._scales_gradients():
            check_gradients(self.model, f"step {self.global_step + 1}")

    def validation_step(self, batch: Tensor, number: int) -> None:
        """The loss of held-out images, with the same noise every time."""
        images = to_unit(batch)
        losses = self.model.losses(images, self.objective, self._noise(-1 - number))
        check_losses(losses, images, self.model, f"validation after step {self.global_step}")
        parts = {"validation": losses.total, **{f"validation {name}": part for name, part in losses.parts.items()}}
        self.log_dict(parts, batch_size=len(batch), sync_dist=True, logger=False)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """With what the network is and how it is trained."""
        checkpoint[RECORD] = dict(self.record)

    def _noise(self, step: int) -> torch.Generator:
        """Noise that depends on seed and step alone: equal for all objectives, and after a restart."""
        generator = torch.Generator(self.device)
        generator.manual_seed(((self.plan.seed * _STRIDE + step) * _STRIDE + self.global_rank) % (1 << 63))
        return generator

    def _scales_gradients(self) -> bool:
        # With float16 an overflow is expected: the scaler skips the step and takes a smaller scale.
        return self.trainer.precision == "16-mixed"


def record_of(plan: Plan, splits: Splits) -> dict[str, Any]:
    """What a checkpoint says it is of, in plain values. How long it trains is no part of it: a run may be prolonged."""
    network = make(plan.model, **plan.options)
    return {
        "model": plan.model,
        "options": network.options,
        "objective": plan.objective,
        "learning_rate": plan.learning_rate,
        "batch_size": plan.batch_size,
        "seed": plan.seed,
        "warm_up": plan.warm_up,
        "images": f"{len(splits.train)} of {splits.source}",
        "limen": limen.__version__,
    }


def train(
    plan: Plan,
    splits: Splits,
    folder: Path,
    *,
    resume: bool = False,
    start: Autoencoder | None = None,
    progress: bool | None = None,
    **trainer_options: Any,
) -> Trained:
    """Train a network; what was best in validation is returned.

    The folder then holds ``best.ckpt``, ``last.ckpt``, written after every epoch, and ``history.csv``.

    Parameters
    ----------
    plan, splits
        What is trained on what.
    folder
        Made where it is missing.
    resume
        Go on from ``last.ckpt`` where there is one. Without it a folder with a run in it is refused.
    start
        The network of `warm_up`, where it has been trained; else that is done first, in a folder within this one.
    progress
        A bar; None shows one on a terminal.
    trainer_options
        Those of Lightning's `Trainer`: accelerator, devices, num_nodes, strategy, precision and others.

    Raises
    ------
    DivergedError
        Naming the step and the culprit where the loss is not finite; the checkpoints written before remain.
    OSError
        If a checkpoint can't be written: the one before it remains.
    ValueError
        If the folder holds another run, or the images don't fit.
    """
    last = folder / LAST
    network = make(plan.model, **plan.options)
    record = record_of(plan, splits)
    if last.exists():
        if not resume:
            raise ValueError(f"{folder} holds a run already: resume it, or choose another folder")
        refuse_other_run(last, record)
    folder.mkdir(parents=True, exist_ok=True)
    data = ImageData(splits, network.shape, batch_size=plan.batch_size, seed=plan.seed)
    training = Training(plan, record)
    if plan.warm_up and not last.exists():
        if start is None:
            start = warm_up(plan, splits, folder / "warm-up", progress=progress, **trainer_options)
        training.model.load_state_dict(start.state_dict())
    try:
        fit(
            training,
            data,
            plan.epochs,
            _callbacks(plan, folder),
            resume_from=last if last.exists() else None,
            progress=progress,
            **trainer_options,
        )
    except DivergedError as error:
        kept = f"the checkpoint before it is {last}" if last.exists() else "there is no checkpoint before it"
        raise DivergedError(f"{error} ({_settings(plan, network)}); {kept}") from None
    return load(folder / BEST)


def warm_up(plan: Plan, splits: Splits, folder: Path, **options: Any) -> Autoencoder:
    """The network after the plan's epochs under the squared error; what is there already is not trained again."""
    before = replace(plan, objective="mse", epochs=plan.warm_up, warm_up=0, patience=0)
    return train(before, splits, folder, resume=True, **options).model


def _callbacks(plan: Plan, folder: Path) -> list[lightning.Callback]:
    made: list[lightning.Callback] = [History(folder / "history.csv")]
    if plan.patience:
        made.append(
            lightning.callbacks.EarlyStopping("validation", patience=plan.patience, check_on_train_epoch_end=True)
        )
    return [*made, saving(folder / BEST, monitor="validation"), saving(folder / LAST)]


def _settings(plan: Plan, network: Any) -> str:
    constant = f", C {network.constant:g}" if hasattr(network, "constant") else ""
    return f"learning rate {plan.learning_rate:g}{constant}"
