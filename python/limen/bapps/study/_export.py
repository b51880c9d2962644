"""From answers to a data set in the BAPPS layout."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._layout import IMAGES, JUDGEMENT, METADATA, Test
from .._writing import staged_folder, write_metadata
from ._answers import Answers
from ._items import find_items
from ._study import answers_path
from ._trials import passes

PASS_RATE = 0.8


@dataclass(frozen=True)
class Exported:
    """What was written, and what was left out.

    items
        By folder, as `2afc/val/cnn`.
    subjects
        How many subjects' votes were counted.
    left_out
        Reasons, one line each: subjects who failed the sentinels.
    unanswered
        How many images of each folder nobody voted on, and so are not in the data set.
    """

    items: dict[str, int]
    subjects: int
    left_out: list[str]
    unanswered: dict[str, int]


def export(directory: Path, out: Path, *, answers: Path | None = None, pass_rate: float = PASS_RATE) -> Exported:
    """Write what subjects have judged so far as a data set of human judgements.

    judge is the share of the votes for p1, same the share of "same". Items keep their names. Subjects are left out who
    answered no sentinel, or fewer than `pass_rate` of those they saw as anyone would who looks.

    Parameters
    ----------
    directory, answers
        As for `Study`.
    out
        A folder that doesn't exist or is empty.
    pass_rate
        In [0, 1]; 0 counts everybody.

    Raises
    ------
    ValueError, FileExistsError
        Naming what is wrong: no answers, nobody who passed, images that are gone, `out` not empty.
    """
    if not 0 <= pass_rate <= 1:
        raise ValueError(f"pass_rate must be in [0, 1]; got {pass_rate!r}")
    folder = answers or directory
    tests = [test for test in IMAGES if answers_path(folder, test).is_file()]
    if not tests:
        expected = " or ".join(answers_path(folder, test).name for test in IMAGES)
        raise ValueError(f"no answers in {folder}: expected {expected}")
    items: dict[str, int] = {}
    unanswered: dict[str, int] = {}
    counted: set[str] = set()
    left_out: list[str] = []
    with staged_folder(out) as stage:
        for test in tests:
            votes, names, reasons = _votes(Answers(answers_path(folder, test), test), test, pass_rate)
            counted |= names
            left_out += reasons
            found = {item.key: item for item in find_items(directory, test)}
            if gone := sorted(set(votes) - set(found)):
                raise ValueError(f"{gone[0]} was judged, and {directory} doesn't have it: {len(gone)} such items")
            for key, item in found.items():
                place, _, name = key.rpartition("/")
                if key not in votes:
                    unanswered[place] = unanswered.get(place, 0) + 1
                    continue
                items[place] = items.get(place, 0) + 1
                for role in IMAGES[test]:
                    _copy(item.images[role], stage / place / role / f"{name}.png")
                answer = stage / place / JUDGEMENT[test] / f"{name}.npy"
                answer.parent.mkdir(parents=True, exist_ok=True)
                np.save(answer, np.array([np.mean(votes[key])], np.float32))
        if not items:
            raise ValueError("; ".join(["nothing to export: no answers of subjects who passed", *left_out]))
        write_metadata(
            stage,
            "human",
            f"{len(counted)} subjects in a study by limen; {len(left_out)} left out for their sentinels.",
            subjects=len(counted),
            left_out=len(left_out),
            pass_rate=pass_rate,
            items=items,
            unanswered=unanswered,
            images=_about(directory),
        )
    return Exported(items, len(counted), left_out, unanswered)


def _votes(answers: Answers, test: Test, pass_rate: float) -> tuple[dict[str, list[int]], set[str], list[str]]:
    """Votes by item, 1 for p1 or "same"; whose they are; and who was left out, why."""
    by_subject = defaultdict(list)
    for name, trial, choice in answers.all():
        by_subject[name].append((trial, choice))
    votes: dict[str, list[int]] = defaultdict(list)
    names, reasons = set(), []
    for name, given in by_subject.items():
        checks = [passes(trial, choice) for trial, choice in given if trial.sentinel]
        real = [(trial, choice) for trial, choice in given if not trial.sentinel]
        if pass_rate and not checks:
            reasons.append(f"{test}: {name} left out, with {len(real)} answers: came to no sentinel")
        elif sum(checks) < pass_rate * len(checks):
            reasons.append(
                f"{test}: {name} left out, with {len(real)} answers: {sum(checks)} of {len(checks)} sentinels passed, "
                f"{pass_rate:.0%} needed"
            )
        elif real:
            names.add(name)
            for trial, choice in real:
                votes[trial.item].append(int(choice in ("p1", "same")))
    return votes, names, reasons


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _about(directory: Path) -> object:
    """Where the images come from, if their folder says."""
    try:
        return json.loads((directory / METADATA).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
