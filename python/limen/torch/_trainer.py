"""Lightning's trainer as every training here takes it."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path
from typing import Any, BinaryIO

import torch

from .._whole_files import write_atomically
from ._lightning import MisconfigurationException, TorchCheckpointIO, lightning
from ._state_dicts import said

_RESUMED = ("state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", "epoch", "global_step")


class WholeFiles(TorchCheckpointIO):
    """Writes whole checkpoints, so that a full disk leaves the one before, and goes on from whole ones only."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write, or raise OSError that names the file."""
        path = Path(path)
        # In memory first: to a full disk PyTorch's own writer answers with an error that doesn't say so.
        content = io.BytesIO()
        torch.save(checkpoint, content)

        def write(file: BinaryIO) -> None:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())  # On the disk before the old one goes: hours of training hang on it.

        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write)

    def load_checkpoint(self, path: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        """What a training goes on from, or ValueError that names the file: half of it would train something else."""
        try:
            found: Any = super().load_checkpoint(path, *arguments, **options)
        except Exception as error:  # Broken files make the reader raise anything.
            raise ValueError(f"{path} can't be read as a checkpoint: {said(error)}") from error
        missing = [name for name in _RESUMED if not isinstance(found, dict) or name not in found]
        if missing:
            raise ValueError(f"{path} has no {missing[0]}: a training can't go on from it")
        return dict(found)


class _Trainer(lightning.Trainer):
    def fit(self, *arguments: Any, **options: Any) -> None:
        """As Lightning's, which ends the process when it is interrupted; here KeyboardInterrupt comes through."""
        handler = signal.getsignal(signal.SIGINT)
        try:
            super().fit(*arguments, **options)
        except SystemExit as stop:
            if not isinstance(stop.__context__, KeyboardInterrupt):
                raise
            signal.signal(signal.SIGINT, handler)  # Which Lightning has switched off.
            raise stop.__context__ from None


def make_trainer(**options: Any) -> lightning.Trainer:
    """A trainer whose checkpoints are whole files, and which can be interrupted.

    Raises
    ------
    ValueError
        If Lightning refuses an option, such as an accelerator that this machine hasn't.
    """
    try:
        return _Trainer(plugins=[WholeFiles()], **options)
    except MisconfigurationException as error:
        # The reasons come as paragraphs, and a message here is one line.
        raise ValueError(" ".join(str(error).split())) from error
