"""`limen.feature_distance` of tensors: gradients, dtypes, layouts, and what PyTorch's compiler makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import limen
from feature_oracle import distances, gradients
from features import DTYPES, features, weights
from images import assert_near
from torch_images import leaves, torch

MEMORY = {
    "contiguous": lambda f: f.contiguous(),
    "channels-last": lambda f: f.contiguous(memory_format=torch.channels_last),
    "turned": lambda f: f.transpose(-1, -2).contiguous().transpose(-1, -2),
}


def tensors(*shape: int, dtype: str = "float32", seed: int = 0) -> list[Any]:
    """Features, as tensors."""
    return [torch.tensor(f).to(getattr(torch, dtype)) for f in features(*shape, dtype="float64", seed=seed)]


def composed(f0: Any, f1: Any, weight: Any, axis: int = -3) -> Any:
    """What users write, which has a slope of NaN at zeros."""

    def normalised(f: Any) -> Any:
        return f / (f.square().sum(axis, keepdim=True).sqrt() + 1e-10)

    shape = [-1 if i == axis % f0.ndim else 1 for i in range(f0.ndim)]
    return (weight.reshape(shape) * (normalised(f0) - normalised(f1)).square()).sum(axis)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For hundreds of calls on features that are too small to share."""
    before = limen.get_num_threads()
    limen.set_num_threads(1)
    yield
    limen.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("reduction", ["image", "mean", "none"])
@pytest.mark.parametrize("layout", MEMORY)
def test_gradcheck(layout: str, reduction: Any) -> None:
    f0, f1 = leaves(*(MEMORY[layout](torch.rand(2, 3, 2, 3, dtype=torch.float64) + 0.1) for _ in range(2)))
    (weight,) = leaves(torch.rand(3, dtype=torch.float64) + 0.1)

    def score_and_map(*inputs: Any) -> Any:
        return limen.feature_distance(*inputs, reduction=reduction, return_map=True)

    assert torch.autograd.gradcheck(score_and_map, (f0, f1, weight))
    assert torch.autograd.gradcheck(lambda *inputs: limen.feature_distance(*inputs, reduction=reduction), (f0, f1))


@pytest.mark.parametrize("layout", MEMORY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients(implementation: str, dtype: str, layout: str) -> None:
    for shape in ((2, 64, 9, 7), (1, 70, 1, 1), (3, 5, 17, 33)):
        f0, f1 = leaves(*(MEMORY[layout](f) for f in tensors(*shape, dtype=dtype)))
        assert f0.stride() == MEMORY[layout](f0).stride()
        (weight,) = leaves(torch.tensor(weights(shape[1])))
        upstream = torch.rand(shape[0], *shape[2:], dtype=torch.float64)
        _, distance = limen.feature_distance(f0, f1, weight, return_map=True)
        actual = torch.autograd.grad(distance, (f0, f1, weight), upstream.to(distance.dtype))
        expected = gradients(*(t.detach().double().numpy() for t in (f0, f1, weight)), upstream)
        rounding, floor = {"float16": (2**-11, 2**-25), "bfloat16": (2**-8, 0)}.get(dtype, (0, 0))
        for got, want, like in zip(actual, expected, (f0, f1, weight), strict=True):
            assert got.dtype == like.dtype
            assert got.stride() == like.stride()
            own = got.dtype == torch.float64
            tolerance = 1e-11 if dtype == "float64" else 1e-5
            assert_near(got.double().numpy(), want, tolerance, 0 if own else rounding, 0 if own else floor)


def test_the_same_as_composed() -> None:
    f0, f1 = leaves(*(f + 0.01 for f in tensors(4, 64, 31, 33)))
    (weight,) = leaves(torch.tensor(weights(64), dtype=torch.float32))
    ours = limen.feature_distance(f0, f1, weight)
    theirs = composed(f0, f1, weight).mean((-2, -1))
    torch.testing.assert_close(ours, theirs)
    for got, want in zip(
        *(torch.autograd.grad(s.square().sum(), (f0, f1, weight)) for s in (ours, theirs)), strict=True
    ):
        assert_near(got.numpy(), want.numpy(), 1e-5)


@pytest.mark.parametrize("layout", MEMORY)
def test_vectors_of_zeros_have_no_gradient(implementation: str, layout: str) -> None:
    f0, f1 = leaves(*(MEMORY[layout](f) for f in tensors(2, 9, 4, 19)))
    with torch.no_grad():
        f0[:, :, 1] = 0
        f1[:, :, 1:3] = 0
    limen.feature_distance(f0, f1, torch.ones(9)).sum().backward()
    for f in (f0, f1):
        zero = (f == 0).all(1, keepdim=True).expand_as(f)
        assert torch.isfinite(f.grad).all()
        assert (f.grad[zero] == 0).all()
        assert (f.grad[~zero] != 0).any()
    assert torch.isnan(torch.autograd.grad(composed(f0, f1, torch.ones(9)).sum(), f0)[0]).any()


# The difference of nearly equal features, and so their gradient, is all rounding where each is normalised by itself.
def test_gradients_of_nearly_equal_features(fast: str) -> None:
    rng = np.random.default_rng(0)
    f0 = rng.random((1, 64, 5, 37)).astype(np.float32)
    f1 = (f0 * (1 + 1e-5 * rng.normal(size=f0.shape))).astype(np.float32)
    upstream = np.ones((1, 5, 37))
    expected = gradients(f0, f1, weights(64), upstream)[0]
    a, b = leaves(torch.tensor(f0), torch.tensor(f1))
    limen.feature_distance(a, b, weights(64), return_map=True)[1].sum().backward()
    assert_near(a.grad.numpy(), expected, 1e-5)


def test_huge_and_tiny_features(implementation: str) -> None:
    f0, f1 = features(1, 40, 3, 21, dtype="float64")
    for scale in (1e18, 1e30, 1e-18, 1e-30):
        a, b = ((f * scale).astype(np.float32) for f in (f0, f1))
        expected = gradients(a, b, weights(40), np.ones((1, 3, 21)))
        inputs = leaves(torch.tensor(a), torch.tensor(b), torch.tensor(weights(40)))
        limen.feature_distance(*inputs, return_map=True)[1].sum().backward()
        for got, want in zip(inputs, expected, strict=True):
            largest = np.abs(want).max()
            assert_near(got.grad.double().numpy() / largest, want / largest, 1e-5, floor=0 if scale > 1e-20 else 1)


@pytest.mark.parametrize("needed", [(True, False, False), (False, True, False), (False, False, True)], ids=str)
def test_one_gradient_alone(needed: tuple[bool, ...]) -> None:
    inputs = [*tensors(2, 9, 6, 7), torch.tensor(weights(9))]
    both = leaves(*inputs)
    limen.feature_distance(*both).sum().backward()
    one = [t.requires_grad_(need) for t, need in zip(inputs, needed, strict=True)]
    limen.feature_distance(*one).sum().backward()
    for t, like, need in zip(one, both, needed, strict=True):
        assert (t.grad is not None) == need
        if need:
            torch.testing.assert_close(t.grad, like.grad)


@pytest.mark.parametrize("reduction", ["image", "mean"])
def test_upstream_gradients_reach_their_own_image(reduction: Any) -> None:
    f0, f1 = leaves(*tensors(2, 3, 5, 6, 7, dtype="float64"))
    score, distance = limen.feature_distance(f0, f1, reduction=reduction, return_map=True)
    of_score, of_map = torch.rand_like(score), torch.rand_like(distance)
    (actual,) = torch.autograd.grad((score, distance), f0, (of_score, of_map))
    each = of_score / 42 if reduction == "image" else of_score.expand(2, 3) / (6 * 42)
    upstream = of_map + each[..., None, None]
    expected = gradients(f0.detach().numpy(), f1.detach().numpy(), np.ones(5), upstream)[0]
    assert_near(actual.numpy(), expected, 1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_channel_axes(axis: int) -> None:
    f0, f1 = leaves(*tensors(4, 5, 6, dtype="float64"))
    channels = f0.shape[axis]
    _, distance = limen.feature_distance(f0, f1, weights(channels), channel_axis=axis, return_map=True)
    expected = distances(f0, f1, torch.tensor(weights(channels)), axis)
    torch.testing.assert_close(distance, expected)
    got, want = (torch.autograd.grad(d.square().sum(), (f0, f1)) for d in (distance, expected))
    torch.testing.assert_close(got, want)


def test_answers() -> None:
    for dtype in DTYPES:
        f0, f1 = tensors(2, 5, 6, 7, dtype=dtype)
        score, distance = limen.feature_distance(f0, f1, weights(5), return_map=True)
        wide = torch.float64 if dtype == "float64" else torch.float32
        assert score.dtype == distance.dtype == wide
        assert score.shape == (2,)
        assert distance.shape == (2, 6, 7)
        assert not score.requires_grad
        torch.testing.assert_close(distance.mean((-2, -1)), score)
        assert limen.feature_distance(f0, f1, reduction="mean").shape == ()
        assert limen.feature_distance(f0, f1, reduction="none").shape == (2,)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_autocast(dtype: str) -> None:
    network = torch.nn.Conv2d(3, 8, 3)
    x = torch.rand(2, 3, 12, 13)
    f1 = network(x * 0.9).detach()
    with torch.autocast("cpu", dtype=getattr(torch, dtype)):
        f0 = network(x)
        score = limen.feature_distance(f0, f1)
    assert f0.dtype == getattr(torch, dtype)
    torch.testing.assert_close(score, limen.feature_distance(f0.float(), f1))
    score.sum().backward()
    assert torch.isfinite(network.weight.grad).all()


def test_differentiating_twice_says_it_cannot() -> None:
    f0, f1 = leaves(*tensors(2, 5, 6, 7))
    (weight,) = leaves(torch.ones(5))
    score = limen.feature_distance(f0, f1, weight)
    (gradient,) = torch.autograd.grad(score.sum(), f0, create_graph=True)
    with pytest.raises(RuntimeError, match="can't be differentiated twice"):
        gradient.sum().backward()


def test_backward_again_through_one_graph() -> None:
    f0, f1 = leaves(*tensors(2, 5, 6, 7))
    score = limen.feature_distance(f0, f1)
    first, second = (torch.autograd.grad(score.sum(), f0, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_nothing_is_kept_unless_asked_for() -> None:
    f0, f1 = leaves(*tensors(2, 5, 6, 7))
    with torch.no_grad():
        assert not limen.feature_distance(f0, f1).requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(limen.feature_distance(f0 * 1, f1 * 1), limen.feature_distance(f0, f1).detach())


@pytest.mark.parametrize("dynamic", [None, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("weighted", [False, True])
def test_compiled_whole(weighted: bool, dynamic: bool | None) -> None:
    torch.compiler.reset()

    def loss(f0: Any, f1: Any, weight: Any) -> Any:
        score, distance = limen.feature_distance(f0, f1, weight if weighted else None, return_map=True)
        return score.sum() + distance.square().mean()

    compiled = torch.compile(loss, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for shape in ((2, 5, 6, 7), (3, 5, 9, 8)):
        actual, expected = (leaves(*tensors(*shape), torch.tensor(weights(5))) for _ in range(2))
        losses = compiled(*actual), loss(*expected)
        for value in losses:
            value.backward()
        torch.testing.assert_close(*losses)
        for got, want in zip(actual[: 3 if weighted else 2], expected, strict=False):
            torch.testing.assert_close(got.grad, want.grad)
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda f0, f1, w: (f0, f1.numpy(), w), TypeError, "f0 and f1 must be arrays of the same kind"),
        (lambda f0, f1, w: (f0, f1.double(), w), TypeError, "f0 and f1 must have the same dtype"),
        (lambda f0, f1, w: (f0.int(), f1.int(), w), TypeError, r"f0 and f1 have dtype torch.int32; .* are torch.float16, "),
        (lambda f0, f1, w: (f0 + 0j, f1 + 0j, w), TypeError, r"f0 and f1 have dtype torch.complex64; .* are torch.float16, "),
        (lambda f0, f1, w: (f0.byte(), f1.byte(), w), TypeError, r"f0 and f1 have dtype torch.uint8; .* are torch.float16, "),
        (lambda f0, f1, w: (f0, f1[..., 1:], w), ValueError, "f0 and f1 must have the same shape"),
        (lambda f0, f1, w: (f0[0, 0], f1[0, 0], w), ValueError, r"at least 3 axes|must be an integer"),
        (lambda f0, f1, w: (f0[:0], f1[:0], w), ValueError, "f0 and f1 must not be empty"),
        (lambda f0, f1, w: (f0.to_sparse(), f1, w), ValueError, "f0 must be a dense tensor"),
        (lambda f0, f1, w: (f0, f1, w[1:]), ValueError, r"weight must have the shape \(5,\), .* got \(4,\)"),
        (lambda f0, f1, w: (f0, f1, w.to("meta")), ValueError, "f0 and weight must be on the same device; got cpu and meta"),
        (lambda f0, f1, w: (f0, f1, -w), ValueError, "weight must be finite in float32 and not negative; got -1 for channel 0"),
        (lambda f0, f1, w: (f0, f1, w.to(torch.complex64)), TypeError, "weight must hold real numbers; got torch.complex64"),
        (lambda f0, f1, w: (f0, f1, [True] * 5), TypeError, "weight must hold real numbers; got torch.bool"),
        (lambda f0, f1, w: (f0.numpy(), f1.numpy(), w.requires_grad_()), TypeError, r"weight requires a gradient.*weight\.detach"),
    ],
)  # fmt: skip
def test_bad_input(change: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        limen.feature_distance(*change(*tensors(2, 5, 6, 7), torch.ones(5)))


def test_weights_of_any_kind() -> None:
    f0, f1 = tensors(2, 5, 6, 7, dtype="float64")
    numbers = [0.1, 0.2, 0.3, 0.4, 0.7]  # which float32 hasn't
    expected = limen.feature_distance(f0.numpy(), f1.numpy(), numbers)
    for weight in (numbers, tuple(numbers), np.array(numbers[::-1])[::-1]):
        assert (limen.feature_distance(f0, f1, weight).numpy() == expected).all()
    whole = limen.feature_distance(f0, f1, [1, 2, 3, 4, 5])
    for dtype in (torch.int8, torch.int16, torch.uint16, torch.int64):
        assert torch.equal(limen.feature_distance(f0, f1, torch.tensor([1, 2, 3, 4, 5], dtype=dtype)), whole)


@pytest.mark.parametrize("kind", [list, np.array])
def test_compiled_with_weights_that_are_no_tensor(kind: Any) -> None:
    torch.compiler.reset()
    f0, f1 = tensors(2, 5, 6, 7)
    weight = kind(weights(5).tolist())
    compiled = torch.compile(lambda a, b: limen.feature_distance(a, b, weight), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(f0, f1), limen.feature_distance(f0, f1, weight))
    torch.compiler.reset()


def test_shapes_without_data() -> None:
    f0 = torch.empty(2, 5, 6, 7, device="meta")
    score, distance = limen.feature_distance(f0, f0, torch.empty(5, device="meta"), return_map=True)
    assert score.shape == (2,)
    assert distance.shape == (2, 6, 7)
