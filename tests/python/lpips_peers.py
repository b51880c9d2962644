"""LPIPS of other libraries, on the same random backbones: their calibrated weights, where they come with the package."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from limen import _weights
from limen._weights import LINEAR_FILES
from peers import library

torch = pytest.importorskip("torch")

NETS = ("alex", "vgg", "squeeze")
VERSIONS = ("v0.1", "v0.0", None)


@functools.cache
def peer(net: str, version: str | None = "v0.1", *, spatial: bool = False) -> Any:
    """`lpips.LPIPS` with its own random backbone, the same for every version; None for its baseline."""
    lpips = library("lpips")
    with warnings.catch_warnings(), light_vgg():
        warnings.simplefilter("ignore")  # torchvision has renamed what it calls
        torch.manual_seed(0)
        return lpips.LPIPS(
            net=net,
            pnet_rand=True,
            lpips=version is not None,
            version=(version or "v0.1").removeprefix("v"),
            spatial=spatial,
            verbose=False,
        )


@contextlib.contextmanager
def light_vgg() -> Iterator[None]:
    """Torchvision's VGG-16 comes without its classifier, whose 124 million random numbers would take seconds."""
    models = library("torchvision.models")

    def vgg16(**_: Any) -> Any:
        features = models.vgg.make_layers(models.vgg.cfgs["D"])
        for layer in features:
            if isinstance(layer, torch.nn.Conv2d):  # as VGG does it
                torch.nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                torch.nn.init.zeros_(layer.bias)
        return SimpleNamespace(features=features)

    with mock.patch.object(models, "vgg16", vgg16):
        yield


@functools.cache
def backbone(net: str) -> dict[str, Any]:
    """A random backbone with torchvision's keys: that of `peer`. It is cached: not to be written."""
    return {
        f"features.{key.partition('.')[2]}": value
        for key, value in peer(net).net.state_dict().items()
        if "slice" in key
    }


def needs_linear(net: str, version: str = "v0.1") -> None:
    """Skip the test where the calibrated weights aren't on this machine."""
    if _weights.find(LINEAR_FILES[version, net]) is None:
        pytest.skip(f"needs {LINEAR_FILES[version, net].name}, which comes with the package lpips")
