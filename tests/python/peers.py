"""The libraries that conventions are named after, each called as its users call it: defaults, and a data range.

`PEERS` maps a convention's name to its `Peer`. Images are NumPy arrays (C, H, W) of one floating dtype, in
[0, data_range]; a score is a float. A library is imported at its first call; where it is missing the test is skipped.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Image = NDArray[Any]
Score = Callable[[Image, Image, float], float]


@dataclass(frozen=True)
class Peer:
    """A library's scores, and how far they lie from the definition through rounding: None where it has no float64."""

    ssim: Score
    ms_ssim: Score | None = None
    float32: float = 1e-5
    float64: float | None = 1e-9


def library(name: str) -> ModuleType:
    """The module `name`; skips the test when it isn't installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Their deprecations aren't ours to mend.
        if name.startswith(("lpips", "piq", "torchmetrics", "torchvision")):
            _declare_torchvision_operators()
        module: ModuleType = pytest.importorskip(name, exc_type=ImportError)
    return module


@functools.cache
def _declare_torchvision_operators() -> Any:
    """Lets torchvision load beside a torch that its binary half doesn't fit, such as a CPU build.

    Its Python half then fails on two operators that nobody declared; no peer here calls them. The answer holds the
    declarations, which last as long as it does.
    """
    torch = library("torch")
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return None
    except RuntimeError:
        declarations = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            declarations.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return declarations


def _tensors(*images: Image) -> list[Any]:
    torch = library("torch")
    return [torch.from_numpy(np.ascontiguousarray(image))[None] for image in images]


def _on_tensors(module: str, function: str) -> Score:
    def score(x: Image, y: Image, data_range: float) -> float:
        return float(getattr(library(module), function)(*_tensors(x, y), data_range=data_range))

    return score


def _tensorflow(function: str) -> Score:
    def score(x: Image, y: Image, data_range: float) -> float:
        channels_last = (np.moveaxis(image, 0, -1) for image in (x, y))
        return float(getattr(library("tensorflow").image, function)(*channels_last, max_val=data_range))

    return score


def _scikit_image(**options: Any) -> Score:
    def score(x: Image, y: Image, data_range: float) -> float:
        metrics = library("skimage.metrics")
        return float(metrics.structural_similarity(x, y, data_range=data_range, channel_axis=0, **options))

    return score


def _kornia(x: Image, y: Image, data_range: float) -> float:
    # The window's size has no default; 11 is what its examples take.
    return float(library("kornia.metrics").ssim(*_tensors(x, y), window_size=11, max_val=float(data_range)).mean())


def _fused_ssim(x: Image, y: Image, data_range: float) -> float:
    torch = library("torch")
    if not torch.cuda.is_available():
        pytest.skip("fused-ssim needs a CUDA device")
    images = (image.float().cuda() / data_range for image in _tensors(x, y))
    return float(library("fused_ssim").fused_ssim(*images, train=False))


# The figures are for photographs of 161 x 161 and more in [0, 1] or [0, 255].
PEERS = {
    # MATLAB can't be imported: scikit-image documents these options as equal to ssim_index.m. WANG has more.
    "wang": Peer(_scikit_image(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)),
    # Converts to float32. Its convolution sums 121 products one after the other.
    "tensorflow": Peer(_tensorflow("ssim"), _tensorflow("ssim_multiscale"), float32=2e-5, float64=None),
    # The taps of its window are float32 whatever the image.
    "pytorch-msssim": Peer(
        _on_tensors("pytorch_msssim", "ssim"), _on_tensors("pytorch_msssim", "ms_ssim"), float64=1e-5
    ),
    "torchmetrics": Peer(
        _on_tensors("torchmetrics.functional.image", "structural_similarity_index_measure"),
        _on_tensors("torchmetrics.functional.image", "multiscale_structural_similarity_index_measure"),
    ),
    # Its convolution too sums 121 products.
    "piq": Peer(_on_tensors("piq", "ssim"), _on_tensors("piq", "multi_scale_ssim"), float32=2e-5),
    "scikit-image": Peer(_scikit_image()),
    "scikit-image-gaussian": Peer(_scikit_image(gaussian_weights=True)),
    "kornia": Peer(_kornia),
    "fused-ssim": Peer(_fused_ssim, float64=None),
}

# Every metric that a library has, by its name in this project.
METRICS = [(name, metric) for name, peer in PEERS.items() for metric in ("ssim", "ms_ssim") if getattr(peer, metric)]

# SSIM and MS-SSIM of photographs.blended(height, width) under GNU Octave 7.3, by the computing lines of the authors'
# ssim_index.m (and the factor of contrast and structure in them) and msssim.m, without their checks of arguments.
WANG = {
    (256, 256): (0.804564138384581, 0.844406234729171),
    (233, 311): (0.780558711051821, 0.816382362437925),
    (180, 240): (0.783056175453950, 0.832283985353330),
    (191, 177): (0.795671690635240, 0.859008674149872),
}
