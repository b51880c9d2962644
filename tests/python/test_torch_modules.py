"""Modules and losses."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import limen
from limen import Convention
from torch_images import alike, assert_near, leaves, torch

limen_torch = pytest.importorskip("limen.torch")

CONVENTION = Convention(size=5, weights=(0.4, 0.6))
MODULES: dict[str, Any] = {"SSIM": limen.ssim, "MSSSIM": limen.ms_ssim}
EVERY = [*MODULES, *(f"{name}Loss" for name in MODULES)]


def module_of(name: str, **options: Any) -> Any:
    return getattr(limen_torch, name)(**{"data_range": 1.0, "convention": CONVENTION, **options})


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("options", [{}, {"reduction": "none"}, {"channel_axis": -1}, {"reduction": "mean"}], ids=str)
def test_modules_are_the_functions(name: str, options: dict[str, Any]) -> None:
    x, y = alike(2, 21, 21, 21)
    expected = MODULES[name](x, y, data_range=1.0, convention=CONVENTION, **options)
    assert torch.equal(module_of(name, **options)(x, y), expected)


@pytest.mark.parametrize("name", MODULES)
def test_losses_are_what_is_missing_to_one(name: str) -> None:
    x, y = leaves(*alike(2, 3, 21, 22))
    score = MODULES[name](x, y, data_range=1.0, convention=CONVENTION)
    loss = module_of(f"{name}Loss")(x, y)
    assert loss.shape == ()
    torch.testing.assert_close(loss, 1 - score.mean())
    of_loss, of_score = (torch.autograd.grad(value, x)[0] for value in (loss, 1 - score.mean()))
    assert_near(of_loss, of_score, 1e-6)
    assert module_of(f"{name}Loss")(x, x).item() == pytest.approx(0, abs=1e-6)


def test_what_comes_beside_the_score() -> None:
    x, y = alike(2, 3, 21, 22)
    score, ssim_map = module_of("SSIM", return_map=True)(x, y)
    torch.testing.assert_close(score, ssim_map.mean((-3, -2, -1)))
    score, scales = module_of("MSSSIM", return_scales=True, reduction="none")(x, y)
    torch.testing.assert_close(score, (scales ** torch.tensor(CONVENTION.weights)).prod(-1))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
@pytest.mark.parametrize("name", EVERY)
def test_copies(name: str, duplicate: Any) -> None:
    x, y = alike(2, 3, 21, 22)
    module = module_of(name)
    module(x, y)  # what is cached must not stand in the way
    other = duplicate(module)
    assert torch.equal(other(x, y), module(x, y))
    assert repr(other) == repr(module)


@pytest.mark.parametrize("name", EVERY)
def test_no_state(name: str) -> None:
    module = module_of(name)
    assert not module.state_dict()
    assert not list(module.parameters())
    assert module.to(torch.float64).train() is module


def test_representation() -> None:
    module = limen_torch.SSIM(data_range=1.0, channel_axis=-1, reduction="none")
    assert repr(module) == "SSIM(data_range=1.0, channel_axis=-1, convention='wang', reduction='none')"
    loss = limen_torch.MSSSIMLoss(data_range=255)
    assert repr(loss) == "MSSSIMLoss(data_range=255, channel_axis='auto', convention='wang', reduction='mean')"


@pytest.mark.parametrize("name", EVERY)
def test_unknown_convention_is_told_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="got 'wong'"):
        module_of(name, convention="wong")


@pytest.mark.parametrize("name", ["MSSSIM", "MSSSIMLoss"])
def test_no_ms_ssim_is_told_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="has no MS-SSIM"):
        module_of(name, convention="kornia")
