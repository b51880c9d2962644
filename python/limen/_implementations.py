"""Which kernels run, and on how many threads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from . import _core
from ._checks import integer


def implementations() -> list[str]:
    """What this processor can run, best last, for example ``["reference", "scalar", "avx2", "avx512"]``.

    ``"reference"`` is the written definition: direct sums in float64, slow. The best is used unless the
    environment variable
    ``LIMEN_IMPLEMENTATION`` or `use_implementation` names another.
    """
    return _core.implementations()


@contextlib.contextmanager
def use_implementation(name: str) -> Iterator[None]:
    """Within the ``with`` block the whole process, all its threads, runs the implementation `name`.

    Parameters
    ----------
    name
        One of `implementations`, or ``"auto"`` for what is used unless this is called.

    Raises
    ------
    TypeError, ValueError
        If this processor can't run it, or there is none of that name.
    """
    if not isinstance(name, str):
        raise TypeError(f"implementation must be a name; got {name!r}")
    before = _core.get_implementation()
    _core.set_implementation(name)
    try:
        yield
    finally:
        _core.set_implementation(before)


def get_num_threads() -> int:
    """Threads that one call may use: ``OMP_NUM_THREADS``, or the number of processors, unless set."""
    return _core.get_num_threads()


def release_memory() -> None:
    """Gives the system back what is kept for later calls: scratch memory and that of results that are gone."""
    _core.release_memory()


def set_num_threads(n: int) -> None:
    """Sets the number of threads of one call, for the whole process. Results don't depend on it.

    Raises
    ------
    TypeError, ValueError
        If `n` is no integer from 1 to 4096.
    """
    count = integer("number of threads", n)
    if not 1 <= count <= _MAX_THREADS:
        raise ValueError(f"number of threads must be from 1 to {_MAX_THREADS}; got {count}")
    _core.set_num_threads(count)


_MAX_THREADS = 4096  # A process that is refused a thread by the system doesn't live on.
