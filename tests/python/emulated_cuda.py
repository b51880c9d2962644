"""The front ends for GPUs without a GPU: the module `limen._cuda` with emulated kernels, for which the CPU's memory is the device's."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from limen import _cuda_core


@functools.cache
def module() -> ModuleType:
    """The module, from the CMake build that `make test` has made; skips the test where there is none."""
    if "LIMEN_BUILD_DIR" not in os.environ:
        pytest.skip("LIMEN_BUILD_DIR names no C++ build with emulated CUDA kernels: run `make test`")
    files = sorted(Path(os.environ["LIMEN_BUILD_DIR"], "tests", "cuda_emulation").glob("_cuda*.so"))
    if not files:
        pytest.skip("no emulated CUDA module in LIMEN_BUILD_DIR: pybind11 was not found when it was configured")
    spec = importlib.util.spec_from_file_location("limen._cuda", files[0])
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@contextlib.contextmanager
def installed() -> Iterator[ModuleType]:
    """Has limen find the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "limen._cuda", module())
        _cuda_core.cuda_core.cache_clear()
        yield module()
    _cuda_core.cuda_core.cache_clear()


@contextlib.contextmanager
def for_torch() -> Iterator[None]:
    """Has limen take tensors on the CPU for tensors on a GPU."""
    from limen.torch import _cuda_kernels, _functions

    with installed(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cuda_kernels, "_stream", lambda x: 0)
        patch.setattr(_cuda_kernels, "_elsewhere", lambda x: False)
        patch.setattr(_functions, "on_gpu", lambda x: True)
        for operator, kernel in _cuda_kernels.KERNELS.items():
            patch.setitem(operator.kernels, "cpu", kernel)
        yield


class Device:
    """A device of the CuPy below, which counts how often it has been made the current one."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.entered = 0

    def __enter__(self) -> Device:
        self.entered += 1
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"


DEVICES = [Device(0), Device(1)]


class CupyArray:
    """What limen uses of a CuPy array, over a NumPy array."""

    def __init__(self, values: Any, device: Device = DEVICES[0]) -> None:
        self.values = np.asarray(values)
        self.device = device
        self.dtype, self.shape, self.ndim = self.values.dtype, self.values.shape, self.values.ndim

    def __dlpack__(self, *, stream: int | None = None) -> Any:
        assert stream == -1, "the current stream is used: nothing is to wait for it"
        return self.values.__dlpack__()

    def reshape(self, shape: tuple[int, ...]) -> CupyArray:
        """As NumPy's."""
        return CupyArray(self.values.reshape(shape), self.device)

    def astype(self, dtype: str) -> CupyArray:
        """As NumPy's."""
        return CupyArray(self.values.astype(dtype), self.device)

    def mean(self) -> CupyArray:
        """As NumPy's, without axes."""
        return CupyArray(self.values.mean(), self.device)


CupyArray.__module__ = "cupy"
CupyArray.__qualname__ = CupyArray.__name__ = "ndarray"


@contextlib.contextmanager
def for_cupy() -> Iterator[type[CupyArray]]:
    """Has limen find a CuPy that keeps its arrays on the CPU."""
    cupy: Any = ModuleType("cupy")
    cupy.empty = lambda shape, dtype: CupyArray(np.full(shape, 0xAB, np.uint8).astype(dtype))
    cupy.asarray = CupyArray
    cupy.empty_like = lambda x, dtype: CupyArray(np.empty_like(x.values, dtype=dtype), x.device)
    cupy.cuda = ModuleType("cupy.cuda")
    cupy.cuda.get_current_stream = lambda: type("Stream", (), {"ptr": 0})()
    with installed(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", cupy)
        yield CupyArray
