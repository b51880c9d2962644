"""The distances of several layers in one call, as operators of PyTorch.

A call costs Python and PyTorch about as long as the core takes for a layer of a few megabytes: docs/architecture.md
has what five and seven layers took one by one and together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _core
from ._axes import score_dtype
from ._feature_ops import STATE, of_core
from ._gradient_ops import empty_gradient, once, unrecorded
from ._operator import define
from ._ops import in_place

Tensors = Sequence[Tensor]


def state_sizes(features: Tensors) -> list[int]:
    """Numbers kept of each layer: STATE for every position."""
    return [f.shape[0] * STATE * f.shape[2] * f.shape[3] for f in features]


def empty_state(features: Tensors, needed: bool) -> Tensor:
    """Room for those of all layers, one after the other."""
    size = sum(state_sizes(features)) if needed else 0
    return features[0].new_empty(size, dtype=score_dtype(features[0].dtype))


def states_of(state: Tensor, features: Tensors) -> list[Tensor]:
    """That of each layer, (N, STATE, h, w)."""
    parts = torch.split(state, state_sizes(features))
    return [part.view(len(f), STATE, *f.shape[2:]) for part, f in zip(parts, features, strict=True)]


def empty_scores(features: Tensors) -> Tensor:
    """Room for a number of every image in every layer."""
    first = features[0]
    return first.new_empty(first.shape[0], len(features), dtype=score_dtype(first.dtype))


def empty_gradients(features: Tensors, needed: bool) -> list[Tensor]:
    """Room for a gradient of each layer; none where they aren't needed."""
    return [empty_gradient(f, needed, f.dtype, keep=False) for f in features] if needed else []


def empty_weight_gradient(features: Tensors, needed: bool) -> Tensor:
    """Room for those of all weights, one layer after the other."""
    return features[0].new_empty(sum(f.shape[1] for f in features) if needed else 0, dtype=torch.float64)


@define("feature_distances", "(Tensor[] f0, Tensor[] f1, Tensor[] weights, bool need_state) -> (Tensor, Tensor)")
def feature_distances(f0: Tensors, f1: Tensors, weights: Tensors, need_state: bool) -> tuple[Tensor, Tensor]:
    """`limen.feature_distance` of layers (N, C, h, w), with weights or none: (N, layers), and what going back needs."""
    scores, state = empty_scores(f0), empty_state(f0, need_state)
    _core.feature_distances(
        [in_place(f) for f in f0],
        [in_place(f) for f in f1],
        [of_core(weight) for weight in weights],
        in_place(scores),
        in_place(state, need_state),
    )
    return scores, state


@define(
    "feature_distance_gradients",
    "(Tensor[] f0, Tensor[] f1, Tensor[] weights, Tensor state, Tensor upstream,"
    " bool need_f0, bool need_f1, bool need_weights) -> (Tensor[], Tensor[], Tensor)",
)
def feature_distance_gradients(
    f0: Tensors,
    f1: Tensors,
    weights: Tensors,
    state: Tensor,
    upstream: Tensor,
    need_f0: bool,
    need_f1: bool,
    need_weights: bool,
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Gradients of the scores (N, layers) times `upstream`."""
    grad_f0, grad_f1 = empty_gradients(f0, need_f0), empty_gradients(f1, need_f1)
    grad_weights = empty_weight_gradient(f0, need_weights)
    _core.feature_distance_gradients(
        [in_place(f) for f in f0],
        [in_place(f) for f in f1],
        [of_core(weight) for weight in weights],
        in_place(state),
        in_place(upstream),
        [in_place(gradient) for gradient in grad_f0],
        [in_place(gradient) for gradient in grad_f1],
        in_place(grad_weights, need_weights),
    )
    return grad_f0, grad_f1, grad_weights


def _fake_gradients(f0: Tensors, f1: Tensors, *rest: Any) -> tuple[list[Tensor], list[Tensor], Tensor]:
    *_, need_f0, need_f1, need_weights = rest
    return empty_gradients(f0, need_f0), empty_gradients(f1, need_f1), empty_weight_gradient(f0, need_weights)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    f0, f1, weights, _ = inputs
    _, state = output
    ctx.mark_non_differentiable(state)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*f0, *f1, *weights, state)
    ctx.layers = len(f0)


def _backward(ctx: Any, upstream: Tensor | None, _: None) -> tuple[list[Tensor | None] | None, ...]:
    *tensors, state = ctx.saved_tensors
    n = ctx.layers
    inputs = tensors[:n], tensors[n : 2 * n], tensors[2 * n :]
    handed_on: list[list[Tensor | None]] = []
    if upstream is None:
        handed_on.extend([None] * len(group) for group in inputs)
        return *handed_on, None
    needed = list(_flat(ctx.needs_input_grad))
    wanted = any(needed[:n]), any(needed[n : 2 * n]), any(needed[2 * n : 2 * n + len(inputs[2])])
    grad_f0, grad_f1, grad_weights = unrecorded(feature_distance_gradients, *inputs, state, upstream, *wanted)
    found: tuple[Tensors, ...] = grad_f0, grad_f1, _per_layer(grad_weights, inputs[2]) if wanted[2] else ()
    for gradients, group in zip(found, inputs, strict=True):
        handed_on.append([once(gradient, upstream, *tensors) for gradient in gradients] or [None] * len(group))
    return *handed_on, None


def _per_layer(gradient: Tensor, weights: Tensors) -> list[Tensor]:
    parts = torch.split(gradient, [len(weight) for weight in weights])
    return [part.to(weight.dtype, copy=True) for part, weight in zip(parts, weights, strict=True)]


def _flat(needed: Any) -> Iterator[bool]:
    """For each tensor. PyTorch's own registration says it for each list."""
    for one in needed:
        yield from one if isinstance(one, (tuple, list)) else (one,)


feature_distances.register_fake(lambda f0, f1, weights, need_state: (empty_scores(f0), empty_state(f0, need_state)))
feature_distances.register_autograd(_backward, setup_context=_keep)
feature_distance_gradients.register_fake(_fake_gradients)
