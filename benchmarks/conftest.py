"""What all benchmarks share: the images, one thread, and what the report needs to know beside the timings."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch

import limen
from limen import _core

from . import measure
from .cases import CASES, QUICK_CASES

LIBRARIES = "numpy torch opencv-python-headless pytorch-msssim lpips piq torchmetrics kornia scikit-image".split()

_FIGURES = pytest.StashKey[list[dict[str, Any]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--quick`, for trying the suites and the report out."""
    parser.addoption("--quick", action="store_true", help="small images and few rounds: no figure means anything")


def pytest_configure(config: pytest.Config) -> None:
    """Room for figures that are no timings."""
    config.stash[_FIGURES] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every benchmark that takes a case runs for all of them."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", QUICK_CASES if metafunc.config.getoption("quick") else CASES, ids=str)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """One thread everywhere, unless a benchmark asks for more."""
    before = limen.get_num_threads(), torch.get_num_threads(), cv2.getNumThreads()
    setters: list[Any] = [limen.set_num_threads, torch.set_num_threads, cv2.setNumThreads]
    for setter in setters:
        setter(1)
    yield
    for setter, n in zip(setters, before, strict=True):
        setter(n)


@pytest.fixture
def quick(request: pytest.FixtureRequest) -> bool:
    """Whether this is a trial."""
    return bool(request.config.getoption("quick"))


@pytest.fixture
def compare(benchmark: Any, quick: bool) -> Callable[..., None]:
    """`measure.compare` for this benchmark."""
    return functools.partial(measure.compare, benchmark, quick=quick)


@pytest.fixture
def two_processors() -> None:
    """Skips what would tell nothing on one."""
    if _processors() < 2:
        pytest.skip("needs two processors")


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Writes a figure that is no timing beside them."""
    figures = request.config.stash[_FIGURES]
    return lambda **figure: figures.append(figure)


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add those figures."""
    output_json["figures"] = config.stash[_FIGURES]


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Add what makes timings differ."""
    machine_info["limen"] = {
        "version": limen.__version__,
        "implementations": limen.implementations(),
        "compiler": _compiler(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "processors": _processors(),
        "quick": config.getoption("quick"),
    }


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _compiler() -> str:
    """The compiler's own words, which GCC and Clang leave in what they build."""
    found = re.findall(rb"GCC: \([^)\0]*\) [\d.]+|clang version [\d.]+", Path(_core.__file__).read_bytes())
    return ", ".join(sorted({name.decode() for name in found})) or "unknown compiler"
