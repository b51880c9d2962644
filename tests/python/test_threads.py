"""Threads change nothing but the time: their number, other threads of Python's, forked processes."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import limen
from images import WITH_MS_SSIM, alike, channels_last, data_range, same_bits
from limen import conventions

# A convention for each padding and each way of halving. The windows of MS-SSIM are small, so that small images will do.
SSIM = ["wang", "piq", "torchmetrics", "scikit-image", "fused-ssim", "snell"]
MS_SSIM = [dataclasses.replace(conventions[name], size=3, weights=(0.3, 0.3, 0.4)) for name in WITH_MS_SSIM]


@pytest.fixture
def threads() -> Iterator[Any]:
    """Sets their number, and sets it back."""
    before = limen.get_num_threads()
    yield limen.set_num_threads
    limen.set_num_threads(before)


def everything(x: Any, y: Any, dtype: str, axis: int = -3) -> list[Any]:
    """Scores, maps and gradients of every convention."""
    options: dict[str, Any] = {"data_range": data_range(dtype), "channel_axis": axis}
    results: list[Any] = [
        limen.mse(x, y, channel_axis=axis),
        limen.mae(x, y, channel_axis=axis),
        limen.psnr(x, y, **options),
    ]
    for name in SSIM:
        results.append(limen.ssim(x, y, **options, convention=name, return_map=True))
        results.append(limen.ssim_gradient(x, y, **options, convention=name))
    for convention in MS_SSIM:
        results.append(limen.ms_ssim(x, y, **options, convention=convention, return_scales=True))
        results.append(limen.ms_ssim_gradient(x, y, **options, convention=convention))
    return results


# Of many tiles each, planar and interleaved; a batch of small ones.
@pytest.mark.parametrize(
    ("shape", "dtype", "axis"),
    [
        ((1, 400, 740), "float32", -3),
        ((1, 300, 410), "float64", -3),
        ((3, 262, 300), "uint8", -1),
        ((3, 262, 300), "float32", -1),
        ((5, 3, 24, 70), "float32", -3),
        ((5, 3, 24, 70), "uint8", -1),
    ],
    ids=str,
)
def test_any_number_of_threads_gives_the_same_bits(threads: Any, shape: tuple[int, ...], dtype: str, axis: int) -> None:
    x, y = alike(*shape, dtype=dtype)
    x, y = (x, y) if axis == -3 else channels_last(x, y)
    threads(1)
    expected = everything(x, y, dtype, axis)
    for count in (2, 3, 5):
        threads(count)
        assert limen.get_num_threads() == count
        for got, want in zip(everything(x, y, dtype, axis), expected, strict=True):
            assert same_bits(got, want)


def test_any_number_of_threads_gives_the_same_bits_in_every_implementation(threads: Any, implementation: str) -> None:
    x, y = alike(2, 2, 24, 35)
    threads(1)
    expected = everything(x, y, "float32")
    threads(3)
    for got, want in zip(everything(x, y, "float32"), expected, strict=True):
        assert same_bits(got, want)


def test_every_run_gives_the_same_bits(threads: Any) -> None:
    threads(3)
    x, y = alike(3, 262, 210)
    expected = everything(x, y, "float32")
    for _ in range(3):
        for got, want in zip(everything(x, y, "float32"), expected, strict=True):
            assert same_bits(got, want)


def test_calls_from_several_threads_at_once(threads: Any) -> None:
    threads(2)
    pairs = [alike(2, 3, 24 + number, 71, seed=number) for number in range(6)]
    expected = [everything(*pair, "float32") for pair in pairs]
    with ThreadPoolExecutor(5) as pool:
        for _ in range(3):
            for got, want in zip(pool.map(lambda pair: everything(*pair, "float32"), pairs), expected, strict=True):
                assert all(same_bits(*both) for both in zip(got, want, strict=True))


def test_errors_from_several_threads_at_once() -> None:
    x, y = alike(3, 20, 24)

    def fail(_: int) -> str:
        with pytest.raises(ValueError, match="at least 161") as caught:
            limen.ms_ssim(x, y, data_range=1.0)
        return str(caught.value)

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(fail, range(50)))) == 1


# GNU's OpenMP hangs in a child that starts threads after its parent did.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # of JAX, which another test may have imported
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_of_a_parent_with_threads(threads: Any) -> None:
    import signal

    threads(3)
    x, y = alike(7, 3, 61, 70)
    expected = everything(x, y, "float32")
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # ends it, should it hang
        same = all(same_bits(*both) for both in zip(everything(x, y, "float32"), expected, strict=True))
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert same_bits(everything(x, y, "float32")[3], expected[3])  # the parent's threads live on


# PyTorch and limen share the OpenMP that is in the process.
@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
def test_a_forked_child_of_a_parent_in_which_others_had_threads() -> None:
    code = """
import os, signal
import numpy as np, torch, limen
torch.set_num_threads(2)
(torch.rand(1000, 1000) * 2).exp().sum()
if (child := os.fork()) == 0:
    signal.alarm(60)
    limen.set_num_threads(2)
    x = np.random.default_rng(0).random((3, 300, 400)).astype("f4")
    os._exit(0 if limen.ssim(x, x, data_range=1.0) == 1 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended = run(code)
    assert ended.returncode == 0, ended.stderr


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("count", [1, 3])
def test_environment_sets_the_number_of_threads(count: int) -> None:
    assert run("import limen; print(limen.get_num_threads())", OMP_NUM_THREADS=str(count)).stdout == f"{count}\n"


def test_without_a_word_all_processors_are_used() -> None:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    code = "import os; os.environ.pop('OMP_NUM_THREADS', None); import limen; print(limen.get_num_threads())"
    assert run(code).stdout == f"{processors}\n"
