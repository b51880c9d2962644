"""The distance of features in float64, as it is defined. Features are NumPy arrays or float64 tensors of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = Any
EPSILON = 1e-10


def normalised(f: Features, axis: int) -> Features:
    """Each vector of channels over its length; zeros stay zeros, and have no slope."""
    squares = (f * f).sum(axis, keepdims=True)
    zero = squares == 0
    return f / ((squares + zero) ** 0.5 + EPSILON) * ~zero


def distances(f0: Features, f1: Features, weight: Features | None = None, axis: int = -3) -> Features:
    """The distance at every position: the shape of the features without their channels."""
    if weight is not None:
        weight = weight.reshape([-1 if i == axis % f0.ndim else 1 for i in range(f0.ndim)])
    squares = (normalised(f0, axis) - normalised(f1, axis)) ** 2
    return (squares if weight is None else weight * squares).sum(axis)


def gradients(
    f0: Any, f1: Any, weight: Any, upstream: Any, axis: int = -3
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of the sum over positions of `upstream` times the distance, by the features and the weight."""
    import torch

    inputs = [torch.tensor(np.asarray(a).astype(np.float64), requires_grad=True) for a in (f0, f1, weight)]
    loss = (distances(*inputs, axis) * torch.tensor(np.asarray(upstream, np.float64))).sum()
    grad_f0, grad_f1, grad_weight = torch.autograd.grad(loss, inputs)
    return grad_f0.numpy(), grad_f1.numpy(), grad_weight.numpy()
