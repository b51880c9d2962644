"""LPIPS without PyTorch: the network runs in ONNX Runtime, the distance in the core."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _weights
from ._arrays import resolve_channel_axis
from ._backbones import backbone_named
from ._feature_distance import feature_distance
from ._fingerprints import fingerprint, hash_of
from ._implementations import get_num_threads
from ._lpips_options import Options, check_shape, check_values
from ._weights import onnx_file_name

Array = NDArray[Any]

# Keys under which an exported file says what it is. The source is the SHA-256 of the published file that the backbone
# came from; a backbone from elsewhere has none.
NET, BACKBONE, LINEAR, SOURCE = "limen.net", "limen.backbone", "limen.linear.", "limen.source"

# Values that go through the network at a time.
_BATCH = 8 * 3 * 256 * 256


class OnnxLPIPS:
    """`limen.torch.LPIPS` for NumPy arrays, from a file that ``limen weights export`` wrote."""

    def __init__(
        self,
        net: str = "alex",
        *,
        backbone: str | os.PathLike[str] | Mapping[str, Any] = "pretrained",
        linear: Any = "v0.1",
        spatial: bool = False,
        value_range: tuple[float, float] = (-1, 1),
        reduction: Any = "image",
        channel_axis: Any = "auto",
        return_layers: bool = False,
        check_range: bool = True,
        dtype: Any = None,
    ) -> None:
        self.options = Options.checked(
            spatial=spatial,
            value_range=value_range,
            reduction=reduction,
            return_layers=return_layers,
            check_range=check_range,
        )
        self.channel_axis = channel_axis
        self.table = backbone_named(net)
        if dtype not in (None, "float32"):
            raise ValueError(f"engine='onnx' computes in float32; got dtype={dtype!r}")
        path = _path(net, backbone)
        self._session, about = _open(path, net)
        pretrained = backbone == "pretrained"
        if pretrained:
            _check_source(about, path, net)
        self._channels_of_taps = _linear(about, linear, net)
        self._scaled = linear != "v0.0"
        self._hashes = about[BACKBONE], hash_of(self._channels_of_taps or ())
        self.backbone_name, self.linear_name = "pretrained" if pretrained else str(path), linear or "none"

    def of_arrays(self, x: Array, y: Array) -> Any:
        """The distance of images (..., 3, H, W), or as `channel_axis` says."""
        (images_x, batch, size), (images_y, *_) = self._prepare("x", x), self._prepare("y", y)
        parts = [
            [
                self._distance(k, fx, fy, spatial=self.options.spatial)
                for k, (fx, fy) in enumerate(zip(*map(self._run, pair), strict=True))
            ]
            for pair in zip(_batches(images_x), _batches(images_y), strict=True)
        ]
        layers = [np.concatenate(part) for part in zip(*parts, strict=True)]
        each = (
            np.stack([enlarged(layer, size) for layer in layers], 1) if self.options.spatial else np.stack(layers, -1)
        )
        total = each.sum(1, keepdims=True) if self.options.spatial else each.sum(-1)
        answers = [self._reduced(answer, batch) for answer in (total, each)]
        return tuple(answers) if self.options.return_layers else answers[0]

    def matrix_of_arrays(self, images: Array) -> Array:
        """The distance of every image with every other, as `limen.lpips_matrix` describes it."""
        prepared, _, _ = self._prepare("images", images)
        taps = [np.concatenate(parts) for parts in zip(*map(self._run, _batches(prepared)), strict=True)]
        distances = np.zeros((len(images), len(images)))
        for k, features in enumerate(taps):
            for i in range(len(images) - 1):
                others = features[i + 1 :]
                distances[i, i + 1 :] += self._distance(k, np.broadcast_to(features[i], others.shape), others)
        return distances + distances.T

    def fingerprint(self) -> str:
        """That of `limen.torch.LPIPS` with the same weights."""
        return fingerprint(*self._hashes, scaled=self._scaled)

    def provenance(self) -> dict[str, Any]:
        """As that of `limen.torch.LPIPS`."""
        return {
            "net": self.table.name,
            "backbone": self.backbone_name,
            "linear": self.linear_name,
            "value_range": self.options.value_range,
            "weights": self.fingerprint(),
        }

    def _prepare(self, name: str, image: Array) -> tuple[Array, tuple[int, ...], tuple[int, int]]:
        """Images as the network takes them, (N, 3, H, W); batch; height and width."""
        image = np.asarray(image)
        axis = resolve_channel_axis(self.channel_axis, image.ndim)
        size = check_shape(name, image.shape, axis, self.table)
        value_range = self.options.range_of(image.dtype)
        if self.options.check_range:
            check_values(name, float(image.min()), float(image.max()), value_range)
        planar = np.moveaxis(image, axis or 0, -3)
        factor, offset = (
            np.array(n, np.float32)[:, None, None] for n in self.table.input_scale(value_range, self._scaled)
        )
        scaled = planar.reshape(-1, 3, *size).astype(np.float32) * factor + offset
        return scaled[:, ::-1] if self.table.bgr else scaled, planar.shape[:-3], size

    def _run(self, images: Array) -> list[Array]:
        taps: list[Array] = self._session.run(None, {"images": images})
        return taps

    def _distance(self, tap: int, fx: Array, fy: Array, *, spatial: bool = False) -> Array:
        weight = None if self._channels_of_taps is None else self._channels_of_taps[tap]
        if spatial:
            return np.asarray(feature_distance(fx, fy, weight, return_map=True)[1])
        return np.asarray(feature_distance(fx, fy, weight))

    def _reduced(self, answer: Array, batch: tuple[int, ...]) -> Any:
        answer = answer.mean(0) if self.options.reduction == "mean" else answer.reshape((*batch, *answer.shape[1:]))
        if self.options.spatial:
            return answer.astype(np.float32)
        return answer.astype(np.float64) if answer.ndim else float(answer)


def enlarged(maps: Array, size: tuple[int, int]) -> Array:
    """Maps (N, h, w) bilinearly at `size`; positions are centres of pixels, as PyTorch has them by default."""
    for axis, length in ((1, size[0]), (2, size[1])):
        has = maps.shape[axis]
        at = np.clip((np.arange(length) + 0.5) * has / length - 0.5, 0, has - 1)
        before = at.astype(int)
        after = np.minimum(before + 1, has - 1)
        part = np.expand_dims(at - before, 2 - axis) if axis == 1 else at - before
        maps = np.take(maps, before, axis) * (1 - part) + np.take(maps, after, axis) * part
    return maps


def _path(net: str, backbone: Any) -> Path:
    export = f"`limen weights export --net {net}` writes it, where PyTorch is installed"
    if isinstance(backbone, str) and backbone == "pretrained":
        found = _weights.find_named(onnx_file_name(net))
        if found is None:
            looked = ", ".join(f"{place.why} ({place.folder or 'none'})" for place in _weights.places()[:2])
            raise FileNotFoundError(f"no {onnx_file_name(net)}, which engine='onnx' needs, in {looked}; {export}")
        return found
    if not isinstance(backbone, (str, os.PathLike)):
        raise TypeError(
            f"backbone must be 'pretrained' or an .onnx file for ONNX Runtime; got {type(backbone).__name__}"
        )
    if not os.path.isfile(backbone):
        raise FileNotFoundError(f"backbone must be 'pretrained' or an .onnx file; no file {backbone}: {export}")
    return Path(backbone)


def _open(path: Path, net: str) -> tuple[Any, Mapping[str, str]]:
    """A session, and what the file says of itself."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("engine='onnx' needs ONNX Runtime: pip install 'limen[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = get_num_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # Its errors have no common class.
        raise ValueError(f"{path} can't be read as an ONNX model: {str(error).splitlines()[0]}") from error
    about: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    if about.get(NET) != net or BACKBONE not in about:
        held = f"net {about[NET]!r}" if {NET, BACKBONE} <= about.keys() else "a model that limen didn't export"
        raise ValueError(f"{path} holds {held}, not net {net!r}")
    return session, about


def _check_source(about: Mapping[str, str], path: Path, net: str) -> None:
    """What lies in the place of the pretrained backbone must be that, or the scores would be plausible wrong ones."""
    published = _weights.BACKBONE_FILES.get(net)
    if published is None or about.get(SOURCE) != published.sha256:
        raise ValueError(
            f"{path} doesn't hold the pretrained backbone of net {net!r}: `limen weights export --net {net}` writes it "
            f"anew, where PyTorch is installed; backbone={os.fspath(path)!r} takes what the file holds"
        )


def _linear(about: Mapping[str, str], linear: Any, net: str) -> list[Array] | None:
    """The vectors of weights, one a tap, which lie one after the other in the file."""
    if linear is None:
        return None
    there = [key.removeprefix(LINEAR) for key in about if key.startswith(LINEAR)]
    if linear not in there:
        raise ValueError(
            f"linear must be None or exported beside the backbone ({', '.join(sorted(there)) or 'nothing'}), for "
            f"engine='onnx'; got {linear!r}"
        )
    values = np.frombuffer(base64.b64decode(about[LINEAR + linear]), "<f4").astype(np.float32)
    return np.split(values, np.cumsum(backbone_named(net).channels)[:-1])


def _batches(images: Array) -> list[Array]:
    size = max(1, _BATCH // images[0].size)
    return [images[start : start + size] for start in range(0, len(images), size)]
