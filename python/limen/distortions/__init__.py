"""Distortions of photographs: the traditional set of the LPIPS paper, and those of small denoising autoencoders.

Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (2018), table 2, names the
traditional ones and gives no parameters: the ranges here are choices, listed in docs/distortions.md. Images are NumPy
arrays (H, W, 3), uint8, sRGB. The autoencoders, in `limen.distortions.cnn`, need PyTorch.
"""

from __future__ import annotations

try:
    import PIL  # noqa: F401
    import scipy  # noqa: F401
    import skimage  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(f"limen.distortions needs {error.name}: pip install 'limen[bapps]'") from error

from ._apply import KINDS, Distortion, apply, distort
from ._kind import Kind

__all__ = ["KINDS", "Distortion", "Kind", "apply", "distort"]
