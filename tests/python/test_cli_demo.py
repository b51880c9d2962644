"""`limen demo`: real photographs under distortions of equal error."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limen.cli import main
from limen.cli._distortions import distort_equally

pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "new" / "folder"


@pytest.fixture(scope="module")
def table(directory: Path) -> list[tuple[str, str, dict[str, float]]]:
    """Photograph, distortion and scores of each line that the demo prints."""
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *words, **options: printed.extend(" ".join(words).splitlines()))
        patch.setattr("webbrowser.open", lambda url: pytest.fail("opened a browser"))
        assert main(["demo", str(directory), "--no-open"]) == 0
    header, *lines = (re.split(r" {2,}", line) for line in printed)
    assert header == ["photograph", "distortion", "mse", "mae", "psnr", "ssim", "ms-ssim"]
    rows = [line for line in lines if len(line) == len(header)]
    return [(line[0], line[1], dict(zip(header[2:], map(float, line[2:]), strict=True))) for line in rows]


def test_distortions_of_a_photograph_have_equal_mse(table: list[tuple[str, str, dict[str, float]]]) -> None:
    groups = {name: [scores for _, _, scores in rows] for name, rows in groupby(table, key=lambda row: row[0])}
    assert len(groups) == 4
    for rows in groups.values():
        assert len(rows) == 5
        errors = [scores["mse"] for scores in rows]
        assert max(errors) <= 1.01 * min(errors)


def test_ssim_tells_them_apart(table: list[tuple[str, str, dict[str, float]]]) -> None:
    scores = {(photograph, distortion): values["ssim"] for photograph, distortion, values in table}
    assert scores["Cat", "Mean shift"] > 0.95
    assert scores["Cat", "Gaussian blur"] < 0.7
    assert scores["Cat", "JPEG"] < 0.7


def test_page_stands_alone(directory: Path, table: list[tuple[str, str, dict[str, float]]]) -> None:
    page = (directory / "index.html").read_text(encoding="utf-8")
    assert page.count('<img class="map"') == len(table)
    assert set(re.findall(r'(?:src|href)="([^"]{10})', page)) == {"data:image"}
    assert "://" not in page  # base64 may well spell http
    for photograph, distortion, scores in table:
        assert f'alt="{photograph}, {distortion}"' in page
        assert f"{scores['ms-ssim']:.6f}" in page


@pytest.mark.usefixtures("table")
def test_contact_sheet_shows_six_tiles(directory: Path) -> None:
    with Image.open(directory / "demo.png") as sheet:
        assert sheet.width > 3 * 400
        assert sheet.mode == "RGB"
    assert sorted(path.name for path in directory.iterdir()) == ["demo.png", "index.html"]


def test_equal_error_is_reached_on_grey_and_colour() -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (32, 48, 3), np.uint8)).resize((384, 256), Image.Resampling.BICUBIC)
    for image in (picture, picture.convert("L")):
        photo = np.asarray(image)
        distorted = list(distort_equally(photo))
        errors = [np.mean((photo.astype(float) - one.pixels) ** 2) for one in distorted]
        assert [one.pixels.dtype for one in distorted] == [np.uint8] * 5
        assert max(errors) <= 1.01 * min(errors)


def test_directory_that_is_a_file_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", str(tmp_path / "file"), "--no-open"]) == 2
    assert "can't make the folder" in capsys.readouterr().err
