"""The distances of several layers in one call: the numbers of `limen.feature_distance`, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import limen
from features import DTYPES, weights
from images import assert_near
from limen import _core
from limen.torch import _functions
from test_feature_distance_torch import MEMORY, tensors
from torch_images import leaves, torch

SHAPES = ((3, 64, 9, 7), (3, 70, 1, 1), (3, 5, 17, 33))


def layers(
    dtype: str = "float32", layout: str = "contiguous", shapes: tuple[tuple[int, ...], ...] = SHAPES
) -> tuple[list[Any], list[Any], list[Any]]:
    """Both features and the weights of each layer."""
    pairs = [[MEMORY[layout](f) for f in tensors(*shape, dtype=dtype)] for shape in shapes]
    return [f0 for f0, _ in pairs], [f1 for _, f1 in pairs], [torch.tensor(weights(shape[1])) for shape in shapes]


def one_by_one(f0: list[Any], f1: list[Any], of_channels: list[Any]) -> Any:
    """The same with a call for each layer."""
    pairs = zip(f0, f1, of_channels or [None] * len(f0), strict=True)
    return torch.stack([limen.feature_distance(*layer) for layer in pairs], -1)


@pytest.mark.parametrize("layout", MEMORY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_numbers_of_single_layers(dtype: str, layout: str) -> None:
    f0, f1, of_channels = layers(dtype, layout)
    for given in (of_channels, []):
        scores = _functions.feature_distances(f0, f1, given)
        assert scores.dtype == (torch.float64 if dtype == "float64" else torch.float32)
        assert torch.equal(scores, one_by_one(f0, f1, given))


@pytest.mark.parametrize("layout", MEMORY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradients_of_single_layers(dtype: str, layout: str) -> None:
    f0, f1, of_channels = layers(dtype, layout)
    inputs = leaves(*f0, *f1, *of_channels)
    groups = inputs[:3], inputs[3:6], inputs[6:]
    wide = torch.float64 if dtype == "float64" else torch.float32
    upstream = torch.linspace(-1, 2, 9, dtype=wide).reshape(3, 3)
    together, apart = (
        torch.autograd.grad(compute(*groups), inputs, upstream)
        for compute in (_functions.feature_distances, one_by_one)
    )
    for got, want in zip(together, apart, strict=True):
        assert got.dtype == want.dtype
        assert got.stride() == want.stride()
        assert_near(got.double().numpy(), want.double().numpy(), 1e-12 if wide == torch.float64 else 1e-6)


def test_gradients_past_the_cache() -> None:
    # Together they are more than the core leaves in a cache, and none of them is by itself.
    f0, f1, of_channels = layers(shapes=((1, 64, 150, 140), (1, 96, 101, 100)))
    inputs = leaves(*f0, *f1)
    together, apart = (
        torch.autograd.grad(compute(inputs[:2], inputs[2:], of_channels).sum(), inputs)
        for compute in (_functions.feature_distances, one_by_one)
    )
    for got, want in zip(together, apart, strict=True):
        assert torch.equal(got, want)


def test_gradcheck_of_layers() -> None:
    f0, f1, of_channels = layers("float64", shapes=((2, 3, 2, 3), (2, 4, 1, 2)))
    inputs = leaves(*(f + 0.1 for f in (*f0, *f1)), *(weight + 0.1 for weight in of_channels))

    def scores(*given: Any) -> Any:
        return _functions.feature_distances(given[:2], given[2:4], given[4:])

    assert torch.autograd.gradcheck(scores, inputs)


@pytest.mark.parametrize("needed", ["f0", "f1", "weights"])
def test_one_gradient_of_layers_alone(needed: str) -> None:
    given = dict(zip(("f0", "f1", "weights"), layers("float64"), strict=True))
    everything = {name: leaves(*group) for name, group in given.items()}
    expected = torch.autograd.grad(
        _functions.feature_distances(*everything.values()).square().sum(), everything[needed]
    )
    one = leaves(*given[needed])
    score = _functions.feature_distances(*{**given, needed: one}.values()).square().sum()
    for of_one in (score, _functions.feature_distances(*{**everything, needed: one}.values()).square().sum()):
        for got, want in zip(torch.autograd.grad(of_one, one), expected, strict=True):
            torch.testing.assert_close(got, want)


def test_one_layer_needs_a_gradient() -> None:
    f0, f1, of_channels = layers()
    (leaf,) = leaves(f0[1])
    scores = _functions.feature_distances([f0[0], leaf, f0[2]], f1, of_channels)
    (got,) = torch.autograd.grad(scores.sum(), leaf)
    (want,) = torch.autograd.grad(limen.feature_distance(leaf, f1[1], of_channels[1]).sum(), leaf)
    torch.testing.assert_close(got, want)


def test_second_derivatives_are_refused() -> None:
    f0, f1, of_channels = layers()
    inputs = leaves(*f0)
    (gradient, *_) = torch.autograd.grad(
        _functions.feature_distances(inputs, f1, of_channels).sum(), inputs, create_graph=True
    )
    with pytest.raises(RuntimeError, match="can't be differentiated twice"):
        gradient.sum().backward()


def test_what_does_not_fit_together() -> None:
    f0, f1, of_channels = layers()
    narrow = [f.byte() for f in f0]
    for error, message, *arguments in [
        (ValueError, r"fx\[2\] and fy\[2\] must have the same shape", f0, [*f1[:2], f1[2][..., :-1]], of_channels),
        (TypeError, r"fx\[0\] and fy\[0\] must have the same dtype", narrow, f1, of_channels),
        (TypeError, r"fx\[0\] and fy\[0\] have dtype torch.uint8; .* are torch.float16, ", narrow, narrow, of_channels),
        (ValueError, r"weight must have the shape \(5,\)", f0, f1, [*of_channels[:2], of_channels[2][1:]]),
        (ValueError, "all layers must have the batch", [f0[0][:1], *f0[1:]], [f1[0][:1], *f1[1:]], of_channels),
        (ValueError, "a layer or more", [], [], []),
        (ValueError, "layer 2: weight must be .* not negative; got -1", f0, f1, [*of_channels[:2], -torch.ones(5)]),
    ]:
        with pytest.raises(error, match=message):
            _functions.feature_distances(*arguments)


def test_the_core_looks_at_what_it_gets() -> None:
    f0, f1, of_channels = ([t.numpy() for t in group] for group in layers())
    scores = np.empty((3, 3), np.float32)
    size = sum(3 * _core.feature_state_size * f.shape[2] * f.shape[3] for f in f0)
    state = np.empty(size, np.float32)
    _core.feature_distances(f0, f1, of_channels, scores, state)
    fixed = scores.copy()
    fixed.flags.writeable = False
    for arguments, message in [
        ((f0, f1[:2], of_channels, scores, state), "as many layers"),
        ((f0, f1, of_channels[:1], scores, state), "as many layers"),
        ((f0, f1, of_channels, scores[:2], state), r"scores must have shape \(3, 3\)"),
        ((f0, f1, of_channels, scores.astype(np.float16), state), "scores must be float32 or float64"),
        ((f0, f1, of_channels, fixed, state), "scores must be writable"),
        ((f0, f1, of_channels, scores, state[1:]), "state must be contiguous"),
        (([f0[0][0], *f0[1:]], f1, of_channels, scores, state), "f0 must have four axes"),
    ]:
        with pytest.raises(ValueError, match=message):
            _core.feature_distances(*arguments)
    gradients = [np.empty_like(f) for f in f0]
    upstream = np.ones((3, 3), np.float32)
    for arguments, message in [
        ((upstream[:, :2], gradients, [], None), r"upstream must have shape \(3, 3\)"),
        ((upstream, gradients[:2], [], None), "grad_f0 must hold a gradient for each layer"),
        ((upstream, [], [gradients[1]] * 3, None), r"grad_f1 must have shape"),
        ((upstream, [], [], np.empty(7)), "grad_weight must have 139 numbers"),
        ((upstream, [], [], np.empty(139, np.float32)), "grad_weight must be float64"),
    ]:
        with pytest.raises(ValueError, match=message):
            _core.feature_distance_gradients(f0, f1, of_channels, state, *arguments)
