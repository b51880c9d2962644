# Every function starts its work on `stream` of its arrays' device, which is the current one, and fills `scores`, `map`,
# `scales` and gradients there. `allocate(bytes)` gives working memory.

from collections.abc import Callable
from typing import Any

from ._core import Convention

Allocate = Callable[[int], Any]

def mse(
    x: Any, y: Any, channel_axis: int | None, reduction: str, scores: Any, allocate: Allocate, stream: int, /
) -> None: ...
def mae(
    x: Any, y: Any, channel_axis: int | None, reduction: str, scores: Any, allocate: Allocate, stream: int, /
) -> None: ...
def psnr(
    x: Any,
    y: Any,
    data_range: float,
    channel_axis: int | None,
    reduction: str,
    scores: Any,
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...
def ssim(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    channel_axis: int | None,
    reduction: str,
    scores: Any,
    map: Any,  # noqa: A002
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...
def ssim_gradient(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    channel_axis: int | None,
    reduction: str,
    scores: Any,
    grad_x: Any,
    grad_y: Any,
    weight: Any,
    upstream: Any,
    factor: float,
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...
def ms_ssim(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    channel_axis: int | None,
    reduction: str,
    scores: Any,
    scales: Any,
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...
def ms_ssim_gradient(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    channel_axis: int | None,
    reduction: str,
    scores: Any,
    grad_x: Any,
    grad_y: Any,
    upstream: Any,
    factor: float,
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...
def l1_ssim(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    weight: float,
    channel_axis: int | None,
    reduction: str,
    scores: Any,
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...
def l1_ssim_gradient(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    weight: float,
    channel_axis: int | None,
    reduction: str,
    scores: Any,
    grad_x: Any,
    grad_y: Any,
    upstream: Any,
    factor: float,
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...
