"""Batches for Lightning."""

from __future__ import annotations

from torch import Tensor
from torch.utils.data import DataLoader

from ..autoencoders._fit import shuffled
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
        return shuffled(self._patches, self._batch, self._seed, self.trainer, drop_last=False)
