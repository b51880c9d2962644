"""The page that `limen compare --report` writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limen.cli import main
from limen.cli._pictures import ssim_map


@pytest.fixture
def page(tmp_path: Path) -> str:
    r, d = tmp_path / "r", tmp_path / "d"
    r.mkdir()
    d.mkdir()
    rng = np.random.default_rng(0)
    for number in range(15):
        image = rng.integers(0, 200, (40, 50, 3))
        noise = rng.integers(0, 1 + 3 * number, image.shape)
        Image.fromarray(image.astype(np.uint8)).save(r / f"{number:02}.png")
        Image.fromarray((image + noise).astype(np.uint8)).save(d / f"{number:02}.png")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(r / "tiny.png")
    Image.fromarray(np.ones((5, 5), np.uint8)).save(d / "tiny.png")
    (r / "<script>alert(1)<").mkdir()
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(r / "<script>alert(1)<" / "x.png")
    report = tmp_path / "report.html"
    assert main(["compare", str(r), str(d), "--metric", "mse", "--metric", "ssim", "--report", str(report)]) == 1
    return report.read_text(encoding="utf-8")


def test_rows_are_worst_first(page: str) -> None:
    table = page[page.index("All scores, worst first") :]
    names = re.findall(r'<td class="text">(\S+?)\.png</td>', table)
    assert names == [f"{number:02}" for number in range(14, 0, -1)] + ["tiny", "00"]


def test_worst_pairs_are_pictured_with_their_maps(page: str) -> None:
    assert page.count('<article class="exhibit">') == 12
    assert page.count("SSIM map</figcaption>") == 12


def test_page_stands_alone_and_escapes_names(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/x.png" in page
    assert set(re.findall(r'(?:src|href)="([^"]{10})', page)) == {"data:image"}
    assert "://" not in page  # base64 may well spell http


def test_summary_counts_failures(page: str) -> None:
    assert "<h1>15 of 17 pairs have every score</h1>" in page
    assert "no file of this name in" in page
    assert "data range 255" in page


@pytest.mark.parametrize("convention", ["wang", "scikit-image", "piq", "fused-ssim"])
@pytest.mark.parametrize("shape", [(400, 610), (50, 31, 3)])
def test_map_is_as_large_as_the_image(convention: str, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert ssim_map(image, image, convention).size == (shape[1], shape[0])
