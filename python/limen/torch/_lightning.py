"""PyTorch Lightning. What trains takes `lightning` from here: it imports torchmetrics, and that torchvision."""

from __future__ import annotations

import warnings
from typing import Any

import torch


def _let_torchvision_load() -> Any:
    """Lets a torchvision be imported whose binary half doesn't fit this torch, such as a CPU build.

    Its Python half then fails on two operators that nobody declared, and takes Lightning along, which uses neither. The
    answer holds the declarations, which last as long as it does.
    """
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return None
    except RuntimeError:
        declarations: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for operator in ("nms", "qnms"):
            declarations.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return declarations


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Their deprecations aren't ours to mend.
    _declarations = _let_torchvision_load()
    try:
        import pytorch_lightning as lightning
        from lightning_fabric.utilities.exceptions import MisconfigurationException
        from pytorch_lightning.plugins.io import TorchCheckpointIO
    except ModuleNotFoundError as error:
        raise ImportError(f"training needs pytorch-lightning ({error}): pip install 'limen[autoencoders]'") from error

__all__ = ["MisconfigurationException", "TorchCheckpointIO", "lightning"]
