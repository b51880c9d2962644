"""Distortions that small denoising autoencoders make: random architectures, trained for seconds on photographs.

After the CNN-based distortions of Zhang et al. (2018), which draws 96 autoencoders with random tasks, architectures
and losses; what is drawn here, and from which ranges, is a choice: `Plan`.
"""

from __future__ import annotations

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError("limen.distortions.cnn needs PyTorch: pip install 'limen[bapps]'") from error

from ._plan import CORRUPTIONS, LOSSES, NORMALISATIONS, UPSAMPLINGS, Plan, draw_plan
from ._train import SNAPSHOTS, Denoiser, train_denoiser

__all__ = [
    "CORRUPTIONS",
    "LOSSES",
    "NORMALISATIONS",
    "SNAPSHOTS",
    "UPSAMPLINGS",
    "Denoiser",
    "Plan",
    "draw_plan",
    "train_denoiser",
]
