"""The study page in a real browser: keys and clicks, reload half-way, double answers, timing, pictures of any size."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("skimage")
pytest.importorskip("scipy")

from playwright import sync_api

from bapps_studies import running, unjudged
from limen.bapps.study import Study

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# Records when each part of a pair becomes visible and hidden, by the browser's own clock.
WATCH = """
window.seen = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    if (target.id) window.seen.push([target.id, target.classList.contains("seen"), performance.now()]);
  }
}).observe(document.getElementById("stage"), { subtree: true, attributes: true, attributeFilter: ["class"] });
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt install chromium")
    with sync_api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A window of its own. A test fails when the page logs an error."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    window = context.new_page()
    window.set_default_timeout(20_000)
    faults: list[str] = []
    window.on("pageerror", lambda error: faults.append(str(error)))
    window.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    window.faults = faults
    yield window
    context.close()
    assert not [fault for fault in faults if "409" not in fault]  # Chromium logs every refused request.


def visit(page: Any, port: int, code: str) -> None:
    page.goto(f"http://127.0.0.1:{port}/")
    page.fill("#code", code)
    page.keyboard.press("Enter")


def begin(page: Any, test: str) -> None:
    page.click(f"#how-{test} .begin")


def answered(page: Any, count: str) -> None:
    """Waits until the page says that so many are answered."""
    page.wait_for_function("text => document.getElementById('count').textContent === text", arg=count)


def rows(study: Study) -> list[tuple[Any, ...]]:
    columns = "position, choice, side, swapped, reaction_ms, first_ms, gap_ms, second_ms"
    with closing(sqlite3.connect(study.answers.path)) as database:
        return database.execute(
            f"SELECT {columns} FROM answers JOIN trials USING (subject, position) ORDER BY position"
        ).fetchall()


def test_triplets_by_keys_and_clicks(page: Any, tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 4), sentinels=0)
    with running(study) as port:
        visit(page, port, "ann")
        begin(page, "2afc")
        page.wait_for_selector("#triplet:not([hidden])")
        places = [page.locator(f"#{name}").bounding_box() for name in ("left", "middle", "right")]
        assert places[0]["x"] < places[1]["x"] < places[2]["x"]
        assert {place["width"] for place in places} == {320}  # 64 pixels, five times
        page.keyboard.press("ArrowLeft")
        answered(page, "1 of 4")
        page.wait_for_selector("#triplet:not([hidden])")
        page.keyboard.press("ArrowRight")
        answered(page, "2 of 4")
        page.click("#right")
        answered(page, "3 of 4")
        page.click("#left")
        page.wait_for_selector("#end:not([hidden])")
        found = rows(study)
    assert [row[2] for row in found] == ["left", "right", "right", "left"]
    assert [row[1] for row in found] == ["p1" if (row[2] == "right") != bool(row[3]) else "p0" for row in found]
    assert all(0 < row[4] < 20_000 for row in found)


def test_reload_half_way_goes_on(page: Any, tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 3), sentinels=0)
    with running(study) as port:
        visit(page, port, "ann")
        begin(page, "2afc")
        page.wait_for_selector("#triplet:not([hidden])")
        page.keyboard.press("ArrowLeft")
        answered(page, "1 of 3")
        page.wait_for_selector("#triplet:not([hidden])")
        before = page.get_attribute("#left", "src")
        page.reload()
        begin(page, "2afc")  # Without asking for the code again.
        page.wait_for_selector("#triplet:not([hidden])")
        assert page.get_attribute("#left", "src") == before
        assert page.inner_text("#count") == "1 of 3"
        for count in ("2 of 3", "3 of 3"):
            page.wait_for_selector("#triplet:not([hidden])")
            page.keyboard.press("ArrowRight")
            answered(page, count)
        page.click("#another")
        page.wait_for_selector("#welcome:not([hidden])")
    assert [row[0] for row in rows(study)] == [0, 1, 2]


def test_hasty_fingers_answer_once(page: Any, tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 3), sentinels=0)
    with running(study) as port:
        visit(page, port, "ann")
        page.dblclick("#how-2afc .begin")
        page.wait_for_selector("#triplet:not([hidden])")
        page.evaluate(
            "for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowRight'])"
            " document.dispatchEvent(new KeyboardEvent('keydown', { key }))"
        )
        answered(page, "1 of 3")
        page.wait_for_selector("#triplet:not([hidden])")
        assert [row[2] for row in rows(study)] == ["left"]


def test_two_windows_of_one_subject(page: Any, tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 2), sentinels=0)
    other = page.context.new_page()
    with running(study) as port:
        for window in (page, other):
            visit(window, port, "ann")
            begin(window, "2afc")
            window.wait_for_selector("#triplet:not([hidden])")
        page.bring_to_front()
        page.keyboard.press("ArrowLeft")
        answered(page, "1 of 2")
        other.bring_to_front()
        other.keyboard.press("ArrowRight")  # Refused: the first answer stands, and the window goes on with the next.
        answered(other, "1 of 2")
        other.wait_for_selector("#triplet:not([hidden])")
    assert [row[2] for row in rows(study)] == ["left"]


def test_pairs_are_shown_for_a_second_each(page: Any, tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "jnd", 2), sentinels=0)
    with running(study) as port:
        visit(page, port, "ann")
        page.evaluate(WATCH)
        begin(page, "jnd")
        page.wait_for_selector("#first.seen")
        page.keyboard.press("ArrowRight")  # Too early: nothing has been asked.
        page.wait_for_selector("#question.seen")
        assert not rows(study)
        page.keyboard.press("ArrowLeft")
        answered(page, "1 of 2")
        seen = page.evaluate("window.seen")
        page.wait_for_selector("#question.seen")
        page.click("#question [data-choice='different']")
        page.wait_for_selector("#end:not([hidden])")
        found = rows(study)
    assert [row[1] for row in found] == ["same", "different"]
    for row in found:
        first, gap, second = row[5:]
        assert first == pytest.approx(1000, abs=100)
        assert gap == pytest.approx(250, abs=100)
        assert second == pytest.approx(1000, abs=100)
    # As it was seen, of the last showing before the question: one part at a time, in this order.
    steps = [(name, on) for name, on, _ in seen]
    asked = steps.index(("question", True))
    order = [("first", True), ("first", False), ("second", True), ("second", False), ("question", True)]
    assert [step for step in steps[: asked + 1] if step[0] != "cross"][-5:] == order
    times = [time for name, _, time in seen[: asked + 1] if name != "cross"][-5:]
    lasted = [after - before for before, after in pairwise(times)]
    assert lasted[:3] == pytest.approx([1000, 250, 1000], abs=100)


@pytest.mark.parametrize("test", ["2afc", "jnd"])
def test_pictures_of_any_size_fit(page: Any, tmp_path: Path, test: Any) -> None:
    study = Study(unjudged(tmp_path, test, 3, sizes=((16, 24), (500, 300), (96, 96))), sentinels=0)
    names = ("left", "middle", "right") if test == "2afc" else ("first", "second")
    seen = set()
    with running(study) as port:
        page.set_viewport_size({"width": 800, "height": 500})
        visit(page, port, "ann")
        begin(page, test)
        for count in ("0 of 3", "1 of 3", "2 of 3"):
            answered(page, count)
            page.wait_for_selector("#question.seen" if test == "jnd" else "#triplet:not([hidden])")
            for name in names:
                box = page.locator(f"#{name}").bounding_box()
                width, height, pixelated = page.evaluate(
                    "name => { const image = document.getElementById(name); return [image.naturalWidth,"
                    " image.naturalHeight, getComputedStyle(image).imageRendering === 'pixelated']; }",
                    name,
                )
                assert 0 <= box["x"] <= box["x"] + box["width"] <= 800
                assert 0 <= box["y"] <= box["y"] + box["height"] <= 500
                scale = box["width"] / width
                assert box["height"] / height == pytest.approx(scale, rel=0.02)
                assert pixelated == (scale > 1)
                if scale >= 1:
                    assert scale == pytest.approx(round(scale))
                seen.add((width, height))
            page.keyboard.press("ArrowLeft")
        page.wait_for_selector("#end:not([hidden])")
    assert seen == {(24, 16), (300, 500), (96, 96)}


def test_an_outage_loses_nothing(page: Any, tmp_path: Path) -> None:
    study = Study(unjudged(tmp_path, "2afc", 2), sentinels=0)
    with running(study) as port:
        visit(page, port, "ann")
        begin(page, "2afc")
        page.wait_for_selector("#triplet:not([hidden])")
        page.context.set_offline(True)
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("#trouble:not([hidden])")
        assert "Trying again" in page.inner_text("#trouble")
        assert not rows(study)
        page.context.set_offline(False)
        answered(page, "1 of 2")
        page.wait_for_selector("#trouble", state="hidden")
        page.faults.clear()  # Chromium logs each try that failed.
    assert [row[2] for row in rows(study)] == ["left"]


def test_a_code_that_will_not_do_is_said_so(page: Any, tmp_path: Path) -> None:
    with running(Study(unjudged(tmp_path, "2afc", 2))) as port:
        visit(page, port, "   ")
        page.wait_for_selector("#trouble:not([hidden])")
        assert "1 to 64 printable characters" in page.inner_text("#trouble")
        assert page.is_visible("#welcome")
        page.faults.clear()
