"""`limen compare --metric lpips-...`, `limen weights` and what `limen info` says of them."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import limen.torch
from limen import _lpips, _weights
from limen._weights import BACKBONE_FILES, onnx_file_name
from limen.cli import main
from lpips_peers import backbone, needs_linear
from photographs import COLOUR, crop, distorted
from torch_images import torch

SIZES = [(64, 64), (64, 64), (70, 65), (64, 64)]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A random SqueezeNet where the pretrained one is looked for, and taken for it."""
    needs_linear("squeeze")
    folder = tmp_path / "weights"
    folder.mkdir()
    file = BACKBONE_FILES["squeeze"]
    torch.save(backbone("squeeze"), folder / file.name)
    sha256 = hashlib.sha256((folder / file.name).read_bytes()).hexdigest()
    monkeypatch.setitem(BACKBONE_FILES, "squeeze", dataclasses.replace(file, sha256=sha256))
    monkeypatch.setenv("LIMEN_WEIGHTS", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setattr(_lpips, "_models", {})
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Pairs of two sizes, a grey one, a small one, and one that is no image."""
    r, d = tmp_path / "r", tmp_path / "d"
    r.mkdir()
    d.mkdir()
    for i, (height, width) in enumerate(SIZES):
        image = crop(COLOUR[i % len(COLOUR)], height, width)
        save(r / f"{i}.png", image)
        save(d / f"{i}.png", distorted(image, i))
    for folder in (r, d):
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(folder / "grey.png")
        save(folder / "small.png", crop("coffee", 16, 64))
    (r / "text.png").write_text("no image")
    save(d / "text.png", crop("coffee", 64, 64))
    return str(r), str(d)


def save(path: Path, image: Any) -> None:
    Image.fromarray(np.rint(255 * np.moveaxis(image, 0, -1)).astype(np.uint8)).save(path)


def expected(folders: tuple[str, str], name: str) -> float:
    x, y = (np.moveaxis(np.asarray(Image.open(Path(folder, name))), -1, 0) for folder in folders)
    score = limen.torch.LPIPS("squeeze", backbone=backbone("squeeze")).of_arrays(x, y)
    return float(score)


@pytest.mark.parametrize("room", [1, 1 << 26])
def test_compare(
    weights: Path, folders: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr("limen.cli._scoring._ROOM", room)
    output = tmp_path / "scores.csv"
    assert main(["compare", *folders, "--metric", "lpips-squeeze", "--metric", "mae", "--output", str(output)]) == 1
    with output.open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["0.png", "1.png", "2.png", "3.png", "grey.png", "small.png", "text.png"]
    for i in range(len(SIZES)):
        assert float(rows[f"{i}.png"]["lpips-squeeze"]) == pytest.approx(expected(folders, f"{i}.png"), rel=1e-4)
        assert rows[f"{i}.png"]["error"] == ""
    assert "lpips-squeeze: x must have three channels" in rows["grey.png"]["error"]
    assert "lpips-squeeze: net 'squeeze' needs images of at least 17 x 17" in rows["small.png"]["error"]
    assert rows["grey.png"]["mae"] == rows["small.png"]["mae"] == "0.0"
    fingerprint = limen.torch.LPIPS("squeeze", backbone=backbone("squeeze")).fingerprint()
    model = f"lpips-squeeze net squeeze, backbone pretrained, linear v0.1, weights {fingerprint}"
    assert {row["models"] for row in rows.values()} == {model}
    assert {row["data_range"] for row in rows.values()} == {"255", ""}


def test_grey_images_three_pixels_wide_are_not_taken_for_one_in_colour(weights: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "r", tmp_path / "d"]
    for value, folder in enumerate(folders):
        folder.mkdir()
        for i in range(20):
            Image.fromarray(np.full((20, 3), 9 * value, np.uint8)).save(folder / f"{i}.png")
    output = tmp_path / "scores.csv"
    assert main(["compare", *map(str, folders), "--metric", "lpips-squeeze", "--output", str(output)]) == 1
    with output.open(newline="") as file:
        errors = [row["error"] for row in csv.DictReader(file)]
    assert len(errors) == 20
    assert all("lpips-squeeze: x must have three channels" in error for error in errors)


def test_provenance_is_in_every_output(
    weights: Path, folders: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fingerprint = limen.torch.LPIPS("squeeze", backbone=backbone("squeeze")).fingerprint()
    model = f"net squeeze, backbone pretrained, linear v0.1, weights {fingerprint}"
    files = [str(Path(folder, "0.png")) for folder in folders]
    output, report = tmp_path / "scores.json", tmp_path / "report.html"
    assert main(["compare", *files, "--metric", "lpips-squeeze"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == (f"limen {limen.__version__}; lpips-squeeze; lpips-squeeze {model}; data range 255")
    assert f"{expected(folders, '0.png'):.4f}" in out
    options = ["--metric", "lpips-squeeze", "--output", str(output), "--report", str(report)]
    assert main(["compare", *files, *options]) == 0
    document = json.loads(output.read_text())
    assert document["metrics"]["lpips-squeeze"]["model"] == model
    assert document["metrics"]["lpips-squeeze"]["higher_is_better"] is False
    assert document["rows"][0]["models"] == f"lpips-squeeze {model}"
    assert model in report.read_text()


def test_missing_weights_are_wrong_usage(
    tmp_path: Path, folders: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_lpips, "_models", {})
    monkeypatch.setenv("LIMEN_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    monkeypatch.setattr("urllib.request.urlopen", offline)
    assert main(["compare", *folders, "--metric", "lpips-alex"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("limen compare: alexnet-owt-7be5be79.pth")
    assert "`limen weights fetch --net alex`" in err
    assert main(["weights", "fetch", "--net", "squeeze"]) == 2
    assert "limen weights: squeezenet1_1-b8a52dc0.pth" in capsys.readouterr().err


def offline(*_: Any, **__: Any) -> Any:
    raise OSError("no network")


def test_damaged_weights_are_wrong_usage(
    weights: Path, folders: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (weights / BACKBONE_FILES["squeeze"].name).write_bytes(b"")
    for command in (["compare", *folders, "--metric", "lpips-squeeze"], ["weights", "fetch", "--net", "squeeze"]):
        assert main(command) == 2
        err = capsys.readouterr().err
        assert "is damaged or another file" in err
        assert err.count("\n") == 1


def test_fetch_says_where_files_lie(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "fetch", "--net", "squeeze"]) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert len(paths) == 3
    assert paths[0] == weights / BACKBONE_FILES["squeeze"].name
    assert all(path.is_file() for path in paths)


def test_export(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    assert main(["weights", "export", "--net", "squeeze"]) == 0
    file = weights / onnx_file_name("squeeze")
    assert capsys.readouterr().out == f"{file}\n"
    x, y = (np.stack([crop("coffee", 64, 64)] * 2) * value for value in (1, 0.5))
    own = limen.lpips(x, y, net="squeeze", engine="onnx", value_range=(0, 1))
    np.testing.assert_allclose(own, limen.lpips(x, y, net="squeeze", value_range=(0, 1)), rtol=1e-4)
    assert main(["weights", "export", "--net", "squeeze", str(tmp_path / "own.onnx")]) == 0
    assert (tmp_path / "own.onnx").read_bytes() == file.read_bytes()
    capsys.readouterr()
    for arguments, message in (
        (["--net", "resnet"], "invalid choice"),
        (["out.txt"], "must end in .onnx"),
        ([str(tmp_path / "nowhere" / "a.onnx")], "no such folder"),
        (["--backbone", "nowhere.pth", str(tmp_path / "a.onnx")], "no file nowhere.pth"),
        (["--backbone", "own.pth"], "OUT.onnx must be given with --backbone"),
        (["--backbone", "random"], "--backbone takes a file of weights"),
        (["--backbone", "random", str(tmp_path / "a.onnx")], "--backbone takes a file of weights"),
    ):
        before = file.read_bytes()
        assert main(["weights", "export", "--net", "squeeze", *arguments]) == 2
        assert message in capsys.readouterr().err
        assert file.read_bytes() == before


def test_info(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["weights: LIMEN_WEIGHTS"].strip() == str(weights)
    assert lines["lpips-squeeze"].strip() == "backbone found, linear v0.1 found, linear v0.0 found, ONNX missing"
    assert _weights.find(BACKBONE_FILES["alex"]) is not None or "backbone missing" in lines["lpips-alex"]
