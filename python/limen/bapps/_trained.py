"""Trained weights as a file that both `limen.torch.LPIPS` and the package `lpips` read."""

from __future__ import annotations

import io
import os

import torch
from torch import Tensor

from limen._whole_files import write_atomically
from limen.torch import LPIPS


def lpips_state_dict(metric: LPIPS) -> dict[str, Tensor]:
    """The weights under the names of `lpips`: its slices of the network, and linear weights twice, as it has them.

    A network that `lpips` doesn't have keeps its own names behind ``net.``.
    """
    if metric.linear is None:
        raise ValueError("metric must have linear weights; got linear=None")
    weights = metric.backbone.state_dict()
    named = {}
    for number, stage in enumerate(metric.table.stages, 1):
        for layer in stage:
            renamed = layer.replace("features", f"slice{number}")
            for key, value in weights.items():
                if key.startswith(f"{layer}."):
                    named[f"net.{renamed}{key[len(layer) :]}"] = value.detach().cpu().contiguous()
    for prefix, suffix in (("lin", ".model.1.weight"), ("lins.", ".model.1.weight")):
        for k, vector in enumerate(metric.linear):
            named[f"{prefix}{k}{suffix}"] = vector.detach().cpu()[None, :, None, None].clone()
    if not metric.table.bgr:
        named["scaling_layer.shift"] = torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None]
        named["scaling_layer.scale"] = torch.tensor([0.458, 0.448, 0.450])[None, :, None, None]
    return named


def save_weights(metric: LPIPS, path: str | os.PathLike[str]) -> None:
    """Write them, whole or not at all.

    ``limen.torch.LPIPS(net, backbone=path, linear=path)`` and ``lpips.LPIPS(net=net, model_path=path)`` read the file.
    """
    # In memory first: to a full disk PyTorch's own writer answers with an error that doesn't say so.
    content = io.BytesIO()
    torch.save(lpips_state_dict(metric), content)
    write_atomically(path, lambda file: file.write(content.getbuffer()))
