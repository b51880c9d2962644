"""LPIPS of any array, by PyTorch or by ONNX Runtime."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np

from . import _arrays, _core
from ._arrays import Array
from ._ssim import ChannelAxis, Reduction
from ._weights import find_named, onnx_file_name

Weights = str | os.PathLike[str] | Mapping[str, Any]
Engine = Literal["auto", "torch", "onnx"]

# Models that are kept: VGG's takes 59 MB.
_KEPT = 8


def lpips(
    x: Array,
    y: Array,
    *,
    net: str = "alex",
    backbone: Weights = "pretrained",
    linear: Weights | None = "v0.1",
    spatial: bool = False,
    value_range: tuple[float, float] = (-1, 1),
    reduction: Reduction = "image",
    channel_axis: ChannelAxis = "auto",
    return_layers: bool = False,
    check_range: bool = True,
    dtype: Any = None,
    engine: Engine = "auto",
) -> Any:
    """Learned perceptual image patch similarity (Zhang et al. 2018): 0 for equal images, larger for worse ones.

    The model is made at the first call and kept for later ones with the same arguments, unless state dicts are given.

    Parameters
    ----------
    x, y
        Images of the same shape, dtype and device with three channels: (..., 3, H, W), or as `channel_axis` says.
    net, backbone, linear, spatial, value_range, reduction, channel_axis, return_layers, check_range, dtype
        As for `limen.torch.LPIPS`. ``"random"`` weights are drawn once and kept, too. With ONNX Runtime `backbone` is
        ``"pretrained"`` or an .onnx file that ``limen weights export`` wrote, and `linear` a version or None.
    engine
        ``"torch"``, ``"onnx"``, or ``"auto"``: PyTorch for tensors and wherever it is installed, else ONNX Runtime.

    Returns
    -------
    score or (score, layers)
        NumPy: a float for one image, else a float64 array of the batch shape; a map with `spatial`. PyTorch: a tensor
        on the same device, differentiable in both images.

    Raises
    ------
    FileNotFoundError
        If weights are neither on this machine nor to be had, naming the files and the places.
    ImportError
        If neither PyTorch nor ONNX Runtime is installed.
    TypeError, ValueError
        Naming the argument, the value found and what would do.
    """
    tensors = _arrays.is_torch(x) or _arrays.is_torch(y)
    model = lpips_model(
        net=net,
        backbone=backbone,
        engine=engine,
        like=(x if _arrays.is_torch(x) else y) if tensors else None,
        linear=linear,
        spatial=spatial,
        value_range=value_range,
        reduction=reduction,
        channel_axis=channel_axis,
        return_layers=return_layers,
        check_range=check_range,
        dtype=dtype,
    )
    if tensors:
        return model(x, y)
    a, b, axis, answer = _arrays.images(x, y, channel_axis, reduction)
    _core.check_images(a, b, axis)
    result = model.of_arrays(a, b)
    return tuple(map(answer, result)) if return_layers else answer(result)


def lpips_matrix(
    images: Array | Sequence[Array],
    *,
    net: str = "alex",
    backbone: Weights = "pretrained",
    linear: Weights | None = "v0.1",
    value_range: tuple[float, float] = (-1, 1),
    channel_axis: ChannelAxis = "auto",
    check_range: bool = True,
    dtype: Any = None,
    engine: Engine = "auto",
) -> Any:
    """`lpips` of every image with every other: symmetric, zeros on the diagonal.

    Each image passes through the network once. All of them are in memory at a time, with their activations at one
    depth: for AlexNet about five times what the images take in float32, for VGG-16 about twenty-two times.

    Parameters
    ----------
    images
        An array (N, 3, H, W), or as `channel_axis` says, or a sequence of N images of one shape, dtype and kind.
    net, backbone, linear, value_range, channel_axis, check_range, dtype, engine
        As for `lpips`.

    Returns
    -------
    matrix
        (N, N); for tensors a tensor on the same device, without gradients, else float64.

    Raises
    ------
    As `lpips`.
    """
    if isinstance(images, Sequence):
        images = _stacked(images)
    tensors = _arrays.is_torch(images)
    model = lpips_model(
        net=net,
        backbone=backbone,
        engine=engine,
        like=images if tensors else None,
        linear=linear,
        value_range=value_range,
        channel_axis=channel_axis,
        check_range=check_range,
        dtype=dtype,
    )
    if getattr(images, "ndim", 4) != 4:
        raise ValueError(f"images must have four axes, as in (N, 3, H, W); got shape {tuple(images.shape)}")
    if tensors:
        return model.matrix(images)
    array, _, axis, answer = _arrays.images(images, images, channel_axis, "image")
    _core.check_images(array, array, axis)
    return answer(model.matrix_of_arrays(array))


def lpips_model(
    *, net: str = "alex", backbone: Weights = "pretrained", engine: Engine = "auto", like: Array = None, **options: Any
) -> Any:
    """The model with these arguments, the one that was made before. `like` is a tensor on its device."""
    chosen = _engine(engine, backbone, tensors=like is not None)
    device = None if like is None else str(like.device)
    arguments = {"net": net, "backbone": backbone, **options}
    exported = find_named(onnx_file_name(net)) if chosen == "onnx" and backbone == "pretrained" else None
    values = [_as_key(value) for value in (exported, *arguments.values())]
    if any(value is _NEW for value in values):
        return _make(chosen, device, arguments)
    key = (chosen, device, _places(), *arguments, *values)
    if (kept := _models.get(key)) is not None:
        return kept
    with _making:
        if key not in _models:
            _models[key] = _make(chosen, device, arguments)
            if len(_models) > _KEPT:
                del _models[next(iter(_models))]
        return _models[key]


_models: dict[Hashable, Any] = {}
# Threads that ask for one model at once get one: drawn twice, random weights would be two networks.
_making = threading.Lock()
_NEW = object()


def _places() -> tuple[str | None, str | None]:
    return os.environ.get("LIMEN_WEIGHTS"), os.environ.get("TORCH_HOME")


def _as_key(value: Any) -> Hashable:
    """What tells arguments apart; a file of weights is another one when it was written anew."""
    if isinstance(value, Mapping):
        return _NEW
    if isinstance(value, (str, os.PathLike)) and os.path.isfile(value):
        status = os.stat(value)
        return os.fspath(value), status.st_mtime_ns, status.st_size
    return tuple(value) if isinstance(value, (list, np.ndarray)) else cast(Hashable, value)


def _engine(engine: str, backbone: Weights, *, tensors: bool) -> str:
    if engine not in ("auto", "torch", "onnx"):
        raise ValueError(f"engine must be 'auto', 'torch' or 'onnx'; got {engine!r}")
    exported = isinstance(backbone, (str, os.PathLike)) and os.fspath(backbone).endswith(".onnx")
    if tensors:
        if engine == "onnx" or exported:
            raise ValueError("PyTorch's tensors are not for engine='onnx': pass x.numpy() and y.numpy()")
        return "torch"
    if engine != "auto":
        return engine
    if exported:
        return "onnx"
    for name, module in (("torch", "torch"), ("onnx", "onnxruntime")):
        if _installed(module):
            return name
    raise ImportError("LPIPS needs PyTorch, or ONNX Runtime: pip install 'limen[torch]' or 'limen[onnx]'")


def _installed(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None
    return importlib.util.find_spec(module) is not None


def _make(engine: str, device: str | None, arguments: dict[str, Any]) -> Any:
    if engine == "onnx":
        from ._lpips_onnx import OnnxLPIPS

        return OnnxLPIPS(**arguments)
    from .torch import LPIPS

    return LPIPS(**arguments).to(device)


def _stacked(images: Sequence[Array]) -> Any:
    """One array of several, without a change of dtype."""
    if not images:
        raise ValueError("images must hold at least one image; got none")
    kinds = list(dict.fromkeys(f"{tuple(image.shape)} {image.dtype}" for image in images if hasattr(image, "dtype")))
    if len(kinds) != 1 or not all(hasattr(image, "dtype") for image in images):
        raise ValueError(f"images must be arrays of one shape and dtype; got {' and '.join(kinds) or 'none'}")
    if all(_arrays.is_torch(image) for image in images):
        import torch

        return torch.stack(list(images))
    return np.stack([_arrays.images(image, image, "auto", "image").x for image in images])
