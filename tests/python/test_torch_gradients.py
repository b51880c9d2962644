"""Gradients through PyTorch: against the oracle, finite differences, and other libraries' compositions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

import limen
import oracle
from limen import Convention, conventions
from peers import library
from torch_images import SMALL, SMALL_MS_SSIM, WITH_MS_SSIM, alike, assert_near, leaves, sides, torch

EXACT = {"float32": 2e-4, "float64": 1e-10}


def backward(score: Any, *images: Any) -> list[Any]:
    """Gradients of the sum of the scores."""
    return list(torch.autograd.grad(score.sum(), images))


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("name", conventions)
def test_ssim_of_every_convention(name: str, dtype: str) -> None:
    x, y = leaves(*alike(2, 3, 33, 34, dtype=getattr(torch, dtype)))
    actual = backward(limen.ssim(x, y, data_range=1.0, convention=name), x, y)
    expected = oracle.gradient(oracle.ssim, x.detach().numpy(), y.detach().numpy(), conventions[name], 1.0)
    for got, want in zip(actual, expected, strict=True):
        assert got.dtype == x.dtype
        assert_near(got, want, EXACT[dtype])


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("name", WITH_MS_SSIM)
def test_ms_ssim_of_every_convention(name: str, dtype: str) -> None:
    x, y = leaves(*alike(2, 3, *sides(conventions[name]), dtype=getattr(torch, dtype)))
    actual = backward(limen.ms_ssim(x, y, data_range=1.0, convention=name), x, y)
    expected = oracle.gradient(oracle.ms_ssim, x.detach().numpy(), y.detach().numpy(), conventions[name], 1.0)
    for got, want in zip(actual, expected, strict=True):
        assert got.dtype == x.dtype
        assert_near(got, want, EXACT[dtype])


def test_ssim_of_images_that_a_convention_shrinks() -> None:
    x, y = leaves(*alike(1, 390, 401, dtype=torch.float64))
    actual = backward(limen.ssim(x, y, data_range=1.0, convention="piq"), x, y)
    expected = oracle.gradient(oracle.ssim, x.detach().numpy(), y.detach().numpy(), conventions["piq"], 1.0)
    for got, want in zip(actual, expected, strict=True):
        assert_near(got, want, 1e-10)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For thousands of calls on images that are too small to share."""
    before = limen.get_num_threads()
    limen.set_num_threads(1)
    yield
    limen.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", SMALL)
def test_gradcheck_ssim(name: str) -> None:
    def score(x: Any, y: Any) -> Any:
        return limen.ssim(x, y, data_range=1.0, convention=SMALL[name])

    assert torch.autograd.gradcheck(score, leaves(*alike(7, 8, dtype=torch.float64)), atol=1e-7)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", SMALL_MS_SSIM)
def test_gradcheck_ms_ssim(name: str) -> None:
    def score(x: Any, y: Any) -> Any:
        return limen.ms_ssim(x, y, data_range=1.0, convention=SMALL_MS_SSIM[name])

    assert torch.autograd.gradcheck(score, leaves(*alike(9, 10, dtype=torch.float64)), atol=1e-7)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("reduction", ["image", "mean", "none"])
@pytest.mark.parametrize("channel_axis", [-3, -1, 0, None])
def test_gradcheck_reductions(reduction: Any, channel_axis: int | None) -> None:
    def scores(x: Any, y: Any) -> Any:
        options: Any = {"data_range": 1.0, "channel_axis": channel_axis, "reduction": reduction}
        return (
            limen.ssim(x, y, convention=SMALL["kornia"], **options),
            limen.ssim(x, y, convention=SMALL["kornia"], return_map=True, **options)[0],
            limen.ms_ssim(x, y, convention=SMALL_MS_SSIM["snell"], **options),
            limen.mse(x, y, channel_axis=channel_axis, reduction=reduction),
            limen.mae(x, y, channel_axis=channel_axis, reduction=reduction),
            limen.psnr(x, y, **options),
        )

    shape = (2, 4, 3, 2) if channel_axis == -1 else (2, 2, 4, 3)
    assert torch.autograd.gradcheck(scores, leaves(*alike(*shape, dtype=torch.float64)), atol=1e-6)


# What a score is of depends on the axes; the pixels' own values don't.
@pytest.mark.parametrize("metric", [limen.ssim, limen.ms_ssim])
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)], ids=str)
def test_upstream_gradients_reach_their_own_image(metric: Any, batch: tuple[int, ...]) -> None:
    x, y = leaves(*alike(*batch, 3, 21, 22, dtype=torch.float64))
    options = {"data_range": 1.0, "convention": SMALL_MS_SSIM["snell"]}
    for reduction, shape in (("image", batch), ("none", (*batch, 3)), ("mean", ())):
        upstream = torch.rand(shape, dtype=torch.float64)
        score = metric(x, y, reduction=reduction, **options)
        assert score.shape == shape
        (actual,) = torch.autograd.grad(score, x, upstream)

        own = getattr(limen, f"{metric.__name__}_gradient")(x, y, reduction=reduction, **options)[1]
        if reduction == "mean":
            upstream = (upstream / math.prod(batch)).expand(batch)
        while upstream.ndim < x.ndim:
            upstream = upstream[..., None]
        assert_near(actual, own * upstream, 1e-12)


@pytest.mark.parametrize(
    "name", ["wang", "pytorch-msssim", "torchmetrics", "kornia", "fused-ssim", "scikit-image", "piq"]
)
@pytest.mark.parametrize("part", ["map", "score", "both"])
def test_map(name: str, part: str) -> None:
    x, y = leaves(*alike(2, 3, 25, 26, dtype=torch.float64))
    weight = torch.rand(2, 3, *conventions[name].map_size(25, 26), dtype=torch.float64)

    def loss(score: Any, ssim_map: Any) -> Any:
        of_map, of_score = (weight * ssim_map**2).sum(), (score**2).sum()
        return {"map": of_map, "score": of_score, "both": of_map + of_score}[part]

    ssim_map = oracle.ssim_map(x, y, conventions[name], 1.0)
    expected = torch.autograd.grad(loss(ssim_map.mean((-3, -2, -1)), ssim_map), (x, y))
    actual = torch.autograd.grad(loss(*limen.ssim(x, y, data_range=1.0, convention=name, return_map=True)), (x, y))
    for got, want in zip(actual, expected, strict=True):
        assert_near(got, want, 1e-10)


@pytest.mark.parametrize("metric", ["ssim", "ms_ssim"])
def test_pytorch_msssim_has_the_same_gradients(metric: str) -> None:
    peer = getattr(library("pytorch_msssim"), metric)
    x, y = leaves(*alike(2, 3, 177, 180))
    expected = torch.autograd.grad(peer(x, y, data_range=1.0, size_average=False).sum(), (x, y))
    actual = backward(getattr(limen, metric)(x, y, data_range=1.0, convention="pytorch-msssim"), x, y)
    for got, want in zip(actual, expected, strict=True):
        assert_near(got, want, 2e-4)


@pytest.mark.parametrize("function", [limen.ssim_gradient, limen.ms_ssim_gradient])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32", "float64"])
def test_gradient_functions(function: Any, dtype: str) -> None:
    scale = 255 if dtype == "uint8" else 1
    x, y = ((scale * image).to(getattr(torch, dtype)) for image in alike(2, 3, 21, 22))
    options = {"data_range": float(scale), "convention": SMALL_MS_SSIM["snell"]}
    score, grad_x, grad_y = function(x, y, **options)
    expected = function(x.double().numpy(), y.double().numpy(), **options)

    wide = {"float64": torch.float64}.get(dtype, torch.float32)
    assert score.dtype == wide
    assert grad_x.dtype == grad_y.dtype == (x.dtype if x.is_floating_point() else torch.float32)
    tolerance = {"float64": 1e-12, "float16": 2e-3, "bfloat16": 1e-2}.get(dtype, 2e-4)
    for got, want in zip((score, grad_x, grad_y), expected, strict=True):
        assert_near(got, want, tolerance)
    leaf = leaves(x)[0] if x.is_floating_point() else x
    assert not any(tensor.requires_grad for tensor in function(leaf, y, **options))


@pytest.mark.parametrize("metric", [limen.ssim, limen.ms_ssim, limen.mse, limen.mae, limen.psnr])
@pytest.mark.parametrize("needed", [(True, False), (False, True)], ids=["x", "y"])
def test_one_image_alone(metric: Any, needed: tuple[bool, bool]) -> None:
    options: dict[str, Any] = {"data_range": 1.0} if metric in (limen.ssim, limen.ms_ssim, limen.psnr) else {}
    if metric is limen.ms_ssim:
        options["convention"] = SMALL_MS_SSIM["piq"]
    both = leaves(*alike(3, 21, 22))
    one = [image.detach().clone().requires_grad_(need) for image, need in zip(both, needed, strict=True)]
    metric(*both, **options).backward()
    metric(*one, **options).backward()
    for image, like, need in zip(one, both, needed, strict=True):
        assert (image.grad is not None) == need
        if need:
            assert_near(image.grad, like.grad, 1e-6)


@pytest.mark.parametrize("loss", [lambda score: score.sum(), lambda score: (score**2).sum()], ids=["sum", "square"])
@pytest.mark.parametrize(
    "metric",
    [limen.ssim, limen.ms_ssim, lambda *images, **options: limen.ssim(*images, return_map=True, **options)[1]],
    ids=["ssim", "ms_ssim", "map"],
)
def test_differentiating_twice_says_it_cannot(metric: Any, loss: Any) -> None:
    x, y = leaves(*alike(3, 21, 22))
    score = metric(x, y, data_range=1.0, convention=SMALL_MS_SSIM["wang"])
    (gradient,) = torch.autograd.grad(loss(score), x, create_graph=True)
    with pytest.raises(RuntimeError, match="can't be differentiated twice"):
        gradient.square().sum().backward(retain_graph=True)
    for image in (x, y):
        with pytest.raises(RuntimeError, match="can't be differentiated twice"):
            torch.autograd.grad(gradient.sum(), image, retain_graph=True, allow_unused=True)


# What a loss mostly sends upstream is 1 or -1. What is kept for going backward must outlive its use.
@pytest.mark.parametrize("sign", [1, -1, 0.5])
@pytest.mark.parametrize("metric", [limen.ssim, limen.ms_ssim])
def test_backward_again_through_one_graph(metric: Any, sign: float) -> None:
    x, y = leaves(*alike(3, 21, 22))
    score = metric(x, y, data_range=1.0, convention=SMALL_MS_SSIM["wang"], reduction="mean")
    expected = sign * torch.autograd.grad(score, x, retain_graph=True)[0]
    for times in (1, 2, 3):
        (sign * score).backward(retain_graph=True)
        assert_near(x.grad, times * expected, 1e-6)
    x.grad.zero_()
    (sign * score).backward()
    assert_near(x.grad, expected, 1e-6)


@pytest.mark.parametrize("metric", [limen.ssim, limen.ms_ssim])
def test_gradients_of_one_graph_are_the_callers(metric: Any) -> None:
    x, y = leaves(*alike(3, 21, 22))
    score = metric(x, y, data_range=1.0, convention=SMALL_MS_SSIM["wang"])
    first, second = (torch.autograd.grad(score, x, retain_graph=True)[0] for _ in range(2))
    expected = second.clone()
    first.zero_()
    third = torch.autograd.grad(score, x)[0]
    assert torch.equal(second, expected)
    assert torch.equal(third, expected)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("keep_graph", [True, False])
def test_several_upstream_gradients_at_once(keep_graph: bool) -> None:
    x, y = leaves(*alike(2, 3, 21, 22))
    score = limen.ssim(x, y, data_range=1.0)
    each = torch.stack([torch.autograd.grad(score, x, one, retain_graph=True)[0] for one in torch.eye(2)])
    together = torch.autograd.grad(score, x, torch.eye(2), retain_graph=keep_graph, is_grads_batched=True)[0]
    torch.testing.assert_close(together, each)


def test_saved_gradients_that_hooks_share_stay_as_they_are() -> None:
    x, y = leaves(*alike(1, 40, 41))
    shared: dict[tuple[Any, bytes], Any] = {}

    def pack(tensor: Any) -> tuple[Any, bytes]:
        key = tensor.shape, tensor.detach().numpy().tobytes()
        shared.setdefault(key, tensor.detach().clone())
        return key

    with torch.autograd.graph.saved_tensors_hooks(pack, shared.__getitem__):
        first, second = (limen.ssim(x, y, data_range=1.0) for _ in range(2))
    (gradient,) = torch.autograd.grad(2 * first + 3 * second, x)
    torch.testing.assert_close(gradient, 5 * torch.autograd.grad(limen.ssim(x, y, data_range=1.0), x)[0])


@pytest.mark.parametrize("metric", [limen.mse, limen.mae, limen.psnr])
def test_pixel_errors_are_twice_differentiable(metric: Any) -> None:
    options: dict[str, Any] = {"data_range": 1.0} if metric is limen.psnr else {}
    images = leaves(*alike(2, 3, 2, 3, dtype=torch.float64))
    assert torch.autograd.gradgradcheck(lambda x, y: metric(x, y, **options), images)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_equal_images(dtype: str) -> None:
    (x,) = leaves(torch.rand(3, 21, 22).to(getattr(torch, dtype)))
    y = x.detach().clone()
    assert limen.psnr(x, y, data_range=1.0) == math.inf
    (gradient,) = backward(limen.ssim(x, y, data_range=1.0), x)
    assert gradient.abs().max() < 1e-6
    for error in (limen.mse(x, y), limen.mae(x, y), limen.psnr(x, y, data_range=1.0)):
        (gradient,) = backward(error, x)
        assert torch.count_nonzero(gradient) == 0


# The weights of the scales are below 1, so that a power of a mean below 0 is no number and the slope at 0 infinite.
@pytest.mark.parametrize("name", ["wang", "pytorch-msssim", "torchmetrics", "piq", "snell"])
def test_ms_ssim_is_finite_where_structure_is_opposite(name: str) -> None:
    original = alike(1, *sides(conventions[name]))[0]
    for x, y in ((original, 1 - original), (torch.zeros_like(original), original), (original * 0, original * 0)):
        a, b = leaves(x, y)
        score = limen.ms_ssim(a, b, data_range=1.0, convention=name)
        assert torch.isfinite(score).all()
        assert all(torch.isfinite(gradient).all() for gradient in backward(score, a, b))


def test_scales_carry_no_gradient() -> None:
    x, y = leaves(*alike(2, 3, 21, 22))
    options: dict[str, Any] = {"data_range": 1.0, "convention": SMALL_MS_SSIM["wang"], "return_scales": True}
    score, scales = limen.ms_ssim(x, y, **options)
    assert score.requires_grad
    assert not scales.requires_grad
    plain, same = limen.ms_ssim(x.detach(), y.detach(), **options)
    assert torch.equal(scales, same)
    assert scales.shape == (2, 2)
    assert scales.dtype == score.dtype == torch.float32
    torch.testing.assert_close(score.detach(), plain)


# A pixel's share in the mean of this image, 4e-6, is nothing to float16 unless the loss is scaled up.
def test_float16_gradients_of_large_images_survive_loss_scaling() -> None:
    x, y = (image.half() for image in alike(1, 512, 512))
    a, b = leaves(x, x + (y - x) / 4)
    expected = limen.ssim_gradient(a.detach().float(), b.detach().float(), data_range=1.0)[1]
    (actual,) = torch.autograd.grad(limen.ssim(a, b, data_range=1.0) * 65536, a)
    assert actual.dtype == torch.float16
    assert_near(actual, 65536 * expected, 2e-3)


def test_custom_window() -> None:
    convention = Convention(window="uniform", size=3, covariance="sample", padding="replicate", epsilon=1e-9)
    x, y = leaves(*alike(1, 12, 15, dtype=torch.float64))
    actual = backward(limen.ssim(x, y, data_range=2.0, convention=convention), x, y)
    expected = oracle.gradient(oracle.ssim, x.detach().numpy(), y.detach().numpy(), convention, 2.0)
    for got, want in zip(actual, expected, strict=True):
        assert_near(got, want, 1e-10)
