"""What only a GPU can show: `pytest -m gpu`. The kernels themselves run everywhere, emulated (tests/cuda_emulation)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from typing import Any

import pytest

import features as of_features
import limen
import photographs
from feature_oracle import gradients
from limen import Convention, _cuda_core, conventions
from torch_images import SMALL, SMALL_MS_SSIM, WITH_MS_SSIM, alike, assert_near, leaves, sides, torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not _cuda_core.is_built(), reason="this installation has no CUDA core"),
]

ZERO = Convention(padding="zero", weights=(0.5, 0.5))
DTYPES = [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32, torch.float64]
EXACT = {torch.float64: 1e-9}


def on_gpu(*images: Any) -> list[Any]:
    """The images there, needing gradients if they did."""
    return [image.detach().cuda().requires_grad_(image.requires_grad) for image in images]


def reference(function: Any, *images: Any, **keywords: Any) -> Any:
    """By the written definition, on the CPU."""
    with limen.use_implementation("reference"):
        return function(*(image.detach().cpu() for image in images), **keywords)


def as_dtype(image: Any, dtype: Any) -> tuple[Any, float]:
    """Pixels of that dtype, and their range."""
    full = {torch.uint8: 255.0, torch.uint16: 65535.0}.get(dtype, 1.0)
    return (image * full).to(torch.int32).to(dtype) if full > 1 else image.to(dtype), full


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", conventions)
def test_ssim(name: str, dtype: Any) -> None:
    (x, data_range), (y, _) = (as_dtype(image, dtype) for image in alike(2, 3, 75, 301))
    keywords: dict[str, Any] = {"data_range": data_range, "convention": name}
    got = limen.ssim(*on_gpu(x, y), **keywords)
    assert got.device == on_gpu(x)[0].device
    assert_near(got.cpu(), reference(limen.ssim, x, y, **keywords).to(got.dtype), EXACT.get(dtype, 1e-5))


@pytest.mark.parametrize("name", WITH_MS_SSIM)
def test_ms_ssim_and_its_gradients(name: str) -> None:
    x, y = alike(2, 3, *sides(conventions[name]))
    score, *gradients = limen.ms_ssim_gradient(*on_gpu(x, y), data_range=1.0, convention=name)
    expected, *their = reference(limen.ms_ssim_gradient, x, y, data_range=1.0, convention=name)
    assert_near(score.cpu(), expected, 1e-5)
    for got, want in zip(gradients, their, strict=True):
        assert_near(got.cpu(), want, 3e-4)


@pytest.mark.parametrize("name", conventions)
def test_gradients_of_ssim(name: str) -> None:
    x, y = leaves(*on_gpu(*alike(2, 3, 75, 301)))
    limen.ssim(x, y, data_range=1.0, convention=name).backward(torch.tensor([2.0, -1.0], device="cuda"))
    _, *expected = reference(limen.ssim_gradient, x, y, data_range=1.0, convention=name)
    for leaf, want in zip((x, y), expected, strict=True):
        assert_near(leaf.grad.cpu(), want * torch.tensor([2.0, -1.0])[:, None, None, None], 3e-4)


@pytest.mark.parametrize("name", photographs.COLOUR)
def test_photographs_of_any_layout(name: str) -> None:
    image = photographs.photograph(name)
    planar = [torch.as_tensor((255 * i).round()).to(torch.uint8) for i in (image, photographs.distorted(image))]
    expected = reference(limen.ssim, *planar)
    assert_near(limen.ssim(*on_gpu(*planar)).cpu(), expected, 1e-5)
    last = on_gpu(*(i.permute(1, 2, 0).contiguous() for i in planar))
    assert_near(limen.ssim(*last, channel_axis=-1).cpu(), expected, 1e-5)
    turned = on_gpu(*(i.mT.contiguous() for i in planar))
    assert_near(limen.ssim(*(i.mT for i in turned)).cpu(), expected, 1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_gradcheck_ssim(name: str) -> None:
    def score(x: Any, y: Any) -> Any:
        return limen.ssim(x, y, data_range=1.0, convention=SMALL[name])

    assert torch.autograd.gradcheck(score, leaves(*on_gpu(*alike(7, 8, dtype=torch.float64))), atol=1e-7)


@pytest.mark.parametrize("name", SMALL_MS_SSIM)
def test_gradcheck_ms_ssim(name: str) -> None:
    def score(x: Any, y: Any) -> Any:
        return limen.ms_ssim(x, y, data_range=1.0, convention=SMALL_MS_SSIM[name])

    assert torch.autograd.gradcheck(score, leaves(*on_gpu(*alike(9, 10, dtype=torch.float64))), atol=1e-7)


def test_gradcheck_l1_ssim() -> None:
    loss = limen.torch.L1SSIMLoss(0.3, data_range=1.0, convention=SMALL["wang"])
    assert torch.autograd.gradcheck(loss, leaves(*on_gpu(*alike(7, 8, dtype=torch.float64))), atol=1e-7)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", of_features.DTYPES)
@pytest.mark.parametrize("shape", [(4, 64, 63, 65), (2, 512, 16, 16), (1, 384, 7, 7)])
def test_features(shape: tuple[int, ...], dtype: str, memory_format: Any) -> None:
    weight = torch.tensor(of_features.weights(shape[1]))
    pair = [torch.tensor(f.astype(float)).to(getattr(torch, dtype)) for f in of_features.features(*shape)]
    f0, f1, w = leaves(*(f.contiguous(memory_format=memory_format) for f in on_gpu(*pair)), *on_gpu(weight))
    score, distance = limen.feature_distance(f0, f1, w, return_map=True)
    wide = [t.double().numpy() for t in (*pair, weight)]
    expected, expected_map = limen.feature_distance(*wide, return_map=True)
    tolerance = 1e-11 if dtype == "float64" else 1e-5
    assert_near(score.cpu(), torch.tensor(expected), tolerance)
    assert_near(distance.cpu(), torch.tensor(expected_map), tolerance)
    upstream = torch.rand(distance.shape)
    actual = torch.autograd.grad(distance, (f0, f1, w), upstream.to(distance))
    own = 2e-3 if dtype == "float16" else 1e-2 if dtype == "bfloat16" else tolerance
    for got, want, allowed in zip(actual, gradients(*wide, upstream.double()), (own, own, tolerance), strict=True):
        assert_near(got.cpu(), torch.tensor(want), allowed)


def test_lpips() -> None:
    metric = limen.torch.LPIPS("alex", backbone="random", linear=None, value_range=(0, 1))
    x, y = alike(2, 3, 64, 70)
    expected = metric(x, y)
    moved = leaves(*on_gpu(x, y))
    score = metric.cuda()(*moved)
    assert_near(score.cpu(), expected, 1e-3)  # convolutions on a GPU may be of TF32
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(score.sum(), moved))
    with pytest.raises(ValueError, match=r"y has values from .* outside value_range=\(0, 1\)"):
        metric(moved[0], moved[1] + 1)


def test_nothing_waits_for_the_device() -> None:
    x, y = leaves(*on_gpu(*alike(2, 3, 64, 64)))
    losses = [
        limen.torch.SSIMLoss(data_range=1.0),
        limen.torch.MSSSIMLoss(data_range=1.0, convention=ZERO),
        limen.torch.L1SSIMLoss(data_range=1.0),
    ]
    torch.cuda.synchronize()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it may not see everything
            torch.cuda.set_sync_debug_mode("error")
        for loss in losses:
            loss(x, y).backward()
        limen.mse(x.detach(), y.detach())
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_runs_repeat_bit_for_bit() -> None:
    x, y = on_gpu(*alike(4, 3, 540, 961))
    first = limen.ssim_gradient(x, y, data_range=1.0)
    for _ in range(20):
        again = limen.ssim_gradient(x, y, data_range=1.0)
        assert all(torch.equal(got, want) for got, want in zip(again, first, strict=True))


def test_work_is_done_on_the_current_stream() -> None:
    x, y = on_gpu(*alike(1, 3, 540, 960))
    expected = limen.ssim(x, y, data_range=1.0)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)  # On another stream than this the images would be read before they are there.
        late_x, late_y = torch.zeros_like(x).copy_(x), torch.zeros_like(y).copy_(y)
        got = limen.ssim(late_x, late_y, data_range=1.0)
    stream.synchronize()
    assert torch.equal(got, expected)


# Warming up on another stream, as captures ask for, is what it warns of.
@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream does not match")
def test_a_graph_captures_forward_and_backward() -> None:
    x, y = leaves(*on_gpu(*alike(2, 3, 64, 65)))
    loss = limen.torch.SSIMLoss(data_range=1.0)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            torch.autograd.grad(loss(x, y), (x, y))
    side.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = loss(x, y)
        gradients = torch.autograd.grad(value, (x, y))
    with torch.no_grad():
        x.copy_(alike(2, 3, 64, 65, seed=1)[0])
    graph.replay()
    expected = loss(x, y)
    assert torch.equal(value, expected)
    for got, want in zip(gradients, torch.autograd.grad(expected, (x, y)), strict=True):
        assert torch.equal(got, want)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's compiler, in itself
def test_compiled_losses() -> None:
    x, y = leaves(*on_gpu(*alike(2, 3, 64, 65)))
    for loss in (limen.torch.SSIMLoss(data_range=1.0), limen.torch.L1SSIMLoss(data_range=1.0)):
        compiled = torch.compile(loss, fullgraph=True)
        assert_near(compiled(x, y), loss(x, y), 1e-6)
        for got, want in zip(
            torch.autograd.grad(compiled(x, y), (x, y)), torch.autograd.grad(loss(x, y), (x, y)), strict=True
        ):
            assert_near(got, want, 1e-6)


def test_a_second_device() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    x, y = alike(2, 3, 64, 65)
    expected = limen.ssim(x.cuda(), y.cuda(), data_range=1.0).cpu()
    got = limen.ssim(x.cuda(1), y.cuda(1), data_range=1.0)
    assert got.get_device() == 1
    assert torch.equal(got.cpu(), expected)
    with pytest.raises(ValueError, match="same device; got cuda:0 and cuda:1"):
        limen.ssim(x.cuda(), y.cuda(1), data_range=1.0)


def test_more_pixels_than_32_bits_count() -> None:
    if torch.cuda.mem_get_info()[0] < 6 << 30:
        pytest.skip("needs 6 GB of free GPU memory")
    x = torch.zeros(3, 30000, 25000, dtype=torch.uint8, device="cuda")
    y = torch.zeros_like(x)
    y[-1, -300:, -300:] = 255  # behind element 2^31
    corner = reference(limen.ssim, x[-1, -320:, -320:], y[-1, -320:, -320:], reduction="none", return_map=True)[1]
    changed = (1 - corner.double()).sum() / (29990 * 24990)
    assert_near(1 - limen.ssim(x, y, reduction="none")[-1].cpu().double(), changed, 1e-2)


def test_memory_that_runs_out() -> None:
    x, y = on_gpu(*alike(1, 3, 256, 256))
    expected = limen.ms_ssim(x, y, data_range=1.0)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-9)  # nothing more
    big = x.expand(64, 3, 256, 256)  # one image again and again: only the workspace is large
    try:
        with pytest.raises(torch.OutOfMemoryError):
            limen.ms_ssim_gradient(big, big, data_range=1.0)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert torch.equal(limen.ms_ssim(x, y, data_range=1.0), expected)


def test_cupy() -> None:
    cupy = pytest.importorskip("cupy")
    x, y = alike(2, 3, 64, 65)
    expected = limen.ssim(x.numpy(), y.numpy(), data_range=1.0)
    got = limen.ssim(cupy.asarray(x.numpy()), cupy.asarray(y.numpy()), data_range=1.0)
    assert isinstance(got, cupy.ndarray)
    assert_near(torch.as_tensor(got.get()), torch.as_tensor(expected), 1e-5)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        score, *gradients = limen.ms_ssim_gradient(
            cupy.asarray(x.numpy()), cupy.asarray(y.numpy()), data_range=1.0, convention=ZERO
        )
        stream.synchronize()
    wanted = limen.ms_ssim_gradient(x.numpy(), y.numpy(), data_range=1.0, convention=ZERO)
    for got, want in zip((score, *gradients), wanted, strict=True):
        assert_near(torch.as_tensor(got.get()), torch.as_tensor(want), 3e-4)


# The tools that look at barriers and races can't follow gates and report their every use: they get what has none, which
# is whatever has other windows than 11 taps, and float64. The others are watched for races in emulation.
SANITIZED = """
import sys, torch, limen, limen.torch
gates = sys.argv[1] == "gates"
zero = limen.Convention(padding="zero", weights=(0.5, 0.5))
seven = limen.Convention(size=7, window="uniform", padding="reflect", downsample="none")
for convention in ("wang", zero, seven):
    for dtype in (torch.uint8, torch.float16, torch.float32, torch.float64):
        x, y = (torch.randint(0, 2, (1, 3, 45, 270), device="cuda").to(dtype) for _ in range(2))
        limen.mse(x, y)
        if not (gates or convention is seven or dtype == torch.float64):
            continue
        limen.ssim(x, y, data_range=1.0, convention=convention, return_map=True)
        if dtype.is_floating_point:
            x.requires_grad_()
            limen.torch.SSIMLoss(data_range=1.0, convention=convention)(x, y).backward()
            limen.torch.L1SSIMLoss(data_range=1.0, convention=convention)(x, y).backward()
dtype = torch.float32 if gates else torch.float64
x, y = (torch.rand(1, 3, 45, 270, device="cuda", dtype=dtype, requires_grad=True) for _ in range(2))
limen.ms_ssim(x, y, data_range=1.0, convention=zero).sum().backward()
for shape in ((2, 20, 9, 7), (1, 70, 15, 15)):
    for layout in (torch.contiguous_format, torch.channels_last):
        f0, f1 = (torch.rand(shape, device="cuda").to(memory_format=layout).requires_grad_() for _ in range(2))
        weight = torch.rand(shape[1], device="cuda", requires_grad=True)
        limen.feature_distance(f0, f1, weight).sum().backward()
torch.cuda.synchronize()
"""


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "initcheck", "synccheck"])
def test_compute_sanitizer(tool: str) -> None:
    program = shutil.which("compute-sanitizer")
    if program is None:
        pytest.skip("needs compute-sanitizer, of the CUDA toolkit")
    # PyTorch's own kernels are none of ours.
    command = [program, "--tool", tool, "--error-exitcode", "9", "--kernel-name-exclude", "kernel_substring=at::"]
    which = "gates" if tool in ("memcheck", "initcheck") else "no gates"
    done = subprocess.run(
        [*command, sys.executable, "-c", SANITIZED, which], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
