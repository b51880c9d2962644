"""Training LPIPS on 2AFC judgements, with Lightning for the loop."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, DistributedSampler
from torch.utils.data import Dataset as TorchDataset

from limen._backbones import backbone_named
from limen._whole_files import write_atomically
from limen.torch._lightning import lightning
from limen.torch._trainer import make_trainer

from ._dataset import Dataset, Subset
from ._ranking import RankingNetwork, distances, project, ranking_loss, trainable_lpips
from ._trained import save_weights

MODES = ("lin", "tune", "scratch")
CHECKPOINT, WEIGHTS, RECORD = "last.ckpt", "weights.pth", "training.json"

_BETAS = (0.5, 0.999)
_STRIDE = 0x9E3779B1  # Odd, so that step, rank and seed don't meet by chance in small multiples of each other.

Batch = Sequence[Tensor]


@dataclass(frozen=True)
class TrainingOptions:
    """How to train; the defaults are those of the paper and its code.

    Parameters
    ----------
    net
        ``"alex"``, ``"vgg"``, ``"squeeze"`` or ``"caffe-alex"``.
    mode
        ``"lin"``: weights of channels on a fixed network. ``"tune"``: the network too, from `backbone` on.
        ``"scratch"``: the network too, from Gaussian weights on.
    backbone
        As for `limen.torch.LPIPS`; of no account for ``"scratch"``.
    epochs, decay_epochs
        So many at `lr`, then so many on the way down to zero.
    dropout
        Of squared differences, before they are weighted.
    seed
        Of weights, order and dropout.
    """

    net: str = "alex"
    mode: str = "lin"
    backbone: str = "pretrained"
    epochs: int = 5
    decay_epochs: int = 5
    batch_size: int = 50
    lr: float = 1e-4
    dropout: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        backbone_named(self.net)
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}; got {self.mode!r}")
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.decay_epochs < 0:
            raise ValueError(f"decay_epochs must not be negative; got {self.decay_epochs}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {self.dropout:g}")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be positive and finite; got {self.lr:g}")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"seed must be from 0 to {(1 << 32) - 1}; got {self.seed}")


class PerceptualTraining(lightning.LightningModule):
    """LPIPS and the ranking network, trained together; `val_names` are those of the validation loaders."""

    def __init__(self, options: TrainingOptions, val_names: Sequence[str] = ()) -> None:
        super().__init__()
        self.options, self.val_names = options, val_names
        backbone = "random" if options.mode == "scratch" else options.backbone
        self.metric = trainable_lpips(options.net, options.mode, backbone)
        self.ranking = RankingNetwork()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of a batch: reference and candidates uint8 (N, H, W, 3), judgements (N,)."""
        *images, judge = batch
        # What drops out depends on seed and step alone, so that a run that was stopped goes on as it would have.
        step = (self.options.seed * _STRIDE + self.global_step) * _STRIDE + self.global_rank
        torch.manual_seed(step % (1 << 63))
        d0, d1 = distances(self.metric, images, self.options.dropout)
        loss = ranking_loss(self.ranking(d0, d1), judge)
        if not torch.isfinite(loss):
            step = self.global_step + 1
            raise FloatingPointError(f"the loss became {loss.item()} at step {step} with lr {self.options.lr:g}")
        self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=True, batch_size=len(judge))
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Projection to w >= 0, of the linear weights only."""
        project(self.metric)

    def validation_step(self, batch: Batch, _: int, dataloader_idx: int = 0) -> None:
        """2AFC of a batch, which is averaged over the subset."""
        *images, judge = batch
        d0, d1 = distances(self.metric, images, 0.0)
        score = torch.where(d0 < d1, 1 - judge, torch.where(d0 > d1, judge, 0.5)).mean()
        name = f"val_2afc_{self.val_names[dataloader_idx]}"
        self.log(name, score, on_epoch=True, batch_size=len(judge), add_dataloader_idx=False, sync_dist=True)

    def check_weights(self) -> None:
        """Raise FloatingPointError unless all are finite: the last step of an epoch has no loss after it that tells."""
        for name, parameter in self.named_parameters():
            if not torch.isfinite(parameter).all():
                step, lr = self.global_step, self.options.lr
                raise FloatingPointError(f"{name} isn't finite after step {step} with lr {lr:g}")

    def configure_optimizers(self) -> Any:
        """Adam, at one rate and then linearly down, epoch by epoch."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(trained, self.options.lr, _BETAS)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}

    def rate(self, epoch: int) -> float:
        """The learning rate's factor in an epoch, counted from 0. As in the original the first to decay is at full rate
        still, and the last isn't at zero.
        """
        return 1 - max(0, epoch - self.options.epochs) / max(1, self.options.decay_epochs)


class TripletData(lightning.LightningDataModule):
    """Training subsets in one, in an order that depends on seed and epoch alone; validation subsets one by one."""

    def __init__(
        self, train: Sequence[Subset], val: Sequence[Subset], batch_size: int, *, seed: int = 0, workers: int = 0
    ) -> None:
        super().__init__()
        self.train, self.val, self.batch_size, self.seed, self.workers = train, val, batch_size, seed, workers

    def train_dataloader(self) -> DataLoader[Any]:
        """All training triplets, in another order each epoch; each process of several has its share."""
        triplets: TorchDataset[Any] = ConcatDataset([_Triplets(subset) for subset in self.train])
        trainer = self.trainer
        world, rank = (trainer.world_size, trainer.global_rank) if trainer else (1, 0)
        # PyTorch's sampler for many processes serves one as well: its order is a function of seed and epoch.
        return self._loader(triplets, DistributedSampler(triplets, world, rank, seed=self.seed))

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """One a subset, so that each is scored by itself."""
        return [self._loader(_Triplets(subset)) for subset in self.val]

    def _loader(self, triplets: TorchDataset[Any], sampler: DistributedSampler[Any] | None = None) -> DataLoader[Any]:
        return DataLoader(
            triplets,
            self.batch_size,
            sampler=sampler,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
        )


class _Triplets(TorchDataset[Any]):
    def __init__(self, subset: Subset) -> None:
        self.subset = subset

    def __len__(self) -> int:
        return len(self.subset)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        images = (torch.from_numpy(image.copy()) for image in self.subset.images(index))
        return *images, torch.tensor(self.subset.judgements[index], dtype=torch.float32)


class _WriteWeights(lightning.Callback):
    """The weights as they stand after every epoch, beside the checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        module.check_weights()  # Before Lightning writes its checkpoint.
        if trainer.is_global_zero:
            save_weights(module.metric, self.path)


def train(
    dataset: Dataset,
    output: Path,
    options: TrainingOptions | None = None,
    *,
    subsets: Sequence[str] | None = None,
    resume: bool = False,
    workers: int = 0,
    **trainer_options: Any,
) -> dict[str, float]:
    """Train on the 2AFC training subsets, validating on those that the validation split has; the last figures.

    `output` gets the weights (weights.pth, for limen and for lpips), Lightning's checkpoint (last.ckpt) and a record of
    how they came about (training.json). `trainer_options` are those of Lightning's Trainer: devices, precision ...

    Parameters
    ----------
    resume
        Go on from `output`'s checkpoint, with the options that are recorded there; `options` must be None. On one kind
        of machine it comes to what it would have come to without a stop, on the CPU to the same bits.
    workers
        Processes that decode images.

    Raises
    ------
    FileExistsError, FileNotFoundError
        If `output` has been trained into and `resume` isn't said; or the other way round.
    FloatingPointError
        If the loss or a weight is not finite; what the epochs before wrote remains.
    OSError
        If a file can't be written: the one before it remains.
    ValueError
        If there is nothing to train on, an image or judgement is broken, or Lightning refuses an option.
    """
    checkpoint = output / CHECKPOINT
    if resume:
        if options is not None:
            raise ValueError("options must be None to resume: those of the first run are taken")
        if not checkpoint.is_file():
            raise FileNotFoundError(f"there is no {checkpoint} to resume from")
        options = TrainingOptions(**json.loads((output / RECORD).read_text())["options"])
    elif checkpoint.exists():
        raise FileExistsError(f"{checkpoint} is there already: resume it, or give another folder")
    options = options or TrainingOptions()
    train_subsets = dataset.select("2afc", "train", subsets)
    if not train_subsets:
        raise ValueError(f"{dataset.path} has no 2afc/train to train on")
    val = [subset for subset in dataset.select("2afc", "val") if subsets is None or subset.key.subset in subsets]
    for subset in (*train_subsets, *val):
        _ = subset.judgements  # A broken one is told of before the first epoch.
    lightning.seed_everything(options.seed, verbose=False)
    # Resumed, all weights come from the checkpoint: whatever they were before needn't be there any more.
    module = PerceptualTraining(
        dataclasses.replace(options, backbone="random") if resume else options, [subset.key.subset for subset in val]
    )
    output.mkdir(parents=True, exist_ok=True)
    record = {
        "options": dataclasses.asdict(options),
        "data": str(dataset.path),
        "subsets": {str(subset.key): len(subset) for subset in (*train_subsets, *val)},
        "judgements": "synthetic" if dataset.synthetic else "human",
        "observer": dataset.observer,
    }
    callbacks = [
        lightning.callbacks.ModelCheckpoint(output, Path(CHECKPOINT).stem, save_top_k=1, enable_version_counter=False),
        _WriteWeights(output / WEIGHTS),
    ]
    trainer = make_trainer(
        max_epochs=options.epochs + options.decay_epochs,
        callbacks=callbacks,
        default_root_dir=output,
        num_sanity_val_steps=0,
        **{"log_every_n_steps": 10, **trainer_options},
    )
    if trainer.is_global_zero:
        _write_record(output, record)
    with warnings.catch_warnings():
        # Lightning's advice on workers and loggers is the user's to take, and its deprecations aren't ours to mend.
        warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric|torch\.")
        data = TripletData(train_subsets, val, options.batch_size, seed=options.seed, workers=workers)
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint if resume else None)
    figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
    if trainer.is_global_zero:
        _write_record(output, {**record, "figures": figures})
    return figures


def _write_record(output: Path, record: dict[str, Any]) -> None:
    text = json.dumps(record, indent=1) + "\n"
    write_atomically(output / RECORD, lambda file: file.write(text.encode()))
