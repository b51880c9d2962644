"""The traditional distortions: levels, seeds, records, and images of any size and content."""

from __future__ import annotations

import json
import runpy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from photographs import crop

pytest.importorskip("skimage")
pytest.importorskip("scipy")

import limen
from limen.distortions import KINDS, Distortion, apply, distort

Pixels = NDArray[np.uint8]

# What moves pixels is at its farthest from the original before full strength.
MOVING = {"shift", "affine", "homography", "linear_warp", "cubic_warp", "chromatic_aberration"}


def photo(height: int = 64, width: int = 64) -> Pixels:
    pixels: Pixels = np.rint(255 * crop("chelsea", height, width)).astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(pixels)


def squared_error(x: Pixels, y: Pixels) -> float:
    return float(np.mean((x.astype(float) - y) ** 2))


def test_the_paper_s_set_is_whole() -> None:
    families = {family: sum(kind.family == family for kind in KINDS.values()) for family in ("photometric", "noise")}
    families |= {family: sum(kind.family == family for kind in KINDS.values()) for family in ("blur", "spatial")}
    assert families == {"photometric": 4, "noise": 6, "blur": 2, "spatial": 7}
    assert len(KINDS) == 20


@pytest.mark.parametrize("name", KINDS)
def test_error_rises_from_nothing_with_strength(name: str) -> None:
    image = photo()
    levels = [apply(image, [Distortion(name, strength, seed=3)]) for strength in (0, 0.05, 0.2, 0.5, 1)]
    np.testing.assert_array_equal(levels[0], image)
    errors = [squared_error(image, level) for level in levels]
    assert errors[-1] > 25
    assert all(after > 0.9 * before if name in MOVING else after > before for before, after in pairwise(errors[1:]))


@pytest.mark.parametrize("name", KINDS)
def test_record_repeats_the_image(name: str) -> None:
    image = photo(45, 52)
    before = image.copy()
    distortion = Distortion(name, 0.6, seed=11)
    first = distortion(image)
    again = Distortion(**json.loads(json.dumps(distortion.to_dict())))
    assert again == distortion
    np.testing.assert_array_equal(again(image), first)
    np.testing.assert_array_equal(image, before)
    assert first.shape == image.shape
    assert first.dtype == np.uint8


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"gaussian_blur", "bilateral_blur", "jpeg"}))
def test_another_seed_is_another_distortion(name: str) -> None:
    image = photo()
    assert len({Distortion(name, 0.5, seed)(image).tobytes() for seed in range(8)}) > 1


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (5, 3), (33, 70)])
def test_any_size_and_content(name: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for image in (
        np.zeros((*shape, 3), np.uint8),
        np.full((*shape, 3), 255, np.uint8),
        rng.integers(0, 256, (*shape, 3), np.uint8),
        np.asarray(rng.integers(0, 256, (shape[1], shape[0], 6), np.uint8))[::-1, :, ::2].transpose(1, 0, 2),
    ):
        for strength in (1e-300, 1e-3, 0.5, 1.0):
            assert Distortion(name, strength, 5)(image).shape == (*shape, 3)


@pytest.mark.parametrize("name", ["gaussian_blur", "bilateral_blur", "shift", "affine", "cubic_warp", "ghosting"])
def test_a_flat_image_stays_where_only_places_change(name: str) -> None:
    flat = np.full((40, 40, 3), (10, 120, 250), np.uint8)
    np.testing.assert_array_equal(Distortion(name, 1.0, 2)(flat), flat)


def test_noise_has_the_deviation_and_spectrum_it_states() -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)
    for name, exponent in (("gaussian_noise", 0.0), ("pink_noise", 1.0), ("blue_noise", -1.0)):
        noise = Distortion(name, 0.5, 1)(grey).astype(float) - 128
        assert noise.std() == pytest.approx(20, rel=0.02)
        power = (np.abs(np.fft.rfft2(noise, axes=(0, 1))) ** 2).mean(axis=-1)
        frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None])
        band = (frequency > 0.02) & (frequency < 0.4)
        slope = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]
        assert slope == pytest.approx(-exponent, abs=0.05)
    uniform = Distortion("uniform_noise", 0.5, 1)(grey).astype(float) - 128
    assert np.abs(uniform).max() == 35


def test_shift_moves_by_what_its_record_says() -> None:
    image = photo(96, 96)
    distortion = Distortion("shift", 0.5, 0, {"direction": 90.0, "distance": 3.0})
    np.testing.assert_allclose(distortion(image)[10:].astype(int), image[7:-3].astype(int), atol=1)


def test_lightness_and_colour_move_in_lab() -> None:
    from skimage.color import rgb2lab

    grey = np.full((8, 8, 3), 119, np.uint8)
    before = rgb2lab(grey)
    lighter = rgb2lab(Distortion("lightness", 0.5, 0, {"shift": 15.0})(grey))
    np.testing.assert_allclose(lighter - before, np.broadcast_to([15, 0, 0], (8, 8, 3)), atol=0.5)
    redder = rgb2lab(Distortion("colour", 0.5, 0, {"hue": 0.0, "shift": 20.0})(grey))
    np.testing.assert_allclose(redder - before, np.broadcast_to([0, 20, 0], (8, 8, 3)), atol=0.5)
    faded = Distortion("saturation", 1.0, 0, {"gain": 0.0})(photo())
    assert np.abs(rgb2lab(faded)[..., 1:]).max() < 1


def test_homography_takes_corners_where_it_says() -> None:
    from limen.distortions._spatial import _homography_matrix

    old = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], float)
    new = old + np.random.default_rng(0).uniform(-0.2, 0.2, (4, 2))
    mapped = np.column_stack([old, np.ones(4)]) @ _homography_matrix(old, new).T
    np.testing.assert_allclose(mapped[:, :2] / mapped[:, 2:], new, atol=1e-12)


def test_bilateral_blur_keeps_an_edge_that_gaussian_blur_does_not() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, 16:] = 255
    kept, blurred = (Distortion(name, 0.3)(image) for name in ("bilateral_blur", "gaussian_blur"))
    assert squared_error(kept, image) < 1
    assert squared_error(blurred, image) > 100


def test_fringes_leave_green() -> None:
    image = photo()
    fringed = Distortion("chromatic_aberration", 0.8, 4)(image)
    np.testing.assert_array_equal(fringed[..., 1], image[..., 1])
    assert squared_error(fringed[..., 0], image[..., 0]) > 1


def test_sequence_is_one_after_the_other() -> None:
    image = photo()
    distorted, records = distort(image, ["gaussian_blur", "jpeg"], [0.3, 0.7], seed=9)
    np.testing.assert_array_equal(distorted, records[1](records[0](image)))
    np.testing.assert_array_equal(distorted, apply(image, records))
    weaker, _ = distort(image, ["gaussian_blur", "jpeg"], [0.1, 0.3], seed=9)
    assert limen.ssim(image, weaker, channel_axis=-1) > limen.ssim(image, distorted, channel_axis=-1)
    twice, (first, second) = distort(image, ["pink_noise", "pink_noise"], [0.5, 0.5], seed=9)
    assert first.seed != second.seed
    assert squared_error(twice, image) > 1.5 * squared_error(first(image), image)


def test_the_table_in_the_docs_is_the_code_s() -> None:
    root = Path(__file__).parents[2]
    table = runpy.run_path(str(root / "benchmarks" / "distortions.py"))["table"]()
    assert table in (root / "docs" / "distortions.md").read_text(encoding="utf-8"), "python -m benchmarks.distortions"


BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda: Distortion("blurr", 0.5), ValueError, "name must be one of lightness, .*got 'blurr'"),
    (lambda: Distortion("jpeg", 1.5), ValueError, r"strength must be in \[0, 1\]; got 1.5"),
    (lambda: Distortion("jpeg", float("nan")), ValueError, "strength must be in"),
    (lambda: Distortion("jpeg", "0.5"), TypeError, "strength must be a number; got '0.5'"),  # type: ignore[arg-type]
    (lambda: Distortion("jpeg", 0.5, -1), ValueError, "seed must be 0 or more; got -1"),
    (lambda: Distortion("jpeg", 0.5, 0, {"sigma": 1}), ValueError, "parameters of jpeg must be quality; got sigma"),
    (lambda: Distortion("jpeg", 0.5)(np.zeros((8, 8), np.uint8)), ValueError, r"\(H, W, 3\).*got \(8, 8\)"),
    (lambda: Distortion("jpeg", 0.5)(np.zeros((0, 8, 3), np.uint8)), ValueError, r"got \(0, 8, 3\)"),
    (lambda: Distortion("jpeg", 0.5)(np.zeros((8, 8, 3))), TypeError, "image must be a uint8.*an array of float64"),  # type: ignore[arg-type]
    (lambda: distort(photo(), ["jpeg", "shift"], [0.5]), ValueError, "as many, at least one; got 2 and 1"),
    (lambda: distort(photo(), [], []), ValueError, "at least one; got 0 and 0"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_wrong_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
