"""SSIM against other libraries, and against itself on other arrays and threads."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import limen

from . import rows
from .cases import Case, as_uint8, photographs
from .opencv import LAYOUTS, FiveBlurs
from .peers import PEERS
from .rows import Compare
from .targets import HASHING, HASHING_ON_ONE


@pytest.mark.parametrize("layout", LAYOUTS)
def test_forward_against_opencv(compare: Compare, case: Case, layout: str) -> None:
    x, y = photographs(case)
    blurs = FiveBlurs(x, y, layout)
    blurs()
    score = float(np.mean(limen.ssim(x, y, data_range=1.0)))
    assert score == pytest.approx(blurs.ssim(data_range=1.0), abs=1e-5)
    peer = f"OpenCV, five GaussianBlur calls, {layout}"
    compare(
        lambda: limen.ssim(x, y, data_range=1.0), blurs, operation="SSIM forward", peer=peer, case=case, seconds=5.0
    )


@pytest.mark.parametrize("name", PEERS)
def test_forward(compare: Compare, case: Case, name: str) -> None:
    rows.forward(compare, case, "ssim", name)


@pytest.mark.parametrize("name", [name for name, peer in PEERS.items() if peer.differentiable])
def test_forward_and_gradient(compare: Compare, case: Case, name: str) -> None:
    rows.forward_and_gradient(compare, case, "ssim", name)


def test_both_gradients(compare: Compare, case: Case) -> None:
    rows.both_gradients(compare, case, "ssim")


def test_uint8_channels_last(compare: Compare, case: Case) -> None:
    planar = photographs(case)
    files = [as_uint8(image) for image in planar]

    def of_files() -> Any:
        return limen.ssim(*files, channel_axis=-1)

    def of_planar() -> Any:
        return limen.ssim(*planar, data_range=1.0)

    exact = [np.moveaxis(image, -1, -3) / np.float32(255) for image in files]
    np.testing.assert_allclose(of_files(), limen.ssim(*exact, data_range=1.0), rtol=0, atol=1e-5)
    operation = "SSIM forward of uint8 (H, W, C)"
    compare(of_files, of_planar, operation=operation, peer="limen, float32 planar", case=case)


@pytest.mark.parametrize("gradient", [False, True], ids=["forward", "gradient"])
def test_two_threads(compare: Compare, case: Case, two_processors: None, gradient: bool) -> None:
    rows.two_threads(compare, case, "ssim", gradient=gradient)


def test_two_threads_of_the_machine(compare: Compare, case: Case, two_processors: None) -> None:
    """What there is to win: for about as long as SSIM takes, work that shares nothing."""
    rounds = max(1000, case.values // 400)

    def work(_: int) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)

    with ThreadPoolExecutor(2) as pool:
        calls = (lambda: list(pool.map(work, range(2)))), (lambda: list(map(work, range(2))))
        compare(*calls, operation=HASHING, peer=HASHING_ON_ONE, case=case)
