"""Studies without a browser: whom the server shows what, what it keeps and refuses, what is exported."""

from __future__ import annotations

import io
import json
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage")
pytest.importorskip("scipy")

from bapps_studies import request, running, unjudged
from limen.bapps import Dataset
from limen.bapps.study import Study, export
from limen.bapps.study._study import RequestError
from limen.bapps.study._trials import draw_trials
from limen.cli import main

TIMES = {"reaction_ms": 812.5, "shown_ms": [1000.1, 250.0, 999.9]}


def answer_all(study: Study, name: str, choose: Any) -> None:
    """One subject goes through. choose: from (trial, key) to "p0" and "p1", or "same" and "different"."""
    state = study.join(name)
    subject = state["subject"]
    while state["position"] is not None:
        trial = study.answers.trial(subject, state["position"])
        assert trial is not None
        choice = choose(trial)
        if study.test == "2afc":
            choice = "right" if (choice == "p1") != trial.swapped else "left"
        study.record(subject, state["position"], {"choice": choice, **TIMES})
        state = study.following(subject)


def honest(trial: Any) -> str:
    """Passes the sentinels of both tests; prefers p0, sees every real pair to differ."""
    return {"": "p0", "noise": "p0"}[trial.sentinel]


def honest_jnd(trial: Any) -> str:
    return "same" if trial.sentinel == "same" else "different"


def test_default_numbers_are_the_paper_s_and_scale_down() -> None:
    def counts(keys: int, trials: int = 160, sentinels: int = 40, test: Any = "jnd") -> dict[str, int]:
        names = [f"{i:06d}" for i in range(keys)]
        drawn = draw_trials(names, {}, test, trials, sentinels, np.random.default_rng(0))
        real = [trial.item for trial in drawn if not trial.sentinel]
        assert len(real) == len(set(real))
        return dict(Counter(trial.sentinel for trial in drawn))

    assert counts(1000) == {"": 160, "same": 32, "noise": 8}
    assert counts(40) == {"": 40, "same": 8, "noise": 2}
    assert counts(3) == {"": 3, "same": 1, "noise": 1}
    assert counts(1000, sentinels=0) == {"": 160}
    assert counts(1000, test="2afc") == {"": 160, "noise": 40}


def test_items_shown_least_come_first_and_sides_vary(tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 12), trials=4, sentinels=1)
    swapped = Counter[bool]()
    for number in range(6):
        answer_all(study, f"subject {number}", honest)
    for name, trial, choice in study.answers.all():
        assert name
        assert choice == "p0"
        swapped[trial.swapped] += 1
    assert {answered for answered, _ in study.answers.uses().values()} == {2}
    assert len(study.answers.uses()) == 12
    assert min(swapped.values()) > 5


def test_subjects_have_orders_of_their_own_that_a_seed_repeats(tmp_path: Path) -> None:
    folder = unjudged(tmp_path / "set", "jnd", 10)

    def order(place: str, name: str, seed: int) -> list[Any]:
        (tmp_path / place).mkdir()
        study = Study(folder, answers=tmp_path / place, seed=seed)
        subject = study.join(name)["subject"]
        return [study.answers.trial(subject, i) for i in range(12)]

    first = order("one", "ann", 0)
    assert first == order("two", "ann", 0)
    assert first != order("three", "bob", 0)
    assert first != order("four", "ann", 1)


def test_pictures_are_the_files_on_the_side_that_is_kept(tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 6), sentinels=5)
    subject = study.join("ann")["subject"]
    kinds = set()
    for position in range(study.following(subject)["total"]):
        trial = study.answers.trial(subject, position)
        assert trial is not None
        kinds.add(trial.sentinel)
        images = study.items[trial.item].images
        shown = {place: study.picture(subject, position, place) for place in ("left", "middle", "right")}
        near, far = ("right", "left") if trial.swapped else ("left", "right")
        assert shown["middle"] == images["ref"].read_bytes()
        if trial.sentinel:
            assert shown[near] == images["ref"].read_bytes()
            original, noisy = (np.asarray(Image.open(io.BytesIO(shown[place]))).astype(float) for place in (near, far))
            assert np.sqrt(np.mean((original - noisy) ** 2)) > 20
        else:
            assert shown[near] == images["p0"].read_bytes()
            assert shown[far] == images["p1"].read_bytes()
        study.record(subject, position, {"choice": far, "reaction_ms": 5})
    assert kinds == {"", "noise"}
    assert {choice for _, _, choice in study.answers.all()} == {"p1"}


def test_jnd_sentinels_are_one_picture_twice_or_strong_noise(tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "jnd", 6), sentinels=60)
    subject = study.join("ann")["subject"]
    for position in range(study.following(subject)["total"]):
        trial = study.answers.trial(subject, position)
        assert trial is not None
        first, second = (study.picture(subject, position, place) for place in ("first", "second"))
        assert (first == second) == (trial.sentinel == "same")
        assert first == study.picture(subject, position, "first")  # A reload shows the same noise.


def test_an_answer_is_kept_once(tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "jnd", 4))
    with running(study) as port:
        status, state = request(port, "/subjects", {"name": " ann "})
        assert (status, state["name"], state["done"], state["position"]) == (200, "ann", 0, 0)
        answer = {"subject": state["subject"], "position": 0, "choice": "same", **TIMES}
        assert request(port, "/answers", answer)[1]["position"] == 1
        assert request(port, "/answers", {**answer, "reaction_ms": 1})[0] == 200  # Sent again: nothing changes.
        status, refused = request(port, "/answers", {**answer, "choice": "different"})
        assert status == 409
        assert "another answer already" in refused["error"]
    with closing(sqlite3.connect(study.answers.path)) as database:
        rows = database.execute("SELECT position, choice, side, reaction_ms, first_ms, gap_ms, second_ms FROM answers")
        assert rows.fetchall() == [(0, "same", "", 812.5, 1000.1, 250.0, 999.9)]
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_answers_at_the_same_moment_are_one(tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 4))
    subject = study.join("ann")["subject"]
    outcomes = []

    def answer(choice: str) -> None:
        try:
            study.record(subject, 0, {"choice": choice, "reaction_ms": 1})
            outcomes.append(200)
        except RequestError as error:
            outcomes.append(error.status)

    threads = [threading.Thread(target=answer, args=(choice,)) for choice in ("left", "right") * 6]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [200] * 6 + [409] * 6
    assert study.following(subject)["done"] == 1


def test_a_study_that_ended_goes_on(tmp_path: Path) -> None:
    folder = unjudged(tmp_path, "2afc", 4)
    with running(Study(folder)) as port:
        subject = request(port, "/subjects", {"name": "ann"})[1]["subject"]
        request(port, "/answers", {"subject": subject, "position": 0, "choice": "left", **TIMES})
    with running(Study(folder, seed=7)) as port:  # Her trials stay what they were.
        state = request(port, "/subjects", {"name": "ann"})[1]
        assert (state["subject"], state["done"], state["position"]) == (subject, 1, 1)


BAD_REQUESTS: list[tuple[str, Any, dict[str, str], int, str]] = [
    ("/elsewhere", None, {}, 404, "nothing at /elsewhere"),
    ("/../../etc/passwd", None, {}, 404, "nothing at"),
    ("/next", None, {}, 400, "subject must be a whole number; got None"),
    ("/next?subject=99", None, {}, 404, "no subject 99"),
    ("/picture?subject=1&position=77&place=left", None, {}, 404, "no trial 77 of subject 1"),
    ("/picture?subject=1&position=0&place=../ref", None, {}, 404, "no place '../ref'"),
    ("/picture?subject=1e9&position=0&place=left", None, {}, 400, "subject must be a whole number"),
    ("/subjects", {"name": ""}, {}, 400, "1 to 64 printable characters"),
    ("/subjects", {"name": "a\nb"}, {}, 400, "printable"),
    ("/subjects", {"name": 7}, {}, 400, "printable"),
    ("/subjects", b"{", {}, 400, "must be JSON"),
    ("/subjects", [], {}, 400, "must be a JSON object"),
    ("/subjects", b"name=ann", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
    ("/subjects", b" " * 20_000, {}, 413, "at most 10000 bytes"),
    ("/next?subject=1", None, {"Host": "elsewhere.example"}, 403, "127.0.0.1 or localhost"),
    ("/answers", {"subject": 1, "position": 0, "choice": "same", "reaction_ms": 1}, {}, 400, "left or right"),
    ("/answers", {"subject": 1, "position": 0, "choice": "left"}, {}, 400, "reaction_ms must be"),
    ("/answers", {"subject": 1, "position": 0, "choice": "left", "reaction_ms": float("nan")}, {}, 400, "finite"),
    ("/answers", {"subject": 1, "position": 0, "choice": "left", "reaction_ms": -1}, {}, 400, "from 0 up"),
    ("/answers", {"subject": 1, "position": 0, "choice": "left", "reaction_ms": 10**400}, {}, 400, "finite"),
    ("/answers", b"[" * 9000, {}, 400, "must be JSON"),
    ("/answers", {"subject": 1, "position": True, "choice": "left", "reaction_ms": 1}, {}, 400, "whole number"),
    ("/answers", {"subject": 1, "position": 10**12, "choice": "left", "reaction_ms": 1}, {}, 400, "whole number"),
]


def test_bad_requests_are_refused_and_the_server_lives(tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 4))
    assert study.join("ann")["subject"] == 1
    with running(study) as port:
        for path, fields, headers, status, message in BAD_REQUESTS:
            found, answer = request(port, path, fields, **headers)
            assert found == status, path
            assert message in answer["error"], path
        assert request(port, "/next?subject=1")[1]["done"] == 0


def test_an_image_that_is_gone_is_an_error_of_the_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = Study(unjudged(tmp_path, "2afc", 1), sentinels=0)
    subject = study.join("ann")["subject"]
    (tmp_path / "2afc/val/b/p0/000000.png").unlink()
    with running(study) as port:
        found = {
            request(port, f"/picture?subject={subject}&position=0&place={place}")[0] for place in ("left", "right")
        }
    assert found == {200, 500}
    assert "000000.png" in capsys.readouterr().err


def test_export_is_shares_of_those_who_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unjudged(tmp_path / "set", "2afc", 6)
    study = Study(folder, sentinels=5)
    favourite = "2afc/val/a/000001"
    answer_all(study, "ann", honest)
    answer_all(study, "bob", lambda trial: "p1" if trial.item == favourite and not trial.sentinel else "p0")
    answer_all(study, "careless", lambda trial: "p1")
    out = tmp_path / "out"
    assert main(["bapps", "study", str(folder), "--export", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "careless left out, with 6 answers: 0 of 2 sentinels passed, 80% needed" in printed
    assert "2 subjects" in printed
    about = json.loads((out / "metadata.json").read_text())
    assert (about["judgements"], about["subjects"], about["left_out"]) == ("human", 2, 1)
    judges = {path.relative_to(out).as_posix(): float(np.load(path)[0]) for path in out.rglob("*.npy")}
    assert judges.pop("2afc/val/a/judge/000001.npy") == 0.5
    assert list(judges.values()) == [0.0] * 5
    for path in out.rglob("*.png"):
        assert path.read_bytes() == (folder / path.relative_to(out)).read_bytes()
    assert sum(len(subset) for subset in Dataset(out).subsets.values()) == 6
    everybody = export(folder, tmp_path / "all", pass_rate=0)
    assert (everybody.subjects, everybody.left_out) == (3, [])


def test_export_of_half_a_study_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unjudged(tmp_path / "set", "jnd", 8)
    study = Study(folder, trials=3, sentinels=2)
    answer_all(study, "ann", honest_jnd)
    study.join("came and left")
    assert main(["bapps", "study", str(folder), "--export", str(tmp_path / "out")]) == 1
    assert "without a vote" in capsys.readouterr().out
    names = {path.stem for path in (tmp_path / "out").rglob("*.npy")}
    assert len(names) == 3
    assert names == {path.stem for path in (tmp_path / "out").rglob("p1/*.png")}
    assert sum(json.loads((tmp_path / "out/metadata.json").read_text())["unanswered"].values()) == 5


def test_export_of_nothing_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unjudged(tmp_path / "set", "jnd", 3)
    command = ["bapps", "study", str(folder), "--export", str(tmp_path / "out")]
    assert main(command) == 2
    assert "no answers in" in capsys.readouterr().err
    answer_all(Study(folder), "asleep", lambda trial: "different")
    assert main(command) == 2
    assert "asleep left out, with 3 answers: 1 of 2 sentinels" in capsys.readouterr().err
    assert main([*command, "--pass-rate", "2"]) == 2
    assert "--pass-rate must be in [0, 1]; got 2.0" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


def test_wrong_folders_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(folder: Path, *options: str) -> str:
        assert main(["bapps", "study", str(folder), "--no-open", *options]) == 2
        return capsys.readouterr().err

    assert "is not a folder" in fails(tmp_path / "nowhere")
    assert "holds neither 2afc/ nor jnd/" in fails(tmp_path)
    folder = unjudged(unjudged(tmp_path / "set", "jnd", 4), "2afc", 4)
    assert "has images for both: --test 2afc or --test jnd says which" in fails(folder)
    (folder / "2afc/val/a/p1/000001.png").unlink()
    assert "p0/000001.png is there without p1/000001.png; 1 more images lack" in fails(folder, "--test", "2afc")
    Study(folder, "jnd").answers.add_subject("ann", [])
    (folder / "study-2afc.sqlite").write_bytes((folder / "study-jnd.sqlite").read_bytes())
    (folder / "2afc/val/a/p1/000001.png").write_bytes((folder / "2afc/val/a/p0/000001.png").read_bytes())
    assert "not 2afc" in fails(folder, "--test", "2afc")
    (folder / "study-2afc.sqlite").write_bytes(b"not a database, but long enough to look like one" * 100)
    assert "can't keep answers in" in fails(folder, "--test", "2afc")
    study = Study(folder, "jnd")
    study.join("bob")
    with running(study) as port:
        for taken in (port, 99999):
            assert f"can't serve at port {taken}" in fails(folder, "--test", "jnd", "--port", str(taken))
    (folder / "jnd/val/a/p0/000001.png").unlink()
    (folder / "jnd/val/a/p1/000001.png").unlink()
    assert "has jnd/val/a/000001, and" in fails(folder, "--test", "jnd")
