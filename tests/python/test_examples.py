"""The examples run as they stand, and say what they should."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_evaluate_codec() -> None:
    rows = [line.split() for line in run("evaluate_codec.py").splitlines()[2:]]
    assert [int(row[0]) for row in rows] == [10, 30, 50, 70, 90]
    scores = [[float(value) for value in row[1:6]] for row in rows]
    # Higher quality takes more bits and scores better, by every metric.
    assert all(a < b for low, high in pairwise(scores) for a, b in zip(low, high, strict=True))


def test_training_loss() -> None:
    pytest.importorskip("torch")
    losses = [float(loss) for loss in re.findall(r"loss (\S+)", run("training_loss.py"))]
    assert len(losses) == 6
    assert losses[-1] < 0.7 * losses[0]
