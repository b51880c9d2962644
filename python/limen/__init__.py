"""limen: perceptual image metrics on one fast core."""

from __future__ import annotations

from ._conventions import Convention, conventions
from ._core import version as _version
from ._feature_distance import feature_distance
from ._implementations import get_num_threads, implementations, set_num_threads, use_implementation
from ._lpips import lpips, lpips_matrix
from ._ms_ssim import ms_ssim, ms_ssim_gradient
from ._pixel_errors import mae, mse, psnr
from ._ssim import ssim, ssim_gradient

__version__ = _version()

__all__ = [
    "Convention",
    "conventions",
    "feature_distance",
    "get_num_threads",
    "implementations",
    "lpips",
    "lpips_matrix",
    "mae",
    "ms_ssim",
    "ms_ssim_gradient",
    "mse",
    "psnr",
    "set_num_threads",
    "ssim",
    "ssim_gradient",
    "use_implementation",
]
