"""The networks under LPIPS as tables: layers in torchvision's order, and those whose output is compared.

A layer's key in a state dict is its name: ``features.0`` has ``features.0.weight`` and ``features.0.bias``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Conv(NamedTuple):
    """A convolution with a bias."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1


class Relu(NamedTuple):
    """max(x, 0); a tap's output is compared."""

    tap: bool = False


class Pool(NamedTuple):
    """The largest value of each window; `ceil` keeps a window that sticks out at the end."""

    kernel: int
    stride: int
    ceil: bool = False


class Fire(NamedTuple):
    """SqueezeNet's module: a 1x1 convolution to few channels, then 1x1 and 3x3 ones side by side, each with a ReLU."""

    squeeze: int
    expand: int
    tap: bool = False


class Norm(NamedTuple):
    """Local response normalisation over neighbouring channels, as Caffe computes it."""

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75


Layer = Conv | Relu | Pool | Fire | Norm


class Convolution(NamedTuple):
    """A convolution of a backbone, with where its numbers lie in a state dict."""

    key: str
    weight: tuple[int, int, int, int]


@dataclass(frozen=True)
class Backbone:
    """A network cut after each tap.

    `bgr` tells that images go in as Caffe's networks take them: blue first, 0 to 255, less the mean of ImageNet.
    """

    name: str
    layers: dict[str, Layer]
    bgr: bool = False

    @property
    def stages(self) -> list[dict[str, Layer]]:
        """The layers up to the first tap, from there to the second, and so on; what follows the last is left out."""
        stages: list[dict[str, Layer]] = [{}]
        for key, layer in self.layers.items():
            stages[-1][key] = layer
            if isinstance(layer, (Relu, Fire)) and layer.tap:
                stages.append({})
        return stages[:-1]

    @property
    def convolutions(self) -> list[Convolution]:
        """All of them, in order."""
        return list(self._convolutions())

    @property
    def channels(self) -> list[int]:
        """Of each tap."""
        channels, count = [], 3
        for stage in self.stages:
            for layer in stage.values():
                count = _channels_after(layer, count)
            channels.append(count)
        return channels

    @property
    def min_side(self) -> int:
        """The smallest height and width of an image that leaves every tap at least one position."""
        return next(side for side in range(1, 1000) if self._leaves_any(side))

    def input_scale(self, value_range: tuple[float, float], scaled: bool) -> tuple[list[float], list[float]]:
        """Factor and offset of each channel, red first, which take an image to what the network was trained on.

        Where the network takes blue first, channels are turned after that. `scaled` false leaves the image in [-1, 1],
        as version 0.0 of LPIPS did.
        """
        low, high = value_range
        half = (high - low) / 2
        if self.bgr:
            return [127.5 / half] * 3, [-127.5 / half * low - mean for mean in _CAFFE_MEAN]
        means, deviations = (_MEAN, _DEVIATION) if scaled else ((0.0,) * 3, (1.0,) * 3)
        factors = [1 / (half * deviation) for deviation in deviations]
        offsets = [(-1 - low / half - mean) / deviation for mean, deviation in zip(means, deviations, strict=True)]
        return factors, offsets

    def _convolutions(self) -> Iterator[Convolution]:
        count = 3
        for stage in self.stages:
            for key, layer in stage.items():
                if isinstance(layer, Conv):
                    yield Convolution(key, (layer.channels, count // layer.groups, layer.kernel, layer.kernel))
                elif isinstance(layer, Fire):
                    yield Convolution(f"{key}.squeeze", (layer.squeeze, count, 1, 1))
                    yield Convolution(f"{key}.expand1x1", (layer.expand, layer.squeeze, 1, 1))
                    yield Convolution(f"{key}.expand3x3", (layer.expand, layer.squeeze, 3, 3))
                count = _channels_after(layer, count)

    def _leaves_any(self, side: int) -> bool:
        for stage in self.stages:
            for layer in stage.values():
                if isinstance(layer, Conv):
                    side = (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
                elif isinstance(layer, Pool):
                    side = (side - layer.kernel + (layer.stride - 1) * layer.ceil) // layer.stride + 1
                if side < 1:
                    return False
        return True


# Of ImageNet's images in [-1, 1], to the digits of `lpips`; red first, as all of these.
_MEAN = (-0.030, -0.088, -0.188)
_DEVIATION = (0.458, 0.448, 0.450)
# Of the same in 0 to 255.
_CAFFE_MEAN = (122.679, 116.669, 104.007)


def _channels_after(layer: Layer, channels: int) -> int:
    if isinstance(layer, Conv):
        return layer.channels
    return 2 * layer.expand if isinstance(layer, Fire) else channels


def _features(*layers: Layer) -> dict[str, Layer]:
    return {f"features.{i}": layer for i, layer in enumerate(layers)}


def _vgg_block(channels: int, convolutions: int) -> list[Layer]:
    return [
        layer for i in range(convolutions) for layer in (Conv(channels, 3, padding=1), Relu(tap=i == convolutions - 1))
    ]


_POOL = Pool(3, 2)
_CEIL_POOL = Pool(3, 2, ceil=True)
_HALVE = Pool(2, 2)

# fmt: off
BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone("alex", _features(
            Conv(64, 11, stride=4, padding=2), Relu(tap=True), _POOL,
            Conv(192, 5, padding=2), Relu(tap=True), _POOL,
            Conv(384, 3, padding=1), Relu(tap=True),
            Conv(256, 3, padding=1), Relu(tap=True),
            Conv(256, 3, padding=1), Relu(tap=True),
        )),
        Backbone("vgg", _features(
            *_vgg_block(64, 2), _HALVE,
            *_vgg_block(128, 2), _HALVE,
            *_vgg_block(256, 3), _HALVE,
            *_vgg_block(512, 3), _HALVE,
            *_vgg_block(512, 3),
        )),
        Backbone("squeeze", _features(
            Conv(64, 3, stride=2), Relu(tap=True), _CEIL_POOL,
            Fire(16, 64), Fire(16, 64, tap=True), _CEIL_POOL,
            Fire(32, 128), Fire(32, 128, tap=True), _CEIL_POOL,
            Fire(48, 192, tap=True), Fire(48, 192, tap=True),
            Fire(64, 256, tap=True), Fire(64, 256, tap=True),
        )),
        # The AlexNet that self-supervised networks before 2018 were published in.
        Backbone("caffe-alex", {
            "conv1": Conv(96, 11, stride=4), "relu1": Relu(tap=True), "pool1": _CEIL_POOL, "norm1": Norm(),
            "conv2": Conv(256, 5, padding=2, groups=2), "relu2": Relu(tap=True), "pool2": _CEIL_POOL, "norm2": Norm(),
            "conv3": Conv(384, 3, padding=1), "relu3": Relu(tap=True),
            "conv4": Conv(384, 3, padding=1, groups=2), "relu4": Relu(tap=True),
            "conv5": Conv(256, 3, padding=1, groups=2), "relu5": Relu(tap=True),
        }, bgr=True),
    )
}
# fmt: on


def backbone_named(net: str) -> Backbone:
    """The table of that name.

    Raises
    ------
    TypeError, ValueError
        Saying which there are.
    """
    if not isinstance(net, str):
        raise TypeError(f"net must be a name; got {net!r}")
    if net not in BACKBONES:
        raise ValueError(f"net must be one of {', '.join(BACKBONES)}; got {net!r}")
    return BACKBONES[net]
