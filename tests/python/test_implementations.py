"""Which implementation runs: listed, chosen for a block, chosen by the environment."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import limen
from images import alike
from limen import _core

CODE = (
    "import numpy, limen; x = numpy.zeros((20, 20), 'uint8'); limen.ssim(x, x); print(limen._core.get_implementation())"
)


def run(code: str, implementation: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LIMEN_IMPLEMENTATION": implementation}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_the_list_begins_with_the_definition() -> None:
    assert limen.implementations()[:2] == ["reference", "scalar"]
    assert set(limen.implementations()) <= {"reference", "scalar", "avx2", "avx512", "neon"}


def test_the_list_is_a_copy() -> None:
    limen.implementations().clear()
    assert limen.implementations()


@pytest.mark.parametrize("name", limen.implementations())
def test_a_block_runs_one(name: str) -> None:
    before = _core.get_implementation()
    with limen.use_implementation(name):
        assert _core.get_implementation() == name
        with limen.use_implementation("scalar"):
            assert _core.get_implementation() == "scalar"
        assert _core.get_implementation() == name
    assert _core.get_implementation() == before


def test_a_block_that_fails_is_left_too() -> None:
    before = _core.get_implementation()
    with pytest.raises(KeyError), limen.use_implementation("reference"):
        raise KeyError
    assert _core.get_implementation() == before


def test_what_runs_is_what_was_chosen() -> None:
    # The reference computes in float64, which shows in the last digits.
    x, y = alike(64, 64)
    exact = limen.ssim(x.astype(np.float64), y.astype(np.float64), data_range=1.0)
    with limen.use_implementation("reference"):
        assert limen.ssim(x, y, data_range=1.0) == pytest.approx(exact, abs=1e-14)
    with limen.use_implementation("scalar"):
        assert abs(limen.ssim(x, y, data_range=1.0) - exact) > 1e-14


@pytest.mark.parametrize("name", limen.implementations())
def test_environment_chooses(name: str) -> None:
    assert run(CODE, name).stdout == f"{name}\n"
    inside = "import limen\nwith limen.use_implementation('auto'): print(limen._core.get_implementation())"
    assert run(inside, name).stdout == f"{name}\n"


@pytest.mark.parametrize("name", ["", "auto"])
def test_environment_leaves_the_choice(name: str) -> None:
    assert run(CODE, name).stdout == f"{limen.implementations()[-1]}\n"


def test_environment_names_what_is_not_there() -> None:
    # Importing and listing work, so that the mistake can be found out; the first score says what is wrong.
    assert run("import limen; print(limen.implementations())", "sse9").stdout == f"{limen.implementations()}\n"
    failed = run(CODE, "sse9")
    assert failed.returncode == 1
    last = failed.stderr.strip().splitlines()[-1]
    names = ", ".join(limen.implementations())
    assert last == f"ValueError: LIMEN_IMPLEMENTATION must be auto or one of {names}; got 'sse9'"
