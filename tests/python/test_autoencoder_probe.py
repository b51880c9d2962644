"""Probes: on codes whose answer is known, on autoencoders, and as a command."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from limen.autoencoders import FullyConnected
from limen.autoencoders._faces import render_faces
from limen.autoencoders._probe import interval, probe
from limen.autoencoders._representations import COMPONENTS, ask, encode
from limen.autoencoders._yale import Faces
from limen.cli import main

SUBJECTS, LIGHTS = 6, 30


def faces(seed: int = 0) -> Faces:
    """Faces without pictures worth looking at: what is known of them is what matters."""
    random = np.random.default_rng(seed)
    count = SUBJECTS * LIGHTS
    return Faces(
        random.integers(0, 256, (count, 1, 8, 8), np.uint8),
        np.repeat(np.arange(SUBJECTS), LIGHTS),
        random.uniform(-130, 130, count),
        random.uniform(-40, 90, count),
        [str(i) for i in range(count)],
    )


def linear_codes(known: Faces, noise: float = 0.0) -> NDArray[np.float64]:
    """Who and where the light is, mixed linearly, in units far from each other's."""
    random = np.random.default_rng(1)
    answers = np.column_stack([np.eye(SUBJECTS)[known.subjects], known.azimuths / 130, known.elevations / 65])
    mixed: NDArray[np.float64] = answers @ random.standard_normal((answers.shape[1], 12))
    return (mixed + noise * random.standard_normal(mixed.shape)) * 10.0 ** np.arange(-3, 9) + 5


def test_linear_codes_answer_everything() -> None:
    found = probe(linear_codes(faces()), faces(), repeats=3)
    assert (found["identity"] < 5).all()  # one of 36 images at most; chance is 83
    assert (found["azimuth"] < 1e-3 * faces().azimuths.var()).all()
    assert (found["elevation"] < 1e-3 * faces().elevations.var()).all()


def test_codes_without_an_answer_give_chance_and_variance() -> None:
    codes = np.random.default_rng(2).standard_normal((SUBJECTS * LIGHTS, 5))
    found = probe(codes, faces(), repeats=4)
    assert 100 * (1 - 1 / SUBJECTS) - 12 < found["identity"].mean() < 100
    assert found["azimuth"].mean() == pytest.approx(faces().azimuths.var(), rel=0.25)
    assert found["elevation"].mean() == pytest.approx(faces().elevations.var(), rel=0.25)


def test_noise_in_the_codes_is_found_again() -> None:
    known = faces()
    random = np.random.default_rng(3)
    codes = np.column_stack([known.azimuths + random.normal(0, 10, len(known)), known.elevations])
    found = probe(codes, known, repeats=4)
    # Best is what regression makes of it: the noise's variance, shrunk by the signal's share.
    signal = known.azimuths.var()
    assert found["azimuth"].mean() == pytest.approx(100 * signal / (signal + 100), rel=0.2)
    assert (found["elevation"] < 1).all()


def test_answers_repeat_and_are_paired() -> None:
    codes = linear_codes(faces(), noise=0.5)
    first, again, longer = (probe(codes, faces(), repeats=repeats) for repeats in (1, 1, 2))
    for name, errors in first.items():
        assert errors.tolist() == again[name].tolist() == longer[name][:1].tolist()
    assert probe(codes, faces(), repeats=1, seed=1)["azimuth"].tolist() != first["azimuth"].tolist()


@pytest.mark.parametrize(
    ("codes", "options", "message"),
    [
        (np.zeros((179, 4)), {}, r"codes must be finite and \(180, code size\), a row a face; got shape \(179, 4\)"),
        (np.full((180, 4), np.nan), {}, "codes must be finite"),
        (np.zeros((180, 0)), {}, "codes must be finite"),
        (np.zeros((180, 4)), {"repeats": 0}, "repeats must be at least 1; got 0"),
    ],
)
def test_what_cannot_be_probed(codes: NDArray[np.float64], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        probe(codes, faces(), **options)


def test_too_few_faces_or_subjects() -> None:
    one = render_faces(1, side=16)
    with pytest.raises(ValueError, match="faces must be of two subjects or more; got 1"):
        probe(np.zeros((64, 3)), one)


def test_constant_codes_are_no_reason_to_fail() -> None:
    found = probe(np.zeros((SUBJECTS * LIGHTS, 3)), faces(), repeats=2)
    assert found["identity"].mean() > 70
    assert np.isfinite(found["azimuth"]).all()


def test_interval_is_nadeaus_and_bengios() -> None:
    errors = np.array([1.0, 2.0, 4.0, 5.0])
    found = interval(errors)
    half = 3.182446 * np.sqrt((1 / 4 + 1 / 3) * errors.var(ddof=1))
    assert [found.low, found.mean, found.high] == pytest.approx([3 - half, 3, 3 + half], rel=1e-6)
    assert np.isnan(interval(errors[:1]).low)


def test_networks_and_components_are_asked_the_same() -> None:
    known = render_faces(3, side=24)
    torch.manual_seed(0)
    model = FullyConnected((1, 16, 16), 7, widths=(9,))
    codes = encode(model, known)
    shrunk = known.images.reshape(192, 1, 24, 24)[5, 0].astype(np.float64)
    assert codes.shape == (192, 7)
    # 3 pixels to 2, each the mean of the two that it touches: the network on the picture made by hand.
    weights = np.array([[1, 1, 0], [0, 1, 1]]) / 2
    block = np.kron(np.eye(8), weights)
    expected = np.rint(block @ shrunk @ block.T) / 255
    with torch.no_grad():
        by_hand = model.encode(torch.from_numpy(expected).float()[None, None]).numpy()[0]
    assert codes[5] == pytest.approx(by_hand, abs=1e-5)
    found = ask({"untrained": model}, known, repeats=2)
    assert list(found.answers) == ["untrained", COMPONENTS]
    assert found.code_sizes == {"untrained": 7, COMPONENTS: 7}
    assert found.difference("untrained", "azimuth").mean == 0


SMALL = ["--subjects", "3", "--epochs", "1", "--repeats", "2", "--warm-up", "1", "--code-size", "6", "--threads", "1"]


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probe") / "out"
    threads = torch.get_num_threads()
    assert main(["autoencoder", "probe", str(folder), *SMALL, "--objective", "mse", "--objective", "ms-ssim"]) == 0
    torch.set_num_threads(threads)
    return folder


def test_command_writes_what_it_found(probed: Path) -> None:
    rows = list(csv.DictReader((probed / "probe.csv").read_text().splitlines()))
    assert [(row["codes"], row["division"]) for row in rows] == [
        (name, division) for name in ("mse", "ms-ssim", "pca") for division in "01"
    ]
    summary = json.loads((probed / "summary.json").read_text())
    assert (summary["faces"], summary["images"], summary["divisions"]) == ("rendered", 192, 2)
    mean = np.mean([float(row["azimuth"]) for row in rows[:2]])
    assert summary["codes"]["mse"]["azimuth"]["error"]["mean"] == pytest.approx(mean)
    assert summary["codes"]["ms-ssim"]["code_size"] == 6
    with Image.open(probed / "faces.png") as picture:
        assert picture.size == (768, 288)


def test_command_takes_trained_networks(probed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoints = [word for name in ("ms-ssim", "mse") for word in ("--checkpoint", str(probed / name / "best.ckpt"))]
    out = tmp_path / "again"
    assert main(["autoencoder", "probe", str(out), *SMALL, *checkpoints]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:5]] == ["ms-ssim", "mse", "pca"]
    before, after = (json.loads((folder / "summary.json").read_text())["codes"] for folder in (probed, out))
    assert before["mse"]["identity"]["error"] == after["mse"]["identity"]["error"]


def test_command_reads_extended_yale_b(probed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = render_faces(2, side=24)
    for image, subject, azimuth, elevation in zip(
        known.images, known.subjects, known.azimuths, known.elevations, strict=True
    ):
        folder = tmp_path / f"yaleB{subject:02}"
        folder.mkdir(exist_ok=True)
        file = folder / f"yaleB{subject:02}_P00A{azimuth:+04.0f}E{elevation:+03.0f}.pgm"
        Image.fromarray(image[0]).resize((168, 192)).save(file)
    (tmp_path / "yaleB01" / "yaleB01_P00A+000E+00.pgm").write_bytes(b"P5 broken")
    checkpoint = str(probed / "mse" / "best.ckpt")
    command = ["autoencoder", "probe", str(tmp_path / "out"), "--faces", str(tmp_path), "--repeats", "2"]
    assert main([*command, "--checkpoint", checkpoint]) == 1
    out, err = capsys.readouterr()
    assert "127 images of 2 subjects, Extended Yale B" in out
    assert "left out: " in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--checkpoint", "none.ckpt"], "no checkpoint none.ckpt"),
        (["--faces", "nowhere"], "nowhere has no readable face of Extended Yale B"),
        (["--subjects", "1", "--epochs", "1", "--objective", "mse"], "faces must be of two subjects or more; got 1"),
        (["--objective", "msse"], "objective 'msse' is none of"),
        (["--width", "8"], "--width is for conv and el-vae"),
        (["--seed", "-1"], "--seed: '-1' is not a whole number from 0 up"),
    ],
)
def test_wrong_usage(options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["autoencoder", "probe", str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err
