"""What all Python tests share."""

import functools
from collections.abc import Iterator

import pytest
from hypothesis import settings

import limen

# A first example may import or compile something, so that a deadline would fail by chance. Every run draws the same.
settings.register_profile("limen", deadline=None, derandomize=True, database=None)
settings.load_profile("limen")


@pytest.fixture(params=limen.implementations())
def implementation(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test with every implementation that this processor has."""
    with limen.use_implementation(request.param):
        yield request.param


@pytest.fixture(params=limen.implementations()[1:])
def fast(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same without the reference, whose direct sums take their time."""
    with limen.use_implementation(request.param):
        yield request.param


@functools.cache
def _no_gpu() -> str | None:
    """Why the tests marked `gpu` can't run here; None where they can."""
    try:
        import torch
    except ImportError:
        return "needs a GPU: PyTorch, which would find it, is not installed"
    return None if torch.cuda.is_available() else "needs a GPU: PyTorch finds none"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked `gpu` on a machine without one."""
    if item.get_closest_marker("gpu") and (reason := _no_gpu()):
        pytest.skip(reason)
