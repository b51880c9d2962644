"""One study: who is shown what next, and what becomes of an answer. Knows nothing of HTTP."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from PIL import Image

from ...distortions import Distortion
from .._layout import IMAGES, Test
from ._answers import Answer, Answers
from ._items import find_items, tests_in
from ._trials import SENTINELS, TRIALS, Trial, draw_trials

_LONGEST_NAME = 64
_CHOICES = {"2afc": ("left", "right"), "jnd": ("same", "different")}


class RequestError(Exception):
    """A request that can't be met. status: of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def answers_path(folder: Path, test: Test) -> Path:
    """Where the answers of a test are kept in a folder."""
    return folder / f"study-{test}.sqlite"


class Study:
    """The images of one test, and the answers so far.

    Parameters
    ----------
    directory
        In the BAPPS layout; judge/ and same/ are not looked at.
    test
        "2afc" or "jnd"; None where the directory has only one of them.
    answers
        The folder of the file with the answers; None takes `directory`.
    trials, sentinels
        For each subject; fewer where there are fewer images.
    seed
        Of the order, the sides and the sentinels; each subject has others.

    Raises
    ------
    ValueError
        Naming what is wrong with the folder, the file or the numbers.
    """

    def __init__(
        self,
        directory: Path,
        test: Test | None = None,
        *,
        answers: Path | None = None,
        trials: int = TRIALS,
        sentinels: int = SENTINELS,
        seed: int = 0,
    ) -> None:
        tests = tests_in(directory)
        if test is None and len(tests) > 1:
            raise ValueError(f"{directory} has images for both: test='2afc' or test='jnd' says which")
        self.test = test or tests[0]
        if self.test not in tests:
            raise ValueError(f"{directory} has images for {' and '.join(tests)}, not for {self.test}")
        if trials < 1 or sentinels < 0 or seed < 0:
            raise ValueError(
                f"trials must be 1 or more, sentinels and seed 0 or more; got {trials}, {sentinels} and {seed}"
            )
        self.items = {item.key: item for item in find_items(directory, self.test)}
        self.answers = Answers(answers_path(answers or directory, self.test), self.test)
        if gone := sorted(self.answers.items() - set(self.items)):
            raise ValueError(f"{self.answers.path} has {gone[0]}, and {directory} doesn't: {len(gone)} such items")
        self._keys = sorted(self.items)
        self._trials, self._sentinels, self._seed = trials, sentinels, seed

    def join(self, name: Any) -> dict[str, Any]:
        """Let a subject begin, or go on where they left."""
        if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME or not name.strip().isprintable():
            raise RequestError(400, f"the code must be 1 to {_LONGEST_NAME} printable characters")
        name = name.strip()
        subject = self.answers.subject(name)
        if subject is None:
            rng = self._random(name, "trials")
            uses = self.answers.uses()
            drawn = draw_trials(self._keys, uses, self.test, self._trials, self._sentinels, rng)
            subject = self.answers.add_subject(name, drawn)
        return {"subject": subject, "name": name, **self.following(subject)}

    def following(self, subject: int) -> dict[str, Any]:
        """The subject's next trial, for the page."""
        done, total, position = self.answers.progress(subject)
        if not total:
            raise RequestError(404, f"no subject {subject}")
        return {"test": self.test, "done": done, "total": total, "position": position}

    def picture(self, subject: int, position: int, place: str) -> bytes:
        """The PNG at a place of a trial: left, middle and right, or first and second."""
        trial = self._trial(subject, position)
        names = ("left", "right") if self.test == "2afc" else ("first", "second")
        item = self.items[trial.item]
        if place == "middle" and self.test == "2afc":
            return item.images["ref"].read_bytes()
        if place not in names:
            raise RequestError(404, f"no place {place!r}")
        role = "p1" if (place == names[1]) != trial.swapped else "p0"
        if not trial.sentinel:
            return item.images[role].read_bytes()
        original = item.images[IMAGES[self.test][0]]
        if role == "p0" or trial.sentinel == "same":
            return original.read_bytes()
        return _noisy(original, subject * 100_000 + position)

    def record(self, subject: int, position: int, fields: Mapping[str, Any]) -> None:
        """Keep an answer. The same one again changes nothing; another one is refused, and the first stands."""
        trial = self._trial(subject, position)
        choice, reaction = fields.get("choice"), fields.get("reaction_ms")
        if choice not in _CHOICES[self.test]:
            raise RequestError(400, f"choice must be {' or '.join(_CHOICES[self.test])}; got {choice!r}")
        if not _is_time(reaction):
            raise RequestError(400, f"reaction_ms must be a finite number from 0 up; got {reaction!r}")
        shown, side = None, ""
        if self.test == "jnd":
            shown = fields.get("shown_ms")
            if not isinstance(shown, list) or len(shown) != 3 or not all(map(_is_time, shown)):
                raise RequestError(400, f"shown_ms must be three finite numbers from 0 up; got {shown!r}")
            shown = (float(shown[0]), float(shown[1]), float(shown[2]))
        else:
            side = choice
            choice = "p1" if (side == "right") != trial.swapped else "p0"
        answer = Answer(choice, side, float(reaction), shown)
        if not self.answers.record(subject, position, answer):
            raise RequestError(409, f"trial {position} has another answer already, which stands")

    def _trial(self, subject: int, position: int) -> Trial:
        trial = self.answers.trial(subject, position)
        if trial is None:
            raise RequestError(404, f"no trial {position} of subject {subject}")
        return trial

    def _random(self, *words: str) -> np.random.Generator:
        # Not hash(), which differs from run to run.
        digest = hashlib.sha256("\0".join(words).encode()).digest()
        return np.random.default_rng([self._seed, int.from_bytes(digest[:8], "big")])


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max


def _noisy(original: Path, seed: int) -> bytes:
    with Image.open(original) as file:
        pixels = np.asarray(file.convert("RGB"))
    data = BytesIO()
    Image.fromarray(Distortion("gaussian_noise", 1.0, seed)(pixels)).save(data, "PNG")
    return data.getvalue()
