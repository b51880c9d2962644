"""Training autoencoders: what is written, what goes on, what stops."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from limen.autoencoders import make
from limen.autoencoders._checkpoints import load
from limen.autoencoders._comparison import Comparison, compare
from limen.autoencoders._comparison_files import (
    read_reconstructions,
    write_reconstructions,
    write_scores,
    write_summary,
)
from limen.autoencoders._guard import DivergedError, check_gradients
from limen.autoencoders._history import read_history
from limen.autoencoders._image_sets import Splits
from limen.autoencoders._patches import Cut, builtin_photographs
from limen.autoencoders._training import Plan, train

FC = Plan("fc", {"widths": [24], "code_size": 6}, "ms-ssim", epochs=4, batch_size=16)
VAE = Plan("el-vae", {"shape": [3, 32, 32], "width": 2, "code_size": 4}, "mse", epochs=4, batch_size=16)
CPU = {"accelerator": "cpu", "devices": 1}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def splits() -> Splits:
    return builtin_photographs(Cut(side=32, train=56, held_out=28))


def weights(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


@pytest.mark.parametrize("plan", [FC, VAE], ids=["fc", "el-vae"])
def test_resumed_training_is_uninterrupted_training(plan: Plan, splits: Splits, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(plan, splits, whole, **CPU)
    torch.rand(7)  # The state of PyTorch's own generator must not matter.
    train(replace(plan, epochs=1), splits, parts, **CPU)
    train(plan, splits, parts, resume=True, **CPU)
    for name in ("last.ckpt", "best.ckpt"):
        a, b = weights(whole / name), weights(parts / name)
        assert a["global_step"] == b["global_step"]
        assert all(torch.equal(a["state_dict"][key], b["state_dict"][key]) for key in a["state_dict"])
        moments = [checkpoint["optimizer_states"][0]["state"] for checkpoint in (a, b)]
        for index, state in moments[0].items():
            assert all(torch.equal(state[key], moments[1][index][key]) for key in state)
    assert (whole / "history.csv").read_text() == (parts / "history.csv").read_text()


def test_training_learns_and_is_written_down(splits: Splits, tmp_path: Path) -> None:
    trained = train(replace(FC, objective="mse", epochs=12, learning_rate=0.01), splits, tmp_path / "run", **CPU)
    rows = read_history(tmp_path / "run" / "history.csv")
    assert [row["epoch"] for row in rows] == list(range(1, 13))
    assert [row["step"] for row in rows] == list(range(3, 39, 3))
    assert rows[-1]["training"] < 0.8 * rows[0]["training"]
    assert trained.record["objective"] == "mse"
    assert trained.record["images"] == "56 of 14 photographs from scikit-image"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["best.ckpt", "history.csv", "last.ckpt"]


def test_best_is_the_epoch_with_the_lowest_validation(splits: Splits, tmp_path: Path) -> None:
    plan = replace(FC, objective="mse", epochs=6, learning_rate=0.03)
    train(plan, splits, tmp_path, **CPU)
    rows = read_history(tmp_path / "history.csv")
    best = min(rows, key=lambda row: row["validation"])
    assert weights(tmp_path / "best.ckpt")["global_step"] == best["step"]


def test_early_stopping(splits: Splits, tmp_path: Path) -> None:
    plan = replace(FC, objective="mse", epochs=500, patience=2, learning_rate=0.05)
    train(plan, splits, tmp_path, **CPU)
    losses = [row["validation"] for row in read_history(tmp_path / "history.csv")]
    assert len(losses) < 500
    assert min(losses[-2:]) >= min(losses[:-2])


def test_warm_up_is_where_all_objectives_start(splits: Splits, tmp_path: Path) -> None:
    plan = replace(FC, epochs=1, warm_up=2, learning_rate=1e-12)
    a = train(plan, splits, tmp_path / "a", **CPU).model
    start = load(tmp_path / "a" / "warm-up" / "best.ckpt")
    assert start.record["objective"] == "mse"
    for one, other in zip(a.parameters(), start.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert not torch.equal(next(a.parameters()), next(make("fc", seed=0, **plan.options).parameters()))


def test_a_run_is_not_overwritten_nor_continued_as_another(splits: Splits, tmp_path: Path) -> None:
    train(replace(FC, epochs=1), splits, tmp_path, **CPU)
    with pytest.raises(ValueError, match="holds a run already"):
        train(FC, splits, tmp_path, **CPU)
    with pytest.raises(ValueError, match="is of another run: objective 'ms-ssim' instead of 'mae'"):
        train(replace(FC, objective="mae"), splits, tmp_path, resume=True, **CPU)
    with pytest.raises(ValueError, match="is of another run: model 'fc' instead of 'el-vae'"):
        train(VAE, splits, tmp_path, resume=True, **CPU)


def test_a_constant_too_large_stops_with_step_and_culprit(splits: Splits, tmp_path: Path) -> None:
    options = {**VAE.options, "constant": 1e38}
    with pytest.raises(DivergedError, match=r"step 1: .*C 1e\+38\); there is no checkpoint before it"):
        train(replace(VAE, options=options), splits, tmp_path, **CPU)


def test_a_learning_rate_too_high_keeps_the_last_good_checkpoint(splits: Splits, tmp_path: Path) -> None:
    train(replace(VAE, epochs=1), splits, tmp_path, **CPU)
    before = (tmp_path / "last.ckpt").read_bytes()
    content = weights(tmp_path / "last.ckpt")
    content["optimizer_states"][0]["param_groups"][0]["lr"] = 1e6
    torch.save(content, tmp_path / "last.ckpt")
    with pytest.raises(DivergedError, match=r"step \d+: .*; the checkpoint before it is .*last\.ckpt"):
        train(VAE, splits, tmp_path, resume=True, **CPU)
    assert all(value.isfinite().all() for value in weights(tmp_path / "last.ckpt")["state_dict"].values())
    assert all(parameter.isfinite().all() for parameter in load(tmp_path / "best.ckpt").model.parameters())
    assert len(before) > 0


def test_a_gradient_that_is_not_finite_is_named() -> None:
    model = make("fc", widths=[4])
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    check_gradients(model, "step 3")
    gradient = model.get_parameter("decoder.0.bias").grad
    assert gradient is not None
    gradient[0] = torch.nan
    with pytest.raises(DivergedError, match=r"step 3: the gradient of decoder\.0\.bias is not finite"):
        check_gradients(model, "step 3")


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_full_disk_is_told_and_the_checkpoint_before_it_kept(splits: Splits, tmp_path: Path) -> None:
    import resource

    train(replace(FC, epochs=1), splits, tmp_path, **CPU)
    before = (tmp_path / "last.ckpt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))  # as much as fits the disk, as it were
    try:
        with pytest.raises(OSError, match=r"can't write .*; what was there is kept.*\.ckpt"):
            train(FC, splits, tmp_path, resume=True, **CPU)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "last.ckpt").read_bytes() == before
    assert not list(tmp_path.glob(".*"))
    train(FC, splits, tmp_path, resume=True, **CPU)
    assert weights(tmp_path / "last.ckpt")["epoch"] == 3


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_files_that_are_no_checkpoint_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.ckpt"
    if content is None:
        torch.save({"state_dict": {}}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.ckpt is (damaged or no checkpoint|a checkpoint of something else)"):
        load(path)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*y\.ckpt"):
        load(tmp_path / "y.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be 1 or more"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"learning_rate": 1e38}, "at most 1e\\+30; got 1e\\+38"),
        ({"objective": "mss"}, "'mss' is none of"),
    ],
)
def test_plans_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FC, **changes)


@pytest.fixture(scope="module")
def comparison(splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    plan = replace(FC, epochs=2, warm_up=1)
    return compare(plan, ["mse", "ms-ssim"], [6, 3], splits, tmp_path_factory.mktemp("comparison"), **CPU)


def test_a_comparison_has_every_objective_and_size(comparison: Comparison) -> None:
    assert [(one.objective, one.code_size) for one in comparison.contenders] == [
        ("mse", 6),
        ("ms-ssim", 6),
        ("mse", 3),
        ("ms-ssim", 3),
    ]
    for one in comparison.contenders:
        assert one.images.shape == (28, 1, 32, 32)
        assert all(scores.shape == (28,) and np.isfinite(scores).all() for scores in one.scores.values())


def test_gains_are_paired_and_point_the_same_way(comparison: Comparison) -> None:
    metrics = {metric.name: metric for metric in comparison.metrics}
    a, b = comparison.contenders[:2]
    for name, sign in (("psnr", 1), ("mae", -1)):
        gain = comparison.gain(b, metrics[name])
        assert gain.mean == pytest.approx(sign * (b.scores[name] - a.scores[name]).mean())
        assert gain.low <= gain.mean <= gain.high
    assert comparison.gain(a, metrics["psnr"]).mean == 0


def test_a_comparison_is_written_and_read(comparison: Comparison, tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.csv", comparison)
    write_summary(tmp_path / "summary.json", comparison)
    write_reconstructions(tmp_path / "test.npz", comparison)
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 1 + 4 * 28
    originals, found = read_reconstructions(tmp_path / "test.npz")
    assert np.array_equal(originals.pixels, comparison.test.pixels)
    assert np.array_equal(found["ms-ssim", 3], comparison.contenders[3].images)
    (tmp_path / "test.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"test\.npz is damaged"):
        read_reconstructions(tmp_path / "test.npz")
