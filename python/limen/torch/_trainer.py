"""Lightning's trainer as every training here takes it."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch

from ._lightning import MisconfigurationException, TorchCheckpointIO, lightning


class WholeFiles(TorchCheckpointIO):
    """Fills a file beside the checkpoint and moves it there, so that a full disk leaves the checkpoint before it."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write, or raise OSError that names the file."""
        path = Path(path)
        # In memory first: to a full disk PyTorch's own writer answers with an error that doesn't say so.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            kept = "; the one before it is kept" if path.exists() else ""
            raise OSError(error.errno, f"can't write a checkpoint ({error.strerror}){kept}", str(path)) from error
        finally:
            temporary.unlink(missing_ok=True)


def make_trainer(**options: Any) -> lightning.Trainer:
    """A trainer whose checkpoints are whole files.

    Raises
    ------
    ValueError
        If Lightning refuses an option, such as an accelerator that this machine hasn't.
    """
    try:
        return lightning.Trainer(plugins=[WholeFiles()], **options)
    except MisconfigurationException as error:
        # The reasons come as paragraphs, and a message here is one line.
        raise ValueError(" ".join(str(error).split())) from error
