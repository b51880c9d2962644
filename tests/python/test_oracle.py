"""The oracle against what it doesn't share anything with: SciPy, hand calculation, published numbers, the peers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracle
from limen import Convention, conventions
from peers import METRICS, PEERS, WANG, library
from photographs import blended, crop, distorted


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(shape)


# The 2-D window itself, as SciPy places it.
@pytest.mark.parametrize(
    ("padding", "scipy_mode"),
    [
        ("zero", "constant"),
        ("reflect", "mirror"),
        ("symmetric", "reflect"),
        ("replicate", "nearest"),
        ("valid", "nearest"),
    ],
)
@pytest.mark.parametrize(("size", "sigma"), [(11, 1.5), (7, 0.8)])
def test_window_is_a_two_dimensional_gaussian(padding: str, scipy_mode: str, size: int, sigma: float) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    reach = size // 2
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    window = np.exp(-(row**2 + column**2) / (2 * sigma**2))
    image = noise(23, 17)
    expected = ndimage.correlate(image, window / window.sum(), mode=scipy_mode)
    if padding == "valid":
        expected = expected[reach:-reach, reach:-reach]

    convention = Convention(size=size, sigma=sigma)
    actual = oracle.on_both_axes(lambda n: oracle.window_matrix(n, convention, padding), image)(image)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-14)


# Outer to middle. The rounded figures are those of the project's definitions.
@pytest.mark.parametrize(
    ("size", "half"),
    [
        (11, [0.00102838, 0.00759876, 0.03600077, 0.10936069, 0.21300554, 0.26601172]),
        (9, [0.007614, 0.036075, 0.109586, 0.213445, 0.266560]),
        (7, [0.036633, 0.111281, 0.216745, 0.270682]),
    ],
)
def test_taps_of_sigma_1_5(size: int, half: list[float]) -> None:
    taps = oracle.taps(Convention(size=size))
    np.testing.assert_allclose(taps[: len(half)], half, rtol=0, atol=5e-7)
    assert taps.sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    ("downsample", "either_side_odd", "expected"),
    [
        ("symmetric", True, [1, 5, 8]),
        ("zero", True, [0, 3, 7]),
        ("replicate", True, [0, 3, 7]),
        ("floor", True, [1, 5]),
    ],
)
def test_halving_an_odd_side(downsample: str, either_side_odd: bool, expected: list[float]) -> None:
    np.testing.assert_array_equal(oracle.halve_matrix(5, downsample, either_side_odd) @ [0, 2, 4, 6, 8], expected)


@pytest.mark.parametrize("downsample", ["symmetric", "zero", "floor"])
def test_halving_an_even_side(downsample: str) -> None:
    np.testing.assert_array_equal(oracle.halve_matrix(4, downsample, True) @ [0, 2, 4, 6], [1, 5])


def test_replicating_an_even_side_when_the_other_is_odd() -> None:
    np.testing.assert_array_equal(oracle.halve_matrix(4, "replicate", True) @ [6, 2, 4, 8], [6, 3])
    np.testing.assert_array_equal(oracle.halve_matrix(4, "replicate", False) @ [6, 2, 4, 8], [4, 6])


def test_flat_images_differ_in_luminance_only() -> None:
    x, y = np.full((2, 1, 161, 161), [[[[0.6]]], [[[0.3]]]])
    luminance = (2 * 0.6 * 0.3 + 1e-4) / (0.6**2 + 0.3**2 + 1e-4)
    assert oracle.ssim(x, y, Convention(), 1.0) == pytest.approx(luminance, abs=1e-13)
    assert oracle.ms_ssim(x, y, Convention(), 1.0) == pytest.approx(luminance**0.1333, abs=1e-13)


def test_ramp_against_its_mirror_image_is_minus_one() -> None:
    ramp = np.tile(np.arange(11.0), (1, 11, 1))
    c2 = (1e-5 * 10) ** 2
    variance = oracle.taps(Convention()) @ np.arange(-5, 6) ** 2
    score = oracle.ssim(ramp, ramp[..., ::-1], Convention(k1=1e-5, k2=1e-5), 10)
    assert score == pytest.approx((c2 - 2 * variance) / (c2 + 2 * variance), abs=1e-13)
    assert score == pytest.approx(-1, abs=1e-7)


def test_sample_covariance_matters_as_a_smaller_c2() -> None:
    x, y = noise(2, 1, 20, 20)
    factor = 121 / 120
    sample = oracle.ssim(x, y, Convention(covariance="sample"), 1.0)
    assert sample == pytest.approx(oracle.ssim(x, y, Convention(k2=0.03 / factor**0.5), 1.0), abs=1e-14)


def test_negative_means_are_clamped_or_keep_their_sign() -> None:
    x = noise(1, 161, 161)
    scales = np.squeeze(oracle.ms_ssim_scales(x, 1 - x, Convention(), 1.0))
    assert (scales < 0).any()
    assert oracle.ms_ssim(x, 1 - x, Convention(), 1.0) == 0
    signed = oracle.ms_ssim(x, 1 - x, Convention(negative="signed", weights=(1.0,) * 5), 1.0)
    assert signed == pytest.approx(scales.prod(), abs=1e-15)


@pytest.mark.parametrize("size", WANG, ids=str)
def test_wang_is_what_octave_makes_of_the_authors_code(size: tuple[int, int]) -> None:
    x, y = (image.astype(float) for image in blended(*size))
    scores = oracle.ssim(x, y, conventions["wang"], 255), oracle.ms_ssim(x, y, conventions["wang"], 255)
    assert scores == pytest.approx(WANG[size], abs=1e-13)


@pytest.mark.parametrize(("photograph", "size"), [("camera", (180, 240)), ("astronaut", (191, 177))])
@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_oracle_is_the_peer_in_float64(name: str, metric: str, photograph: str, size: tuple[int, int]) -> None:
    tolerance = PEERS[name].float64
    if tolerance is None:
        pytest.skip(f"{name} knows float32 only")
    x = crop(photograph, *size)
    y = distorted(x)
    expected = getattr(PEERS[name], metric)(x, y, 1.0)
    assert getattr(oracle, metric)(x, y, conventions[name], 1.0) == pytest.approx(expected, abs=tolerance)


# A short side / 256 of just below 1.5, of 1.5 and of 2.5, both of which round to 2; and blocks that leave pixels over.
@pytest.mark.parametrize("size", [(383, 391), (384, 385), (640, 641)], ids=str)
def test_piq_shrinks_large_images(size: tuple[int, int]) -> None:
    x, y = noise(2, 1, *size)
    expected = PEERS["piq"].ssim(x, y, 1.0)
    assert oracle.ssim(x, y, conventions["piq"], 1.0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ["ssim", "ms_ssim"])
def test_pytorch_msssim_with_a_window_in_float64(metric: str) -> None:
    torch = pytest.importorskip("torch")
    x = crop("astronaut", 191, 177)
    y = distorted(x)
    window = torch.from_numpy(oracle.taps(Convention())).tile(3, 1, 1, 1)
    tensors = [torch.from_numpy(image.copy())[None] for image in (x, y)]
    expected = float(getattr(library("pytorch_msssim"), metric)(*tensors, data_range=1.0, win=window))
    assert getattr(oracle, metric)(x, y, conventions["pytorch-msssim"], 1.0) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        (name, metric)
        for name, convention in conventions.items()
        for metric in ("ssim", "ms_ssim")
        if metric == "ssim" or convention.downsample != "none"
    ],
)
def test_gradient_is_the_slope_in_any_direction(name: str, metric: str) -> None:
    pytest.importorskip("torch")
    convention, score = conventions[name], getattr(oracle, metric)
    x, y, along_x, along_y = noise(4, 2, 176, 177)
    y = (x + y) / 2
    step = 1e-4
    ahead = score(x + step * along_x, y + step * along_y, convention, 1.0)
    behind = score(x - step * along_x, y - step * along_y, convention, 1.0)

    grad_x, grad_y = oracle.gradient(score, x, y, convention, 1.0)
    slope = (grad_x * along_x + grad_y * along_y).sum()
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)
