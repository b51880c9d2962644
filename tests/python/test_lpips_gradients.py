"""LPIPS differentiated, compiled, and computed in other dtypes and memory orders."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import limen
import limen.torch
from lpips_peers import NETS, backbone, peer
from photographs import crop, distorted
from torch_images import leaves, torch


def photographs(height: int, width: int, dtype: Any = torch.float32) -> list[Any]:
    """A pair in [-1, 1]."""
    image = crop("astronaut", height, width)
    return [2 * torch.tensor(pixels[None], dtype=dtype) - 1 for pixels in (image, distorted(image))]


def model(net: str, version: str | None = "v0.1", **options: Any) -> Any:
    return limen.torch.LPIPS(net, backbone=backbone(net), linear=version, **options)


def gradients(metric: Any, x: Any, y: Any) -> tuple[Any, ...]:
    x, y = leaves(x, y)
    value = metric(x, y).sum()
    return torch.autograd.grad(value, (x, y))


@pytest.mark.parametrize("version", ["v0.1", None])
@pytest.mark.parametrize("net", NETS)
def test_gradients(net: str, version: str | None) -> None:
    # In float64, and scaled by the very same numbers: where two values of a pooling window are nearly equal, another
    # rounding chooses the other one.
    x, y = photographs(65, 58, torch.float64)
    their = copy.deepcopy(peer(net, version)).double()
    their.scaling_layer.shift = torch.tensor([-0.030, -0.088, -0.188], dtype=torch.float64)[:, None, None]
    their.scaling_layer.scale = torch.tensor([0.458, 0.448, 0.450], dtype=torch.float64)[:, None, None]
    for own, expected in zip(gradients(model(net, version), x, y), gradients(their, x, y), strict=True):
        assert (own - expected).abs().max() <= 1e-9 * expected.abs().max()


@pytest.mark.parametrize("net", NETS)
def test_gradients_in_float32(net: str) -> None:
    x, y = photographs(65, 58)
    exact, _ = gradients(model(net), x.double(), y.double())
    own, _ = gradients(model(net), x, y)
    their, _ = gradients(peer(net), x, y)
    largest = exact.abs().max()
    # But for a few pixels behind such windows.
    error, their_error = ((gradient - exact).abs() > 1e-4 * largest for gradient in (own, their))
    assert error.float().mean() <= max(0.01, 2 * their_error.float().mean())
    assert (own - exact).norm() <= 1e-2 * exact.norm()


@pytest.mark.parametrize("spatial", [False, True])
@pytest.mark.parametrize("net", ["alex", "squeeze"])
def test_gradient_of_one_image(net: str, spatial: bool) -> None:
    # Another path: what needs no gradient goes through the network by itself.
    x, y = photographs(64, 64, torch.float64)
    metric = model(net, spatial=spatial)
    both = gradients(metric, x, y)
    for i in range(2):
        images = [x, y]
        images[i] = images[i].clone().requires_grad_()
        value = metric(*images)
        torch.testing.assert_close(value.detach(), metric(x, y))
        (own,) = torch.autograd.grad(value.sum(), images[i])
        torch.testing.assert_close(own, both[i], rtol=1e-6, atol=1e-9 * float(both[i].abs().max()))


def test_gradient_is_finite_where_activations_are_zero() -> None:
    metric = model("alex")
    with torch.no_grad():
        for name, parameter in metric.backbone.named_parameters():
            if name.endswith("bias"):
                parameter.fill_(-0.5)
    x, y = photographs(64, 64)
    assert any((tap == 0).all(1).any() for tap in metric.features(x))
    for gradient in (*gradients(metric, x, y), *gradients(metric, x, x)):
        assert gradient.isfinite().all()


def test_second_derivatives_are_refused() -> None:
    x, y = leaves(*photographs(64, 64))
    (gradient,) = torch.autograd.grad(model("alex")(x, y).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="twice"):
        gradient.sum().backward()


def test_weights_train_when_told_to() -> None:
    metric = model("alex")
    assert not any(parameter.requires_grad for parameter in metric.parameters())
    metric.linear.requires_grad_()
    metric.backbone.requires_grad_()
    x, y = photographs(64, 64)
    metric(x, y).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in metric.parameters())
    their = copy.deepcopy(peer("alex")).requires_grad_()
    their(x, y).sum().backward()
    expected = their.lin1.model[1].weight.grad.flatten()
    torch.testing.assert_close(metric.linear[1].grad, expected, rtol=1e-3, atol=1e-6)
    expected = their.net.slice1[0].weight.grad
    torch.testing.assert_close(
        metric.backbone.features.get_submodule("0").weight.grad,
        expected,
        rtol=1e-3,
        atol=1e-3 * float(expected.abs().max()),
    )


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_whole() -> None:
    metric = model("alex", return_layers=True, reduction="mean")

    def loss(x: Any, y: Any) -> Any:
        score, layers = metric(x, y)
        return score + layers.square().sum()

    x, y = photographs(48, 41)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for own, expected in zip(gradients(compiled, x, y), gradients(loss, x, y), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    moving = x.clone().requires_grad_()
    torch.testing.assert_close(compiled(moving, y), loss(moving, y))


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_map() -> None:
    metric = model("alex", spatial=True)
    x, y = photographs(48, 41)
    compiled = torch.compile(metric, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(x, y), metric(x, y))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_dtypes_of_images(dtype: Any) -> None:
    x, y = (image.to(dtype) for image in photographs(64, 64))
    score = model("squeeze")(x, y)
    assert score.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    # Half precision is how pixels are stored, not what is computed in.
    torch.testing.assert_close(score.float(), model("squeeze")(x.float(), y.float()), rtol=1e-5, atol=1e-7)


def test_bfloat16_when_asked() -> None:
    x, y = photographs(64, 64)
    exact = model("squeeze")(x, y)
    metric = model("squeeze", dtype="bfloat16")
    assert {tap.dtype for tap in metric.features(x)} == {torch.bfloat16}
    score = metric(x, y)
    assert score.dtype == torch.float32
    torch.testing.assert_close(score, exact, rtol=0.05, atol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(model("squeeze")(x, y), exact, rtol=0.05, atol=0)
    (own, _), (expected, _) = gradients(metric, x, y), gradients(model("squeeze"), x, y)
    assert own.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(own.flatten(), expected.flatten(), 0) > 0.9


def test_module_in_float64() -> None:
    x, y = photographs(64, 64, torch.float64)
    metric = model("alex")
    exact = metric(x, y)
    torch.testing.assert_close(metric.double()(x, y), exact)
    torch.testing.assert_close(metric.double()(x.float(), y.float()).double(), exact, rtol=1e-5, atol=0)


@pytest.mark.parametrize("layout", ["channels_last", "flipped", "expanded", "sliced"])
def test_any_memory_order(layout: str) -> None:
    x, y = (image.repeat(2, 1, 1, 1) for image in photographs(64, 64))
    expected = model("alex")(x, y)
    if layout == "channels_last":
        x, y = (image.contiguous(memory_format=torch.channels_last) for image in (x, y))
    elif layout == "flipped":
        x, y = (image.movedim(-1, -2).contiguous().movedim(-1, -2) for image in (x, y))
    elif layout == "expanded":
        x, y = (image[:1].expand(2, -1, -1, -1) for image in (x, y))
    else:
        x, y = (torch.stack((image, image), -1)[..., 0] for image in (x, y))
    torch.testing.assert_close(model("alex")(x, y), expected)
    last = model("alex", channel_axis=-1)
    torch.testing.assert_close(last(x.movedim(1, -1), y.movedim(1, -1)), expected)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies(duplicate: Any) -> None:
    metric = model("squeeze", spatial=True)
    other = duplicate(metric)
    x, y = photographs(64, 64)
    assert torch.equal(other(x, y), metric(x, y))
    assert repr(other) == repr(metric)
    assert other.fingerprint() == metric.fingerprint()


def test_images_are_left_alone() -> None:
    x, y = photographs(64, 64)
    before = x.clone(), y.clone()
    for net in NETS:
        model(net)(x, y)
        gradients(model(net), x, y)
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])
