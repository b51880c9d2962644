"""Batches for Lightning."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler

from ..torch._lightning import lightning
from ._patches import Patches


class PatchData(lightning.LightningDataModule):
    """Batches of patches, in an order that depends on the seed and the epoch alone.

    So every objective sees the same batches, and a run that was stopped goes on as it would have.
    """

    def __init__(self, patches: Patches, *, batch: int, seed: int) -> None:
        super().__init__()
        self._patches, self._batch, self._seed = patches, batch, seed

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """All patches, in another order each epoch; each process of several has its share."""
        trainer = self.trainer
        world, rank = (trainer.world_size, trainer.global_rank) if trainer else (1, 0)
        # PyTorch's sampler for many processes serves one as well: its order is a function of seed and epoch.
        sampler: DistributedSampler[Any] = DistributedSampler(self._patches, world, rank, seed=self._seed)  # type: ignore[arg-type]
        return DataLoader(self._patches, self._batch, sampler=sampler, collate_fn=_as_it_is)  # type: ignore[arg-type]


def _as_it_is(batch: Any) -> Any:
    return batch
