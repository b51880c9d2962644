"""`limen bapps make`: layout, splits, votes of the observer, and what stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from limen.bapps import Dataset
from limen.cli import main
from photographs import photograph

pytest.importorskip("skimage")
pytest.importorskip("scipy")
pytest.importorskip("tqdm")

from limen.bapps.synthetic import SEVERITIES, Observer, make_dataset
from limen.bapps.synthetic._observer import cnn_severity, severity
from limen.distortions import KINDS, Distortion, apply

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs: one in a sub-folder, one grey, one of the least size, one JPEG."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "more").mkdir()
    images = [np.rint(255 * photograph(name)).astype(np.uint8) for name in ("astronaut", "coffee", "chelsea")]
    colour = [Image.fromarray(image.transpose(1, 2, 0)) for image in images]
    colour[0].save(folder / "more" / "a.png")
    colour[1].save(folder / "b.jpg", quality=95)
    colour[2].crop((200, 80, 280, 160)).save(folder / "c.png")
    colour[0].convert("L").crop((100, 0, 300, 200)).save(folder / "d.png")
    (folder / "notes.txt").write_text("not a photograph")
    return folder


@pytest.fixture(scope="module")
def made(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "set"
    counts = make_dataset(out, photos, triplets=32, jnd=8, subsets=("traditional",), seed=4)
    assert counts == {"2afc/train/traditional": 24, "2afc/val/traditional": 8, "jnd/val/traditional": 8}
    return out


def metadata(out: Path) -> Any:
    return json.loads((out / "metadata.json").read_text(encoding="utf-8"))


def records(out: Path, part: str) -> list[Any]:
    lines = (out / "records" / f"{part.replace('/', '_')}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def pixels(path: Path) -> Pixels:
    with Image.open(path) as file:
        return np.asarray(file)


def test_layout_is_what_the_reader_takes(made: Path) -> None:
    dataset = Dataset(made)
    counts = {str(key): len(subset) for key, subset in dataset.subsets.items()}
    assert counts == {"2afc/train/traditional": 24, "2afc/val/traditional": 8, "jnd/val/traditional": 8}
    for path in made.rglob("*.png"):
        image = pixels(path)
        assert image.shape == (64, 64, 3)
        assert image.dtype == np.uint8
    for folder, votes in (("2afc/train", 2), ("2afc/val", 5)):
        for path in (made / folder / "traditional" / "judge").iterdir():
            judge = np.load(path)
            assert judge.shape == (1,)
            assert judge.dtype == np.float32
            assert judge[0] * votes == pytest.approx(round(float(judge[0]) * votes), abs=1e-5)
    sames = [float(np.load(path)[0]) for path in (made / "jnd/val/traditional/same").iterdir()]
    assert {round(3 * same, 5) for same in sames} <= {0, 1, 2, 3}


def test_metadata_says_whose_judgements_these_are(made: Path) -> None:
    about = metadata(made)
    assert (about["format"], about["judgements"], about["seed"]) == ("bapps", "synthetic", 4)
    assert about["observer"].startswith("Synthetic")
    assert set(about["severities"]) == set(KINDS)


def test_no_photograph_is_in_both_splits(made: Path) -> None:
    photographs = metadata(made)["photographs"]
    assert len(photographs["train"]) == 3
    assert len(photographs["val"]) == 1
    assert not set(photographs["train"]) & set(photographs["val"])
    for part, split in (("2afc/train", "train"), ("2afc/val", "val"), ("jnd/val", "val")):
        assert {record["photograph"] for record in records(made, f"{part}/traditional")} == set(photographs[split])


def test_records_make_the_images_again(made: Path, photos: Path) -> None:
    for record in records(made, "2afc/train/traditional")[::5]:
        with Image.open(photos / record["photograph"]) as file:
            photo = np.asarray(file.convert("RGB"))
        top, left = record["top"] - 8, record["left"] - 8
        patch = photo[top : top + 80, left : left + 80]
        folder = made / "2afc/train/traditional"
        np.testing.assert_array_equal(pixels(folder / "ref" / f"{record['item']}.png"), patch[8:-8, 8:-8])
        for role, steps in zip(("p0", "p1"), record["distortions"], strict=True):
            distorted = apply(patch, [Distortion(**step) for step in steps])
            np.testing.assert_array_equal(pixels(folder / role / f"{record['item']}.png"), distorted[8:-8, 8:-8])


def test_judgements_follow_severities_not_pixels(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    make_dataset(out, photos, triplets=300, jnd=0, subsets=("traditional",), seed=1, error_rate=0.0)
    found = records(out, "2afc/train/traditional")
    kinds = {len({step["name"] for candidate in record["distortions"] for step in candidate}) for record in found}
    assert kinds >= {1, 2, 3, 4}
    folder = out / "2afc/train/traditional"
    by_severity, by_pixels = [], []
    for record in found:
        ref, p0, p1 = (pixels(folder / role / f"{record['item']}.png").astype(float) for role in ("ref", "p0", "p1"))
        judge = float(np.load(folder / "judge" / f"{record['item']}.npy")[0])
        names = [[step["name"] for step in steps] for steps in record["distortions"]]
        if names[0] != names[1]:  # Of two levels of one distortion the weaker differs in fewer pixels, too.
            by_severity.append(judge if record["severity"][0] > record["severity"][1] else 1 - judge)
            by_pixels.append(judge if ((p0 - ref) ** 2).sum() > ((p1 - ref) ** 2).sum() else 1 - judge)
    assert len(by_severity) > 80
    assert np.mean(by_severity) > 0.8
    assert 0.5 < np.mean(by_pixels) < np.mean(by_severity) - 0.1


def test_observer_is_what_it_says() -> None:
    careful, careless = Observer(0.0), Observer(0.2)
    assert careful.prefers_p1(3, 3) == careless.prefers_p1(3, 3) == 0.5
    assert careful.prefers_p1(1, 9) < 1e-6
    assert careless.prefers_p1(1, 9) == pytest.approx(0.2)
    assert careful.prefers_p1(2.0, 1.0) == pytest.approx(0.760, abs=1e-3)  # Normal share of 1 / sqrt(2).
    assert careful.says_same(1.0) == 0.5
    assert careful.says_same(0.0) > 0.95 > 0.05 > careful.says_same(2.0)
    two = [Distortion("shift", 1.0), Distortion("lightness", 1.0)]
    assert severity(two) == pytest.approx(np.hypot(SEVERITIES["shift"][0], SEVERITIES["lightness"][0]))
    assert severity([]) == 0
    assert cnn_severity(216, 8, 0.0, False) < cnn_severity(72, 8, 0.0, False) < cnn_severity(72, 8, 0.5, False)
    with pytest.raises(ValueError, match=r"error_rate must be in \[0, 0.5\]; got 0.6"):
        Observer(0.6)


def test_share_of_errors_is_the_rate(photos: Path, tmp_path: Path) -> None:
    make_dataset(tmp_path / "set", photos, triplets=0, jnd=240, subsets=("traditional",), error_rate=0.3)
    found = records(tmp_path / "set", "jnd/val/traditional")
    folder = tmp_path / "set/jnd/val/traditional/same"
    votes = [float(np.load(folder / f"{one['item']}.npy")[0]) for one in found if one["severity"][0] > 3]
    assert len(votes) > 40
    assert np.mean(votes) == pytest.approx(0.3, abs=0.16)  # Four deviations of the mean of 130 votes.


def test_same_seed_same_set(photos: Path, made: Path, tmp_path: Path) -> None:
    for seed, same in ((4, True), (5, False)):
        out = tmp_path / str(seed)
        make_dataset(out, photos, triplets=32, jnd=8, subsets=("traditional",), seed=seed)
        names = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
        assert names == sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
        assert all((out / name).read_bytes() == (made / name).read_bytes() for name in names) == same


@pytest.mark.slow
def test_autoencoders_are_in_one_split(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    command = ["bapps", "make", str(photos), str(tmp_path / "set"), "--triplets", "24", "--jnd", "6"]
    assert main([*command, "--subsets", "cnn", "--networks", "2"]) == 0
    assert "Synthetic" in capsys.readouterr().out
    networks = metadata(tmp_path / "set")["networks"]
    seeds = {split: {plan["seed"] for plan in plans} for split, plans in networks.items()}
    assert len(seeds["train"]) == len(seeds["val"]) == 1
    assert seeds["train"] != seeds["val"]
    for part, split in (("2afc/train", "train"), ("2afc/val", "val"), ("jnd/val", "val")):
        found = records(tmp_path / "set", f"{part}/cnn")
        assert {candidate["network"] for record in found for candidate in record["distortions"]} == seeds[split]
        if part.startswith("2afc"):
            assert all(record["distortions"][0] != record["distortions"][1] for record in found)


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["bapps", "make", *map(str, arguments), "--subsets", "traditional"]) == 2
    return capsys.readouterr().err


def test_wrong_usage_is_named_and_leaves_nothing(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    assert "photographs must be a folder" in fails(capsys, tmp_path / "nowhere", out)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "must be two or more, for train and val; got 0" in fails(capsys, empty, out)
    Image.new("RGB", (79, 200)).save(empty / "small.png")
    (empty / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    message = fails(capsys, empty, out)
    assert "broken.png: not a readable image" in message
    assert "small.png: 79 x 200, at least 80 x 80 needed" in message
    assert "--error-rate must be in [0, 0.5]; got 0.9" in fails(capsys, photos, out, "--error-rate", 0.9)
    assert "one of them 1 at least; got 0 and 0" in fails(capsys, photos, out, "--triplets", 0, "--jnd", 0)
    assert "is not empty" in fails(capsys, photos, empty)
    assert "is a file" in fails(capsys, photos, empty / "small.png")
    assert main(["bapps", "make", str(photos), str(out), "--subsets", "traditional,color"]) == 2
    assert "'traditional,color' must be some of traditional, cnn" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


def test_a_photograph_cut_short_leaves_nothing(photos: Path, tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for name in ("one", "two"):
        (source / f"{name}.jpg").write_bytes((photos / "b.jpg").read_bytes()[:20_000])
    with pytest.raises(ValueError, match=r"one.jpg|two.jpg"):
        make_dataset(tmp_path / "set", source, triplets=8, jnd=0, subsets=("traditional",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


def test_what_a_killed_run_left_is_removed(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    program = f"""
import os, signal
from pathlib import Path
from limen.bapps._writing import staged_folder
with staged_folder(Path({str(out)!r})) as stage:
    (stage / "some.png").write_bytes(b"")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    running = left.with_name(left.name.replace(left.suffixes[-2], f".{os.getppid()}"))
    others = [running, tmp_path / ".set.tmp", tmp_path / ".set2.1.tmp"]
    for other in others:
        other.mkdir()
    with pytest.warns(UserWarning, match="removed .*, left by a run that was killed"):
        make_dataset(out, photos, triplets=4, jnd=0, subsets=("traditional",))
    assert sorted(tmp_path.iterdir()) == sorted([out, *others])


def test_an_empty_folder_is_taken(photos: Path, tmp_path: Path) -> None:
    make_dataset(tmp_path, photos, triplets=4, jnd=0, subsets=("traditional",))
    assert (tmp_path / "metadata.json").is_file()


def test_flat_photographs_end(tmp_path: Path) -> None:
    for name in ("black", "white"):
        Image.new("RGB", (90, 90), name).save(tmp_path / f"{name}.png")
    assert make_dataset(tmp_path / "set", tmp_path, triplets=8, jnd=2, subsets=("traditional",))["jnd/val/traditional"]
