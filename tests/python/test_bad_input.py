"""What users get wrong: every error names the argument, the value found and what would do."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import limen
from emulated_cuda import CupyArray
from images import alike
from limen import Convention, _cuda_core, conventions

SMALL = Convention(size=7, weights=(0.5, 0.5))
SIMILARITIES = (limen.ssim, limen.ssim_gradient, limen.ms_ssim, limen.ms_ssim_gradient)
ERRORS = (limen.mse, limen.mae)


def calls(**options: Any) -> list[Callable[..., Any]]:
    """Every metric, as a function of two images; options that it doesn't have are left out."""
    both = {"data_range": 1.0, "convention": SMALL, **options}
    ranged = {key: value for key, value in both.items() if key != "convention"}
    plain = {key: value for key, value in ranged.items() if key != "data_range"}
    return [
        *(functools.partial(function, **both) for function in SIMILARITIES),
        functools.partial(limen.ssim, **both, return_map=True),
        functools.partial(limen.psnr, **ranged),
        *(functools.partial(function, **plain) for function in ERRORS),
    ]


def assert_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    text = str(caught.value)
    assert re.search(message, text), text
    # What pybind11 says by itself: signatures, and the arrays that were passed.
    assert "incompatible" not in text
    assert len(text) < 400


def image(*shape: int, dtype: Any = np.float32) -> Any:
    return np.zeros(shape or (3, 20, 24), dtype)


def misaligned() -> Any:
    return np.zeros(3 * 20 * 24 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(3, 20, 24)


def field_of_five_bytes() -> Any:
    return np.zeros((3, 20, 24), [("label", "u1"), ("value", "f4")])["value"]


KNOWN = r"x has dtype {}; .* uint8, uint16, float16, bfloat16, float32 and float64"

IMAGES = {
    "shapes": (image(), image(3, 20, 23), ValueError, r"x and y .* shape; got \(3, 20, 24\) and \(3, 20, 23\)"),
    "axes": (image(), image(20, 24), ValueError, r"x and y .* shape; got \(3, 20, 24\) and \(20, 24\)"),
    "broadcast": (image(), image(1, 20, 24), ValueError, r"x and y .* shape; got \(3, 20, 24\) and \(1, 20, 24\)"),
    "dtypes": (image(), image(dtype=np.float64), TypeError, "x and y .* dtype; got float32 and float64"),
    "dtypes of integers": (image(dtype="u1"), image(dtype="i8"), TypeError, "x and y .* dtype; got uint8 and int64"),
    "byte order": (image(dtype=">f4"), image(), TypeError, "x and y .* dtype; got >f4 and float32"),
    "no axes": (image()[0, 0, 0][...], image()[0, 0, 0][...], ValueError, r"at least 2 axes .* got shape \(\)"),
    "one axis": (image(20), image(20), ValueError, r"at least 2 axes .* got shape \(20,\)"),
    "no batch": (image(0, 3, 20, 24), image(0, 3, 20, 24), ValueError, r"must not be empty; got shape \(0, 3, 20, 24\)"),
    "no channels": (image(0, 20, 24), image(0, 20, 24), ValueError, r"must not be empty; got shape \(0, 20, 24\)"),
    "no rows": (image(3, 0, 24), image(3, 0, 24), ValueError, r"must not be empty; got shape \(3, 0, 24\)|0 x 24 is too small"),
    "no columns": (image(20, 0), image(20, 0), ValueError, r"must not be empty; got shape \(20, 0\)|20 x 0 is too small"),
    "byte-swapped": (*[image(dtype=">f4")] * 2, ValueError, r"x is byte-swapped \(dtype >f4\); pass x.astype\(x.dtype.newb"),
    "byte-swapped integers": (*[image(dtype=">u2")] * 2, ValueError, r"x is byte-swapped \(dtype >u2\)"),
    "misaligned": (misaligned(), image(), ValueError, "x is not aligned .* 4-byte items; pass a copy"),
    "misaligned y": (image(), misaligned(), ValueError, "y is not aligned .* 4-byte items; pass a copy"),
    "a field": (*[field_of_five_bytes()] * 2, ValueError, "x is not aligned .* strides .* 4-byte items; pass a copy"),
    "masked": (np.ma.array(image()), image(), TypeError, r"x is a masked array, .* x.filled"),
    "masked y": (image(), np.ma.array(image()), TypeError, r"y is a masked array, .* y.filled"),
    "lists": ([[0.0]], [[0.0]], TypeError, "x must be an array .* got builtins.list"),
    "list y": (image(), [[0.0]], TypeError, "y must be an array .* got builtins.list"),
    "None": (None, image(), TypeError, "x must be an array .* got builtins.NoneType"),
    "None y": (image(), None, TypeError, "y must be an array .* got builtins.NoneType"),
    "file names": ("a.png", "b.png", TypeError, "x must be an array .* got builtins.str"),
    "numbers": (1.0, 2.0, TypeError, "x must be an array .* got builtins.float"),
    "a number of NumPy": (np.float32(1), image(), TypeError, "x must be an array .* got numpy.float32"),
}  # fmt: skip

DTYPES = {
    "bool": np.bool_,
    "int8": np.int8,
    "int16": np.int16,
    "int64": np.int64,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "complex64": np.complex64,
    "object": object,
    "datetime64": "M8[s]",
    "S3": "S3",
    "U3": "U3",
    str(np.dtype(np.longdouble)): np.longdouble,
    "V2": "V2",
}


@pytest.mark.parametrize("case", IMAGES)
def test_images(case: str) -> None:
    x, y, error, message = IMAGES[case]
    for call in calls():
        assert_refused(lambda: call(x, y), error, message)  # noqa: B023


@pytest.mark.parametrize("case", ["shapes", "dtypes", "no rows", "byte-swapped", "misaligned", "one axis"])
def test_what_is_wrong_with_images_comes_before_the_data_range(case: str) -> None:
    x, y, error, message = IMAGES[case]
    for call in calls(data_range=None):
        assert_refused(lambda: call(x, y), error, message)  # noqa: B023


@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_without_a_meaning(name: str) -> None:
    x = image(dtype=DTYPES[name])
    for call in (*calls(), *calls(data_range=None), *calls(data_range=255)):
        assert_refused(lambda: call(x, x), TypeError, KNOWN.format(f".*{name}.*"))  # noqa: B023


def test_small_floats_of_other_packages() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (ml_dtypes.float8_e4m3fn, ml_dtypes.int4, ml_dtypes.uint4):
        x = image(dtype=dtype)
        for call in calls():
            assert_refused(lambda: call(x, x), TypeError, KNOWN.format(np.dtype(dtype)))  # noqa: B023


def test_kinds_that_differ() -> None:
    torch = pytest.importorskip("torch")
    x, y = image(), torch.zeros(3, 20, 24)
    for call in calls():
        assert_refused(lambda: call(x, y), TypeError, "same kind; got numpy.ndarray and torch.Tensor")  # noqa: B023
        assert_refused(lambda: call(y, x), TypeError, "same kind; got torch.Tensor and numpy.ndarray")  # noqa: B023


def test_kinds_that_differ_without_pytorch() -> None:
    jnp = pytest.importorskip("jax.numpy")
    for call in calls():
        assert_refused(lambda: call(jnp.zeros((3, 20, 24)), image()), TypeError, "same kind; got jax and numpy")  # noqa: B023


@pytest.mark.skipif(_cuda_core.is_built(), reason="this installation has a CUDA core")
def test_cupy_arrays_without_a_cuda_core() -> None:
    on_gpu = CupyArray(np.zeros((3, 20, 24), np.uint8))
    for call in calls():
        assert_refused(lambda: call(on_gpu, on_gpu), ValueError, "built without CUDA.*LIMEN_CUDA=ON; or move x and y")  # noqa: B023


def test_producers_of_dlpack_that_produce_nothing() -> None:
    class Producer:
        def __dlpack__(self, **options: Any) -> Any:
            return 5

    for call in calls():
        assert_refused(lambda: call(Producer(), Producer()), TypeError, "x: __dlpack__ .* no DLPack capsule")  # noqa: B023


@pytest.mark.parametrize(
    ("channel_axis", "error", "message"),
    [
        (3, ValueError, "channel_axis must be from -3 to 2 for images of 3 axes; got 3"),
        (-4, ValueError, "channel_axis must be from -3 to 2 for images of 3 axes; got -4"),
        (2**40, ValueError, "channel_axis must be from -3 to 2 .* got 1099511627776"),
        (1.0, TypeError, "channel_axis must be 'auto', an int or None; got 1.0"),
        (True, TypeError, "channel_axis must be 'auto', an int or None; got True"),
        ("last", TypeError, "channel_axis must be 'auto', an int or None; got 'last'"),
        ((0,), TypeError, r"channel_axis must be 'auto', an int or None; got \(0,\)"),
    ],
)
def test_channel_axes(channel_axis: Any, error: type[Exception], message: str) -> None:
    for call in calls(channel_axis=channel_axis):
        assert_refused(lambda: call(image(), image()), error, message)  # noqa: B023


@pytest.mark.parametrize("channel_axis", [-3, -2, -1, 0, 1])
def test_a_channel_axis_that_images_have_no_room_for(channel_axis: int) -> None:
    for call in calls(channel_axis=channel_axis):
        message = rf"at least 3 axes with channel_axis={channel_axis}; got shape \(20, 24\)"
        assert_refused(lambda: call(image(20, 24), image(20, 24)), ValueError, message)  # noqa: B023


@pytest.mark.parametrize(
    "reduction",
    ["sum", "Image", "", None, 3, b"mean", ["mean"], np.array("mean"), np.array(["mean", "none"])],
    ids=repr,
)
def test_reductions(reduction: Any) -> None:
    message = re.escape(f"reduction must be 'image', 'mean' or 'none'; got {reduction!r}")
    for call in calls(reduction=reduction):
        assert_refused(lambda: call(image(), image()), ValueError, message)  # noqa: B023


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize(
    ("data_range", "error", "message"),
    [
        (0, ValueError, "data_range must be positive and finite; got 0"),
        (-1.0, ValueError, "data_range must be positive and finite; got -1"),
        (float("nan"), ValueError, "data_range must be positive and finite; got nan"),
        (float("inf"), ValueError, "data_range must be positive and finite; got inf"),
        (1e-320, ValueError, r"data_range must be from 1e-70 to 1e\+?70; got 9.99989e-321"),
        (1e300, ValueError, r"data_range must be from 1e-70 to 1e\+?70; got 1e\+300"),
        (10**400, ValueError, "data_range is beyond what a float can hold"),
        ("255", TypeError, "data_range must be a number; got '255'"),
        (True, TypeError, "data_range must be a number; got True"),
        (1j, TypeError, "data_range must be a number; got 1j"),
        ([1.0], TypeError, r"data_range must be a number; got \[1.0\]"),
        ((0, 255), TypeError, r"data_range must be a number; got \(0, 255\)"),
        (np.array([1.0, 2.0]), TypeError, r"data_range must be a number; got array\(\[1., 2.\]\)"),
        (np.bool_(True), TypeError, "data_range must be a number; got "),
        (np.array(True), TypeError, r"data_range must be a number; got array\(True\)"),
        (np.bytes_(b"1"), TypeError, "data_range must be a number; got "),
        (np.array("1"), TypeError, "data_range must be a number; got array"),
        (np.complex64(1 + 2j), TypeError, "data_range must be a number; got "),
        (np.array(1 + 2j), TypeError, "data_range must be a number; got array"),
        (np.datetime64(1, "s"), TypeError, "data_range must be a number; got "),
        (np.array(None), TypeError, r"data_range must be a number; got array\(None, dtype=object\)"),
        (Decimal("sNaN"), TypeError, "data_range must be a number; got Decimal"),
    ],
    ids=str,
)
def test_data_ranges(data_range: Any, error: type[Exception], message: str, dtype: str) -> None:
    for call in calls(data_range=data_range)[:-2]:
        assert_refused(lambda: call(image(dtype=dtype), image(dtype=dtype)), error, message)  # noqa: B023


def test_data_ranges_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    for value in (torch.tensor(True), torch.tensor(1 + 2j), torch.tensor([1.0]), torch.tensor(1.0, device="meta")):
        for call in calls(data_range=value)[:-2]:
            assert_refused(lambda: call(image(), image()), TypeError, r"data_range must be a number; got tensor\(")  # noqa: B023


def test_numbers_of_any_kind_are_data_ranges() -> None:
    torch, ml_dtypes = pytest.importorskip("torch"), pytest.importorskip("ml_dtypes")
    x, y = alike(3, 20, 24)
    kinds = (int, np.float16, np.longdouble, np.uint8, np.array, Fraction, Decimal, torch.tensor, ml_dtypes.bfloat16)
    values: list[Any] = [kind(1) for kind in kinds]
    values.append(np.array(1, ">f8"))
    assert {limen.psnr(x, y, data_range=value) for value in values} == {limen.psnr(x, y, data_range=1.0)}


# float32 takes any range, others only those that float32 computes with.
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16"])
@pytest.mark.parametrize("data_range", [1e-8, 1e9])
def test_extreme_data_ranges(data_range: float, dtype: str) -> None:
    x, y = alike(3, 20, 24, dtype=dtype)
    message = rf"data_range must be from 1e-07 to 1e\+08 for {dtype} images; got 1e[-+]0\d. float32"
    for call in calls(data_range=data_range)[:-2]:
        assert_refused(lambda: call(x, y), ValueError, message)  # noqa: B023
        call(*(image.astype(np.float32) for image in (x, y)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_floats_have_to_tell_their_range(dtype: str) -> None:
    x, y = alike(3, 20, 24, dtype=dtype)
    for call in calls(data_range=None)[:-2]:
        assert_refused(lambda: call(x, y), ValueError, f"data_range must be given for {dtype} images: .* 255.0")  # noqa: B023


@pytest.mark.parametrize(
    ("convention", "error", "message"),
    [
        ("Wang", ValueError, f"convention must be .* {', '.join(conventions)}; got 'Wang'"),
        ("", ValueError, "convention must be .* got ''"),
        (None, TypeError, "convention must be a limen.Convention or a name; got NoneType"),
        (Convention, TypeError, "convention must be a limen.Convention or a name; got type"),
        ({"size": 7}, TypeError, "convention must be a limen.Convention or a name; got dict"),
    ],
    ids=str,
)
def test_unknown_conventions(convention: Any, error: type[Exception], message: str) -> None:
    for call in calls(convention=convention)[:5]:
        assert_refused(lambda: call(image(), image()), error, message)  # noqa: B023


@pytest.mark.parametrize("size", [10, 256, 257, 1, -11, 0])
def test_windows_that_cannot_be(size: int) -> None:
    assert_refused(lambda: Convention(size=size), ValueError, f"size must be odd, .* 3 to 255; got {size}")


def test_too_many_scales() -> None:
    assert_refused(lambda: Convention(weights=(0.1,) * 9), ValueError, "weights must have at most 8 .* got 9")


@pytest.mark.parametrize(("name", "value"), [("sigma", np.array([1.0, 2.0])), ("weights", np.ones((2, 2)))])
def test_fields_that_are_no_numbers(name: str, value: Any) -> None:
    assert_refused(lambda: Convention(**{name: value}), TypeError, f"{name} must be a number; got array")


@pytest.mark.parametrize("name", conventions)
def test_images_smaller_than_the_window(name: str) -> None:
    needed = conventions[name].ssim_min_side
    for height, width in ((needed - 1, 40), (40, needed - 1)):
        x = image(3, height, width)
        options = {"data_range": 1.0, "convention": name}
        message = rf"{height} x {width}" if height * width else f"must not be empty|{height} x {width} is too small"
        for call in (limen.ssim, limen.ssim_gradient, functools.partial(limen.ssim, return_map=True)):
            assert_refused(lambda: call(x, x, **options), ValueError, message)  # noqa: B023
        if height * width:
            assert_refused(lambda: limen.ssim(x, x, **options), ValueError, f"at least {needed}")  # noqa: B023


@pytest.mark.parametrize("size", [25, 255])
def test_windows_larger_than_the_image(size: int) -> None:
    convention = Convention(size=size)
    for call in calls(convention=convention)[:5]:
        assert_refused(lambda: call(image(), image()), ValueError, r"at least \d+ .*20 x 24|20 x 24 .*at least \d+")  # noqa: B023
    assert limen.ssim(image(), image(), data_range=1.0, convention=Convention(size=size, padding="zero")) == 1


def test_images_too_small_for_ms_ssim_are_told_the_ways_out() -> None:
    for call in (limen.ms_ssim, limen.ms_ssim_gradient):
        message = "at least 161 for MS-SSIM of 5 scales .* got 160 x 200. .* a convention with padding, or fewer scales"
        assert_refused(lambda: call(image(160, 200), image(160, 200), data_range=1.0), ValueError, message)  # noqa: B023


@pytest.mark.parametrize("name", [name for name, convention in conventions.items() if convention.downsample == "none"])
def test_conventions_without_ms_ssim(name: str) -> None:
    x = image(200, 200)
    for call in (limen.ms_ssim, limen.ms_ssim_gradient):
        assert_refused(lambda: call(x, x, data_range=1.0, convention=name), ValueError, "no MS-SSIM")  # noqa: B023


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("sse9", ValueError, "implementation must be auto or one of reference, scalar.*; got 'sse9'"),
        ("Scalar", ValueError, "implementation must be auto or one of reference, scalar.*; got 'Scalar'"),
        ("", ValueError, "implementation must be auto or one of reference, scalar.*; got ''"),
        (None, TypeError, "implementation must be a name; got None"),
        (b"scalar", TypeError, "implementation must be a name; got b'scalar'"),
    ],
)
def test_implementations(name: Any, error: type[Exception], message: str) -> None:
    def use() -> None:
        with limen.use_implementation(name):
            pass

    assert_refused(use, error, message)


@pytest.mark.parametrize(
    ("count", "error", "message"),
    [
        (0, ValueError, "number of threads must be from 1 to 4096; got 0"),
        (-2, ValueError, "number of threads must be from 1 to 4096; got -2"),
        (5000, ValueError, "number of threads must be from 1 to 4096; got 5000"),
        (2**70, ValueError, "number of threads must be from 1 to 4096; got 11805"),
        (1.0, TypeError, "number of threads must be an integer; got 1.0"),
        ("2", TypeError, "number of threads must be an integer; got '2'"),
        (None, TypeError, "number of threads must be an integer; got None"),
        (True, TypeError, "number of threads must be an integer; got True"),
        (np.array(True), TypeError, r"number of threads must be an integer; got array\(True\)"),
        (np.array(2.0), TypeError, r"number of threads must be an integer; got array\(2.\)"),
    ],
)
def test_numbers_of_threads(count: Any, error: type[Exception], message: str) -> None:
    before = limen.get_num_threads()
    assert_refused(lambda: limen.set_num_threads(count), error, message)
    assert limen.get_num_threads() == before


def test_numbers_of_threads_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    for count in (torch.tensor(True), torch.tensor(2.0), torch.tensor(2, device="meta")):
        assert_refused(lambda: limen.set_num_threads(count), TypeError, r"must be an integer; got tensor\(")  # noqa: B023


def test_options_go_by_keyword() -> None:
    for function in (*SIMILARITIES, *ERRORS, limen.psnr):
        assert_refused(lambda: function(image(), image(), 1.0), TypeError, "positional argument")  # noqa: B023
        assert_refused(lambda: function(image(), image(), L=1), TypeError, "unexpected keyword argument 'L'")  # noqa: B023
        assert_refused(lambda: function(image()), TypeError, "missing 1 required positional argument: 'y'")  # noqa: B023


def test_numbers_of_any_kind_are_numbers() -> None:
    x, y = alike(3, 20, 24, dtype="uint8")
    expected = limen.ssim(x, y)
    for size in (255, 255.0, np.float32(255), np.uint8(255), np.array(255.0)):
        assert limen.ssim(x, y, data_range=size) == expected
