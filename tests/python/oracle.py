"""SSIM, MS-SSIM and their gradients in float64: the definitions, written as matrices.

Images are (..., C, H, W), scores (...). For the score of every channel make each channel an image: (..., C, 1, H, W).
`convention` is anything that has the fields of `limen.Convention`.

Every linear step works on one axis after the other, so it is a matrix, and that matrix is what the step makes of an
identity: nothing here knows of strides, tiles or adjoints, and no code is shared with the core. Values come from NumPy;
gradients from automatic differentiation of the very same lines, for which an image may be a PyTorch tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Image = Any
Convention = Any

NUMPY_MODE: dict[str, Any] = {"zero": "constant", "reflect": "reflect", "symmetric": "symmetric", "replicate": "edge"}


def taps(convention: Convention) -> Matrix:
    offsets = np.arange(convention.size) - convention.size // 2
    weights = np.exp(-(offsets**2) / (2 * convention.sigma**2)) if convention.window == "gaussian" else offsets**0.0
    return np.asarray(weights / weights.sum())


def window_matrix(n: int, convention: Convention, padding: str) -> Matrix:
    """Windowed means along n samples, (positions, n)."""
    samples = np.eye(n)
    if padding != "valid":
        reach = convention.size // 2
        samples = np.pad(samples, ((reach, reach), (0, 0)), mode=NUMPY_MODE[padding])
    return np.asarray(sliding_window_view(samples, convention.size, axis=0) @ taps(convention))


def pool_matrix(n: int, factor: int) -> Matrix:
    """Means of whole groups of `factor` samples, what is left over dropped, (n // factor, n)."""
    groups = n // factor
    return np.asarray(np.eye(n)[: groups * factor].reshape(groups, factor, n).mean(axis=1))


def halve_matrix(n: int, downsample: str, either_side_odd: bool) -> Matrix:
    """Means of pairs of samples, (about n / 2, n)."""
    samples = np.eye(n)
    if downsample == "symmetric" and n % 2:
        samples = np.pad(samples, ((0, 1), (0, 0)), mode="edge")
    elif downsample == "zero" and n % 2:
        samples = np.pad(samples, ((1, 0), (0, 0)))
    elif downsample == "replicate" and either_side_odd:
        samples = np.pad(samples, ((1, 0), (0, 0)), mode="edge")
    return np.asarray(pool_matrix(len(samples), 2) @ samples)


def on_both_axes(matrix: Callable[[int], Matrix], like: Image) -> Callable[[Image], Image]:
    """The step that `matrix` makes for an axis of n samples, on the rows and columns of images as large as `like`."""
    rows, columns = matrix(like.shape[-2]), matrix(like.shape[-1])
    if not isinstance(like, np.ndarray):
        rows, columns = like.new_tensor(rows), like.new_tensor(columns)
    return lambda image: rows @ image @ columns.T


def maps(x: Image, y: Image, convention: Convention, data_range: float, padding: str) -> tuple[Image, Image]:
    """SSIM and contrast-structure at every position of the window."""
    mean = on_both_axes(lambda n: window_matrix(n, convention, padding), x)
    samples = convention.size**2
    correction = samples / (samples - 1) if convention.covariance == "sample" else 1
    c1, c2 = (convention.k1 * data_range) ** 2, (convention.k2 * data_range) ** 2

    mean_x, mean_y = mean(x), mean(y)
    variances = correction * (mean(x * x) - mean_x * mean_x + mean(y * y) - mean_y * mean_y)
    covariance = correction * (mean(x * y) - mean_x * mean_y)

    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    denominator = (mean_x * mean_x + mean_y * mean_y + c1) * (variances + c2)
    return numerator / (denominator + convention.epsilon), (2 * covariance + c2) / (variances + c2)


def ssim_map(x: Image, y: Image, convention: Convention, data_range: float) -> Image:
    if convention.auto_downsample:
        factor = max(1, round(min(x.shape[-2:]) / 256))
        pool = on_both_axes(lambda n: pool_matrix(n, factor), x)
        x, y = pool(x), pool(y)
    return maps(x, y, convention, data_range, convention.padding)[0]


def ssim(x: Image, y: Image, convention: Convention, data_range: float) -> Image:
    return ssim_map(x, y, convention, data_range).mean((-3, -2, -1))


def ms_ssim_scales(x: Image, y: Image, convention: Convention, data_range: float) -> list[Image]:
    """For every scale its mean, (..., C), or (..., 1) where the channels are joint. Not clamped, no exponents."""
    scales = []
    for scale in range(len(convention.weights)):
        if scale:
            odd = bool(x.shape[-2] % 2 or x.shape[-1] % 2)
            halve = on_both_axes(lambda n: halve_matrix(n, convention.downsample, odd), x)  # noqa: B023
            x, y = halve(x), halve(y)
        if scale == len(convention.weights) - 1:
            values, _ = maps(x, y, convention, data_range, convention.padding)
        else:
            _, values = maps(x, y, convention, data_range, "valid" if convention.crop_contrast else convention.padding)
        joint = convention.channels == "joint"
        scales.append(values.mean((-3, -2, -1))[..., None] if joint else values.mean((-2, -1)))
    return scales


def ms_ssim(x: Image, y: Image, convention: Convention, data_range: float) -> Image:
    product: Image = 1
    for mean, weight in zip(ms_ssim_scales(x, y, convention, data_range), convention.weights, strict=True):
        if convention.negative == "clamp":
            product = product * mean.clip(0) ** weight
        else:
            product = product * (1 - 2 * (mean < 0)) * abs(mean) ** weight
    return product.mean(-1)


def gradient(
    score: Callable[..., Image], x: Image, y: Image, convention: Convention, data_range: float
) -> tuple[Matrix, Matrix]:
    """Gradients of every image's own `score`, one of the functions above, by its pixels in x and in y."""
    import torch

    images = [torch.tensor(np.asarray(image, dtype=np.float64), requires_grad=True) for image in (x, y)]
    grad_x, grad_y = torch.autograd.grad(score(*images, convention, data_range).sum(), images)
    return grad_x.numpy(), grad_y.numpy()
