"""limen: perceptual image metrics on one fast core."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._conventions import Convention, conventions
from ._core import version as _version
from ._feature_distance import feature_distance
from ._implementations import get_num_threads, implementations, release_memory, set_num_threads, use_implementation
from ._lpips import lpips, lpips_matrix
from ._ms_ssim import ms_ssim, ms_ssim_gradient
from ._pixel_errors import mae, mse, psnr
from ._ssim import ssim, ssim_gradient

if TYPE_CHECKING:
    from . import autoencoders as autoencoders
    from . import bapps as bapps
    from . import distortions as distortions
    from . import superres as superres
    from . import torch as torch

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
    "release_memory",
    "set_num_threads",
    "ssim",
    "ssim_gradient",
    "use_implementation",
]

if not TYPE_CHECKING:  # Else any misspelt name would pass for a package.

    def __getattr__(name: str) -> Any:
        """Import what has PyTorch and others under it when it is first asked for, as in `limen.torch.SSIM`."""
        if name in ("autoencoders", "bapps", "distortions", "superres", "torch"):
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
