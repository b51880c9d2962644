"""Whether values lie in their range, asked for without stopping a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .._lpips_options import ValueRange, check_values

_new_event: Any = torch.cuda.Event  # which has no types


def start(name: str, values: Tensor, value_range: ValueRange) -> Callable[[], None]:
    """Looks at all values; the function returned raises ValueError if some lie outside.

    On a GPU the answer comes on its own while more work is put in the queue, and the function waits for it alone. A
    CUDA graph that is being captured can't answer, and nothing is checked.
    """
    if values.is_cuda and torch.cuda.is_current_stream_capturing():
        return lambda: None
    extremes = torch.stack(tuple(torch.aminmax(values)))
    if not values.is_cuda:
        low, high = extremes.tolist()
        check_values(name, low, high, value_range)
        return lambda: None
    answer = torch.empty(2, dtype=extremes.dtype, device="cpu", pin_memory=True)
    with torch.cuda.device(values.device):
        answer.copy_(extremes, non_blocking=True)
        arrived = _new_event()
        arrived.record()

    def finish() -> None:
        arrived.synchronize()
        low, high = answer.tolist()
        check_values(name, low, high, value_range)

    return finish
