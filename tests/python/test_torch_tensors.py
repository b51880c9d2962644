"""What tensors `limen` takes and what it gives back: dtypes, layouts, autocast, devices, processes, bad input."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import pytest

import limen
from limen import _cuda_core
from torch_images import SMALL_MS_SSIM, alike, assert_near, leaves, torch

METRICS = {
    "ssim": lambda x, y, **options: limen.ssim(x, y, data_range=1.0, **options),
    "ms_ssim": lambda x, y, **options: limen.ms_ssim(
        x, y, data_range=1.0, convention=SMALL_MS_SSIM["tensorflow"], **options
    ),
    "mse": limen.mse,
    "mae": limen.mae,
    "psnr": lambda x, y, **options: limen.psnr(x, y, data_range=1.0, **options),
}
LAYOUTS = {
    "channels-last": lambda image: image.contiguous(memory_format=torch.channels_last),
    "channels-inmost": lambda image: image.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2),
    "transposed": lambda image: image.transpose(-1, -2).contiguous().transpose(-1, -2),
    "every second column": lambda image: torch.repeat_interleave(image, 2, dim=-1)[..., ::2],
    "every second image": lambda image: torch.repeat_interleave(image, 2, dim=0)[::2],
    "offset": lambda image: torch.nn.functional.pad(image, (3, 2, 1, 4))[..., 1:-4, 3:-2],
}


@pytest.fixture(params=METRICS)
def metric(request: pytest.FixtureRequest) -> Any:
    return METRICS[request.param]


@pytest.mark.parametrize("reduction", ["image", "mean", "none"])
@pytest.mark.parametrize("shape", [(21, 22), (3, 21, 22), (2, 3, 21, 22), (2, 4, 3, 21, 22)], ids=str)
def test_the_same_as_of_numpy(metric: Any, shape: tuple[int, ...], reduction: str) -> None:
    x, y = alike(*shape)
    expected = np.asarray(metric(x.numpy(), y.numpy(), reduction=reduction))
    actual = metric(x, y, reduction=reduction)
    assert type(actual) is torch.Tensor
    assert actual.dtype == torch.float32
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-6)


def test_map_is_that_of_numpy() -> None:
    x, y = alike(2, 21, 22, 3)
    expected = limen.ssim(x.numpy(), y.numpy(), data_range=1.0, channel_axis=-1, return_map=True)
    actual = limen.ssim(x, y, data_range=1.0, channel_axis=-1, return_map=True)
    for got, want in zip(actual, expected, strict=True):
        assert got.dtype == torch.float32
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32", "float64"])
def test_dtypes(metric: Any, dtype: str) -> None:
    x, y = ((255 * image).to(getattr(torch, dtype)) for image in alike(3, 21, 22))
    expected = metric(x.double().numpy(), y.double().numpy())
    actual = metric(x, y)
    assert actual.dtype == (torch.float64 if dtype == "float64" else torch.float32)
    assert float(actual) == pytest.approx(expected, rel=2e-5)


def test_integers_have_a_data_range() -> None:
    x, y = ((255 * image).to(torch.uint8) for image in alike(3, 21, 22))
    for function in (limen.ssim, limen.psnr):
        assert torch.equal(function(x, y), function(x, y, data_range=255.0))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(metric: Any, layout: str) -> None:
    lay = LAYOUTS[layout]
    x, y = alike(2, 3, 21, 22)
    plain = leaves(x, y)
    metric(*plain).sum().backward()
    laid = [lay(image).requires_grad_() for image in (x, y)]
    score = metric(*laid)
    torch.testing.assert_close(score, metric(x, y))
    score.sum().backward()
    for got, want in zip(laid, plain, strict=True):
        assert_near(got.grad, want.grad, 1e-6)


def test_expanded_images(metric: Any) -> None:
    x, y = alike(2, 3, 21, 22)
    (one,) = leaves(x[:1, :1])
    expanded, repeated = one.expand(2, 3, 21, 22), leaves(one.repeat(2, 3, 1, 1))[0]
    torch.testing.assert_close(metric(expanded, y), metric(repeated, y))
    metric(expanded, y).sum().backward()
    metric(repeated, y).sum().backward()
    assert_near(one.grad, repeated.grad.sum((0, 1), keepdim=True), 1e-5)


def test_flat_images_of_one_number() -> None:
    flat = torch.tensor(0.25).expand(2, 3, 21, 22)
    assert torch.equal(limen.ssim(flat, flat, data_range=1.0), torch.ones(2))


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_gradients_lie_in_memory_as_images_do(dtype: str) -> None:
    x, y = (image.to(getattr(torch, dtype), memory_format=torch.channels_last) for image in alike(2, 3, 21, 22))
    images = leaves(x, y)
    assert images[0].stride() == x.stride()
    for score in (
        limen.ssim(*images, data_range=1.0),
        limen.ssim(*images, data_range=1.0, return_map=True)[0],
        limen.ms_ssim(*images, data_range=1.0, convention=SMALL_MS_SSIM["piq"]),
        limen.mse(*images),
    ):
        assert [grad.stride() for grad in torch.autograd.grad(score.sum(), images)] == [x.stride(), y.stride()]
    assert [grad.stride() for grad in limen.ssim_gradient(x, y, data_range=1.0)[1:]] == [x.stride(), y.stride()]


def test_nothing_is_recorded_unless_asked_for(metric: Any) -> None:
    x, y = leaves(*alike(3, 21, 22))
    assert metric(x, y).requires_grad
    assert not metric(x.detach(), y.detach()).requires_grad
    with torch.no_grad():
        assert not metric(x, y).requires_grad
    with torch.inference_mode():
        assert not metric(x, y).requires_grad
        assert torch.equal(metric(x * 1, y * 1), metric(x, y))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_autocast(metric: Any, dtype: str) -> None:
    network = torch.nn.Conv2d(3, 3, 3, padding=1)
    torch.nn.init.dirac_(network.weight)
    x, y = alike(2, 3, 21, 22)
    with torch.autocast("cpu", dtype=getattr(torch, dtype)):
        restored = network(x)
        score = metric(restored, y)  # of float32, as targets are
        same_dtype = metric(restored, y.to(restored.dtype))
    assert restored.dtype == getattr(torch, dtype)
    assert score.dtype == same_dtype.dtype == torch.float32
    torch.testing.assert_close(score, metric(restored.float(), y))
    score.sum().backward()
    assert network.weight.grad.abs().max() > 0
    with pytest.raises(TypeError, match=f"same dtype; got torch.{dtype} and torch.float32"):
        metric(restored, y)


def test_default_device_has_no_say(metric: Any) -> None:
    x, y = alike(3, 21, 22)
    with torch.device("meta"):
        assert metric(x, y).device == x.device


def test_shapes_without_data() -> None:
    x, y = (image.to("meta") for image in alike(2, 3, 21, 22))
    score, ssim_map = limen.ssim(x, y, data_range=1.0, return_map=True)
    assert score.is_meta
    assert score.shape == (2,)
    assert ssim_map.shape == (2, 3, 11, 12)


def test_other_devices_are_named() -> None:
    with torch._subclasses.FakeTensorMode():
        x = torch.empty(3, 21, 22, device="cuda")
        if not _cuda_core.is_built():
            with pytest.raises(ValueError, match="built without CUDA.*LIMEN_CUDA=ON; or move x and y"):
                limen.ssim(x, x, data_range=1.0)
        with pytest.raises(ValueError, match="same device; got cuda:0 and cpu"):
            limen.ssim(x, torch.empty(3, 21, 22), data_range=1.0)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (torch.zeros(21, 22), np.zeros((21, 22), np.float32), TypeError, "kind; got torch.Tensor and numpy.ndarray"),
        ([0.0], torch.zeros(21, 22), TypeError, "kind; got builtins.list and torch.Tensor"),
        (torch.zeros(21, 22), torch.zeros(21, 22, device="meta"), ValueError, "device; got cpu and meta"),
        (torch.zeros(21, 22), torch.zeros(21, 22).double(), TypeError, "dtype; got torch.float32 and torch.float64"),
        (*[torch.zeros(21, 22, dtype=torch.bool)] * 2, TypeError, "torch.bool; dtypes that have a meaning"),
        (*[torch.zeros(21, 22, dtype=torch.int64)] * 2, TypeError, "torch.int64; dtypes that have a meaning"),
        (*[torch.zeros(21, 22, dtype=torch.complex64)] * 2, TypeError, "torch.complex64; dtypes that have a meaning"),
        (torch.zeros(3, 21, 22), torch.zeros(21, 22), ValueError, r"shape; got \(3, 21, 22\) and \(21, 22\)"),
        (*[torch.zeros(21, 22).to_sparse()] * 2, ValueError, r"layout torch.sparse_coo: pass x.to_dense\(\)"),
        (*[torch.zeros(0, 3, 21, 22)] * 2, ValueError, r"empty; got shape \(0, 3, 21, 22\)"),
    ],
)
def test_bad_images(metric: Any, x: Any, y: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        metric(x, y)


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": "sum"}, "reduction must be 'image', 'mean' or 'none'; got 'sum'"),
        ({"channel_axis": 3}, r"channel_axis must be from -3 to 2 .* got 3"),
        ({"convention": "wong"}, "wang, tensorflow, .* got 'wong'"),
        ({"data_range": None}, "data_range must be given for torch.float32"),
        ({"data_range": 0.0}, "data_range must be positive"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str, requires_grad: bool) -> None:
    x, y = (image.requires_grad_(requires_grad) for image in alike(3, 21, 22))
    for function in (limen.ssim, limen.ssim_gradient, limen.ms_ssim_gradient):
        with pytest.raises(ValueError, match=message):
            function(x, y, **{"data_range": 1.0, "convention": SMALL_MS_SSIM["snell"], **options})


@pytest.mark.parametrize("requires_grad", [False, True])
def test_images_smaller_than_the_window(requires_grad: bool) -> None:
    x, y = (image.requires_grad_(requires_grad) for image in alike(3, 21, 10))
    with pytest.raises(ValueError, match="21 x 10"):
        limen.ssim(x, y, data_range=1.0)


def test_no_number_is_a_score() -> None:
    x, y = alike(2, 3, 21, 22)
    x[1, 2, 3, 4] = torch.nan
    assert torch.equal(limen.ssim(x, y, data_range=1.0).isnan(), torch.tensor([False, True]))


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # of PyTorch's own
def test_forward_mode_is_refused(metric: Any) -> None:
    forward_ad = torch.autograd.forward_ad
    x, y = alike(3, 21, 22)
    with forward_ad.dual_level(), pytest.raises(NotImplementedError, match="x carries a forward-mode tangent"):
        metric(forward_ad.make_dual(x, x), y)


class Scores(torch.utils.data.Dataset):  # type: ignore[misc]
    """Scores of pairs of images and their gradients, computed where they are asked for."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        x, y = leaves(*alike(4, 3, 128, 128, seed=index))
        score = limen.ssim(x, y, data_range=1.0)
        score.sum().backward()
        return torch.cat([score.detach(), x.grad.flatten()])


# GNU's OpenMP hangs in a child that starts threads after its parent did.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork.* was called:RuntimeWarning")  # by JAX, if another test has imported it
@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
def test_workers_of_a_data_loader() -> None:
    before = limen.get_num_threads()
    limen.set_num_threads(2)
    try:
        expected = [scores[None] for scores in map(Scores().__getitem__, range(4))]
        loader = torch.utils.data.DataLoader(Scores(), num_workers=2, multiprocessing_context="fork", timeout=30)
        for got, want in zip(loader, expected, strict=True):
            assert torch.equal(got, want)
    finally:
        limen.set_num_threads(before)


def test_devices_without_a_core_are_named() -> None:
    with torch._subclasses.FakeTensorMode():
        x = torch.empty(3, 21, 22, device="xpu")
        with pytest.raises(ValueError, match=r"on xpu:0, for which limen has no core.* Pass x.cpu\(\)"):
            limen.ssim(x, x, data_range=1.0)


def test_errors_that_float32_does_not_hold_are_infinite() -> None:
    x = torch.full((2, 20, 20), 1e30)
    assert limen.mse(x, -x) == torch.inf
    assert (limen.mse(x, -x, reduction="none") == torch.inf).all()
    assert limen.mse(x.double(), -x.double()) == pytest.approx(4e60, rel=1e-6)
