"""The images a network is trained on: found, brought into its shape, and handed out in batches."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torch.utils.data import DataLoader

from ..torch._lightning import lightning
from ._binary_sets import CIFAR_FILES, STL_FILES, cifar10, stl10
from ._fit import as_it_is, shuffled
from ._image_sets import Splits
from ._layers import Shape
from ._patches import Cut, builtin_photographs, photograph_folder
from ._yale import face_splits, is_yale, read_yale

_HELD_OUT_BATCH = 64


def find_images(folder: Path | None, cut: Cut) -> Splits:
    """The images of a folder, in the shape they have there.

    A folder with the binary files of STL-10 or CIFAR-10 is that data set; one with files such as
    ``yaleB01_P00A+000E+00.pgm`` is Extended Yale B; of every other folder patches are cut as `photograph_folder` says,
    and of the photographs in scikit-image where there is none.

    Raises
    ------
    ImportError, ValueError
        Naming what is missing or broken.
    """
    if folder is None:
        return builtin_photographs(cut)
    if any((folder / name).is_file() for name in STL_FILES):
        return stl10(folder)
    if any((folder / name).is_file() for name in CIFAR_FILES):
        return cifar10(folder)
    if folder.is_dir() and is_yale(folder):
        return face_splits(read_yale(folder), "Extended Yale B", cut.seed)
    return photograph_folder(folder, cut)


class ImageData(lightning.LightningDataModule):
    """Batches for Lightning: uint8 tensors (B, C, H, W), which the training turns into [0, 1] on its own device.

    The order depends on the seed and the epoch alone, so that every objective sees the same batches, and a run that
    was stopped goes on as it would have. What doesn't fill a batch is left out of an epoch.

    Parameters
    ----------
    splits
        Those of `find_images`.
    shape
        Channels, height and width of the network's images.
    batch_size, seed
        Of training.

    Raises
    ------
    ValueError
        If there are fewer images for training than a batch takes, or they are smaller than the shape.
    """

    def __init__(self, splits: Splits, shape: Shape, *, batch_size: int = 32, seed: int = 0) -> None:
        super().__init__()
        if batch_size < 1 or len(splits.train) < batch_size:
            raise ValueError(
                f"batch_size must be from 1 to the number of images for training, {len(splits.train)}; got {batch_size}"
            )
        self.splits = splits.adapted(shape)
        self.batch_size, self.seed = batch_size, seed

    def train_dataloader(self) -> DataLoader[Tensor]:
        """All images for training, in another order each epoch."""
        return shuffled(self.splits.train, self.batch_size, self.seed, self.trainer, drop_last=True)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """The images for validation, in order."""
        batch = min(_HELD_OUT_BATCH, len(self.splits.validation))
        return DataLoader(self.splits.validation, batch_size=batch, collate_fn=as_it_is)  # type: ignore[arg-type]
