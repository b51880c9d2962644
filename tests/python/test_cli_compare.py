"""`limen compare` as a user meets it: what it prints, writes and returns."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import limen
from limen.cli import main
from limen.cli._metrics import METRICS
from limen.cli._pairs import Pair
from limen.cli._scoring import score_pairs


def save(path: Path, seed: int = 0, size: tuple[int, int] = (32, 24), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Three good pairs, and one of each kind that can't be scored."""
    r, d = tmp_path / "r", tmp_path / "d"
    for seed, name in enumerate(["a.png", "größe 日本.png", "sub/c.bmp"]):
        save(r / name, seed)
        save(d / name, seed + 10)
    save(r / "depth.png")
    Image.fromarray(np.zeros((24, 32), np.uint16)).save(d / "depth.png")
    save(r / "grey.png", mode="L")
    save(d / "grey.png")
    save(r / "left.png")
    save(d / "right.png")
    save(r / "size.png")
    save(d / "size.png", size=(33, 24))
    save(r / "text.png")
    (d / "text.png").write_text("no image")
    save(r / "truncated.png")
    (d / "truncated.png").write_bytes((r / "truncated.png").read_bytes()[:500])
    return str(r), str(d)


GOOD = ["a.png", "größe 日本.png", "sub/c.bmp"]
ERRORS = {
    "depth.png": "the images differ: 32 x 24, RGB, 8 bits against 32 x 24, grey, 16 bits",
    "grey.png": "the images differ: 32 x 24, grey, 8 bits against 32 x 24, RGB, 8 bits",
    "left.png": "no file of this name in",
    "right.png": "no file of this name in",
    "size.png": "the images differ: 32 x 24, RGB, 8 bits against 33 x 24, RGB, 8 bits",
    "text.png": "not a PNG, JPEG, TIFF, WebP or BMP image",
    "truncated.png": "truncated",
}


def expected(folders: tuple[str, str], name: str, metric: str) -> float:
    x, y = (np.asarray(Image.open(Path(folder, name))) for folder in folders)
    functions = {
        "ssim": lambda: limen.ssim(x, y, channel_axis=-1),
        "psnr": lambda: limen.psnr(x, y, channel_axis=-1),
        "mse": lambda: limen.mse(x, y, channel_axis=-1),
        "mae": lambda: limen.mae(x, y, channel_axis=-1),
    }
    return float(functions[metric]())


def test_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = save(tmp_path / "a.png", 1), save(tmp_path / "b.png", 2)
    assert main(["compare", str(a), str(b)]) == 0
    out, err = capsys.readouterr()
    score = f"{expected((str(a), str(b)), '', 'ssim'):.6f}"
    lines = out.splitlines()
    assert lines[0].split() == ["name", "ssim"]
    assert lines[2].split() == ["a.png", score]
    assert lines[4].split() == ["mean", score]
    assert lines[-1] == f"limen {limen.__version__}; ssim; convention wang; data range 255"
    assert err == ""


def test_failures_are_rows_and_the_rest_is_scored(folders: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *folders, "--metric", "psnr", "--metric", "ssim"]) == 1
    out, err = capsys.readouterr()
    lines = {line[: line.index("  ")]: line for line in out.splitlines() if "  " in line}
    for name in GOOD:
        scores = [f"{expected(folders, name, 'psnr'):.3f}", f"{expected(folders, name, 'ssim'):.6f}"]
        assert lines[name].removeprefix(name).split() == scores
    for name, error in ERRORS.items():
        assert lines[name].removeprefix(name).split()[:2] == ["-", "-"]
        assert error in lines[name]
    assert err == ""


def test_missing_file_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(save(tmp_path / "a.png")), str(tmp_path / "nowhere.png")]) == 1
    assert "nowhere.png: no such file" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_output_carries_scores_errors_and_provenance(
    folders: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    output = tmp_path / f"scores.{suffix}"
    options = ["--metric", "ssim", "--metric", "mae", "--metric", "ssim", "--output", str(output)]
    assert main(["compare", *folders, *options]) == 1
    rows = read_rows(output)
    assert f"{len(GOOD)} of {len(rows)} pairs have every score: {output}" in capsys.readouterr().err
    assert [row["name"] for row in rows] == sorted([*GOOD, *ERRORS])
    for row in rows:
        assert row["limen_version"] == limen.__version__
        assert row["convention"] == "wang"
        if row["name"] in GOOD:
            assert row["ssim"] == pytest.approx(expected(folders, str(row["name"]), "ssim"), abs=1e-12)
            assert row["mae"] == pytest.approx(expected(folders, str(row["name"]), "mae"), abs=1e-9)
            assert (row["width"], row["height"], row["channels"], row["data_range"]) == (32, 24, 3, 255)
            assert row["error"] is None
        else:
            assert row["ssim"] is None
            assert row["data_range"] is None
            assert ERRORS[str(row["name"])] in str(row["error"])


def read_rows(path: Path) -> list[dict[str, object]]:
    """Rows with numbers where numbers are meant and None where nothing was scored."""
    if path.suffix == ".csv":
        text = {"name", "reference", "distorted", "error", "convention", "models", "limen_version"}
        with path.open(encoding="utf-8", newline="") as file:
            return [
                {key: (value or None) if key in text else float(value) if value else None for key, value in row.items()}
                for row in csv.DictReader(file)
            ]
    if path.suffix == ".json":
        rows: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)["rows"]
        return rows
    parquet = pytest.importorskip("pyarrow.parquet")
    table: list[dict[str, object]] = parquet.read_table(path).to_pylist()
    return table


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_infinite_psnr_survives_writing(tmp_path: Path, suffix: str) -> None:
    image, output = save(tmp_path / "a.png"), tmp_path / f"scores.{suffix}"
    assert main(["compare", str(image), str(image), "--metric", "psnr", "--output", str(output)]) == 0
    (row,) = read_rows(output)
    assert math.isinf(float(str(row["psnr"])))
    assert row["convention"] is None


def test_json_has_means_and_directions(folders: tuple[str, str], tmp_path: Path) -> None:
    output = tmp_path / "scores.json"
    main(["compare", *folders, "--metric", "mse", "--metric", "ssim", "--output", str(output)])
    document = json.loads(output.read_text(encoding="utf-8"))
    mse = document["metrics"]["mse"]
    assert mse["mean"] == pytest.approx(np.mean([expected(folders, name, "mse") for name in GOOD]))
    assert (mse["higher_is_better"], mse["convention"], mse["scored"]) == (False, None, 3)
    assert document["metrics"]["ssim"]["convention"] == "wang"
    assert document["failed"] == len(ERRORS)


def test_output_is_replaced_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    image = save(tmp_path / "images" / "a.png")
    target = tmp_path / "target.csv"
    target.write_text("old")
    (tmp_path / "link.csv").symlink_to(target)
    assert main(["compare", str(image), str(image), "--output", str(tmp_path / "link.csv")]) == 0
    assert target.read_text(encoding="utf-8").startswith("name,reference,distorted,ssim,error")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "link.csv", "target.csv"]


def test_too_small_for_ms_ssim_keeps_the_other_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = save(tmp_path / "a.png")
    assert main(["compare", str(image), str(image), "--metric", "ssim", "--metric", "ms-ssim"]) == 1
    cells = capsys.readouterr().out.splitlines()[2].split()
    assert cells[:4] == ["a.png", "1.000000", "-", "ms-ssim:"]
    assert "161" in cells


def test_every_metric_scores_equal_16_bit_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 65536, (180, 170)).astype(np.uint16)).save(path)
    options = [word for name, metric in METRICS.items() if metric.net is None for word in ("--metric", name)]
    assert main(["compare", str(path), str(path), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[1:] == ["1.000000", "1.000000", "inf", "0.000", "0.000"]
    assert lines[-1].endswith("data range 65535")


def test_convention_changes_the_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = str(save(tmp_path / "a.png", 1)), str(save(tmp_path / "b.png", 2))
    scores = set()
    for convention in ("wang", "scikit-image", "fused-ssim"):
        assert main(["compare", a, b, "--convention", convention]) == 0
        out = capsys.readouterr().out
        assert f"convention {convention}" in out
        scores.add(out.splitlines()[2].split()[1])
    assert len(scores) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["r", "nowhere"], "no such file or folder: nowhere"),
        (["r", "r/a.png"], "two files or two folders"),
        (["r", "empty"], "no images"),
        (["r", "r", "--metric", "vmaf"], "ms-ssim"),
        (["r", "r", "--convention", "mine"], "scikit-image"),
        (["r", "r", "--metric", "ms-ssim", "--convention", "scikit-image"], "has no MS-SSIM; these have: wang"),
        (["r", "r", "--output", "scores.txt"], "must end in .csv or .json or .parquet"),
        (["r", "r", "--output", "nowhere/scores.csv"], "no such folder"),
        (["r", "r", "--report", "empty.html"], "it is a folder"),
        (["r", "r", "--jobs", "0"], "whole number"),
        (["r", "r", "--jobs", "two"], "whole number"),
        (["r"], "DISTORTED"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "r" / "a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.html").mkdir()
    assert main(["compare", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""


def test_unknown_implementation_is_told_before_anything_is_scored(folders: tuple[str, str]) -> None:
    environment = {**os.environ, "LIMEN_IMPLEMENTATION": "sse9"}
    command = [sys.executable, "-m", "limen", "compare", *folders]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("limen compare: LIMEN_IMPLEMENTATION must be auto or one of reference,")


def test_rows_keep_the_order_and_files_are_taken_as_needed(tmp_path: Path) -> None:
    slow, fast = save(tmp_path / "slow.png", size=(900, 900)), save(tmp_path / "fast.png")
    taken = 0

    def pairs() -> Iterator[Pair]:
        nonlocal taken
        for number in range(200):
            taken += 1
            path = slow if number % 50 == 0 else fast
            yield Pair(str(number), path, path)

    threads = limen.get_num_threads()
    rows = score_pairs(pairs(), [METRICS["mse"]], "wang", jobs=3)
    assert [next(rows).pair.name for _ in range(10)] == [str(number) for number in range(10)]
    assert taken <= 10 + 8 * 3
    assert [row.pair.name for row in rows] == [str(number) for number in range(10, 200)]
    assert limen.get_num_threads() == threads


def test_stopping_early_gives_the_threads_back(tmp_path: Path) -> None:
    path, threads = save(tmp_path / "a.png"), limen.get_num_threads()
    rows = score_pairs((Pair(str(n), path, path) for n in range(10**9)), [METRICS["mse"]], "wang", jobs=2)
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert limen.get_num_threads() == threads


def test_progress_bar_only_on_a_terminal(
    folders: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["compare", *folders]) == 1
    out, err = capsys.readouterr()
    assert "10/10" in err
    assert "10/10" not in out


def test_module_runs_and_a_closed_pipe_is_no_traceback(folders: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "limen", "compare", *folders]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("name")

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(os.name != "posix", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_obstacle(tmp_path: Path, closed: str) -> None:
    def run(*options: str) -> bytes:
        command = [sys.executable, "-m", "limen", "compare", str(tmp_path / "r"), str(tmp_path / "r"), *options]
        done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *command], capture_output=True, check=False)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
        return done.stdout

    for name in ("a.png", "b.png"):
        save(tmp_path / "r" / name)
    output = tmp_path / "scores.csv"
    assert run("--output", str(output)) == b""
    assert output.read_text(encoding="utf-8").startswith("name,")
    assert bool(run()) != (">&-" in closed.split())


def test_interrupt_ends_with_130(
    folders: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("limen.cli._compare.find_pairs", interrupt)
    assert main(["compare", *folders]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(("module", "extra"), [("PIL", "cli"), ("jinja2", "cli"), ("pyarrow", "parquet")])
def test_missing_extra_is_one_line(folders: tuple[str, str], tmp_path: Path, module: str, extra: str) -> None:
    options = ["--output", str(tmp_path / "o.parquet"), "--report", str(tmp_path / "r.html")]
    script = f"import sys; sys.modules[{module!r}] = None; from limen.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", script, "compare", *folders, *options]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"pip install 'limen[{extra}]'" in done.stderr
