"""SRCNN, the patches it learns from, its training and its scores."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import limen
from limen.superres import (
    NETS,
    SRCNN,
    Patches,
    Recipe,
    Source,
    compare,
    cut,
    degrade,
    held_out_photographs,
    load,
    restore,
    restore_and_score,
    training_photographs,
)
from limen.superres._checkpoints import check_resumable
from limen.superres._srcnn import margin
from photographs import crop


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def grey(name: str = "camera", height: int = 90, width: int = 77) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = np.rint(255 * crop(name, height, width)[0]).astype(np.uint8)
    return pixels


def sources(*images: NDArray[np.uint8]) -> list[Source]:
    return [Source(f"image {i}", lambda image=image: image) for i, image in enumerate(images)]  # type: ignore[misc]


RECIPE = Recipe(scale=3, patches=48, batch=16, epochs=2)


@pytest.mark.parametrize(("net", "left"), [("9-1-5", 21), ("9-5-5", 17)])
def test_network_is_the_papers(net: str, left: int) -> None:
    model = SRCNN(net)
    shapes = [tuple(layer.weight.shape) for layer in model.convolutions()]
    f1, f2, f3 = NETS[net]
    assert shapes == [(64, 1, f1, f1), (32, 64, f2, f2), (1, 32, f3, f3)]
    assert sum(layer.weight.numel() for layer in model.convolutions()) == {"9-1-5": 8032, "9-5-5": 57184}[net]
    image = torch.rand(2, 1, 33, 33)
    assert model(image).shape == (2, 1, left, left)
    assert model.restore(image).shape == image.shape
    lost = margin(net)
    assert torch.allclose(model.restore(image)[..., lost:-lost, lost:-lost], model(image), atol=1e-6)


@pytest.mark.parametrize("net", NETS)
def test_starts_from_the_bicubic_image_or_as_published(net: str) -> None:
    image = torch.rand(1, 1, 40, 35)
    assert torch.equal(SRCNN(net).restore(image), image)
    published = SRCNN(net, "published")
    deviations = [float(layer.weight.detach().std()) for layer in published.convolutions()]
    assert deviations == pytest.approx([1e-3] * 3, rel=0.15)
    assert all(
        float(layer.bias.detach().abs().sum()) == 0 for layer in published.convolutions() if layer.bias is not None
    )


def test_convolutions_are_correlations_with_repeated_edges() -> None:
    torch.manual_seed(0)
    model = SRCNN("9-1-5", "published").double()
    image = np.random.default_rng(0).random((14, 11))
    maps = [image]
    for number, layer in enumerate(model.convolutions()):
        weights, reach = layer.weight.detach().numpy(), layer.weight.shape[-1] // 2
        padded = [np.pad(np.maximum(m, 0) if number else m, reach, mode="edge") for m in maps]
        windows = [np.lib.stride_tricks.sliding_window_view(m, weights.shape[2:]) for m in padded]
        maps = [
            sum(np.einsum("hwij,ij->hw", w, k) for w, k in zip(windows, kernels, strict=True)) for kernels in weights
        ]
    found = model.restore(torch.from_numpy(image)[None, None]).detach().numpy()[0, 0]
    assert found == pytest.approx(maps[0], rel=1e-9)


def test_strips_are_seamless(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    model = SRCNN("9-5-5", "published").eval()
    for layer in model.convolutions():
        torch.nn.init.kaiming_normal_(layer.weight)
    bicubic = degrade(grey(), 3).bicubic
    whole = restore(model, bicubic)
    monkeypatch.setattr("limen.superres._scoring._STRIP_PIXELS", 7 * bicubic.shape[1])
    assert restore(model, bicubic) == pytest.approx(whole, abs=1e-5)


def test_patches_are_cut_from_degraded_images() -> None:
    y = grey()
    patches = cut(sources(y, grey("coins")), RECIPE)
    assert patches.bicubic.shape == (48, 1, 33, 33)
    assert patches.original.shape == (48, 1, 21, 21)
    pair = degrade(y, 3)
    windows = np.lib.stride_tricks.sliding_window_view(pair.bicubic, (33, 33))
    for number in range(24):  # the first image's
        (top, left), *others = np.argwhere((windows == patches.bicubic[number, 0].numpy()).all(axis=(2, 3)))
        assert not others
        assert (pair.original[top + 6 : top + 27, left + 6 : left + 27] == patches.original[number, 0].numpy()).all()
    again = cut(sources(y, grey("coins")), dataclasses.replace(RECIPE, objective="ssim"))
    assert torch.equal(again.bicubic, patches.bicubic)
    other = cut(sources(y, grey("coins")), dataclasses.replace(RECIPE, seed=1))
    assert not torch.equal(other.bicubic, patches.bicubic)


def test_images_that_cannot_be_used_are_left_out() -> None:
    def broken() -> NDArray[np.uint8]:
        raise ValueError("b.png: no image")

    found = cut([*sources(grey(), grey(height=32, width=80)), Source("b.png", broken)], RECIPE)
    assert len(found) == 16
    small = "image 1: 32 x 80 is smaller than a patch of 33 x 33 in whole pixels of scale 3"
    assert found.skipped == [small, "b.png: no image"]
    large = dataclasses.replace(RECIPE, scale=4, side=35)
    with pytest.raises(ValueError, match="no image can be used: image 0: 34 x 80 is smaller than a patch of 35 x 35"):
        cut(sources(grey(height=34, width=80)), large)
    with pytest.raises(ValueError, match="side must be at least 17, of which 9-5-5 leaves a pixel; got 16"):
        cut(sources(grey()), Recipe(scale=2, net="9-5-5", side=16))


def test_of_more_images_than_patches_some_are_drawn() -> None:
    few = dataclasses.replace(RECIPE, patches=3)
    assert len(cut(sources(*[grey()] * 5), few)) == 3


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("scale", 5, "scale must be one of 2, 3, 4; got 5"),
        ("net", "9-3-5", "net must be one of 9-1-5, 9-5-5; got '9-3-5'"),
        ("initial", "zero", "initial must be one of identity, published; got 'zero'"),
        ("objective", "msse", "objective 'msse' is none of mse, mae"),
        ("epochs", 0, "epochs must be at least 1; got 0"),
        ("batch", 1.5, "batch must be an integer; got 1.5"),
        ("learning_rate", float("nan"), "learning_rate must be finite and above 0; got nan"),
        ("last_layer_rate", -1, "last_layer_rate must be finite and above 0; got -1"),
        ("seed", -1, "seed must not be negative; got -1"),
    ],
)
def test_recipe_that_cannot_be(field: str, value: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        dataclasses.replace(RECIPE, **{field: value})


@pytest.fixture(scope="module")
def patches() -> Patches:
    return cut(sources(grey(), grey("coins")), RECIPE)


def trained(recipe: Recipe, patches: Patches, path: Path, **options: Any) -> Path:
    from limen.superres._training import train

    train(recipe, patches, path, accelerator="cpu", progress=False, **options)
    return path


@pytest.mark.parametrize("objective", ["mse", "mae", "ssim", "ms-ssim", "0.8*ms-ssim+0.2*mae"])
def test_training_lowers_the_loss(objective: str, patches: Patches, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, objective=objective, epochs=8, learning_rate=3e-4)
    found = load(trained(recipe, patches, tmp_path / "a.ckpt"))
    assert found.recipe == recipe
    assert found.epochs == 8
    losses = [float(line.split(",")[2]) for line in (tmp_path / "a.csv").read_text().splitlines()[1:]]
    assert len(losses) == 8
    assert losses[-1] < 0.99 * losses[0]


def test_resumed_training_is_uninterrupted_training(patches: Patches, tmp_path: Path) -> None:
    whole = load(trained(dataclasses.replace(RECIPE, epochs=3), patches, tmp_path / "whole.ckpt"))
    path = trained(RECIPE, patches, tmp_path / "parts.ckpt")
    parts = load(trained(dataclasses.replace(RECIPE, epochs=3), patches, path, resume=True))
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert (tmp_path / "whole.csv").read_text() == (tmp_path / "parts.csv").read_text()
    assert not torch.equal(
        next(whole.model.parameters()), next(load(trained(RECIPE, patches, tmp_path / "c.ckpt")).model.parameters())
    )


def test_objectives_start_equal_and_see_the_same(patches: Patches, tmp_path: Path) -> None:
    from limen.superres._data import PatchData
    from limen.superres._training import SuperResolution

    orders = [[batch[0] for batch in PatchData(patches, batch=16, seed=0).train_dataloader()] for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*orders, strict=True))
    torch.manual_seed(0)
    a = SuperResolution(**dataclasses.asdict(RECIPE))
    torch.manual_seed(0)
    b = SuperResolution(**dataclasses.asdict(dataclasses.replace(RECIPE, objective="ssim")))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_last_layer_learns_slower() -> None:
    from limen.superres._training import SuperResolution

    groups = SuperResolution(**dataclasses.asdict(RECIPE)).configure_optimizers().param_groups
    assert [(len(group["params"]), group["lr"]) for group in groups] == [(4, 1e-3), (2, pytest.approx(1e-4))]


def test_divergence_names_the_step_and_keeps_the_checkpoint(patches: Patches, tmp_path: Path) -> None:
    from limen.autoencoders._guard import DivergedError

    wild = dataclasses.replace(RECIPE, learning_rate=1e30)
    with pytest.raises(DivergedError, match=r"step 2: the loss, mse, became inf \(learning rate 1e\+30\); no epoch"):
        trained(wild, patches, tmp_path / "a.ckpt")
    assert not (tmp_path / "a.ckpt").exists()


def test_checkpoints_of_other_things(patches: Patches, tmp_path: Path) -> None:
    path = trained(RECIPE, patches, tmp_path / "a.ckpt")
    changes: list[tuple[dict[str, Any], str]] = [
        ({"scale": 2}, "was trained with scale 3; got scale 2"),
        ({"net": "9-5-5", "epochs": 9}, "was trained with net 9-1-5; got net 9-5-5"),
        ({}, "has its 2 epochs; epochs must be more to go on, got 2"),
    ]
    for changed, message in changes:
        with pytest.raises(ValueError, match=message):
            check_resumable(path, dataclasses.replace(RECIPE, **changed))
    with pytest.raises(ValueError, match=r"a\.ckpt exists already"):
        trained(RECIPE, patches, path)

    content = torch.load(path, weights_only=True)
    del content["state_dict"]["model.layers.1.bias"]
    torch.save(content, tmp_path / "part.ckpt")
    torch.save({"state_dict": {}, "limen": {"model": "fc"}}, tmp_path / "other.ckpt")
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for name, message in [
        ("part", r"doesn't fit; missing: model\.layers\.1\.bias"),
        ("other", "is no checkpoint of `limen superres train`"),
        ("text", "can't be read as a checkpoint"),
        ("none", "no such file"),
    ]:
        with pytest.raises(ValueError, match=message):
            load(tmp_path / f"{name}.ckpt")


def test_scores_are_of_what_is_left_inside_the_border() -> None:
    y = grey(height=200, width=187)
    found = restore_and_score("camera", y, 4, {"start": SRCNN()})
    pair = degrade(y, 4)
    a, b = (np.rint(255 * np.clip(image, 0, 1))[4:-4, 4:-4] for image in (pair.bicubic, pair.original))
    assert found.original.tolist() == b.tolist() == y[4:196, 4:180].tolist()
    scores = found.scores["bicubic"]
    assert found.scores["start"] == scores  # which is where the network starts
    assert scores.psnr == pytest.approx(10 * np.log10(255**2 / np.mean((a - b) ** 2)))
    assert scores.ssim == pytest.approx(float(limen.ssim(a, b, data_range=255)), abs=1e-6)
    assert scores.ms_ssim == pytest.approx(float(limen.ms_ssim(a, b, data_range=255)), abs=1e-6)


def test_small_flat_and_extreme_images() -> None:
    flat = restore_and_score("flat", np.full((30, 31), 255, np.uint8), 2, {})
    assert flat.scores["bicubic"].psnr == float("inf")
    assert flat.scores["bicubic"].ssim == 1
    assert flat.scores["bicubic"].ms_ssim is None
    tiny = restore_and_score("tiny", np.eye(12, dtype=np.uint8) * 255, 3, {"start": SRCNN()})
    assert tiny.scores["bicubic"].ssim is None
    assert np.isfinite(tiny.scores["start"].psnr)
    with pytest.raises(
        ValueError, match="small: 11 x 40 leaves too little to score at scale 3, which takes sides of at least 12"
    ):
        restore_and_score("small", np.zeros((11, 40), np.uint8), 3, {})


def test_differences_have_students_interval() -> None:
    images = [
        restore_and_score(str(i), grey(name, 64, 64), 2, {"start": SRCNN()})
        for i, name in enumerate(("camera", "coins", "moon"))
    ]
    for image, shift in zip(images, (0.3, 0.5, 0.1), strict=True):
        changed = dataclasses.replace(image.scores["bicubic"], psnr=image.scores["bicubic"].psnr + shift)
        image.scores["start"] = changed  # type: ignore[index]
    found = compare(images, "psnr", "start", "bicubic")
    assert found is not None
    assert found.difference == pytest.approx(0.3)
    assert found.half_width == pytest.approx(4.30265 * 0.2 / np.sqrt(3), rel=1e-5)
    assert found.mean == pytest.approx(np.mean([image.scores["start"].psnr for image in images]))
    assert compare(images, "ms_ssim", "start", "bicubic") is None  # too small for it


def test_training_and_test_photographs_differ() -> None:
    training, test = training_photographs(), held_out_photographs()
    assert len(training) == 9
    assert len(test) == 5
    assert not {source.name for source in training} & {source.name for source in test}
    assert all(source.load().ndim == 2 for source in (*training, *test))
