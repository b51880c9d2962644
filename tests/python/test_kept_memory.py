"""Results lie in memory of earlier ones that nobody refers to any more, and of no other."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import limen
from images import alike

SHAPE = (3, 200, 201)  # gradients of 480 kB


def gradients(seed: int = 0) -> tuple[Any, Any]:
    _, *both = limen.ssim_gradient(*alike(*SHAPE, seed=seed), data_range=1.0)
    return both[0], both[1]


KEEP: dict[str, Callable[[Any], Any]] = {
    "the array": lambda a: a,
    "a row": lambda a: a[1, 7],
    "a view of other axes": lambda a: a.T[::-1],
    "other numbers": lambda a: a.view(np.uint32),
    "a memoryview": memoryview,
    "NumPy by the array interface": np.asarray,
    "a tensor": lambda a: pytest.importorskip("torch").from_numpy(a)[1:],
    "a tensor by DLPack": lambda a: pytest.importorskip("torch").from_dlpack(a),
}


@pytest.mark.parametrize("keep", KEEP.values(), ids=KEEP)
def test_what_is_still_referred_to_stays(keep: Callable[[Any], Any]) -> None:
    kept = keep(gradients()[0])
    gc.collect()
    before = np.asarray(kept).copy()
    others = [gradients(seed) for seed in range(1, 4)]
    assert np.array_equal(before, np.asarray(kept))
    assert len({g.ctypes.data for pair in others for g in pair}) == 6


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_copies_are_independent(again: Callable[[Any], Any]) -> None:
    x, _ = gradients()
    y = again(x)
    y[:] = 0
    assert np.abs(x).max() > 0
    assert not np.shares_memory(x, y)


def test_a_result_may_be_written() -> None:
    x, _ = gradients()
    assert x.flags.writeable
    assert x.flags.c_contiguous
    x *= 2
    assert np.array_equal(x, 2 * gradients()[0])


def test_a_tensor_and_what_became_of_it_stay() -> None:
    torch = pytest.importorskip("torch")
    x, y = (torch.tensor(image, requires_grad=True) for image in alike(*SHAPE))
    limen.ssim(x, y, data_range=1.0).backward()
    kept = x.grad[1, 50:].numpy()
    before, x.grad = kept.copy(), None
    for seed in range(3):
        limen.ssim_gradient(*(torch.tensor(image) for image in alike(*SHAPE, seed=seed)), data_range=1.0)
    assert np.array_equal(kept, before)
    assert y.grad.is_contiguous()


@pytest.mark.parametrize("shape", [(2, 3, 161, 170), (1, 3, 512, 300), (1, 1, 200, 170)])
def test_a_gradient_has_its_image_s_order_in_memory(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    x, y = (torch.tensor(image).to(memory_format=torch.channels_last) for image in alike(*shape))
    _, gx, _ = limen.ssim_gradient(x, y, data_range=1.0)
    assert gx.stride() == torch.empty_like(x).stride() == x.stride()
    x, y = (image.transpose(-1, -2)[..., ::2, :] for image in (x, y))  # neither dense nor in order
    _, gx, _ = limen.ssim_gradient(x, y, data_range=1.0)
    assert gx.stride() == torch.empty_like(x).stride()
    expected = limen.ssim_gradient(x.contiguous().numpy(), y.contiguous().numpy(), data_range=1.0)[1]
    assert np.allclose(gx.numpy(), expected, atol=1e-8)


def test_threads_have_results_of_their_own() -> None:
    expected = [gradients(seed)[0].copy() for seed in range(6)]

    def check(i: int) -> bool:
        return np.array_equal(gradients(i % 6)[0], expected[i % 6])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, range(60)))


def measured(code: str) -> list[float]:
    """The numbers that a process writes."""
    output = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    return [float(number) for number in output.stdout.split()]


FAULTS = """
import resource
import numpy as np, limen
{imports}
limen.set_num_threads(1)
x, y = (np.random.default_rng(seed).random({shape}, np.float32) for seed in range(2))
{images}
def call():
    {call}
for _ in range(3):
    call()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    call()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) / 20)
"""
TENSORS = "x, y = torch.from_numpy(x).requires_grad_(), torch.from_numpy(y)"


# The smaller gradients are 246 pages, the larger 3072.
@pytest.mark.skipif(sys.platform != "linux", reason="counts Linux's page faults")
@pytest.mark.parametrize("shape", [(502, 502), (4, 3, 512, 512)])
@pytest.mark.parametrize("metric", ["ssim", "ms_ssim"])
@pytest.mark.parametrize("front", ["numpy", "torch"])
def test_repeated_calls_need_no_new_memory(front: str, metric: str, shape: tuple[int, ...]) -> None:
    call = f"limen.{metric}_gradient(x, y, data_range=1.0)"
    imports, images = "", ""
    if front == "torch":
        pytest.importorskip("torch")
        imports, images = "import torch", TENSORS
        call = f"torch.autograd.grad(limen.{metric}(x, y, data_range=1.0, reduction='mean'), x)"
    (faults,) = measured(FAULTS.format(imports=imports, shape=shape, images=images, call=call))
    assert faults < 20


RESIDENT = """
import os, random
import numpy as np, limen
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
x, y = (np.random.default_rng(seed).random((3, 1000, 1000), np.float32) for seed in range(2))
limen.ssim_gradient(x[:, :200, :200], y[:, :200, :200], data_range=1.0)
before = resident()
results = [limen.ssim_gradient(x, y, data_range=1.0) for _ in range(20)]
during = resident()
del results
after = resident()
sizes = random.Random(0)
for _ in range(60):
    height, width = sizes.randint(30, 1000), sizes.randint(30, 1000)
    limen.ssim_gradient(x[:, :height, :width], y[:, :height, :width], data_range=1.0)
varied = resident()
limen.release_memory()
print(*(now - before for now in (during, after, varied, resident())))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_no_more_than_64_mebibytes_are_kept() -> None:
    during, after, varied, released = measured(RESIDENT)
    assert during > 400  # 20 times 23 MiB
    assert after < 64 + 8  # and what Python keeps
    assert varied < 64 + 8
    assert released < 8
