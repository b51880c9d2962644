"""Distortions by small autoencoders: drawn from seeds, better with training, worse with corruption."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from photographs import photograph

pytest.importorskip("torch")
pytest.importorskip("skimage")
pytest.importorskip("scipy")

import torch

import limen
from limen.distortions.cnn import (
    CORRUPTIONS,
    LOSSES,
    NORMALISATIONS,
    UPSAMPLINGS,
    Denoiser,
    Plan,
    draw_plan,
    train_denoiser,
)

Pixels = NDArray[np.uint8]

PLAN = Plan(5, 2, 8, 1, False, "bilinear", "none", 0.0, "white_noise", 0.5, "l2", 4e-3)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@functools.cache
def patches() -> Pixels:
    image = np.rint(255 * photograph("astronaut")).astype(np.uint8).transpose(1, 2, 0)
    rng = np.random.default_rng(0)
    places = rng.integers(0, 512 - 32, (64, 2))
    return np.stack([image[top : top + 32, left : left + 32] for top, left in places])


@functools.cache
def denoiser() -> Denoiser:
    return train_denoiser(PLAN, patches(), snapshots=(5, 40, 160))


def quality(made: Denoiser, steps: int, corruption: float = 0.0) -> float:
    scores = [limen.ssim(image, made(image, steps, corruption), channel_axis=-1) for image in patches()[:16]]
    return float(np.mean(scores))


def test_plans_follow_from_the_seed_and_vary() -> None:
    plans = [draw_plan(seed) for seed in range(60)]
    assert plans == [draw_plan(seed) for seed in range(60)]
    assert {plan.upsampling for plan in plans} == set(UPSAMPLINGS)
    assert {plan.normalisation for plan in plans} == set(NORMALISATIONS)
    assert {plan.corruption for plan in plans} == set(CORRUPTIONS)
    assert {plan.loss for plan in plans} == set(LOSSES)
    assert {plan.depth for plan in plans} == {1, 2, 3}
    assert all(plan.skips < plan.depth for plan in plans)
    assert Plan(**json.loads(json.dumps(plans[0].to_dict()))) == plans[0]


def test_more_training_is_nearer_to_the_original() -> None:
    few, some, many = (quality(denoiser(), steps) for steps in denoiser().snapshots)
    assert few < some < many
    assert many > few + 0.15


def test_more_corruption_is_farther() -> None:
    assert quality(denoiser(), 160, 0.0) > quality(denoiser(), 160, 0.5) > quality(denoiser(), 160, 1.0)


def test_same_plan_same_pictures() -> None:
    image = patches()[0]
    again = train_denoiser(PLAN, patches(), snapshots=(5,))
    np.testing.assert_array_equal(again(image, 5, 0.3, seed=1), denoiser()(image, 5, 0.3, seed=1))
    assert (again(image, 5, 0.3, seed=1) != again(image, 5, 0.3, seed=2)).any()
    other = train_denoiser(dataclasses.replace(PLAN, seed=6), patches(), snapshots=(5,))
    assert (other(image, 5) != again(image, 5)).any()


def test_training_leaves_torch_as_it_was() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    train_denoiser(PLAN, patches(), snapshots=(1,))
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("full_skip", [False, True])
def test_every_architecture_takes_any_size(upsampling: str, normalisation: str, full_skip: bool) -> None:
    plan = dataclasses.replace(
        PLAN, depth=3, skips=2, full_skip=full_skip, upsampling=upsampling, normalisation=normalisation, dropout=0.3
    )
    made = train_denoiser(plan, patches()[:8], snapshots=(2,))
    for shape in ((16, 16), (45, 23), (1, 70)):
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
        assert made(image, 2).shape == image.shape
    np.testing.assert_array_equal(made(image, 2), made(image, 2))  # No dropout any more.


@pytest.mark.parametrize(("corruption", "loss"), list(zip(CORRUPTIONS, (*LOSSES, *LOSSES), strict=False)))
def test_every_task_and_loss_is_learnt(corruption: str, loss: str) -> None:
    plan = dataclasses.replace(PLAN, corruption=corruption, loss=loss)
    made = train_denoiser(plan, patches(), snapshots=(2, 60))
    assert quality(made, 60) > quality(made, 2)
    image = patches()[0]
    changed = (made(image, 60, 1.0) != made(image, 60, 0.0)).any()
    assert changed == (corruption != "none")


def test_wrong_arguments_are_named() -> None:
    image = patches()[0]
    with pytest.raises(ValueError, match="seed must be 0 or more; got -1"):
        draw_plan(-1)
    with pytest.raises(ValueError, match="loss of a plan must be one of l1, l2, ssim; got 'gan'"):
        train_denoiser(dataclasses.replace(PLAN, loss="gan"), patches())
    with pytest.raises(ValueError, match="got 2, 8 and 2"):
        train_denoiser(dataclasses.replace(PLAN, skips=2), patches())
    with pytest.raises(ValueError, match=r"16 or more; got \(64, 8, 32, 3\)"):
        train_denoiser(PLAN, patches()[:, :8])
    with pytest.raises(TypeError, match="patches must be a uint8 NumPy array; got an array of float64"):
        train_denoiser(PLAN, patches() / 255.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="snapshots must be rising numbers from 1 up"):
        train_denoiser(PLAN, patches(), snapshots=(30, 10))
    with pytest.raises(ValueError, match="steps must be one of 5, 40, 160; got 41"):
        denoiser()(image, 41)
    with pytest.raises(ValueError, match=r"corruption must be in \[0, 1\]; got 2"):
        denoiser()(image, 5, 2)
