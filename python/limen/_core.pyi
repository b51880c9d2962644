from typing import Any

import numpy as np
from numpy.typing import NDArray

Score = float | NDArray[Any]

class Convention:
    def __init__(
        self,
        *,
        window: str,
        size: int,
        sigma: float,
        k1: float,
        k2: float,
        padding: str,
        downsample: str,
        covariance: str,
        negative: str,
        weights: list[float] | tuple[float, ...],
        channels: str,
        crop_contrast: bool,
        epsilon: float,
        auto_downsample: bool,
    ) -> None: ...
    @property
    def scales(self) -> int: ...
    def map_size(self, height: int, width: int) -> tuple[int, int]: ...

def version() -> str: ...
def check_images(x: Any, y: Any, channel_axis: int | None) -> None: ...
def as_numpy(name: str, array: Any) -> NDArray[Any]: ...
def implementations() -> list[str]: ...
def get_implementation() -> str: ...
def set_implementation(name: str) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def release_memory() -> None: ...
def prefer_large_pages(address: int, size: int) -> None: ...
def empty_bytes(size: int) -> NDArray[np.uint8]: ...
def mse(x: Any, y: Any, channel_axis: int | None, reduction: str) -> Score: ...
def mae(x: Any, y: Any, channel_axis: int | None, reduction: str) -> Score: ...
def psnr(x: Any, y: Any, data_range: float, channel_axis: int | None, reduction: str) -> Score: ...
def ssim(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    channel_axis: int | None,
    reduction: str,
    map: Any = None,  # noqa: A002
) -> Score: ...
def ssim_gradient(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    channel_axis: int | None,
    reduction: str,
    grad_x: Any = None,
    grad_y: Any = None,
    weight: Any = None,
    factor: float = 1.0,
) -> Score: ...
def ms_ssim(
    x: Any, y: Any, convention: Convention, data_range: float, channel_axis: int | None, reduction: str
) -> tuple[Score, NDArray[Any]]: ...
def ms_ssim_gradient(
    x: Any,
    y: Any,
    convention: Convention,
    data_range: float,
    channel_axis: int | None,
    reduction: str,
    grad_x: Any = None,
    grad_y: Any = None,
    factor: float = 1.0,
) -> Score: ...

feature_state_size: int

def feature_distance(
    f0: Any,
    f1: Any,
    weight: Any,
    channel_axis: int,
    reduction: str,
    map: Any = None,  # noqa: A002
    state: Any = None,
) -> Score: ...
def feature_distance_gradient(
    f0: Any,
    f1: Any,
    weight: Any,
    channel_axis: int,
    state: Any,
    upstream: Any,
    grad_f0: Any = None,
    grad_f1: Any = None,
    grad_weight: Any = None,
) -> None: ...
def feature_distances(f0: list[Any], f1: list[Any], weights: list[Any], scores: Any, state: Any) -> None: ...
def feature_distance_gradients(
    f0: list[Any],
    f1: list[Any],
    weights: list[Any],
    state: Any,
    upstream: Any,
    grad_f0: list[Any],
    grad_f1: list[Any],
    grad_weight: Any,
) -> None: ...
