"""`limen superres` as a user meets it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from limen.cli import main
from limen.superres import degrade, luminance, restore_and_score
from photographs import crop

SMALL = ["--patches", "32", "--batch", "16", "--epochs", "1", "--threads", "1"]


@pytest.fixture(autouse=True, scope="module")
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs, one grey and one with colours, and one too small for anything."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "sub").mkdir()
    for name, place in (("camera", "camera.png"), ("chelsea", "sub/große Katze.png")):
        pixels = np.rint(255 * crop(name, 83, 101)).astype(np.uint8).transpose(1, 2, 0)
        Image.fromarray(pixels.squeeze()).save(folder / place)
    return folder


@pytest.fixture(scope="module")
def checkpoints(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("checkpoints")
    paths = {name: str(folder / f"{name}.ckpt") for name in ("mse", "ms-ssim")}
    for name, path in paths.items():
        command = ["superres", "train", "--scale", "3", "--objective", name, "--images", str(images), "--output", path]
        assert main([*command, *SMALL]) == 0
    return paths


def test_train_says_what_it_did_and_resumes(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["superres", "train", "--scale", "2", "--objective", "0.8*ssim+0.2*mae", "--images", str(images), *SMALL]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert out.startswith("32 patches, 1 epochs, loss 0.")
    assert out.endswith("in the last: srcnn_9-1-5_x2_0.8-ssim-0.2-mae.ckpt\n")
    assert main(command) == 2
    assert "exists already: --resume goes on from it" in capsys.readouterr().err
    assert main([*command, "--resume", "--epochs", "2"]) == 0
    assert len(Path("srcnn_9-1-5_x2_0.8-ssim-0.2-mae.csv").read_text().splitlines()) == 3


def test_score_prints_a_table_and_writes_rows(
    images: Path, checkpoints: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, pictures = tmp_path / "scores.json", tmp_path / "new" / "pictures"
    command = ["superres", "score", *checkpoints.values(), "--images", str(images), "--against", "mse"]
    assert main([*command, "--output", str(output), "--pictures", str(pictures)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "method"
    assert [line.split()[0] for line in lines[2:5]] == ["bicubic", "mse", "ms-ssim"]
    assert "Means of 2 images at scale 3" in lines[6]

    document = json.loads(output.read_text())
    assert document["networks"]["ms-ssim"]["objective"] == "ms-ssim"
    rows = document["rows"]
    assert [(row["image"], row["method"]) for row in rows] == [
        (image, method) for image in ("camera.png", "sub/große Katze.png") for method in ("bicubic", "mse", "ms-ssim")
    ]
    y = luminance(np.asarray(Image.open(images / "sub/große Katze.png")))
    expected = restore_and_score("", y, 3, {}).scores["bicubic"]
    assert (rows[3]["psnr"], rows[3]["ssim"], rows[3]["ms_ssim"]) == (expected.psnr, expected.ssim, None)
    assert (rows[3]["height"], rows[3]["width"]) == (81 - 6, 99 - 6)
    assert f"{np.mean([rows[0]['psnr'], rows[3]['psnr']]):.2f}" in lines[2]

    assert sorted(path.name for path in pictures.iterdir()) == ["camera.png", "sub_große Katze.png"]
    with Image.open(pictures / "camera.png") as picture:
        assert picture.width == 3 * (3 * 75 + 24) + 24


def test_busiest_part_is_where_bicubic_fails(images: Path) -> None:
    from limen.cli._superres_pictures import _busiest

    y = np.full((200, 300), 90, np.uint8)
    y[130:170:2, 210:250] = 200
    pair = degrade(y, 2)
    rows, columns = _busiest(y, np.rint(255 * pair.bicubic).clip(0, 255).astype(np.uint8))
    assert rows.start <= 130
    assert rows.stop >= 170
    assert columns.start <= 210
    assert columns.stop >= 250


def test_score_without_networks_is_bicubic(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "scores.csv"
    assert main(["superres", "score", "--scale", "4", "--images", str(images), "--output", str(output)]) == 0
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [row["method"] for row in rows] == ["bicubic"] * 2
    assert {row["ms_ssim"] for row in rows} == {""}
    assert "-" in capsys.readouterr().out


def test_images_that_fail_are_told_and_the_others_scored(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes((images / "camera.png").read_bytes())
    (tmp_path / "b.png").write_bytes((images / "camera.png").read_bytes()[:300])
    Image.new("L", (50, 7)).save(tmp_path / "c.png")
    assert main(["superres", "score", "--scale", "2", "--images", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "Means of 1 images" in out
    assert "b.png: " in err
    assert "c.png: 7 x 50 leaves too little to score at scale 2" in err
    assert (
        main(
            [
                "superres",
                "train",
                "--scale",
                "2",
                "--images",
                str(tmp_path),
                *SMALL,
                "--output",
                str(tmp_path / "n.ckpt"),
            ]
        )
        == 1
    )
    assert "c.png: 7 x 50 is smaller than a patch" in capsys.readouterr().err


def test_names_that_are_no_text(images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    file = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png"))
    try:
        file.write_bytes((images / "camera.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    output, pictures = tmp_path / "scores.csv", tmp_path / "pictures"
    command = ["superres", "score", "--scale", "2", "--images", str(folder), "--output", str(output)]
    assert main([*command, "--pictures", str(pictures)]) == 0
    assert output.read_text(encoding="utf-8").splitlines()[1].startswith("caf\\xe9.png,96,78,bicubic,2,")
    assert len(list(pictures.iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "a checkpoint or --scale says for which scale; got neither"),
        (["MSE", "--scale", "2"], "the networks must be for scale 2; mse for scale 3"),
        (["--scale", "2", "--against", "mse"], "--against must be one of bicubic; got 'mse'"),
        (["none.ckpt"], "none.ckpt: no such file"),
        (["--scale", "2", "--images", "nowhere"], "images must be a folder; got nowhere"),
        (["--scale", "2", "--output", "no/such/scores.csv"], "can't write no/such/scores.csv: no such folder"),
        (["--scale", "5"], "invalid choice: 5"),
    ],
)
def test_wrong_usage_of_score(
    options: list[str], message: str, checkpoints: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["superres", "score", *(checkpoints["mse"] if word == "MSE" else word for word in options)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--objective", "psnr"], "objective 'psnr' is none of mse, mae, ssim, ms-ssim"),
        (["--side", "12"], "side must be at least 13, of which 9-1-5 leaves a pixel; got 12"),
        (["--side", "300"], "no image can be used: camera.png: 83 x 101 is smaller than a patch of 300 x 300"),
        (["--images", "nowhere"], "images must be a folder; got nowhere"),
        (["--learning-rate", "-1"], "--learning-rate must be finite and above 0; got -1.0"),
        (["--learning-rate", "1e30", "--epochs", "9"], "learning rate 1e+30"),
        (["--output", "no/such/a.ckpt"], "no such folder"),
    ],
)
def test_wrong_usage_of_train(
    options: list[str], message: str, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--images", str(images), "--output", str(tmp_path / "a.ckpt"), *SMALL]
    assert main(["superres", "train", "--scale", "3", *given, *options]) == 2
    assert message in capsys.readouterr().err
