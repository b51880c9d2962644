"""What a hostile user does to several commands at once: full disks, pipes, options that Lightning refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bapps_sets import make_set
from limen._whole_files import write_atomically
from limen.bapps import Dataset
from limen.bapps._images import ItemError
from limen.bapps._metrics import MetricError, find_metrics
from limen.bapps._writing import staged_folder
from limen.cli import main
from limen.cli._errors import in_options
from limen.cli._images import ImageError, read_image


def writes_into_its_images(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> NDArray[np.float64]:
    x[:], y[:] = 0, 255
    return np.zeros(len(x))


def test_packages_are_attributes() -> None:
    code = "import limen; limen.torch.SSIM, limen.bapps.Dataset, limen.superres.SRCNN; hasattr(limen, 'no') and 1 / 0"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_metric_that_writes_into_its_images_changes_no_other() -> None:
    images = tuple(np.full((2, 16, 16, 3), value, np.uint8) for value in (10, 20, 30))
    (metric,) = find_metrics([f"{__name__}:writes_into_its_images"])
    metric.make()(images)
    assert [int(image.min()) for image in images] == [int(image.max()) for image in images] == [10, 20, 30]


def test_a_metric_that_cannot_be_imported_is_named_once() -> None:
    (metric,) = find_metrics(["no_such_module:metric"])
    with pytest.raises(MetricError, match=r"^No module named 'no_such_module'$"):
        metric.make()


def test_full_disk_names_the_file(tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"
    target.write_bytes(b"before")

    def fill(_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"can't write \(No space left on device\).*scores\.csv"):
        write_atomically(target, fill)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"

    def fill(file: Any) -> None:
        file.write(b"one ")
        write_atomically(target, lambda other: other.write(b"other"))
        assert target.read_bytes() == b"other"
        file.write(b"whole")

    write_atomically(target, fill)
    assert target.read_bytes() == b"one whole"
    (tmp_path / "plain").touch()
    assert target.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png: no regular file"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("options", [("--devices", "0"), ("--accelerator", "tpu")])
def test_what_lightning_refuses_is_wrong_usage(
    options: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for i in range(4):
        Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8)).save(tmp_path / "images" / f"{i}.png")
    command = ["autoencoder", "train", str(tmp_path / "out"), "--model", "fc", "--images", str(tmp_path / "images")]
    command += ["--patch", "32", "--patches", "8", "--held-out", "2", "--epochs", "1", "--warm-up", "0"]
    assert main([*command, *options]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("limen autoencoder: ")
    assert not (tmp_path / "out" / "last.ckpt").exists()


@pytest.mark.parametrize("where", ["loss", "weights"])
def test_a_training_that_diverges_writes_no_weights(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = pytest.importorskip("limen.bapps._training")
    torch = pytest.importorskip("torch")
    if where == "loss":
        monkeypatch.setattr(training, "ranking_loss", lambda logits, judge: logits.mean() * torch.nan)
    else:
        monkeypatch.setattr(training, "project", lambda metric: metric.linear[0].data.fill_(torch.nan))
    options = training.TrainingOptions(backbone="random", epochs=1, decay_epochs=0)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    with pytest.raises(FloatingPointError, match=r"step 1 with lr 0\.0001$"):
        training.train(Dataset(make_set(tmp_path / "set", items=4)), tmp_path / "out", options, **quiet)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["training.json"]


def test_seeds_are_whole_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bapps", "score", "set", "--seed", "-1"]) == 2
    assert "--seed: '-1' is not a whole number from 0 up" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_a_data_set_is_told(tmp_path: Path) -> None:
    root = make_set(tmp_path / "set", items=4)
    (subset, *_) = Dataset(root).select("2afc", "val")
    image = root / str(subset.key) / "ref" / f"{subset.stems[0]}.png"
    image.unlink()
    os.mkfifo(image)
    with pytest.raises(ItemError, match="no regular file"):
        subset.images(0)


def test_a_full_disk_under_a_made_set_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=r"can't write \(No space left on device\).*made"),
        staged_folder(tmp_path / "made"),
    ):
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_messages_of_the_library_name_options() -> None:
    arguments = Namespace(
        partial=False, resize=None, learning_rate=0.0, photographs=Path("x"), given={"--learning-rate"}
    )
    assert in_options("partial=True takes what is there", arguments) == "--partial takes what is there"
    assert in_options("say resize=64, or resize='keep'", arguments) == "say --resize 64, or --resize keep"
    assert in_options("learning_rate must be above 0; got 0.0", arguments) == "--learning-rate must be above 0; got 0.0"
    for other in ("photographs must be a folder", "backbone= and linear=None", "alpha=0.5"):
        assert in_options(other, arguments) == other


@pytest.mark.parametrize("command", [("compare", "", "x"), ("superres", "score", ""), ("bapps", "train", "x", "")])
def test_empty_paths_are_not_this_folder(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 2
    assert "the path is empty" in capsys.readouterr().err


def test_seeds_have_32_bits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bapps", "train", "set", "out", "--seed", "99999999999999"]) == 2
    assert "--seed: '99999999999999' is above 4294967295" in capsys.readouterr().err


@pytest.fixture
def superres(tmp_path: Path) -> list[str]:
    """A training of three epochs that takes a second; the checkpoint's name is to come."""
    pytest.importorskip("limen.superres._training")
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for i in range(4):
        Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8)).save(tmp_path / "images" / f"{i}.png")
    command = f"superres train --scale 2 --images {tmp_path / 'images'} --patches 8 --batch 4 --accelerator cpu"
    return [*command.split(), "--epochs", "3", "--output"]


@pytest.fixture
def interruptible() -> Iterator[Any]:
    """What handles an interrupt, also where the tests were started by a shell whose jobs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_an_interrupted_training_says_so_and_goes_on(
    superres: list[str],
    interruptible: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from limen.superres._training import SuperResolution

    step = SuperResolution.training_step

    def interrupted(self: SuperResolution, batch: Any, index: int) -> Any:
        if self.current_epoch == 1:
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, index)

    assert main([*superres, str(tmp_path / "whole.ckpt")]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(SuperResolution, "training_step", interrupted)
        assert main([*superres, str(tmp_path / "broken.ckpt")]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"
    assert signal.getsignal(signal.SIGINT) is interruptible
    assert main([*superres, str(tmp_path / "broken.ckpt"), "--resume"]) == 0
    assert (tmp_path / "broken.csv").read_text() == (tmp_path / "whole.csv").read_text()


@pytest.mark.parametrize("part", ["optimizer_states", "loops"])
def test_half_a_checkpoint_is_no_training_to_go_on_with(
    superres: list[str], part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "half.ckpt"
    assert main([*superres, str(path)]) == 0
    content = torch.load(path, weights_only=True)
    del content[part]
    torch.save(content, path)
    assert main([*superres, str(path), "--epochs", "4", "--resume"]) == 2
    assert f"half.ckpt has no {part}: a training can't go on from it" in capsys.readouterr().err
