"""The course of a training, an epoch a row."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import Any

import torch

from ..torch._lightning import lightning


class History(lightning.Callback):
    """Keeps the mean losses of every epoch, in the checkpoints and in a CSV file.

    Rows have epoch, step, training (the mean loss of the epoch's batches, those of all processes), validation, and its
    parts by name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        self._losses: list[float] = []

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, *_: Any) -> None:
        """Take note of a loss."""
        self._losses.append(float(outputs["loss"]))

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Write the row of an epoch."""
        training = math.fsum(self._losses) / max(1, len(self._losses))
        if trainer.world_size > 1:
            training = float(trainer.strategy.reduce(torch.tensor(training, device=module.device), reduce_op="mean"))
        self._losses.clear()
        validation = {
            name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("validation")
        }
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, "training": training, **validation}
        self.rows.append(row)
        if trainer.is_global_zero:
            _write(self.path, self.rows)

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.rows = list(state_dict["rows"])


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a `history.csv`.

    Raises
    ------
    ValueError
        If it is none.
    """
    with open(path, newline="", encoding="utf-8") as file:
        try:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def _write(path: Path, rows: list[dict[str, float]]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
