"""`limen autoencoder train`, `compare`, `judge` and `preferences`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import limen
from limen.autoencoders._history import read_history
from limen.cli import main

QUICK = [
    "--model",
    "fc",
    "--patches",
    "64",
    "--held-out",
    "28",
    "--epochs",
    "2",
    "--warm-up",
    "1",
    "--accelerator",
    "cpu",
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads(), limen.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before[0])
    limen.set_num_threads(before[1])


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison of three objectives."""
    folder = tmp_path_factory.mktemp("autoencoder") / "comparison"
    objectives = [word for name in ("mse", "mae", "0.5*ms-ssim+0.5*mae") for word in ("--objective", name)]
    sizes = ["--code-size", "8", "--code-size", "4"]
    assert main(["autoencoder", "compare", str(folder), *objectives, *sizes, *QUICK]) == 0
    return folder


def test_two_processes_train_as_one_with_the_batches_of_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = [*QUICK, "--objective", "mse", "--warm-up", "0", "--threads", "1"]
    assert main(["autoencoder", "train", str(tmp_path / "one"), *quick, "--batch-size", "16"]) == 0
    # Lightning starts the second process by the command line of the first.
    command = [sys.executable, "-m", "limen", "autoencoder", "train", str(tmp_path / "two"), *quick]
    both = [*command, "--batch-size", "8", "--devices", "2", "--strategy", "ddp"]
    done = subprocess.run(both, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("validation") == 1
    assert done.stdout.split(":")[0] == capsys.readouterr().out.split(":")[0]
    one, two = (read_history(tmp_path / name / "history.csv") for name in ("one", "two"))
    assert two == [pytest.approx(row, rel=1e-4) for row in one]


def test_mixed_precision(tmp_path: Path) -> None:
    command = ["autoencoder", "train", str(tmp_path / "run"), "--objective", "ms-ssim", *QUICK]
    assert main([*command, "--precision", "bf16-mixed"]) == 0
    rows = read_history(tmp_path / "run" / "history.csv")
    assert all(0 < row["validation"] <= 1 for row in rows)


def test_train_and_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["autoencoder", "train", str(tmp_path / "run"), "--objective", "mse", *QUICK]
    assert main(command) == 0
    assert re.search(r"validation 0\.\d+ after epoch \d of 2: .*best\.ckpt", capsys.readouterr().out)
    assert main(command) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    assert main([*command, "--resume", "--seed", "1"]) == 2
    assert "is of another run: seed 0 instead of 1" in capsys.readouterr().err


def test_images_left_out_are_named_and_told_by_the_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    for i in range(9):
        pixels = np.random.default_rng(i).integers(0, 256, (40, 40), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{i}.png")
    (tmp_path / "images" / "3.png").write_bytes(b"broken")
    images = ["--images", str(tmp_path / "images"), "--patch", "32"]
    assert main(["autoencoder", "train", str(tmp_path / "run"), "--objective", "mae", *images, *QUICK]) == 1
    assert "left out:" in (told := capsys.readouterr().err)
    assert "3.png: not a PNG" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--objective", "psnr"], "'psnr' is none of mse"),
        (["--width", "8"], "--width is for conv and el-vae; got it with --model fc"),
        (["--constant", "8"], "--constant is for el-vae"),
        (["--learning-rate", "0"], "--learning-rate must be above 0"),
        (["--images", "nowhere"], "images must be a folder; got nowhere"),
        (["--batch-size", "71"], "number of images for training"),
        (["--patch", "16"], "images of 16 x 16 are smaller than the 32 x 32 that the network takes"),
    ],
)
def test_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert main(["autoencoder", "train", str(tmp_path / "run"), *QUICK, *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_training_that_diverges_stops_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--model", "el-vae", "--width", "1", "--code-size", "2", "--constant", "1e38", "--warm-up", "0"]
    quick = ["--patches", "32", "--held-out", "14", "--epochs", "1", "--objective", "mse", "--accelerator", "cpu"]
    assert main(["autoencoder", "train", str(tmp_path / "run"), *options, *quick]) == 2
    assert re.search(r"step 1: .* C 1e\+38\); there is no checkpoint before it", capsys.readouterr().err)


def test_compare_writes_a_page_and_files(comparison: Path) -> None:
    page = (comparison / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'(?:src|href)="([^"]{10})', page)) == {"data:image"}
    assert "<script" not in page
    assert "code of 8" in page
    assert page.count("<tr>") == 2 * (1 + 3)
    assert "0.5*ms-ssim+0.5*mae gains most over mse" in page
    assert "mse gains most over 0.5*ms-ssim+0.5*mae" in page
    summary = json.loads((comparison / "summary.json").read_text())
    assert summary["counts"] == {"train": 70, "validation": 28, "test": 28}
    assert [network["code_size"] for network in summary["networks"]] == [8, 8, 8, 4, 4, 4]
    first = summary["networks"][0]
    mean, low, high = first["scores"]["psnr"]
    assert low < mean < high
    assert f"{mean:.2f}" in page
    lines = (comparison / "scores.csv").read_text().splitlines()
    assert len(lines) == 1 + 6 * 28
    scores = [float(line.split(",")[4]) for line in lines[1:29]]
    assert np.mean(scores) == pytest.approx(mean)


def test_compare_goes_on_where_it_was(comparison: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = {path: path.stat().st_mtime_ns for path in comparison.rglob("*.ckpt")}
    options = ["--objective", "mse", "--objective", "mae", "--code-size", "8"]
    assert main(["autoencoder", "compare", str(comparison), *options, *QUICK]) == 0
    assert {path: path.stat().st_mtime_ns for path in comparison.rglob("*.ckpt")} == trained
    table = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert ["8", "mae"] in table
    everything = [
        "--objective",
        "mse",
        "--objective",
        "mae",
        "--objective",
        "0.5*ms-ssim+0.5*mae",
        "--code-size",
        "8",
        "--code-size",
        "4",
    ]
    assert main(["autoencoder", "compare", str(comparison), *everything, *QUICK]) == 0


def test_judge_and_preferences(comparison: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = tmp_path / "study"
    command = ["autoencoder", "judge", str(comparison), str(study), "--images", "5"]
    assert main([*command, "--objective", "mse", "--objective", "ssim"]) == 2
    assert "has no ssim with a code of 4; it has mse with a code of 8" in capsys.readouterr().err
    names = ["mse", "mae", "0.5*ms-ssim+0.5*mae"]
    assert main([*command, *(word for name in names for word in ("--objective", name))]) == 0
    assert "5 images under mse, mae" in capsys.readouterr().out
    assert main(["autoencoder", "preferences", str(study)]) == 2
    assert "has no judgements" in capsys.readouterr().err

    for subset in (study / "2afc" / "val").iterdir():
        (subset / "judge").mkdir()
        for i in range(5):
            np.save(subset / "judge" / f"{i:06d}.npy", np.array([0.8 if "mse-vs" in subset.name else 0.4], np.float32))
    assert main(["autoencoder", "preferences", str(study), "--output", str(tmp_path / "figures.json")]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"mae +mse +5 +0\.800 +0\.800 to 0\.800 +5 of 5", printed)
    assert re.search(r"^mae +1\.000", printed, flags=re.MULTILINE)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["ranks"]["mse"][2][0] == 1
    assert main(command) == 2


def test_judge_needs_a_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["autoencoder", "judge", str(tmp_path), str(tmp_path / "study")]) == 2
    assert "`limen autoencoder compare` writes it" in capsys.readouterr().err


def test_help_is_light() -> None:
    import subprocess
    import sys

    code = "import sys; from limen.cli import main; main(['autoencoder', 'train', '--help']); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
