"""The module `limen._cuda` as nvcc builds it, on a machine without a GPU: it loads there, and says what is missing."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import limen

_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype = ctypes.c_void_p
_pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]


class OnGpu:
    """An array on the CPU that says it were on the first GPU, for a core that comes to nothing before it reads it."""

    def __init__(self, values: Any, device_type: int = 2) -> None:
        self.values = values
        self.device_type = device_type  # of DLPack; CUDA

    def __dlpack__(self, *, stream: int | None = None) -> Any:
        capsule = self.values.__dlpack__()
        pointer = _pointer_of(capsule, b"dltensor")
        ctypes.c_int32.from_address(pointer + ctypes.sizeof(ctypes.c_void_p)).value = self.device_type
        return capsule


@pytest.fixture(scope="module")
def core() -> ModuleType:
    if "LIMEN_CUDA_BUILD_DIR" not in os.environ:
        pytest.skip("LIMEN_CUDA_BUILD_DIR names no build by nvcc: run `make test-cuda-build`")
    (file,) = Path(os.environ["LIMEN_CUDA_BUILD_DIR"]).glob("_cuda*.so")
    # Not as "limen._cuda": other tests are not to find it.
    spec = importlib.util.spec_from_file_location("_cuda", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def has_gpu() -> bool:
    """Whether there is a driver, and a GPU that it finds."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def allocate(size: int) -> OnGpu:
    return OnGpu(np.empty(size, np.uint8))


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
def test_without_a_gpu_there_are_no_devices(core: ModuleType) -> None:
    assert core.devices() == []


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
@pytest.mark.parametrize("again", [False, True])
def test_without_a_gpu_it_says_so(core: ModuleType, again: bool) -> None:
    x, scores = OnGpu(np.ones((3, 20, 20), np.float32)), OnGpu(np.empty((), np.float64))
    missing = r"no NVIDIA driver|driver finds no GPU"
    with pytest.raises(RuntimeError, match=missing):
        core.mse(x, x, -3, "image", scores, allocate, 0)
    with pytest.raises(RuntimeError, match=missing):
        core.ssim(x, x, limen.conventions["wang"]._native, 1.0, -3, "image", scores, None, allocate, 0)
    with pytest.raises(RuntimeError, match=missing):
        core.feature_distance(x, x, None, -3, scores, None, None, allocate, 0)


def test_arrays_on_the_cpu_are_refused(core: ModuleType) -> None:
    x = OnGpu(np.ones((3, 20, 20), np.float32), device_type=1)
    with pytest.raises(ValueError, match=r"x is not on a CUDA device \(DLPack device type 1\)"):
        core.mse(x, x, -3, "image", x, allocate, 0)
