# Every function starts its work on `stream` of its arrays' device, which is the current one, and fills `scores`, `map`,
# `scales` and gradients there. `allocate(bytes)` gives working memory.

from collections.abc import Callable
from typing import Any

from ._core import Convention

Allocate = Callable[[int], Any]

def devices() -> list[str]: ...
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
def feature_distance(
    f0: Any,
    f1: Any,
    weight: Any,
    channel_axis: int,
    scores: Any,
    map: Any,  # noqa: A002
    state: Any,
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...

# The gradient of the weight is the sum of the rows of `grad_weight`, of which there may be one for every image.
def feature_distance_gradient(
    f0: Any,
    f1: Any,
    weight: Any,
    channel_axis: int,
    state: Any,
    upstream: Any,
    grad_f0: Any,
    grad_f1: Any,
    grad_weight: Any,
    allocate: Allocate,
    stream: int,
    /,
) -> None: ...
