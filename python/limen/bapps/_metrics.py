"""Every metric that can be scored, in one table. Each looks at a batch once, for the distances of all its pairs."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import limen
from limen import Convention

Images = tuple[NDArray[np.uint8], ...]
# Of images (N, H, W, 3), the reference first, the distances (N,) of each other one from it; larger is farther.
Measure = Callable[[Images], list[NDArray[Any]]]
Family = Literal["low-level", "network", "own"]

NETS = ("squeeze", "alex", "vgg")
_FSIM_AT_A_TIME = 16  # Its filtered images then stay in the cache.


class MetricError(ValueError):
    """A metric that can't be made, and why."""


@dataclass(frozen=True)
class Metric:
    """One metric: `make` loads what it needs, which may fail, and gives what measures."""

    name: str
    description: str
    family: Family
    make: Callable[[], Measure]


def _each(distance: Callable[[Any, Any], Any]) -> Callable[[], Measure]:
    """A metric of pairs."""

    def measure(images: Images) -> list[NDArray[Any]]:
        reference, *others = images
        return [np.asarray(distance(reference, other)) for other in others]

    return lambda: measure


def _ssim(convention: str) -> Callable[[Any, Any], Any]:
    return lambda x, y: 1 - limen.ssim(x, y, channel_axis=-1, convention=convention)


def _ms_ssim(x: Any, y: Any) -> Any:
    return 1 - limen.ms_ssim(x, y, channel_axis=-1, convention=_ms_ssim_of(min(x.shape[1:3])))


def _ms_ssim_of(side: int) -> Convention:
    """Wang's, of as many scales as the window fits in, their weights made to add up to one."""
    wang = limen.conventions["wang"]
    scales = next((n for n in range(5, 0, -1) if side // 2 ** (n - 1) >= wang.size), 1)
    weights = np.array(wang.weights[:scales])
    return dataclasses.replace(wang, weights=tuple((weights / weights.sum()).tolist()))


def _l2_lab() -> Measure:
    try:
        from skimage.color import rgb2lab
    except ImportError as error:
        raise MetricError("needs scikit-image: pip install 'limen[bapps]'") from error

    def measure(images: Images) -> list[NDArray[Any]]:
        reference, *others = (rgb2lab(image) for image in images)
        return [np.asarray(limen.mse(reference, other, channel_axis=-1)) for other in others]

    return measure


def _fsim(chromatic: bool) -> Callable[[], Measure]:
    def make() -> Measure:
        torch = _torch()
        from limen.torch._fsim import fsim_features, fsim_from_features

        def measure(images: Images) -> list[NDArray[Any]]:
            parts: list[list[NDArray[Any]]] = [[] for _ in images[1:]]
            for start in range(0, len(images[0]), _FSIM_AT_A_TIME):
                some = [torch.from_numpy(image[start : start + _FSIM_AT_A_TIME]).movedim(-1, 1) for image in images]
                with torch.inference_mode():
                    seen = [fsim_features(image, data_range=255, chromatic=chromatic) for image in some]
                    for part, other in zip(parts, seen[1:], strict=True):
                        part.append(1 - fsim_from_features(seen[0], other).numpy())
            return [np.concatenate(part) for part in parts]

        return measure

    return make


def network(net: str, **weights: Any) -> Callable[[], Measure]:
    """LPIPS by a network; `weights` are `backbone` and `linear` of `limen.torch.LPIPS`.

    All images of a batch go through the network together, so that a reference is embedded once.
    """

    def make() -> Measure:
        torch = _torch()
        from limen.torch import LPIPS

        try:
            torch.manual_seed(0)  # for random weights: the same in every run
            metric = LPIPS(net, channel_axis=-1, **weights)
        except (OSError, ValueError) as error:
            raise MetricError(str(error)) from error

        def measure(images: Images) -> list[NDArray[Any]]:
            with torch.inference_mode():
                both = metric.prepare("images", torch.from_numpy(np.concatenate(images)))[0]
                totals = [torch.zeros(len(images[0]), dtype=torch.float64) for _ in images[1:]]
                for i in range(len(metric.table.channels)):
                    both = metric.backbone.run_stage(i, both)
                    reference, *others = both.chunk(len(images))
                    for total, other in zip(totals, others, strict=True):
                        total += metric.distance(i, reference, other)
            return [total.numpy() for total in totals]

        return measure

    return make


def network_metric(label: str, net: str, path: str | os.PathLike[str]) -> Metric:
    """LPIPS by a file of weights: with its linear weights, where it has any, else all channels count alike."""

    def make() -> Measure:
        _torch()
        from limen.torch import _state_dicts

        try:
            keys = _state_dicts.read(_existing(path)).keys()
        except ValueError as error:
            raise MetricError(str(error)) from error
        has_linear = any(key.startswith("lin") for key in keys)
        return network(net, backbone=path, linear=path if has_linear else None)()

    return Metric(label, f"LPIPS by {net} with the weights of {os.fspath(path)}", "network", make)


def own_metric(label: str, spec: str) -> Metric:
    """A function of the user's, named ``module:function``: of two arrays uint8 (N, H, W, 3), distances (N,)."""

    def make() -> Measure:
        module, _, name = spec.partition(":")
        if not module or not name.isidentifier():
            raise MetricError(f"must be written module:function; got {spec!r}")
        sys.path.insert(0, os.getcwd())  # where its author most likely stands, as for `python -m`
        try:
            function = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise MetricError(str(error)) from error
        finally:
            sys.path.remove(os.getcwd())

        def distance(x: Any, y: Any) -> NDArray[np.float64]:
            # Copies: other metrics see these images too, whatever the function writes into its own.
            answer = np.asarray(function(x.copy(), y.copy()), np.float64).reshape(-1)
            if answer.shape != (len(x),) or np.isnan(answer).any():
                raise MetricError(f"{spec} must answer {len(x)} numbers for {len(x)} pairs; got {answer.shape}, or NaN")
            return answer

        return _each(distance)()

    return Metric(label, f"{spec}, given by the user", "own", make)


def _cvvdp() -> Measure:
    try:
        import pycvvdp  # type: ignore[import-not-found]
    except ImportError as error:
        raise MetricError("needs ColorVideoVDP: pip install cvvdp") from error
    metric = pycvvdp.cvvdp(display_name="standard_fhd")

    def distance(x: Any, y: Any) -> NDArray[Any]:
        # In JOD, 10 where nobody sees a difference. It takes one pair at a time.
        return np.array([10 - float(metric.predict(b, a, dim_order="HWC")[0]) for a, b in zip(x, y, strict=True)])

    return _each(distance)()


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MetricError("needs PyTorch: pip install 'limen[bapps]'") from error
    return torch


def _existing(path: str | os.PathLike[str]) -> Any:
    from pathlib import Path

    if not Path(path).is_file():
        raise MetricError(f"there is no file {os.fspath(path)}")
    return Path(path)


def _networks(net: str) -> list[Metric]:
    rows: list[tuple[str, str, dict[str, Any]]] = [
        ("-random", "with Gaussian weights", {"backbone": "random", "linear": None}),
        ("", "trained on ImageNet, channels alike", {"linear": None}),
        ("-lin", "trained on ImageNet, with the published linear weights", {}),
    ]
    return [
        Metric(f"{net}{suffix}", f"LPIPS by {net} {description}", "network", network(net, **weights))
        for suffix, description, weights in rows
    ]


def _low(name: str, description: str, make: Callable[[], Measure]) -> Metric:
    return Metric(name, description, "low-level", make)


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _low("l2", "mean squared error in RGB", _each(lambda x, y: limen.mse(x, y, channel_axis=-1))),
        _low("psnr", "the same in decibels, in the same order", _each(lambda x, y: -limen.psnr(x, y, channel_axis=-1))),
        _low("l2-lab", "mean squared error in CIELAB", _l2_lab),
        _low("ssim", "SSIM with Wang's Gaussian window", _each(_ssim("wang"))),
        _low("ssim-scikit-image", "SSIM by scikit-image's defaults, as in the paper", _each(_ssim("scikit-image"))),
        _low("ms-ssim", "MS-SSIM of the scales that fit: three for 64 pixels", _each(_ms_ssim)),
        _low("fsim", "FSIM, of brightness alone", _fsim(False)),
        _low("fsimc", "FSIMc, with colour", _fsim(True)),
        _low("cvvdp", "ColorVideoVDP, the successor of HDR-VDP, on a full-HD display", _cvvdp),
        Metric(
            "caffe-alex-random",
            "LPIPS by the AlexNet of Caffe with Gaussian weights",
            "network",
            network("caffe-alex", backbone="random", linear=None),
        ),
        *(metric for net in NETS for metric in _networks(net)),
    )
}


def find_metrics(names: Sequence[str]) -> list[Metric]:
    """Metrics by name, by ``[LABEL=]module:function``, or by ``LABEL=NET:FILE`` for a file of weights.

    Raises
    ------
    MetricError
        For a name that is none of these, saying which there are.
    """
    return [_find(name) for name in dict.fromkeys(names)]


def _find(text: str) -> Metric:
    if text in METRICS:
        return METRICS[text]
    label, _, spec = text.rpartition("=")
    head, colon, tail = spec.partition(":")
    if not colon or not tail:
        raise MetricError(
            f"no metric is called {text!r}; there are {', '.join(METRICS)}, LABEL=NET:FILE for a network of your own, "
            "and module:function for a metric of your own"
        )
    if head in (*NETS, "caffe-alex"):
        return network_metric(label or spec, head, tail)
    return own_metric(label or spec, spec)
