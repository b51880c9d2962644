"""Stands in until the core has the operation."""

from typing import Any


def feature_distance(f0: Any, f1: Any, weight: Any = None, *, return_map: bool = False) -> Any:
    f0, f1 = (f / (f.square().sum(-3, keepdim=True).sqrt() + 1e-10) for f in (f0, f1))
    d = (f0 - f1).square()
    d = d if weight is None else d * weight[:, None, None]
    d = d.sum(-3)
    return (d.mean((-2, -1)), d) if return_map else d.mean((-2, -1))
