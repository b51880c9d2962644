"""The answers, in one SQLite file: written as they are given, so that a crash loses none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .._layout import Test
from ._trials import Trial

_FORMAT = "limen study 1"

_SCHEMA = """
CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE TABLE trials (
    subject INTEGER NOT NULL REFERENCES subjects (id),
    position INTEGER NOT NULL,
    item TEXT NOT NULL,
    sentinel TEXT NOT NULL CHECK (sentinel IN ('', 'same', 'noise')),
    swapped INTEGER NOT NULL CHECK (swapped IN (0, 1)),
    PRIMARY KEY (subject, position)
);
CREATE TABLE answers (
    subject INTEGER NOT NULL,
    position INTEGER NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('p0', 'p1', 'same', 'different')),
    side TEXT NOT NULL CHECK (side IN ('left', 'right', '')),
    reaction_ms REAL NOT NULL,
    first_ms REAL,
    gap_ms REAL,
    second_ms REAL,
    answered TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (subject, position),
    FOREIGN KEY (subject, position) REFERENCES trials (subject, position)
);
"""


@dataclass(frozen=True)
class Answer:
    """One answer.

    choice
        "p0" or "p1", the one chosen; "same" or "different".
    side
        Where the chosen one was, "left" or "right"; "" in the JND test.
    reaction_ms
        From the pictures (2AFC) or the question (JND) to the answer.
    shown_ms
        How long the first image, the gap and the second were shown, as the browser measured it.
    """

    choice: str
    side: str
    reaction_ms: float
    shown_ms: tuple[float, float, float] | None = None


class Answers:
    """The file. Every method opens it anew, so that any thread may call any of them.

    Raises ValueError where the file is not one of these, or belongs to the other test.
    """

    def __init__(self, path: Path, test: Test) -> None:
        self.path = path
        try:
            with self._open() as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("BEGIN IMMEDIATE")
                if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    for statement in filter(str.strip, _SCHEMA.split(";")):
                        database.execute(statement)
                    facts = [("format", _FORMAT), ("test", test)]
                    database.executemany("INSERT INTO study VALUES (?, ?)", facts)
                found = dict(database.execute("SELECT key, value FROM study").fetchall())
                database.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise ValueError(f"can't keep answers in {path}: {error}") from error
        if (found.get("format"), found.get("test")) != (_FORMAT, test):
            raise ValueError(f"{path} holds answers of {found.get('format')}, {found.get('test')}; not {test}")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as database:
            database.execute("PRAGMA foreign_keys = ON")
            yield database

    def subject(self, name: str) -> int | None:
        """The number of a subject who has been here before."""
        with self._open() as database:
            row = database.execute("SELECT id FROM subjects WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def add_subject(self, name: str, trials: Sequence[Trial]) -> int:
        """Give a subject their trials, unless they have some already; returns their number."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            row = database.execute("SELECT id FROM subjects WHERE name = ?", (name,)).fetchone()
            if row is not None:  # Two windows that began at the same moment.
                database.execute("ROLLBACK")
                return int(row[0])
            subject = database.execute("INSERT INTO subjects (name) VALUES (?)", (name,)).lastrowid
            assert subject is not None
            rows = [(subject, i, trial.item, trial.sentinel, trial.swapped) for i, trial in enumerate(trials)]
            database.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?)", rows)
            database.execute("COMMIT")
        return subject

    def uses(self) -> dict[str, tuple[int, int]]:
        """Of each item that was shown: how often it was answered, and given to a subject."""
        with self._open() as database:
            rows = database.execute(
                "SELECT item, count(answers.choice), count(*) FROM trials LEFT JOIN answers USING (subject, position)"
                " WHERE sentinel = '' GROUP BY item"
            ).fetchall()
        return {item: (answered, given) for item, answered, given in rows}

    def trial(self, subject: int, position: int) -> Trial | None:
        """A subject's trial; None where there is none."""
        with self._open() as database:
            row = database.execute(
                "SELECT item, sentinel, swapped FROM trials WHERE subject = ? AND position = ?", (subject, position)
            ).fetchone()
        return None if row is None else Trial(row[0], row[1], bool(row[2]))

    def progress(self, subject: int) -> tuple[int, int, int | None]:
        """Answers given, trials in all, and the first trial that has no answer."""
        with self._open() as database:
            done, total, following = database.execute(
                "SELECT count(answers.choice), count(*), min(CASE WHEN answers.choice IS NULL THEN position END)"
                " FROM trials LEFT JOIN answers USING (subject, position) WHERE trials.subject = ?",
                (subject,),
            ).fetchone()
        return done, total, following

    def record(self, subject: int, position: int, answer: Answer) -> bool:
        """Keep an answer. The first one stands: False where there was another one already."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            kept = database.execute(
                "SELECT choice FROM answers WHERE subject = ? AND position = ?", (subject, position)
            ).fetchone()
            if kept is None:
                database.execute(
                    "INSERT INTO answers (subject, position, choice, side, reaction_ms, first_ms, gap_ms, second_ms)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (subject, position, answer.choice, answer.side, answer.reaction_ms)
                    + (answer.shown_ms or (None, None, None)),
                )
            database.execute("COMMIT")
        return kept is None or kept[0] == answer.choice

    def all(self) -> list[tuple[str, Trial, str]]:
        """(subject's name, trial, choice) of every answer, by subject and trial."""
        with self._open() as database:
            rows = database.execute(
                "SELECT name, item, sentinel, swapped, choice FROM answers JOIN trials USING (subject, position)"
                " JOIN subjects ON subjects.id = subject ORDER BY subject, position"
            ).fetchall()
        return [(name, Trial(item, sentinel, bool(swapped)), choice) for name, item, sentinel, swapped, choice in rows]

    def items(self) -> set[str]:
        """The keys of all items that subjects were given."""
        with self._open() as database:
            return {row[0] for row in database.execute("SELECT DISTINCT item FROM trials")}
