"""MS-SSIM against other libraries, and against itself on more threads."""

from __future__ import annotations

import pytest

from . import rows
from .cases import Case
from .peers import PEERS
from .rows import Compare

HAVING_MS_SSIM = [name for name, peer in PEERS.items() if peer.ms_ssim]


@pytest.mark.parametrize("name", HAVING_MS_SSIM)
def test_forward(compare: Compare, case: Case, name: str) -> None:
    rows.forward(compare, case, "ms_ssim", name)


@pytest.mark.parametrize("name", HAVING_MS_SSIM)
def test_forward_and_gradient(compare: Compare, case: Case, name: str) -> None:
    rows.forward_and_gradient(compare, case, "ms_ssim", name)


def test_both_gradients(compare: Compare, case: Case) -> None:
    rows.both_gradients(compare, case, "ms_ssim")


@pytest.mark.parametrize("gradient", [False, True], ids=["forward", "gradient"])
def test_two_threads(compare: Compare, case: Case, two_processors: None, gradient: bool) -> None:
    rows.two_threads(compare, case, "ms_ssim", gradient=gradient)
