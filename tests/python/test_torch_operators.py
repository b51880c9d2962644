"""The operators as PyTorch's dispatcher sees them, beside what `test_torch_compile` checks."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

import limen
import limen.torch
from limen.torch import _feature_ops, _gradient_ops, _map_ops, _ops
from torch_images import alike, leaves, torch


class Seen(TorchDispatchMode):
    """Collects the operators of limen that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Calls it."""
        if "limen" in str(func):
            self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def test_modes_see_every_call() -> None:
    x, y = alike(3, 14, 13)
    f0, f1 = leaves(torch.rand(1, 5, 3, 4), torch.rand(1, 5, 3, 4))
    with Seen() as seen:
        limen.ssim(x, y, data_range=1.0)
        limen.ssim(*leaves(x, y), data_range=1.0, return_map=True)[0].backward()
        limen.feature_distance(f0, f1).backward()
    assert seen.names == [
        f"limen.{name}.default"
        for name in ("ssim", "ssim_map", "ssim_weighted_gradient", "feature_distance", "feature_distance_gradient")
    ]


def test_arguments_by_name() -> None:
    x, y = alike(3, 14, 13)
    options = {"data_range": 1.0, "convention": "wang", "channel_axis": -3, "reduction": "mean"}
    assert torch.ops.limen.ssim(y=y, x=x, **options) == limen.ssim(x, y, data_range=1.0, reduction="mean")


def test_negative_views_are_read_as_what_they_stand_for() -> None:
    x, y = alike(3, 14, 13)
    assert torch.equal(limen.ssim(torch._neg_view(-x), y, data_range=1.0), limen.ssim(x, y, data_range=1.0))


def test_what_has_no_formula_is_not_taken_for_a_constant() -> None:
    x, y = leaves(*alike(3, 14, 13))
    gradient, _ = _map_ops.ssim_weighted_gradient(x, y, torch.ones(3, 4, 3), 1.0, "wang", -3, True, False)
    with pytest.raises(RuntimeError, match="limen::ssim_weighted_gradient is not differentiable"):
        gradient.sum().backward()


def test_results_share_no_memory_with_what_they_are_made_of() -> None:
    x, y = alike(3, 14, 13)
    weight, numbers = torch.rand(3), (torch.rand(6, 14, 13), torch.rand(14, 13))
    inputs = {tensor.untyped_storage().data_ptr() for tensor in (x, y, weight, *numbers)}
    results = [
        _ops.ssim(x, y, 1.0, "wang", -3, "none"),
        *_gradient_ops.ssim_with_gradient(x, y, 1.0, "wang", -3, "image", 1.0, True, True),
        *_feature_ops.feature_distance(x, y, weight, -3, "image", True, True),
        *_feature_ops.feature_distance_gradient(x, y, weight, *numbers, -3, True, True, True),
    ]
    storages = [result.untyped_storage().data_ptr() for result in results]
    assert not inputs & set(storages)
    assert len(set(storages)) == len(storages)


def test_frames_of_kernels_are_not_compiled() -> None:
    def broken(x: Any, y: Any) -> Any:
        torch._dynamo.graph_break()
        return limen.ssim(x, y, data_range=1.0).sum()

    (actual, y), (expected, _) = leaves(*alike(3, 14, 13)), leaves(*alike(3, 14, 13))
    torch.compile(broken, backend="eager")(actual, y).backward()
    limen.ssim(expected, y, data_range=1.0).sum().backward()
    assert torch.equal(actual.grad, expected.grad)


def test_without_what_is_private_to_pytorch() -> None:
    program = """
import torch
hidden = torch._C._after_autograd_keyset
del torch._C._after_autograd_keyset
import limen, limen.torch
torch._C._after_autograd_keyset = hidden
from limen.torch import _functions, _operator
assert not _operator._OWN_AUTOGRAD
x, y = torch.rand(3, 14, 13), torch.rand(3, 14, 13)
layers = lambda x, y: _functions.feature_distances([x[None], y[None]], [y[None]] * 2, [torch.ones(3)] * 2).sum()
for metric in (lambda x, y: limen.ssim(x, y, data_range=1.0), limen.feature_distance, layers, limen.mse):
    leaf = x.clone().requires_grad_()
    score = metric(leaf, y)
    torch.testing.assert_close(score.detach(), metric(x, y))
    score.backward()
    assert leaf.grad.abs().max() > 0
weight = torch.ones(3, requires_grad=True)
_functions.feature_distances([x[None]] * 2, [y[None]] * 2, [weight] * 2).sum().backward()
torch.testing.assert_close(weight.grad.sum(), 2 * limen.feature_distance(x, y))
score, _ = limen.ssim(leaf, y, data_range=1.0, return_map=True)
(gradient,) = torch.autograd.grad(score, leaf, create_graph=True)
try:
    gradient.sum().backward()
except RuntimeError as error:
    assert "second derivatives" in str(error)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
