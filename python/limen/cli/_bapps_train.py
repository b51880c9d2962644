"""`limen bapps train`: LPIPS trained on judgements."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from typing import Any

from limen.cli._bapps_data import open_dataset
from limen.cli._errors import UsageError

_OPTIONS = ("net", "mode", "backbone", "epochs", "decay_epochs", "batch_size", "lr", "dropout", "seed")


def run(arguments: Namespace) -> int:
    """Train; prints the last figures and where the weights lie."""
    given = {name: value for name in _OPTIONS if (value := getattr(arguments, name)) is not None}
    if arguments.resume and given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{named} can't be given with --resume: the options of the first run are taken")
    dataset = open_dataset(arguments)
    try:
        from limen.bapps._training import WEIGHTS, TrainingOptions, train
    except ImportError as error:
        raise UsageError(str(error)) from error
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
    print(dataset.observer)
    try:
        figures = train(
            dataset,
            arguments.output,
            None if arguments.resume else TrainingOptions(**given),
            subsets=arguments.subsets,
            resume=arguments.resume,
            workers=arguments.workers,
            **_trainer_options(arguments),
        )
    except (ValueError, ImportError, ArithmeticError) as error:
        raise UsageError(str(error)) from error
    for name, value in sorted(figures.items()):
        print(f"{name} {value:.4f}")
    print(arguments.output / WEIGHTS)
    return 0


def _trainer_options(arguments: Namespace) -> dict[str, Any]:
    devices = arguments.devices
    return {
        "accelerator": arguments.accelerator,
        "devices": int(devices) if devices.lstrip("-").isdigit() else devices,
        "num_nodes": arguments.nodes,
        "strategy": arguments.strategy,
        "precision": arguments.precision,
        "logger": _logger(arguments),
        "enable_progress_bar": sys.stderr.isatty(),
        "enable_model_summary": False,
    }


def _logger(arguments: Namespace) -> Any:
    if arguments.logger == "none":
        return False
    from limen.torch._lightning import lightning

    if arguments.logger == "csv":
        return lightning.loggers.CSVLogger(arguments.output, name="log", version="")
    try:
        return lightning.loggers.TensorBoardLogger(arguments.output, name="log", version="")
    except ModuleNotFoundError as error:
        raise UsageError(f"--logger tensorboard needs tensorboard: pip install tensorboard ({error})") from error
