"""The metrics, one pass over the images, and what `limen bapps` prints, writes and draws of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import limen
import limen.torch
from bapps_sets import make_set, pack
from limen.bapps import METRICS, Dataset, MetricError, find_metrics, score_dataset, two_afc
from limen.bapps._evaluate import evaluate
from limen.bapps._paper import TABLE, paper_figure
from limen.cli import main
from torch_images import torch

LOW_LEVEL = ["l2", "psnr", "l2-lab", "ssim", "ssim-scikit-image", "ms-ssim", "fsim", "fsimc"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("bapps"), items=5)


def own(x: Any, y: Any) -> Any:
    """A user's metric: the largest difference."""
    return np.abs(x.astype(float) - y).max((1, 2, 3))


def shapeless(x: Any, y: Any) -> Any:
    return [1.0]


def test_distances_are_those_of_single_pairs(root: Path) -> None:
    subset = Dataset(root).select("2afc")[0]
    names = [*LOW_LEVEL, "squeeze-random"]
    measured = evaluate(subset, {metric.name: metric.make() for metric in find_metrics(names)})
    assert not measured.broken
    torch.manual_seed(0)
    lpips = limen.torch.LPIPS("squeeze", backbone="random", linear=None, channel_axis=-1)
    for item in range(len(subset)):
        reference, *others = (image.copy() for image in subset.images(item))
        for candidate, other in enumerate(others):
            x, y = (torch.from_numpy(image).movedim(-1, 0) for image in (reference, other))
            expected = {
                "l2": ((reference.astype(float) - other) ** 2).mean(),
                "psnr": -limen.psnr(reference, other, channel_axis=-1),
                "ssim": 1 - limen.ssim(reference, other, channel_axis=-1),
                "ssim-scikit-image": 1 - limen.ssim(reference, other, channel_axis=-1, convention="scikit-image"),
                "fsimc": 1 - float(limen.torch.fsim(x, y)),
                "fsim": 1 - float(limen.torch.fsim(x, y, chromatic=False)),
                "squeeze-random": float(lpips(torch.from_numpy(reference), torch.from_numpy(other))),
            }
            for name, value in expected.items():
                assert measured.distances[name][candidate, item] == pytest.approx(value, rel=1e-4), name


def test_lab_is_that_of_scikit_image(root: Path) -> None:
    from skimage.color import rgb2lab

    reference, other, _ = Dataset(root).select("2afc")[0].images(0)
    (distance,) = METRICS["l2-lab"].make()((reference[None], other[None]))
    assert distance[0] == pytest.approx(((rgb2lab(reference) - rgb2lab(other)) ** 2).mean(), rel=1e-5)


def test_every_metric_tells_more_noise_from_less_and_nothing_from_something() -> None:
    rng = np.random.default_rng(0)
    image = np.repeat(rng.integers(60, 190, (3, 8, 8, 3)), 8, 1).repeat(8, 2)
    noise = rng.normal(size=image.shape)
    images = tuple((image + strength * noise).clip(0, 255).astype(np.uint8) for strength in (0, 0, 4, 20))
    for name in [*LOW_LEVEL, "alex-random", "caffe-alex-random"]:
        nothing, less, more = METRICS[name].make()(images)
        assert (nothing < less).all(), name
        assert (less < more).all(), name


def test_extreme_images_have_distances() -> None:
    images = tuple(np.full((2, 64, 64, 3), level, np.uint8) for level in (0, 255, 0))
    for name in [*LOW_LEVEL, "squeeze-random"]:
        for distance in METRICS[name].make()(images):
            assert not np.isnan(distance).any(), name


def test_scores(root: Path) -> None:
    results = score_dataset(Dataset(root), find_metrics(["l2", "ssim"]), draws=50)
    assert [column.name for column in results.columns_of("2afc")] == ["traditional", "cnn", "distortions", "mean"]
    assert [column.name for column in results.columns_of("jnd")] == ["traditional", "cnn", "mean"]
    traditional, cnn, average, _ = (results.scores["l2"][column].value for column in results.columns_of("2afc"))
    assert average == pytest.approx((traditional + cnn) / 2)
    subset = Dataset(root).select("2afc")[0]
    distances = [[((a.astype(float) - b) ** 2).mean() for b in others] for a, *others in map(subset.images, range(5))]
    assert traditional == pytest.approx(two_afc(*np.transpose(distances), subset.judgements))
    assert "observer" in results.scores
    assert "human" not in results.scores
    assert all(record["judgements"] == "synthetic" for record in results.records())
    assert all(record["paper_percent"] is None for record in results.records())


def test_scores_stand_beside_the_papers(root: Path, tmp_path: Path) -> None:
    pack(root / "2afc", tmp_path / "a.tar.gz", "2afc")  # without its metadata: as released
    results = score_dataset(Dataset(tmp_path / "a.tar.gz", partial=True), find_metrics(["ssim-scikit-image"]), draws=20)
    figures = {(r["metric"], r["subset"]): r["paper_percent"] for r in results.records()}
    assert figures["human", "traditional"] == 80.8
    assert figures["ssim-scikit-image", "cnn"] == 79.1
    assert figures["ssim-scikit-image", "distortions"] == pytest.approx(69.7)


# Averages as printed in the paper, one decimal.
@pytest.mark.parametrize(
    ("name", "distortions", "real", "everything"),
    [
        ("human", 82.6, 69.5, 73.9),
        ("l2", 68.9, 60.3, 63.2),
        ("fsimc", 70.0, 60.6, 63.8),
        ("k-means", 74.8, 62.5, 66.6),
        ("alex", 76.8, 65.0, 68.9),
        ("vgg-tune", 81.4, 64.0, 69.8),
        ("squeeze-lin", 79.8, 65.1, 70.0),
    ],
)
def test_table_averages_to_what_is_printed(name: str, distortions: float, real: float, everything: float) -> None:
    for column, printed in (("distortions", distortions), ("real", real), ("all", everything)):
        # 0.05 of its own rounding and as much of what was averaged.
        assert paper_figure(name, column) == pytest.approx(printed, abs=0.101)
    assert len(TABLE) == 23


def test_own_metrics(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = evaluate(Dataset(root).select("2afc")[0], {"m": find_metrics(["m=test_bapps_metrics:own"])[0].make()})
    reference, p0, _ = Dataset(root).select("2afc")[0].images(2)
    assert measured.distances["m"][0, 2] == np.abs(reference.astype(float) - p0).max()
    broken = score_dataset(Dataset(root), find_metrics(["l2", "test_bapps_metrics:shapeless"]), draws=5)
    assert "must answer 5 numbers for 5 pairs" in broken.not_run["test_bapps_metrics:shapeless"]
    assert broken.metrics == ["l2"]
    for name, message in (
        ("nothing", "no metric is called 'nothing'; there are l2, "),
        ("no_such_module:f", "no_such_module"),
        ("test_bapps_metrics:missing", "missing"),
        ("mine=alex:nowhere.pth", "there is no file nowhere.pth"),
    ):
        with pytest.raises(MetricError, match=message):
            find_metrics([name])[0].make()


def test_a_file_without_linear_weights_is_a_baseline(root: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    metric = limen.torch.LPIPS("caffe-alex", backbone="random", linear=None, channel_axis=-1)
    torch.save(metric.backbone.state_dict(), tmp_path / "n.pth")
    reference, other, _ = (image.copy() for image in Dataset(root).select("2afc")[0].images(0))
    (distance,) = find_metrics([f"bigan=caffe-alex:{tmp_path / 'n.pth'}"])[0].make()((reference[None], other[None]))
    assert distance[0] == pytest.approx(float(metric(torch.from_numpy(reference), torch.from_numpy(other))), rel=1e-5)


def records(file: Path) -> list[dict[str, str]]:
    with open(file, newline="") as text:
        return list(csv.DictReader(text))


def test_command(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, document, page = (tmp_path / name for name in ("scores.csv", "scores.json", "report.html"))
    command = ["bapps", "score", str(root), "--metric", "l2", "--metric", "fsimc", "--metric", "ssim", "--draws", "20"]
    assert main([*command, "--output", str(table), "--report", str(page)]) == 0
    assert main([*command, "--output", str(document)]) == 0
    printed = capsys.readouterr().out
    assert "SYNTHETIC judgements" in printed
    rows = records(table)
    scores = json.loads(document.read_text())["scores"]
    assert len(rows) == len(scores) == 4 * 4 + 3 * 3
    assert [float(row["score"]) for row in rows] == [score["score"] for score in scores]
    html = page.read_text()
    assert "No person judged these images" in html
    # The means of both tests, that of distortions, and where metrics differ at all one test against the other.
    assert html.count("data:image/png") == 3 + ("correlate with r" in html)
    assert main(["bapps", "metrics"]) == 0
    assert "fsimc" in capsys.readouterr().out


def test_broken_items_are_named_and_left_out(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    broken = Path(shutil.copytree(root, tmp_path / "set"))
    (broken / "2afc/val/cnn/p0/000002.png").write_bytes(b"\x89PNG\r\n")
    assert main(["bapps", "score", str(broken), "--metric", "l2", "--output", str(tmp_path / "s.csv")]) == 1
    assert "not scored: 2afc/val/cnn/000002: " in capsys.readouterr().err
    rows = {(r["test"], r["subset"]): r for r in records(tmp_path / "s.csv") if r["metric"] == "l2"}
    assert (rows["2afc", "cnn"]["items"], rows["2afc", "cnn"]["failed"]) == ("4", "1")
    assert (rows["jnd", "cnn"]["items"], rows["jnd", "cnn"]["failed"]) == ("5", "0")


def test_wrong_usage(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["score", str(tmp_path)], "no BAPPS data in"),
        (["score", str(tmp_path / "nowhere")], "there is no"),
        (["score", str(root), "--metric", "nothing"], "no metric is called 'nothing'"),
        (["score", str(root), "--subset", "deblur"], "has no subset 'deblur' in val; there are: cnn, traditional"),
        (["score", str(root), "--metric", "l2", "--output", str(tmp_path / "a/b.csv")], "no such folder"),
        (["score", str(root), "--test", "jnd", "--split", "train"], "has nothing of jnd in train"),
        (["score", str(root), "--resize", "0"], "is neither 'keep' nor a whole number"),
        (["disagree", str(root), "--metric", "l2"], "must be given for two different metrics"),
        (["disagree", str(root), "--metric", "l2", "--metric", "l2"], "must be given for two different metrics"),
    ):
        assert main(["bapps", *arguments]) == 2, arguments
        assert message in capsys.readouterr().err, arguments


def test_disagree(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.png"
    command = ["bapps", "disagree", str(root), "--metric", "ssim", "--metric", "test_bapps_metrics:own"]
    assert main([*command, "--count", "2", "--output", str(sheet)]) == 0
    lines = capsys.readouterr().out.splitlines()
    ranks = [(float(line.split()[-3]), float(line.split()[-1])) for line in lines[2:6]]
    assert ranks[0][0] - ranks[0][1] > ranks[1][0] - ranks[1][1] - 0.03 > -0.03
    assert ranks[2][0] - ranks[2][1] < ranks[3][0] - ranks[3][1] + 0.03 < 0.03
    assert all(0 <= rank <= 1 for pair in ranks for rank in pair)
    with Image.open(sheet) as image:
        assert image.width > 3 * 2 * 320
    assert main(["bapps", "disagree", str(root), "--metric", "l2", "--metric", "psnr", "--output", str(sheet)]) == 2
    assert "rank all pairs alike" in capsys.readouterr().err
