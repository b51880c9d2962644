"""Lightning as all trainings here use it."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler

from ..torch._lightning import lightning
from ..torch._trainer import make_trainer


def fit(
    module: lightning.LightningModule,
    data: lightning.LightningDataModule,
    epochs: int,
    callbacks: Sequence[lightning.Callback],
    *,
    resume_from: Path | None,
    progress: bool | None,
    **trainer_options: Any,
) -> None:
    """Train up to so many epochs; checkpoints are written whole, and a bar is shown on a terminal if progress is None.

    trainer_options: those of Lightning's `Trainer`: accelerator, devices, num_nodes, strategy, precision and others.
    """
    with _quiet():
        trainer = make_trainer(
            max_epochs=epochs,
            callbacks=list(callbacks),
            logger=False,
            enable_model_summary=False,
            enable_progress_bar=sys.stdout.isatty() if progress is None else progress,
            num_sanity_val_steps=0,
            **trainer_options,
        )
        trainer.fit(module, data, ckpt_path=None if resume_from is None else str(resume_from))


def saving(path: Path, **options: Any) -> lightning.Callback:
    """Writes that checkpoint after every epoch; options as of Lightning's `ModelCheckpoint`."""
    return lightning.callbacks.ModelCheckpoint(
        path.parent,
        path.stem,
        save_on_train_epoch_end=True,
        auto_insert_metric_name=False,
        enable_version_counter=False,
        **options,
    )


def shuffled(
    images: Any, batch_size: int, seed: int, trainer: lightning.Trainer | None, *, drop_last: bool
) -> DataLoader[Any]:
    """Batches as `images` hands them out, in an order that depends on seed and epoch alone; a share to each process."""
    world, rank = (trainer.world_size, trainer.global_rank) if trainer else (1, 0)
    # PyTorch's sampler for many processes serves one as well: its order is a function of seed and epoch.
    sampler: DistributedSampler[Tensor] = DistributedSampler(images, world, rank, seed=seed, drop_last=drop_last)
    return DataLoader(images, batch_size, sampler=sampler, drop_last=drop_last, collate_fn=as_it_is)


def is_first_process() -> bool:
    """Whether this process, of those that a strategy such as ddp starts, is the one to tell what came of a training."""
    return bool(lightning.utilities.rank_zero_only.rank == 0)  # type: ignore[attr-defined]


def as_it_is(batch: Any) -> Any:
    """For loaders of images that hand out whole batches."""
    return batch


class _quiet(warnings.catch_warnings):  # noqa: N801
    """Lightning's hints are for those who write trainings, not for those who run one."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric|torch\.")
        self._logger = logging.getLogger("pytorch_lightning")
        self._level = self._logger.level
        self._logger.setLevel(logging.ERROR)

    def __exit__(self, *error: Any) -> None:
        self._logger.setLevel(self._level)
        super().__exit__(*error)
