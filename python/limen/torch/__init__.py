"""limen for PyTorch: modules and losses. The functions of `limen` take tensors too.

Scores and maps are float64 for float64 images, else float32. Gradients have the dtype of the image and lie in memory
as it does. SSIM and MS-SSIM are differentiable once, backward; a second derivative is a RuntimeError. `limen.mse`,
`limen.mae` and `limen.psnr` are differentiable any number of times; where images are equal, the gradients of the last
two are zero. Images of two dtypes are an error, but for floating ones under torch.autocast, which are taken as the
wider of them.
"""

from __future__ import annotations

try:
    import torch
except ImportError as error:
    raise ImportError("limen.torch needs PyTorch: pip install 'limen[torch]'") from error

if not hasattr(torch.library, "register_fake"):
    raise ImportError(f"limen.torch needs PyTorch 2.4 or later; found {torch.__version__}")

from . import _cuda_kernels as _cuda_kernels  # registers them
from ._fsim import fsim
from ._kmeans import kmeans_backbone
from ._lpips import LPIPS
from ._modules import MSSSIM, SSIM, L1SSIMLoss, MSSSIMLoss, SSIMLoss

__all__ = ["LPIPS", "MSSSIM", "SSIM", "L1SSIMLoss", "MSSSIMLoss", "SSIMLoss", "fsim", "kmeans_backbone"]
