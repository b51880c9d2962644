"""Features of tensors through the operators for GPUs and the CUDA core with emulated kernels, and LPIPS on top of it.

Imported tests run here as they do for the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import emulated_cuda
import limen
import limen.torch
from feature_oracle import gradients
from features import DTYPES, weights
from images import assert_near
from limen.torch import _feature_layer_ops, _feature_ops
from lpips_peers import backbone
from test_feature_distance_torch import MEMORY, tensors
from test_feature_distance_torch import test_channel_axes as test_channel_axes
from test_feature_distance_torch import test_one_gradient_alone as test_one_gradient_alone
from test_feature_distance_torch import (
    test_upstream_gradients_reach_their_own_image as test_upstream_gradients_reach_their_own_image,
)
from test_feature_distance_torch import (
    test_vectors_of_zeros_have_no_gradient as test_vectors_of_zeros_have_no_gradient,
)
from test_feature_layers import test_gradcheck_of_layers as test_gradcheck_of_layers
from test_feature_layers import (
    test_one_gradient_of_layers_alone as test_one_gradient_of_layers_alone,
)
from test_feature_layers import test_one_layer_needs_a_gradient as test_one_layer_needs_a_gradient
from test_feature_layers import test_the_gradients_of_single_layers as test_the_gradients_of_single_layers
from test_feature_layers import test_the_numbers_of_single_layers as test_the_numbers_of_single_layers
from torch_images import alike, leaves, torch

OPERATORS = (
    _feature_ops.feature_distance,
    _feature_ops.feature_distance_gradient,
    _feature_layer_ops.feature_distances,
    _feature_layer_ops.feature_distance_gradients,
)
CPU_KERNELS = [operator.kernels["cpu"] for operator in OPERATORS]


@pytest.fixture(autouse=True)
def _gpu() -> Iterator[None]:
    with emulated_cuda.for_torch():
        yield


@pytest.fixture
def implementation() -> None:
    """Asked for by some of those tests; the CUDA core has but one."""


@pytest.mark.parametrize("layout", MEMORY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_scores_maps_and_gradients(dtype: str, layout: str) -> None:
    for shape in ((2, 64, 5, 7), (1, 70, 1, 1), (3, 5, 9, 11)):
        f0, f1 = leaves(*(MEMORY[layout](f) for f in tensors(*shape, dtype=dtype)))
        (weight,) = leaves(torch.tensor(weights(shape[1])))
        score, distance = limen.feature_distance(f0, f1, weight, return_map=True)
        assert score.dtype == distance.dtype == (torch.float64 if dtype == "float64" else torch.float32)
        wide = [t.detach().double().numpy() for t in (f0, f1, weight)]
        expected, expected_map = limen.feature_distance(*wide, return_map=True)
        tolerance = 1e-11 if dtype == "float64" else 1e-5
        assert_near(score.detach().double().numpy(), np.asarray(expected), tolerance)
        assert_near(distance.detach().double().numpy(), expected_map, tolerance)
        upstream = torch.rand(shape[0], *shape[2:], dtype=torch.float64)
        actual = torch.autograd.grad(distance, (f0, f1, weight), upstream.to(distance.dtype))
        rounding, floor = {"float16": (2**-11, 2**-25), "bfloat16": (2**-8, 0)}.get(dtype, (0, 0))
        for got, want, like in zip(actual, gradients(*wide, upstream), (f0, f1, weight), strict=True):
            assert got.dtype == like.dtype
            assert got.stride() == like.stride()
            own = got.dtype == torch.float64
            assert_near(got.double().numpy(), want, tolerance, 0 if own else rounding, 0 if own else floor)


def test_a_batch_that_no_single_stride_describes() -> None:
    whole = leaves(*(torch.rand(3, 4, 5, 6, 7, dtype=torch.float64) for _ in range(2)), torch.rand(5).double())
    f0, f1, weight = whole
    parts = [f[:, 1:3] for f in (f0, f1)]
    of_parts = torch.autograd.grad(limen.feature_distance(*parts, weight).sum(), whole)
    copies = [part.reshape(6, 5, 6, 7) for part in parts]
    of_copies = torch.autograd.grad(limen.feature_distance(*copies, weight).sum(), whole)
    for got, want in zip(of_parts, of_copies, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-14)


def test_weights_of_other_dtypes_and_lists() -> None:
    f0, f1 = tensors(1, 4, 5, 6)
    expected = limen.feature_distance(f0, f1, torch.tensor([1.0, 0.0, 2.0, 0.5]))
    for weight in ([1, 0, 2, 0.5], torch.tensor([1, 0, 2, 0.5], dtype=torch.float16), np.array([1, 0, 2, 0.5])):
        torch.testing.assert_close(limen.feature_distance(f0, f1, weight), expected)
    with pytest.raises(ValueError, match=r"weight must have the shape \(4,\), .* got \(3,\)"):
        limen.feature_distance(f0, f1, [1.0, 1.0, 1.0])


def test_operators_keep_the_rules_of_operators() -> None:
    f0, f1 = leaves(*tensors(2, 5, 4, 6))
    weight = torch.tensor(weights(5))
    pair = [MEMORY["channels-last"](f).detach() for f in (f0, f1)]
    torch.library.opcheck(_feature_ops.feature_distance.overload, (*pair, weight, -3, "mean", True, True))
    state = _feature_ops.feature_distance(*pair, weight, -3, "image", False, True)[2]
    arguments = (*pair, weight, state, torch.rand(2, 4, 6), -3, True, False, True)
    torch.library.opcheck(_feature_ops.feature_distance_gradient.overload, arguments)
    layers = [pair[0]] * 2, [pair[1]] * 2, [weight] * 2
    torch.library.opcheck(_feature_layer_ops.feature_distances.overload, (*layers, True))
    of_layers = (*layers, torch.rand(2 * 2 * 6 * 4 * 6), torch.rand(2, 2), True, False, True)
    torch.library.opcheck(_feature_layer_ops.feature_distance_gradients.overload, of_layers)


@pytest.mark.parametrize("spatial", [False, True])
def test_lpips(spatial: bool) -> None:
    metric = limen.torch.LPIPS("alex", backbone=backbone("alex"), linear="v0.1", spatial=spatial, value_range=(0, 1))

    def value_and_gradient() -> tuple[Any, ...]:
        x, y = leaves(*alike(2, 3, 64, 70))
        value = metric(x, y)
        value.mean().backward()
        return value.detach(), x.grad, y.grad

    with pytest.MonkeyPatch.context() as patch:
        for operator in OPERATORS:
            patch.setattr(limen._core, operator.name, None)
        on_gpu = value_and_gradient()
    with pytest.MonkeyPatch.context() as patch:
        for operator, kernel in zip(OPERATORS, CPU_KERNELS, strict=True):
            patch.setitem(operator.kernels, "cpu", kernel)
        on_cpu = value_and_gradient()
    for got, want in zip(on_gpu, on_cpu, strict=True):
        assert_near(got.numpy(), want.numpy(), 1e-4)
