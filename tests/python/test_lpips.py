"""LPIPS against the library that it comes from, on the same weights."""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import limen
import limen.torch
from limen import _weights
from limen._backbones import BACKBONES
from lpips_peers import NETS, VERSIONS, backbone, light_vgg, peer
from peers import library
from photographs import COLOUR, crop, distorted
from torch_images import torch

SIZES = [(64, 64), (31, 300), (101, 78)]


@functools.cache
def photographs(height: int, width: int) -> list[Any]:
    """Two batches in [-1, 1], float32."""
    images = [crop(name, height, width) for name in COLOUR[:2]]
    others = [distorted(image, seed) for seed, image in enumerate(images)]
    return [torch.tensor(2 * np.stack(batch) - 1, dtype=torch.float32) for batch in (images, others)]


@functools.cache
def model(net: str, version: str | None = "v0.1", **options: Any) -> Any:
    return limen.torch.LPIPS(net, backbone=backbone(net), linear=version, **options)


def features_of(net: str) -> Any:
    """The peer's layers in one row, named as in torchvision."""
    slices = [module for name, module in peer(net).net.named_children() if name.startswith("slice")]
    return torch.nn.Sequential(OrderedDict([layer for part in slices for layer in part.named_children()]))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("net", NETS)
def test_scores(net: str, version: str | None, size: tuple[int, int]) -> None:
    x, y = photographs(*size)
    expected, layers = peer(net, version)(x, y, retPerLayer=True)
    scores = model(net, version)(x, y)
    assert scores.shape == (2,)
    torch.testing.assert_close(scores, expected.flatten(), rtol=0, atol=1e-5)
    # In v0.1 a score is some .05: an absolute tolerance alone would tell little.
    torch.testing.assert_close(scores, expected.flatten(), rtol=1e-4, atol=0)
    _, own = model(net, version, return_layers=True)(x, y)
    torch.testing.assert_close(own, torch.cat(layers, 1).flatten(1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("net", NETS)
def test_maps(net: str, version: str | None) -> None:
    x, y = photographs(101, 78)
    expected = peer(net, version, spatial=True)(x, y)
    maps, layers = model(net, version, spatial=True, return_layers=True)(x, y)
    assert maps.shape == (2, 1, 101, 78)
    torch.testing.assert_close(maps, expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(maps, expected, rtol=1e-3, atol=1e-5)
    assert layers.shape == (2, len(BACKBONES[net].channels), 101, 78)
    torch.testing.assert_close(layers.sum(1, keepdim=True), maps)


@pytest.mark.parametrize("net", NETS)
def test_torchmetrics(net: str) -> None:
    # It adds 1e-8 under the root, which tells only where activations are next to nothing.
    module = library("torchmetrics.functional.image.lpips")
    with light_vgg():
        their = module._LPIPS(net=net, pnet_rand=True)
    x, y = photographs(101, 78)
    expected = their(x, y).flatten()
    score = limen.torch.LPIPS(net, backbone=their.net.state_dict())(x, y)
    torch.testing.assert_close(score, expected, rtol=1e-3, atol=1e-5)


def test_piq() -> None:
    # Its class downloads the weights; this is what it makes of them.
    perceptual = library("piq.perceptual")
    linear = [vector[None, :, None, None] for vector in model("vgg").linear]
    their = perceptual.ContentLoss(
        features_of("vgg"),
        layers=["3", "8", "15", "22", "29"],
        weights=linear,
        reduction="none",
        normalize_features=True,
    )
    x, y = ((image + 1) / 2 for image in photographs(101, 78))
    score = model("vgg", value_range=(0, 1))(x, y)
    torch.testing.assert_close(score, their(x, y), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("net", NETS)
def test_smallest_image(net: str) -> None:
    side = BACKBONES[net].min_side
    x, y = photographs(side, side)
    torch.testing.assert_close(model(net)(x, y), peer(net)(x, y).flatten(), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=f"at least {side} x {side} pixels; got {side - 1} x {side} "):
        model(net)(x[:, :, 1:], y[:, :, 1:])
    with pytest.raises(RuntimeError, match="too small"):
        peer(net)(x[:, :, 1:], y[:, :, 1:])


@pytest.mark.parametrize("net", NETS)
def test_equal_images_and_symmetry(net: str) -> None:
    x, y = photographs(64, 64)
    assert torch.equal(model(net)(x, x), torch.zeros(2))
    torch.testing.assert_close(model(net)(x, y), model(net)(y, x), rtol=1e-5, atol=0)
    flat = torch.full((1, 3, 64, 64), 0.25)
    assert model(net)(flat, flat).item() == 0
    assert torch.isfinite(model(net)(flat, -flat)).all()


def test_score_is_of_each_image_alone() -> None:
    x, y = photographs(64, 64)
    metric = model("alex")
    scores = metric(x, y)
    for i in range(2):
        torch.testing.assert_close(metric(x[i], y[i]), scores[i], rtol=1e-5, atol=0)
        assert metric(x[i], y[i]).shape == ()
    assert metric(x[:, None], y[:, None]).shape == (2, 1)
    mean = model("alex", reduction="mean")(x, y)
    torch.testing.assert_close(mean, scores.mean())


def test_shapes_of_maps() -> None:
    x, y = photographs(64, 64)
    maps = model("alex", spatial=True)(x, y)
    torch.testing.assert_close(model("alex", spatial=True)(x[0], y[0]), maps[0], rtol=1e-4, atol=1e-6)
    assert model("alex", spatial=True, reduction="mean")(x, y).shape == (1, 64, 64)


def test_a_nan_comes_out() -> None:
    x, y = photographs(64, 64)
    x = x.clone()
    x[0, 1, 30, 30] = np.nan
    scores = model("squeeze")(x, y)
    assert scores.isnan().tolist() == [True, False]


@pytest.mark.parametrize("net", NETS)
def test_features(net: str) -> None:
    x, y = photographs(64, 64)
    metric = model(net)
    fx, fy = metric.features(x), metric.features(y)
    assert [tap.shape[-3] for tap in fx] == BACKBONES[net].channels
    for own, their in zip(fx, peer(net).net(peer(net).scaling_layer(x)), strict=True):
        torch.testing.assert_close(own, their, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(metric.from_features(fx, fy), metric(x, y))
    one = metric.features(x[0])
    assert [tap.ndim for tap in one] == [3] * len(fx)
    expected = torch.stack([metric(x[0], y[i]) for i in range(2)])
    torch.testing.assert_close(metric.from_features(one, fy), expected, rtol=1e-5, atol=1e-7)


def test_features_of_other_images() -> None:
    x, y = photographs(64, 64)
    metric = model("alex")
    fx = metric.features(x)
    with pytest.raises(ValueError, match=r"fx\[0\] and fy\[0\] must agree but for their batch"):
        metric.from_features(fx, metric.features(y[..., :60]))
    with pytest.raises(ValueError, match="fy must be what features"):
        metric.from_features(fx, fx[:-1])
    with pytest.raises(ValueError, match="got NoneType"):
        metric.from_features(None, fx)
    with pytest.raises(ValueError, match=r"fy must be what features.* got \['ndarray', "):
        metric.from_features(fx, [tap.numpy() for tap in fx])
    with pytest.raises(ValueError, match="the features of all layers must have the same batch"):
        metric.from_features([fx[0][:1], *fx[1:]], [fx[0][:1], *fx[1:]])
    with pytest.raises(ValueError, match="fx must be what features"):
        metric.from_features(model("squeeze").features(x), fx)
    with pytest.raises(ValueError, match="size must be given"):
        model("alex", spatial=True).from_features(fx, fx)
    for size in ((0, 3), (3,), (2.5, 3), 3, "ab"):
        with pytest.raises(ValueError, match="size must be height and width, two integers from 1 up; got"):
            model("alex", spatial=True).from_features(fx, fx, size=size)
    maps = model("alex", spatial=True).from_features(fx, metric.features(y), size=(64, 64))
    torch.testing.assert_close(maps, model("alex", spatial=True)(x, y))


def test_caffe_network_takes_blue_first_less_the_mean() -> None:
    metric = limen.torch.LPIPS("caffe-alex", backbone="random", linear=None, value_range=(0, 255))
    x = torch.rand(2, 3, 40, 40) * 255
    mean_of_bgr = torch.tensor([104.007, 116.669, 122.679])[:, None, None]
    torch.testing.assert_close(metric.prepare("x", x)[0], x.flip(1) - mean_of_bgr, rtol=0, atol=1e-4)


def test_trained_network_of_lpips() -> None:
    whole = peer("alex").state_dict()
    metric = limen.torch.LPIPS("alex", backbone=whole, linear=whole)
    x, y = photographs(64, 64)
    assert torch.equal(metric(x, y), model("alex")(x, y))


@pytest.mark.parametrize("net", NETS)
def test_pretrained_network(net: str) -> None:
    # The distances that lpips publishes are of pictures that don't come with it: photographs stand for them, scored by
    # lpips itself.
    file = _weights.BACKBONE_FILES[net]
    if _weights.find(file) is None:
        pytest.skip(f"needs {file.name}: `limen weights fetch --net {net}`")
    x, y = photographs(101, 78)
    their = library("lpips").LPIPS(net=net, verbose=False)
    torch.testing.assert_close(limen.torch.LPIPS(net)(x, y), their(x, y).flatten(), rtol=1e-4, atol=1e-6)
