"""Tensors through the operators for GPUs and the CUDA core with emulated kernels: the CPU's tensors are taken for a GPU's.

Imported tests run here as they do for the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import emulated_cuda
import limen
from limen import Convention, conventions
from limen.torch._conventions import to_text
from test_torch_gradients import test_gradcheck_ms_ssim as test_gradcheck_ms_ssim
from test_torch_gradients import test_gradcheck_ssim as test_gradcheck_ssim
from test_torch_gradients import test_ms_ssim_of_every_convention as test_ms_ssim_of_every_convention
from test_torch_gradients import test_ssim_of_every_convention as test_ssim_of_every_convention
from torch_images import alike, assert_near, leaves, torch

ZERO = Convention(padding="zero", weights=(0.5, 0.5))


@pytest.fixture
def one_thread() -> None:
    """Asked for by some of those tests."""


@pytest.fixture(autouse=True)
def _gpu() -> Iterator[None]:
    with emulated_cuda.for_torch():
        yield


def on_cpu(function: Any, *arguments: Any, **keywords: Any) -> Any:
    """The same by the CPU's kernels, as NumPy arrays."""
    arrays = [a.detach().numpy() if isinstance(a, torch.Tensor) else a for a in arguments]
    return function(*arrays, **keywords)


@pytest.mark.parametrize("reduction", ["image", "mean", "none"])
@pytest.mark.parametrize("name", ["ssim", "ms_ssim", "mse", "mae", "psnr"])
def test_scores(name: str, reduction: str) -> None:
    keywords: dict[str, Any] = {"reduction": reduction}
    if name in ("ssim", "ms_ssim", "psnr"):
        keywords["data_range"] = 1.0
    if name in ("ssim", "ms_ssim"):
        keywords["convention"] = ZERO
    for shape in ((20, 21), (3, 20, 21), (2, 2, 3, 14, 15)):
        x, y = alike(*shape)
        got = getattr(limen, name)(x, y, **keywords)
        assert got.dtype == torch.float32
        assert_near(got, torch.as_tensor(on_cpu(getattr(limen, name), x, y, **keywords)), 1e-5)


def test_a_gradient_is_multiplied_by_what_comes_from_upstream() -> None:
    upstream = torch.tensor([3.0, -0.5])
    for metric in (limen.ssim, limen.ms_ssim):
        x, y = leaves(*alike(2, 3, 24, 25, dtype=torch.float64))
        metric(x, y, data_range=1.0, convention=ZERO).backward(upstream.double())
        function = {limen.ssim: limen.ssim_gradient, limen.ms_ssim: limen.ms_ssim_gradient}[metric]
        _, *expected = on_cpu(function, x, y, data_range=1.0, convention=ZERO)
        for leaf, gradient in zip((x, y), expected, strict=True):
            assert_near(leaf.grad, torch.as_tensor(gradient) * upstream[:, None, None, None], 1e-9)


@pytest.mark.parametrize("needs", [(True, False), (False, True)])
def test_one_gradient(needs: tuple[bool, bool]) -> None:
    x, y = (image.requires_grad_(need) for image, need in zip(alike(3, 24, 25), needs, strict=True))
    limen.ssim(x, y, data_range=1.0).backward()
    expected = on_cpu(limen.ssim_gradient, x, y, data_range=1.0)
    assert (x.grad is not None, y.grad is not None) == needs
    wanted = x.grad if needs[0] else y.grad
    assert_near(wanted, torch.as_tensor(expected[1 if needs[0] else 2]), 1e-4)


def test_losses_carry_gradients_to_half_precision_images() -> None:
    for loss in (
        limen.torch.SSIMLoss(data_range=1.0),
        limen.torch.MSSSIMLoss(data_range=1.0, convention=ZERO),
        limen.torch.L1SSIMLoss(0.2, data_range=1.0),
    ):
        x, y = leaves(*(image.half() for image in alike(2, 3, 24, 25)))
        (loss(x, y) * 1024).backward()  # as a gradient scaler does
        wide = leaves(*(image.detach().double() for image in (x, y)))
        (loss(*wide) * 1024).backward()
        for narrow, exact in zip((x, y), wide, strict=True):
            assert narrow.grad.dtype == torch.float16
            assert_near(narrow.grad.double(), exact.grad, 2e-3)


@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
def test_l1_ssim_loss_is_that_of_its_two_parts(weight: float) -> None:
    x, y = leaves(*alike(2, 3, 24, 25, dtype=torch.float64))
    loss = limen.torch.L1SSIMLoss(weight, data_range=1.0, convention="fused-ssim")(x, y)
    parts = (1 - weight) * (x - y).abs().mean() + weight * (
        1 - limen.ssim(x, y, data_range=1.0, convention="fused-ssim", reduction="mean")
    )
    assert_near(loss, parts, 1e-9)
    for got, want in zip(torch.autograd.grad(loss, (x, y)), torch.autograd.grad(parts, (x, y)), strict=True):
        assert_near(got, want, 1e-9)


def test_a_map_and_its_gradient() -> None:
    x, y = leaves(*alike(2, 3, 24, 25, dtype=torch.float64))
    score, map_ = limen.ssim(x, y, data_range=1.0, return_map=True)
    assert_near(map_.mean((1, 2, 3)), score, 1e-9)
    weight = torch.linspace(-1, 1, map_.numel(), dtype=torch.float64).reshape(map_.shape)
    ((map_ * weight).sum() + 2 * score.sum()).backward()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("limen.torch._functions.on_gpu", lambda x: False)
        a, b = leaves(x, y)
        again, its_map = limen.ssim(a, b, data_range=1.0, return_map=True)
        ((its_map * weight).sum() + 2 * again.sum()).backward()
    assert_near(x.grad, a.grad, 1e-9)
    assert_near(y.grad, b.grad, 1e-9)


def test_a_second_derivative_is_an_error() -> None:
    x, y = leaves(*alike(3, 20, 20, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(limen.ssim(x, y, data_range=1.0), x, create_graph=True)
    with pytest.raises(RuntimeError, match="can't be differentiated twice"):
        gradient.sum().backward()


def test_channels_last_tensors_have_channels_last_gradients() -> None:
    x, y = (i.contiguous(memory_format=torch.channels_last).requires_grad_() for i in alike(2, 3, 24, 25))
    limen.ssim(x, y, data_range=1.0).sum().backward()
    assert x.grad.is_contiguous(memory_format=torch.channels_last)
    assert_near(x.grad, torch.as_tensor(on_cpu(limen.ssim_gradient, x, y, data_range=1.0)[1]), 1e-4)


@pytest.mark.parametrize("name", conventions)
def test_bfloat16_and_integers(name: str) -> None:
    x, y = (image.bfloat16() for image in alike(3, 24, 25))
    wide = limen.ssim(x.float(), y.float(), data_range=1.0, convention=name)
    assert_near(limen.ssim(x, y, data_range=1.0, convention=name), wide, 1e-5)
    x, y = ((image * 255).to(torch.uint8) for image in alike(3, 24, 25))
    assert_near(limen.ssim(x, y, convention=name), torch.tensor(on_cpu(limen.ssim, x, y, convention=name)), 1e-5)


def test_operators_keep_the_rules_of_operators() -> None:
    from limen.torch import _l1_ops, _ops, _upstream_ops

    x, y = leaves(*alike(2, 3, 14, 15))
    options = (1.0, "wang", -3, "mean")
    torch.library.opcheck(_ops.ssim.overload, (x, y, *options))
    torch.library.opcheck(_l1_ops.l1_ssim.overload, (x, y, *options, 0.2))
    upstream = torch.tensor(1.0)
    torch.library.opcheck(
        _upstream_ops.ssim_upstream_gradient.overload, (x.detach(), y.detach(), upstream, *options, True, False)
    )


@pytest.mark.parametrize("width", [6273, 6500])
def test_a_last_tile_without_positions(width: int) -> None:
    x = torch.rand(12, width)
    assert limen.ssim_gradient(x, x, data_range=1.0)[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("need_y", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_scales_that_are_kept(dtype: Any, need_y: bool) -> None:
    from limen.torch import _kept_ops, _upstream_ops

    x, y = (image.to(dtype) for image in alike(2, 3, 45, 51))
    options = (1.0, to_text(limen.Convention(padding="zero", weights=(0.3, 0.3, 0.4))), -3, "image")
    score, _, state = _kept_ops.ms_ssim_kept(x, y, *options)
    upstream = torch.rand_like(score)
    kept = _kept_ops.ms_ssim_kept_gradient(x, y, state, upstream, *options, True, need_y)
    swept = _upstream_ops.ms_ssim_upstream_gradient(x, y, upstream, *options, True, need_y)
    assert all(torch.equal(a, b) for a, b in zip(kept, swept, strict=True))
    # It is the state that is read: without the means in it there is no gradient.
    broken = _kept_ops.ms_ssim_kept_gradient(x, y, state.zero_(), upstream, *options, True, need_y)
    assert not torch.equal(broken[0], kept[0])


def test_scales_in_float64_are_kept_too() -> None:
    from limen.torch import _kept_ops

    x, y = alike(1, 3, 45, 51)
    options = (1.0, to_text(limen.Convention(padding="zero", weights=(0.5, 0.5), k1=0.0)), -3, "mean")
    *_, state = _kept_ops.ms_ssim_kept(x, y, *options)
    kept = _kept_ops.ms_ssim_kept_gradient(x, y, state, torch.tensor(1.0), *options, True, False)
    broken = _kept_ops.ms_ssim_kept_gradient(x, y, state.zero_(), torch.tensor(1.0), *options, True, False)
    assert not torch.equal(broken[0], kept[0])


def test_a_state_that_is_too_small_is_left_alone() -> None:
    from limen.torch import _kept_ops, _upstream_ops

    x, y = alike(1, 3, 45, 51)
    options = (1.0, to_text(limen.Convention(padding="zero", weights=(0.5, 0.5))), -3, "mean")
    upstream, nothing = torch.tensor(1.0), torch.zeros(64, dtype=torch.uint8)
    swept = _upstream_ops.ms_ssim_upstream_gradient(x, y, upstream, *options, True, False)
    assert torch.equal(_kept_ops.ms_ssim_kept_gradient(x, y, nothing, upstream, *options, True, False)[0], swept[0])


def test_scales_of_images_with_two_batch_axes_are_not_kept() -> None:
    base = torch.stack([torch.stack(alike(3, 44, 45)) for _ in range(3)]).transpose(0, 1)  # no stride runs through both
    x, y = leaves(base, 0.9 * base)
    options: dict[str, Any] = {"data_range": 1.0, "convention": limen.Convention(padding="zero", weights=(0.5, 0.5))}
    expected = torch.autograd.grad(limen.ms_ssim(x, y, **options).sum(), x)[0]
    # What is saved may come back with other strides.
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.contiguous().clone(), lambda t: t):
        score = limen.ms_ssim(x, y, **options).sum()
    assert_near(torch.autograd.grad(score, x)[0], expected, 1e-6)


@pytest.mark.parametrize("scale", [1e-25, 1e20])
def test_psnr_of_any_range(scale: float) -> None:
    x, y = alike(3, 20, 21, dtype=torch.float64)
    expected = limen.psnr(x, y, data_range=1.0)
    actual = limen.psnr((scale * x).float(), (scale * y).float(), data_range=scale)
    assert actual == pytest.approx(float(expected), abs=1e-4)


def test_a_hot_pixel_spoils_no_others() -> None:
    x, y = (image.float() for image in alike(3, 60, 60, dtype=torch.float64))
    for at in range(3, 60, 8):
        hot_x, hot_y = x.clone(), y.clone()
        hot_x[:, at, at] = hot_y[:, at, at] = 1e4
        expected = on_cpu(limen.ssim, hot_x.double(), hot_y.double(), data_range=1.0)
        assert limen.ssim(hot_x, hot_y, data_range=1.0) == pytest.approx(expected, abs=1e-5)
        assert limen.ssim_gradient(hot_x, hot_y, data_range=1.0)[0] == pytest.approx(expected, abs=1e-5)
    half_x, half_y = x.clone(), y.clone()
    half_x[:, :29] = half_y[:, :29] = -9999
    expected = on_cpu(limen.ssim, half_x.double(), half_y.double(), data_range=1.0)
    assert limen.ssim(half_x, half_y, data_range=1.0) == pytest.approx(expected, abs=1e-5)
    broken = x.clone()
    broken[:, 7, 7] = -torch.inf
    _, ssim_map = limen.ssim(broken, y, data_range=1.0, return_map=True)
    assert int(ssim_map.isnan().sum()) == 3 * 8 * 8


def test_images_that_make_no_sense() -> None:
    zeros = torch.zeros(20, 20)
    with pytest.raises(ValueError, match="at least 2 axes"):
        limen.ssim(torch.zeros(20), torch.zeros(20), data_range=1.0)
    with pytest.raises(ValueError, match="at least 11"):
        limen.ssim(zeros[:5], zeros[:5], data_range=1.0)
    with pytest.raises(ValueError, match="at least 161"):
        limen.ms_ssim(zeros, zeros, data_range=1.0)
    with pytest.raises(ValueError, match="must not be empty"):
        limen.mse(zeros[:0], zeros[:0])
    # With gradients there is room to be made for what is kept, too.
    (needing,) = leaves(zeros)
    with pytest.raises(ValueError, match="at least 161"):
        limen.ms_ssim(needing, zeros, data_range=1.0)
    with pytest.raises(ValueError, match="must not be empty"):
        limen.ms_ssim(needing[:0], zeros[:0], data_range=1.0)
    with pytest.raises(ValueError, match="at least 2 axes"):
        limen.ms_ssim(needing[0], zeros[0], data_range=1.0)
    assert limen.ssim(zeros, zeros, data_range=1.0) == 1  # the next call works
