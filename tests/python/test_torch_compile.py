"""The operators as PyTorch's compiler sees them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import limen
import limen.torch
from limen import Convention
from limen.torch import _feature_layer_ops, _feature_ops, _gradient_ops, _kept_ops, _map_ops, _ops, _pixel_error_ops
from limen.torch._operator import Operator
from torch_images import SMALL_MS_SSIM, alike, assert_near, leaves, torch

CONVENTION = Convention(size=5, padding="reflect", weights=(0.4, 0.6))


def autocast_score(x: Any, y: Any) -> Any:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return limen.ssim(x @ torch.eye(x.shape[-1]), y, data_range=1.0).sum()


def score_and_map(x: Any, y: Any) -> Any:
    score, ssim_map = limen.ssim(x, y, data_range=1.0, return_map=True)
    return score.sum() + ssim_map.square().mean()


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "ssim": lambda x, y: limen.ssim(x, y, data_range=2.5).sum(),
    "ms_ssim": lambda x, y: limen.ms_ssim(
        x, y, data_range=1.0, convention="snell", reduction="none", return_scales=True
    )[0].sum(),
    "convention": lambda x, y: limen.ssim(x, y, data_range=1.0, convention=CONVENTION, reduction="mean"),
    "downsampled": lambda x, y: limen.ssim(x, y, data_range=1.0, convention="piq", channel_axis=1).sum(),
    "map": score_and_map,
    "autocast": autocast_score,
    "psnr": lambda x, y: limen.psnr(x, y, data_range=1.0, reduction="mean"),
    "errors": lambda x, y: (limen.mse(x, y) + limen.mae(x, y)).sum(),
    "SSIMLoss": limen.torch.SSIMLoss(data_range=1.0, convention="kornia"),
    "MSSSIMLoss": limen.torch.MSSSIMLoss(data_range=2, convention=CONVENTION),
}


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def images(*shape: int, **options: Any) -> list[Any]:
    return leaves(*alike(*shape, **options))


def options_of(convention: str = "wang", reduction: str = "image") -> tuple[Any, ...]:
    return 1.0, convention, -3, reduction


PIXEL_WEIGHTS = torch.rand(2, 3, 4, 3)
OPERATORS: dict[str, tuple[Any, Callable[[], tuple[Any, ...]]]] = {
    "ssim": (_ops.ssim, lambda: (*alike(2, 3, 14, 13), *options_of())),
    "ssim_map": (_map_ops.ssim_map, lambda: (*images(2, 3, 14, 13), *options_of("kornia", "none"))),
    "ssim_weighted_gradient": (
        _map_ops.ssim_weighted_gradient,
        lambda: (*alike(2, 3, 14, 13), PIXEL_WEIGHTS, 1.0, "wang", -3, True, False),
    ),
    "ssim_with_gradient": (
        _gradient_ops.ssim_with_gradient,
        lambda: (*images(2, 3, 14, 13), *options_of(reduction="mean"), 1.0, True, True),
    ),
    "ms_ssim": (_ops.ms_ssim, lambda: (*alike(2, 3, 14, 13), *options_of("snell", "mean"))),
    "ms_ssim_with_gradient": (
        _gradient_ops.ms_ssim_with_gradient,
        lambda: (*images(2, 3, 14, 13), *options_of("snell", "none"), 1.0, True, True),
    ),
    "ms_ssim_kept": (
        _kept_ops.ms_ssim_kept,
        lambda: (*images(2, 3, 14, 13), *options_of("snell", "mean")),
    ),
    "ms_ssim_kept_gradient": (
        _kept_ops.ms_ssim_kept_gradient,
        lambda: (
            *(*alike(2, 3, 14, 13), torch.zeros(0, dtype=torch.uint8), torch.tensor(1.0)),
            *(*options_of("snell", "mean"), True, False),
        ),
    ),
    "mse": (_pixel_error_ops.mse, lambda: (*images(2, 3, 4, 5), -3, "image")),
    "mae": (_pixel_error_ops.mae, lambda: (*images(2, 3, 4, 5), -3, "none")),
    "feature_distance": (
        _feature_ops.feature_distance,
        lambda: (*images(2, 3, 4, 5), leaves(torch.rand(3))[0], -3, "mean", True, True),
    ),
    "feature_distance_gradient": (
        _feature_ops.feature_distance_gradient,
        lambda: (*alike(2, 3, 4, 5), None, torch.rand(2, 6, 4, 5), torch.rand(2, 4, 5), 1, True, False, True),
    ),
    "feature_distances": (
        _feature_layer_ops.feature_distances,
        lambda: (images(2, 3, 4, 5), images(2, 3, 4, 5), leaves(torch.rand(3), torch.rand(3)), True),
    ),
    "feature_distance_gradients": (
        _feature_layer_ops.feature_distance_gradients,
        lambda: (
            *(alike(2, 3, 4, 5), alike(2, 3, 4, 5), [torch.rand(3), torch.rand(3)]),
            *(torch.rand(480), torch.rand(2, 2), True, True, True),
        ),
    ),
    "psnr": (_pixel_error_ops.psnr, lambda: (*images(2, 3, 4, 5), 1.0, -3, "mean")),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_opcheck(name: str) -> None:
    operator, arguments = OPERATORS[name]
    torch.library.opcheck(operator.overload, arguments())


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_opcheck_of_one_gradient(layout: Any, dtype: Any) -> None:
    x, y = (image.contiguous(memory_format=layout) for image in alike(2, 3, 14, 13, dtype=dtype))
    arguments = (x.requires_grad_(), y, *options_of("wang", "image"), 1.0, True, False)
    torch.library.opcheck(_gradient_ops.ssim_with_gradient.overload, arguments)


def test_gradients_that_come_with_a_score_are_constants() -> None:
    score, *gradients = _gradient_ops.ssim_with_gradient(*images(3, 14, 13), *options_of(), 1.0, True, True)
    assert score.requires_grad
    assert not any(gradient.requires_grad for gradient in gradients)


def test_every_operator_is_checked() -> None:
    modules = (_feature_layer_ops, _feature_ops, _gradient_ops, _kept_ops, _map_ops, _ops, _pixel_error_ops)
    defined = {name for module in modules for name, value in vars(module).items() if isinstance(value, Operator)}
    assert defined == set(OPERATORS)


@pytest.mark.parametrize("dynamic", [None, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", LOSSES)
def test_compiled_whole(name: str, dynamic: bool | None) -> None:
    compiled = torch.compile(LOSSES[name], fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for shape in ((2, 3, 33, 40), (3, 3, 36, 40)):
        actual, expected = images(*shape), images(*shape)
        losses = compiled(*actual), LOSSES[name](*expected)
        for loss in losses:
            loss.backward()
        torch.testing.assert_close(*losses)
        for got, want in zip(actual, expected, strict=True):
            assert got.grad.dtype == want.grad.dtype
            assert_near(got.grad, want.grad, 1e-5)


def test_another_convention_is_another_graph() -> None:
    compiled = torch.compile(
        lambda x, y, convention: limen.ssim(x, y, data_range=1.0, convention=convention),
        fullgraph=True,
        backend="aot_eager",
    )
    x, y = alike(3, 33, 34)
    for convention in ("wang", "kornia", CONVENTION, Convention(size=7), Convention(sigma=1.25)):
        assert compiled(x, y, convention) == limen.ssim(x, y, data_range=1.0, convention=convention)


def test_compiled_gradients() -> None:
    def gradients(x: Any, y: Any) -> Any:
        return limen.ssim_gradient(x, y, data_range=1.0, convention=SMALL_MS_SSIM["wang"])

    x, y = alike(3, 21, 22, dtype=torch.bfloat16)
    actual = torch.compile(gradients, fullgraph=True, backend="aot_eager")(x, y)
    for got, want in zip(actual, gradients(x, y), strict=True):
        assert torch.equal(got, want)


def test_compiled_graphs_are_differentiated_once() -> None:
    compiled = torch.compile(LOSSES["ssim"], fullgraph=True, backend="aot_eager")
    x, y = images(3, 21, 22)
    (gradient,) = torch.autograd.grad(compiled(x, y), x, create_graph=True)
    with pytest.raises(RuntimeError, match="double backward"):
        gradient.sum().backward()


def test_export() -> None:
    x, y = alike(2, 3, 21, 22)
    module = limen.torch.SSIM(data_range=1.0, convention=CONVENTION)
    exported = torch.export.export(module, (x, y)).module()
    assert torch.equal(exported(x, y), module(x, y))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # of PyTorch's own
@pytest.mark.skipif(
    not any(map(shutil.which, (os.environ.get("CXX", "g++"), "g++", "clang++"))),
    reason="needs a C++ compiler, which torch.compile generates code for",
)
def test_compiled_to_machine_code() -> None:
    network = torch.nn.Conv2d(3, 3, 3, padding=1)

    def loss(x: Any, y: Any) -> Any:
        restored = network(x).sigmoid()
        return 1 - limen.ms_ssim(restored, y, data_range=1.0, convention=CONVENTION).mean()

    x, y = alike(2, 3, 33, 34)
    expected = loss(x, y)
    expected.backward()
    gradient = network.weight.grad.clone()
    network.zero_grad()
    actual = torch.compile(loss, fullgraph=True)(x, y)
    actual.backward()
    torch.testing.assert_close(actual, expected)
    assert_near(network.weight.grad, gradient, 1e-4)
