"""Training LPIPS: against the original's formulas written out, and round trips of what it leaves behind."""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import limen.torch
from bapps_sets import make_set
from limen.bapps import Dataset, _training
from limen.bapps._ranking import RankingNetwork, distances, project, ranking_loss, trainable_lpips
from limen.bapps._trained import save_weights
from limen.cli import main
from limen.torch._lightning import lightning
from lpips_peers import light_vgg
from peers import library
from torch_images import torch

QUIET: dict[str, Any] = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return Dataset(make_set(tmp_path_factory.mktemp("bapps"), items=6))


def batch(count: int = 5) -> list[Any]:
    rng = torch.Generator().manual_seed(0)
    reference = torch.randint(256, (count, 64, 64, 3), generator=rng, dtype=torch.uint8)
    others = [
        (reference.float() + s * torch.randn(reference.shape, generator=rng)).clamp(0, 255).byte() for s in (9, 30)
    ]
    return [reference, *others, torch.linspace(0, 1, count)]


@pytest.mark.parametrize("net", ["alex", "squeeze", "caffe-alex"])
def test_distance_is_that_of_the_kernel(net: str) -> None:
    torch.manual_seed(0)
    metric = trainable_lpips(net, "lin", "random")
    *images, _ = batch()
    with torch.no_grad():
        for written_out, other in zip(distances(metric, images, 0.0), images[1:], strict=True):
            assert torch.allclose(written_out, metric(images[0], other), rtol=1e-5)


def test_dropout_keeps_the_mean_and_changes_the_rest() -> None:
    torch.manual_seed(0)
    metric = trainable_lpips("alex", "lin", "random")
    images = batch(2)[:2]
    with torch.no_grad():
        plain = distances(metric, images, 0.0)[0]
        dropped = torch.stack([distances(metric, images, 0.5)[0] for _ in range(60)])
    assert (dropped.std(0) > 1e-3 * plain).all()
    assert torch.allclose(dropped.mean(0), plain, rtol=0.05)


@pytest.mark.parametrize("mode", ["lin", "scratch"])
def test_one_epoch_gives_what_the_original_formulas_give(data: Dataset, mode: str) -> None:
    """Its loss, optimiser, batches and projection written out, on the original's ranking network and Adam."""
    lpips = library("lpips")
    options = _training.TrainingOptions(
        net="squeeze", mode=mode, backbone="random", batch_size=4, dropout=0, lr=1e-4, epochs=1, decay_epochs=0
    )
    torch.manual_seed(1)
    module = _training.PerceptualTraining(options, ["traditional", "cnn"])
    start = {name: value.clone() for name, value in module.state_dict().items()}
    triplets = _training.TripletData(data.select("2afc", "train"), [], 4)
    order = [[tensor.clone() for tensor in some] for some in triplets.train_dataloader()]

    class InOrder(lightning.LightningDataModule):
        def train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(order, batch_size=None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's, of workers
        trainer = lightning.Trainer(max_epochs=1, enable_checkpointing=False, limit_val_batches=0, **QUIET)
        trainer.fit(module, datamodule=InOrder())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision has renamed what it calls
        peer = lpips.LPIPS(
            net="squeeze", pnet_rand=True, pretrained=False, pnet_tune=mode != "lin", use_dropout=False, verbose=False
        )
    peer.train()
    loss = lpips.BCERankingLoss()
    parameters = dict(peer.named_parameters())
    with torch.no_grad():
        for name, value in start.items():
            if name.startswith("metric.backbone."):
                _, layer, rest = name.removeprefix("metric.backbone.").split(".", 2)
                next(
                    p
                    for key, p in parameters.items()
                    if key.startswith("net.slice")
                    and key.endswith(f".{layer}.{rest}")
                    and key.count(".") == rest.count(".") + 3
                ).copy_(value)
            elif name.startswith("metric.linear."):
                parameters[f"lin{name.rpartition('.')[2]}.model.0.weight"].copy_(value[None, :, None, None])
            else:
                own = dict(loss.net.model.named_parameters())[name.removeprefix("ranking.layers.")]
                own.copy_(value.reshape(own.shape))
    optimiser = torch.optim.Adam([*peer.parameters(), *loss.net.parameters()], lr=1e-4, betas=(0.5, 0.999))
    for *images, judge in order:
        ref, p0, p1 = (image.permute(0, 3, 1, 2) / 127.5 - 1 for image in images)
        optimiser.zero_grad()
        judge = judge.reshape(-1, 1, 1, 1)
        loss(peer(ref, p0), peer(ref, p1), judge * 2 - 1).mean().backward()
        optimiser.step()
        for lin in peer.lins:  # The original clamps SqueezeNet's 1 x 1 convolutions along with these.
            lin.model[0].weight.data.clamp_(min=0)
    for k, weight in enumerate(module.metric.linear):
        assert (weight.detach() - start[f"metric.linear.{k}"]).abs().max() > 1e-4
        assert (weight.detach() - peer.lins[k].model[0].weight.flatten().detach()).abs().max() < 1e-5
    for own, theirs in zip(module.ranking.parameters(), loss.net.parameters(), strict=True):
        assert (own.detach() - theirs.detach().reshape(own.shape)).abs().max() < 1e-5
    moved = [not torch.equal(value, start[name]) for name, value in module.state_dict().items() if "backbone" in name]
    assert all(moved) if mode == "scratch" else not any(moved)
    if mode == "scratch":  # Projection has left the network alone.
        assert (module.metric.backbone.get_parameter("features.3.squeeze.weight") < 0).any()


def test_ranking_network_sees_what_the_paper_says() -> None:
    torch.manual_seed(0)
    network = RankingNetwork()
    d0, d1 = torch.rand(2, 6)
    assert network(d0, d1).shape == (6,)
    assert ranking_loss(torch.zeros(3), torch.tensor([0.0, 0.5, 1.0])) == pytest.approx(np.log(2))


def test_projection_is_of_linear_weights_only() -> None:
    metric = trainable_lpips("squeeze", "tune", "random")
    with torch.no_grad():
        metric.linear[0].fill_(-1)
    before = metric.backbone.state_dict()["features.3.squeeze.weight"].clone()
    project(metric)
    assert (metric.linear[0] == 0).all()
    assert torch.equal(metric.backbone.state_dict()["features.3.squeeze.weight"], before)
    assert (before < 0).any()


def test_learning_rate_is_the_originals() -> None:
    rates = [
        _training.PerceptualTraining.rate(type("", (), {"options": _training.TrainingOptions()})(), e)
        for e in range(10)
    ]  # type: ignore[arg-type]
    assert rates == pytest.approx([1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_weights_go_into_limen_and_into_lpips(net: str, tmp_path: Path) -> None:
    lpips = library("lpips")
    torch.manual_seed(0)
    metric = trainable_lpips(net, "scratch", "random")
    file = tmp_path / "weights.pth"
    save_weights(metric, file)
    *images, _ = batch(2)
    own = limen.torch.LPIPS(net, backbone=file, linear=file, channel_axis=-1)
    assert own.fingerprint() == metric.fingerprint()
    with light_vgg(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision has renamed what it calls
        peer = lpips.LPIPS(net=net, pnet_rand=True, pretrained=False, verbose=False)
        peer = lpips.LPIPS(net=net, pnet_rand=True, pretrained=True, model_path=str(file), verbose=False)
    assert torch.load(file).keys() == peer.state_dict().keys()
    x, y = (image.permute(0, 3, 1, 2) / 127.5 - 1 for image in images[:2])
    with torch.no_grad():
        assert torch.allclose(peer(x, y).flatten(), own(*images[:2]), rtol=1e-4)


def test_weights_of_a_network_that_lpips_has_not(tmp_path: Path) -> None:
    metric = trainable_lpips("caffe-alex", "tune", "random")
    save_weights(metric, tmp_path / "w.pth")
    again = limen.torch.LPIPS("caffe-alex", backbone=tmp_path / "w.pth", linear=tmp_path / "w.pth")
    assert again.fingerprint() == metric.fingerprint()


@pytest.mark.parametrize("mode", ["lin", "tune", "scratch"])
def test_round_trip_and_resuming(data: Dataset, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = tmp_path / "network.pth"
    torch.save(limen.torch.LPIPS("alex", backbone="random", linear=None).backbone.state_dict(), network)
    options = _training.TrainingOptions(mode=mode, backbone=str(network), epochs=1, decay_epochs=1, batch_size=8)
    figures = _training.train(data, tmp_path / "out", options, **QUIET)
    assert {"val_2afc_traditional", "val_2afc_cnn", "train_loss_epoch"} <= figures.keys()
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["judgements"] == "synthetic"
    file = tmp_path / "out" / "weights.pth"
    metric = limen.torch.LPIPS("alex", backbone=file, linear=file, channel_axis=-1)
    same = metric.backbone.state_dict()["features.0.weight"].equal(torch.load(network)["features.0.weight"])
    assert same == (mode == "lin")
    assert all((weight >= 0).all() for weight in metric.linear)

    # What stopped after one epoch of three and went on is what was never stopped, to the last bit.
    network.unlink()
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    options = dataclasses.replace(options, backbone=str(file), epochs=2, batch_size=4)
    _training.train(data, whole, options, **QUIET)
    with monkeypatch.context() as patch:
        patch.setattr(_training.PerceptualTraining, "on_train_epoch_start", _cut_power_in_the_second)
        with pytest.raises(InterruptedError):
            _training.train(data, stopped, options, **QUIET)
    torch.rand(3)
    _training.train(data, stopped, resume=True, **QUIET)
    a, b = (torch.load(folder / "weights.pth") for folder in (whole, stopped))
    assert all(torch.equal(a[key], b[key]) for key in a)
    with pytest.raises(FileExistsError, match="resume it, or give another folder"):
        _training.train(data, stopped, options, **QUIET)


def test_each_epoch_has_an_order_of_its_own(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    monkeypatch.setattr(
        _training.PerceptualTraining,
        "on_train_batch_start",
        lambda module, batch, number: seen.append(batch[0].flatten(1).sum(1).tolist()),
        raising=False,
    )
    options = _training.TrainingOptions(net="squeeze", backbone="random", epochs=2, decay_epochs=0, batch_size=12)
    _training.train(data, tmp_path / "out", options, **QUIET)
    first, second = seen
    assert sorted(first) == sorted(second)
    assert first != second


def _cut_power_in_the_second(module: Any) -> None:
    if module.current_epoch == 1:
        raise InterruptedError


def test_bad_options(data: Dataset, tmp_path: Path) -> None:
    for options, message in (
        ({"net": "resnet"}, "net must be one of"),
        ({"mode": "all"}, "mode must be one of lin, tune, scratch; got 'all'"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"decay_epochs": -1}, "decay_epochs must not be negative"),
        ({"dropout": 1.0}, "dropout must be in"),
        ({"lr": 0.0}, "lr must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            _training.TrainingOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="to resume from"):
        _training.train(data, tmp_path / "none", resume=True)


def test_command(data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["bapps", "train", str(data.path), str(out), "--logger", "none", "--accelerator", "cpu"]
    options = ["--mode", "scratch", "--epochs", "1", "--decay-epochs", "0", "--batch-size", "8", "--subset", "cnn"]
    assert main([*command, *options]) == 0
    printed = capsys.readouterr().out
    assert "SYNTHETIC judgements" in printed
    assert "val_2afc_cnn" in printed
    assert main(["bapps", "score", str(data.path), "--metric", f"alex-scratch=alex:{out / 'weights.pth'}"]) == 0
    assert "alex-scratch" in capsys.readouterr().out
    assert main([*command, *options]) == 2
    assert "resume it" in capsys.readouterr().err
    assert main([*command, "--resume", "--lr", "1"]) == 2
    assert "--lr can't be given with --resume" in capsys.readouterr().err
