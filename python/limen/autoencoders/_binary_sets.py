"""STL-10 and CIFAR-10, as their authors pack them into binary files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._image_sets import Splits, each_its_own

Pixels = NDArray[np.uint8]

_STL, _CIFAR = (3, 96, 96), (3, 32, 32)
STL_FILES = ("unlabeled_X.bin", "train_X.bin", "test_X.bin")
CIFAR_FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")


def read_stl10(path: Path) -> Pixels:
    """The images of one `*_X.bin` of STL-10, mapped into memory: uint8 (N, 3, 96, 96).

    Raises
    ------
    ValueError
        If the file doesn't hold whole images.
    """
    images = _records(path, int(np.prod(_STL))).reshape(-1, *_STL)
    return images.swapaxes(2, 3)  # Columns come first in the file.


def read_cifar10(path: Path) -> tuple[Pixels, Pixels]:
    """The images, uint8 (N, 3, 32, 32), and labels, uint8 (N,), of one batch of CIFAR-10.

    Raises
    ------
    ValueError
        If the file doesn't hold whole images, or a label is none.
    """
    records = _records(path, 1 + int(np.prod(_CIFAR)))
    labels = np.asarray(records[:, 0])
    if labels.max() > 9:
        raise ValueError(
            f"{path} is no batch of CIFAR-10: image {int(labels.argmax())} has label {labels.max()}, not 0-9"
        )
    return records[:, 1:].reshape(-1, *_CIFAR), labels


def stl10(folder: Path) -> Splits:
    """STL-10 in a folder: the unlabelled images for training, or the labelled ones where those are missing.

    A twentieth of them, at most 1000, at the end, is for validation. The test is `test_X.bin`.
    """
    name = next((name for name in STL_FILES[:2] if (folder / name).is_file()), None)
    if name is None or not (folder / "test_X.bin").is_file():
        raise ValueError(f"{folder} must have test_X.bin, and unlabeled_X.bin or train_X.bin, of STL-10")
    train, validation = _divided(read_stl10(folder / name))
    return Splits(
        each_its_own(train, "STL-10 train"),
        each_its_own(validation, "STL-10 validation"),
        each_its_own(read_stl10(folder / "test_X.bin"), "STL-10 test"),
        source="STL-10",
    )


def cifar10(folder: Path) -> Splits:
    """CIFAR-10 in a folder: those of its five batches that are there, and `test_batch.bin`; else as `stl10`."""
    batches = [folder / name for name in CIFAR_FILES[:-1] if (folder / name).is_file()]
    if not batches or not (folder / "test_batch.bin").is_file():
        raise ValueError(f"{folder} must have test_batch.bin and a data_batch_*.bin of CIFAR-10")
    train, validation = _divided(np.concatenate([read_cifar10(path)[0] for path in batches]))
    return Splits(
        each_its_own(train, "CIFAR-10 train"),
        each_its_own(validation, "CIFAR-10 validation"),
        each_its_own(read_cifar10(folder / "test_batch.bin")[0], "CIFAR-10 test"),
        source="CIFAR-10",
    )


def _records(path: Path, size: int) -> Pixels:
    """A file of records of `size` bytes, one a row."""
    length = path.stat().st_size
    if length == 0 or length % size:
        raise ValueError(
            f"{path} is empty, truncated or another file: its {length} bytes are no multiple of the {size} of an image"
        )
    return np.memmap(path, np.uint8, "r").reshape(-1, size)


def _divided(images: Pixels) -> tuple[Pixels, Pixels]:
    if len(images) < 2:
        raise ValueError(f"at least 2 images are needed, for training and validation; got {len(images)}")
    last = min(1000, max(1, len(images) // 20))
    return images[:-last], images[-last:]
