"""Writes a backbone for ONNX Runtime, with the weights of channels beside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._backbones import Conv, Fire, Layer, Pool, Relu
from .._fingerprints import hash_of
from .._lpips_onnx import BACKBONE, LINEAR, NET, SOURCE
from .._weights import BACKBONE_FILES, LINEAR_FILES, LINEAR_VERSIONS
from .._whole_files import write_atomically
from ._backbone import Network
from ._lpips import LPIPS

_OPSET = 17
_FORMAT = 8  # of the file, which goes with that opset


def export(net: str, path: Path, backbone: Any = "pretrained") -> None:
    """Write a backbone to `path`, whole or not at all, with every published version of its linear weights.

    The file has an input ``images``, float32 (N, 3, H, W) scaled as the network was trained, and its taps as outputs.

    Raises
    ------
    ImportError
        If the package onnx is missing.
    FileNotFoundError, ValueError
        As `limen.torch.LPIPS`.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError("exporting needs the package onnx: pip install 'limen[export]'") from error
    published = [version for version in LINEAR_VERSIONS if (version, net) in LINEAR_FILES]
    models = [LPIPS(net, backbone=backbone, linear=version) for version in (None, *published)]
    network = models[0].backbone
    graph = _Graph(network)
    about = {NET: net, BACKBONE: hash_of(parameter.numpy() for parameter in network.parameters())}
    about |= {f"{LINEAR}{model.linear_name}": _text(model.linear) for model in models if model.linear is not None}
    if models[0].backbone_name == "pretrained":
        about[SOURCE] = BACKBONE_FILES[net].sha256
    model = onnx.helper.make_model(
        graph.finished(),
        producer_name="limen",
        ir_version=_FORMAT,
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
    )
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    write_atomically(path, lambda file: file.write(model.SerializeToString()))


class _Graph:
    """The nodes of a network, in order."""

    def __init__(self, network: Network) -> None:
        import onnx

        self._onnx = onnx
        self._nodes: list[Any] = []
        self._taps: list[Any] = []
        self._numbers = [
            onnx.numpy_helper.from_array(np.ascontiguousarray(parameter.numpy(), np.float32), name)
            for name, parameter in network.named_parameters()
        ]
        name = "images"
        for stage, channels in zip(network.table.stages, network.table.channels, strict=True):
            for key, layer in stage.items():
                name = self._add(key, layer, name)
            self._taps.append(self._value(name, channels))

    def finished(self) -> Any:
        """The graph."""
        images = self._value("images", 3)
        return self._onnx.helper.make_graph(self._nodes, "backbone", [images], self._taps, self._numbers)

    def _add(self, key: str, layer: Layer, x: str) -> str:
        """The nodes of one layer; the name of what they make."""
        if isinstance(layer, Conv):
            return self._convolve(key, x, layer.stride, layer.padding, layer.groups)
        if isinstance(layer, Relu):
            return self._node("Relu", key, [x])
        if isinstance(layer, Pool):
            kernel, strides = [layer.kernel] * 2, [layer.stride] * 2
            return self._node("MaxPool", key, [x], kernel_shape=kernel, strides=strides, ceil_mode=int(layer.ceil))
        if isinstance(layer, Fire):
            squeezed = self._node("Relu", f"{key}.squeezed", [self._convolve(f"{key}.squeeze", x)])
            small = self._convolve(f"{key}.expand1x1", squeezed)
            large = self._convolve(f"{key}.expand3x3", squeezed, padding=1)
            return self._node("Relu", key, [self._node("Concat", f"{key}.expanded", [small, large], axis=1)])
        return self._node("LRN", key, [x], size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=1.0)

    def _convolve(self, key: str, x: str, stride: int = 1, padding: int = 0, groups: int = 1) -> str:
        inputs = [x, f"{key}.weight", f"{key}.bias"]
        return self._node("Conv", key, inputs, strides=[stride] * 2, pads=[padding] * 4, group=groups)

    def _node(self, kind: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def _value(self, name: str, channels: int) -> Any:
        shape: list[str | int | None] = ["batch", channels, f"height of {name}", f"width of {name}"]
        return self._onnx.helper.make_tensor_value_info(name, self._onnx.TensorProto.FLOAT, shape)


def _text(vectors: Any) -> str:
    """The weights of all taps, one after the other."""
    values = np.concatenate([vector.detach().numpy() for vector in vectors])
    return base64.b64encode(values.astype("<f4").tobytes()).decode()
