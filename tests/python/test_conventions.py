"""`limen.Convention`, and every named convention against the library it is named after."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from enum import Enum
from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike

import limen
from limen import Convention, conventions
from peers import METRICS, PEERS, WANG
from photographs import blended, crop, distorted

NAMES = (
    "wang tensorflow pytorch-msssim torchmetrics piq scikit-image scikit-image-gaussian kornia fused-ssim snell".split()
)
WITHOUT_MS_SSIM = ["scikit-image", "scikit-image-gaussian", "kornia", "fused-ssim"]


def test_names() -> None:
    assert list(conventions) == NAMES
    assert [name for name in NAMES if conventions[name].downsample == "none"] == WITHOUT_MS_SSIM


def test_the_table_is_read_only() -> None:
    with pytest.raises(TypeError):
        conventions["wang"] = Convention()  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        conventions["wang"].size = 7  # type: ignore[misc]


# Even and odd sides; 177 is odd at the first four scales.
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(
    ("photograph", "size", "data_range"),
    [
        ("camera", (256, 256), 255.0),
        ("camera", (233, 311), 1.0),
        ("astronaut", (180, 240), 1.0),
        ("coffee", (191, 177), 255.0),
    ],
)
@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_a_name_is_its_librarys_default_call(
    name: str, metric: str, photograph: str, size: tuple[int, int], data_range: float, dtype: DTypeLike
) -> None:
    peer = PEERS[name]
    tolerance = peer.float32 if dtype == np.float32 else peer.float64
    if tolerance is None:
        pytest.skip(f"{name} knows float32 only")
    original = crop(photograph, *size)
    x, y = (np.asarray(data_range * image, dtype) for image in (original, distorted(original)))
    expected = getattr(peer, metric)(x, y, data_range)
    actual = getattr(limen, metric)(x, y, data_range=data_range, convention=name)
    assert actual == pytest.approx(expected, abs=tolerance)


# Shrunk by 2, with a row left over.
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_piq_shrinks_large_images(dtype: DTypeLike) -> None:
    original = crop("camera", 389, 452)
    x, y = (np.asarray(image, dtype) for image in (original, distorted(original)))
    peer = PEERS["piq"]
    tolerance = peer.float32 if dtype == np.float32 else peer.float64
    assert limen.ssim(x, y, data_range=1.0, convention="piq") == pytest.approx(peer.ssim(x, y, 1.0), abs=tolerance)


# Flat black images, where its epsilon is all that is left: .99998889.
def test_kornia_adds_an_epsilon() -> None:
    x = np.zeros((1, 32, 32), np.float64)
    expected = PEERS["kornia"].ssim(x, x, 1.0)
    assert expected < 0.99999
    assert limen.ssim(x, x, data_range=1.0, convention="kornia") == pytest.approx(expected, abs=1e-12)


# What its kernel does, which itself needs CUDA: convolutions that read zeros beyond the image.
def test_fused_ssim_is_a_convolution_with_zeros_around() -> None:
    torch = pytest.importorskip("torch")
    original = crop("camera", 161, 180)
    images = [torch.from_numpy(image.copy()) for image in (original, distorted(original))]
    offsets = torch.arange(-5, 6, dtype=torch.float64)
    window = torch.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window = (window / window.sum())[None, None]

    x, y, xx, yy, xy = (
        torch.nn.functional.conv2d(image[None], window, padding=5)
        for image in (*images, images[0] ** 2, images[1] ** 2, images[0] * images[1])
    )
    luminance = (2 * x * y + 0.01**2) / (x**2 + y**2 + 0.01**2)
    contrast = (2 * (xy - x * y) + 0.03**2) / (xx - x**2 + yy - y**2 + 0.03**2)
    expected = float((luminance * contrast).mean())
    actual = limen.ssim(*(image.numpy() for image in images), data_range=1.0, convention="fused-ssim")
    assert actual == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("size", WANG, ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64], ids=["uint8", "float32", "float64"])
def test_wang_is_what_octave_makes_of_the_authors_code(size: tuple[int, int], dtype: DTypeLike) -> None:
    x, y = (image.astype(dtype) for image in blended(*size))
    scores = [function(x, y, data_range=255) for function in (limen.ssim, limen.ms_ssim)]
    assert scores == pytest.approx(WANG[size], abs=1e-12 if dtype == np.float64 else 2e-6)


@pytest.mark.parametrize("name", WITHOUT_MS_SSIM)
def test_a_library_without_ms_ssim_says_so(name: str) -> None:
    x = np.zeros((200, 200), np.float32)
    with pytest.raises(ValueError, match="no MS-SSIM"):
        limen.ms_ssim(x, x, data_range=1.0, convention=name)


def test_a_convention_may_be_given_itself() -> None:
    x, y = np.random.default_rng(0).random((2, 64, 64))
    by_name = limen.ssim(x, y, data_range=1.0, convention="kornia")
    assert limen.ssim(x, y, data_range=1.0, convention=conventions["kornia"]) == by_name
    assert limen.ssim(x, y, data_range=1.0, convention=Convention(padding="reflect", epsilon=1e-12)) == by_name


@pytest.mark.parametrize(
    ("convention", "error", "message"),
    [
        ("Wang", ValueError, "wang, tensorflow, .* got 'Wang'"),
        (None, TypeError, "convention .* got NoneType"),
        (11, TypeError, "convention .* got int"),
    ],
)
def test_unknown_convention(convention: Any, error: type[Exception], message: str) -> None:
    x = np.zeros((64, 64), np.float32)
    with pytest.raises(error, match=message):
        limen.ssim(x, x, data_range=1.0, convention=convention)


@pytest.mark.parametrize(
    ("field", "value", "error", "message"),
    [
        ("window", "hann", ValueError, "window .*'gaussian', 'uniform'; got 'hann'"),
        ("padding", "same", ValueError, "padding .*'replicate'; got 'same'"),
        ("downsample", None, ValueError, "downsample .*'floor'.* got None"),
        ("covariance", "biased", ValueError, "covariance .* got 'biased'"),
        ("negative", "relu", ValueError, "negative .* got 'relu'"),
        ("channels", "mean", ValueError, "channels .* got 'mean'"),
        ("size", 8, ValueError, "size must be odd.* got 8"),
        ("size", 1, ValueError, "size .* 3 .* got 1"),
        ("size", 257, ValueError, "size .* 255; got 257"),
        ("size", 11.0, TypeError, "size must be an integer; got 11.0"),
        ("size", True, TypeError, "size .* got True"),
        ("window", np.array(["gaussian", "uniform"]), ValueError, "window .* got array"),
        ("sigma", 0, ValueError, "sigma must be at least 0.001; got 0.0"),
        ("sigma", 1e-170, ValueError, "sigma must be at least 0.001; got 1e-170"),
        ("sigma", float("nan"), ValueError, "sigma must be finite .* got nan"),
        ("k1", -0.01, ValueError, "k1 .*not negative; got -0.01"),
        ("k1", 1e200, ValueError, r"k1 must be at most 10.0; got 1e\+200"),
        ("k2", 10.1, ValueError, "k2 must be at most 10.0; got 10.1"),
        ("k2", "0.03", TypeError, "k2 must be a number; got '0.03'"),
        ("epsilon", float("inf"), ValueError, "epsilon must be finite .* got inf"),
        ("weights", (), ValueError, "weights .* got none"),
        ("weights", 0.5, TypeError, "weights must be a sequence .* got 0.5"),
        ("weights", (0.5, -0.5), ValueError, "weights .*not negative; got -0.5"),
        ("crop_contrast", 1, TypeError, "crop_contrast must be True or False; got 1"),
        ("auto_downsample", "yes", TypeError, "auto_downsample must be True or False; got 'yes'"),
    ],
)
def test_a_field_that_will_not_do(field: str, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Convention(**{field: value})


def test_numbers_of_any_kind_become_pythons() -> None:
    convention = Convention(size=np.int64(7), sigma=np.float32(1.5), k1=0, weights=np.array([1, 2]))  # type: ignore[arg-type]
    assert convention == Convention(size=7, weights=(1.0, 2.0), k1=0.0)
    assert [type(convention.size), type(convention.sigma), type(convention.weights[0])] == [int, float, float]


def test_names_of_any_kind_become_pythons() -> None:
    class Window(str, Enum):
        UNIFORM = "uniform"

    convention = Convention(window=Window.UNIFORM, padding=np.str_("zero"))  # type: ignore[arg-type]
    assert convention == Convention(window="uniform", padding="zero")
    assert [type(convention.window), type(convention.padding)] == [str, str]
    # What PyTorch's operators take, who read it again.
    assert convention._text == Convention(window="uniform", padding="zero")._text


@pytest.mark.parametrize(
    "field", [{"sigma": 0.001}, {"k1": 10, "k2": 10}, {"k1": 10, "k2": 10, "covariance": "sample"}]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_the_largest_and_smallest_numbers_give_scores(field: dict[str, Any], dtype: DTypeLike) -> None:
    x, y = np.random.default_rng(0).random((2, 40, 40))
    convention = Convention(size=7, weights=(0.5, 0.5), **field)
    for data_range in (1e-7, 1.0, 1e8):
        images = [(data_range * image).astype(dtype) for image in (x, y)]
        for function in (limen.ssim_gradient, limen.ms_ssim_gradient):
            answers = function(*images, data_range=data_range, convention=convention)
            assert all(np.isfinite(answer).all() for answer in answers)


def test_a_used_convention_can_be_copied_and_pickled() -> None:
    convention = Convention(size=7)
    x = np.zeros((64, 64), np.float32)
    limen.ssim(x, x, data_range=1.0, convention=convention)
    assert copy.deepcopy(convention) == pickle.loads(pickle.dumps(convention)) == convention
    assert hash(copy.copy(convention)) == hash(convention)


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("wang", (64, 48), (54, 38)),
        ("scikit-image", (64, 48), (58, 42)),
        ("torchmetrics", (64, 48), (64, 48)),
        ("piq", (389, 452), (184, 216)),
    ],
)
def test_map_size(name: str, shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert conventions[name].map_size(*shape) == expected
    x = np.zeros(shape, np.float32)
    assert limen.ssim(x, x, data_range=1.0, convention=name, return_map=True)[1].shape == expected


@pytest.mark.parametrize(
    ("name", "ssim", "ms_ssim"),
    [
        ("wang", 11, 161),
        ("tensorflow", 11, 161),
        ("pytorch-msssim", 11, 161),
        ("torchmetrics", 6, 96),
        ("piq", 11, 161),
        ("scikit-image", 7, None),
        ("kornia", 6, None),
        ("fused-ssim", 1, None),
        ("snell", 1, 1),
    ],
)
def test_the_smallest_image(name: str, ssim: int, ms_ssim: int | None) -> None:
    convention = conventions[name]
    assert convention.ssim_min_side == ssim
    if ms_ssim is not None:
        assert convention.ms_ssim_min_side == ms_ssim
    for function, side in ((limen.ssim, ssim), (limen.ms_ssim, ms_ssim)):
        if side is None:
            continue
        x = np.ones((side, side + 1), np.float32)
        assert function(x, x, data_range=1.0, convention=name) == pytest.approx(1, abs=1e-6)
        if side > 1:
            with pytest.raises(ValueError, match=str(side)):
                function(x[1:], x[1:], data_range=1.0, convention=name)


def test_map_size_of_an_image_that_is_too_small() -> None:
    with pytest.raises(ValueError, match=r"10 x 40 .* at least 11"):
        Convention().map_size(10, 40)


def test_fewer_scales_are_a_way_out_for_small_images() -> None:
    three = np.array(Convention().weights[:3])
    convention = Convention(weights=tuple(three / three.sum()))
    assert convention.ms_ssim_min_side == 41
    x, y = np.random.default_rng(0).random((2, 41, 50))
    assert 0 <= limen.ms_ssim(x, y, data_range=1.0, convention=convention) < 1
