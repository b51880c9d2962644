"""2AFC and JND scores against sums written out, and where ties, soft labels and extremes are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from limen.bapps import jnd_map, two_afc, two_afc_human
from limen.bapps._scores import correlation, human_credits, mean_score, score_jnd, score_two_afc, two_afc_credits

Floats = NDArray[np.float64]


def two_afc_oracle(d0: Floats, d1: Floats, judge: Floats) -> float:
    total = 0.0
    for a, b, p in zip(d0, d1, judge, strict=True):
        if a == b:
            total += 0.5
        elif a < b:
            total += 1 - p
        else:
            total += p
    return total / len(judge)


def voc_oracle(distance: Floats, same: Floats) -> float:
    """Each pair at every threshold; precision at a recall is the best at that or any higher one."""
    points = []
    for threshold in sorted(set(distance.tolist())):
        returned = [s for d, s in zip(distance, same, strict=True) if d <= threshold]
        points.append((sum(returned) / same.sum(), sum(returned) / len(returned)))
    area, before = 0.0, 0.0
    for recall, _ in points:
        area += (recall - before) * max(precision for r, precision in points if r >= recall)
        before = recall
    return area


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_against_sums_written_out(count: int, levels: int) -> None:
    rng = np.random.default_rng([count, levels])
    for _ in range(10):
        d0, d1 = rng.integers(levels, size=(2, count)) / 7
        judge, same = rng.integers(6, size=count) / 5, rng.integers(4, size=count) / 3
        same[rng.integers(count)] = 1
        assert two_afc(d0, d1, judge) == pytest.approx(two_afc_oracle(d0, d1, judge), abs=1e-12)
        assert jnd_map(d0, same) == pytest.approx(voc_oracle(d0, same), abs=1e-12)


def test_two_afc_by_hand() -> None:
    assert two_afc([1, 2], [2, 1], [0, 1]) == 1
    assert two_afc([1, 2], [2, 1], [1, 0]) == 0
    assert two_afc([1], [2], [0.2]) == pytest.approx(0.8)
    assert two_afc([1], [1], [0.2]) == 0.5
    assert two_afc([np.inf], [np.inf], [1]) == 0.5
    assert two_afc([-np.inf], [1], [0]) == 1
    assert two_afc_human([0.0, 1.0]) == 1
    assert two_afc_human([0.2]) == pytest.approx(0.04 + 0.64)
    assert two_afc_human([0.5]) == 0.5


def test_jnd_by_hand() -> None:
    assert jnd_map([1, 2, 3], [1, 1, 1]) == 1
    assert jnd_map([7], [1]) == 1
    assert jnd_map([7], [0.25]) == 0.25
    assert jnd_map([1, 2], [1, 0]) == 1
    assert jnd_map([1, 2], [0, 1]) == 0.5
    # Recall 1/2 at precision 1, recall 1 at precision 2/3.
    assert jnd_map([1, 2, 3], [1, 0, 1]) == pytest.approx(1 / 2 + 1 / 3)
    # The first is found at precision 0 of 1, but better at higher recall: the envelope counts.
    assert jnd_map([1, 2, 3], [0, 1, 1]) == pytest.approx(2 / 3)
    assert jnd_map([1, 1, 1, 1], [1, 0, 0, 1]) == 0.5


def test_ties_do_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(0)
    distance, same = rng.integers(4, size=50) / 3, rng.integers(4, size=50) / 3
    expected = jnd_map(distance, same)
    for _ in range(20):
        order = rng.permutation(50)
        assert jnd_map(distance[order], same[order]) == pytest.approx(expected, abs=1e-12)


def test_replicates_are_the_scores_of_drawn_items() -> None:
    rng = np.random.default_rng(1)
    d0, d1, judge = rng.integers(3, size=40), rng.integers(3, size=40), rng.random(40)
    afc = score_two_afc({"m": two_afc_credits(d0, d1, judge), "human": human_credits(judge)}, draws=25, seed=3)
    jnd = score_jnd({"m": d0.astype(float)}, judge, draws=25, seed=3)
    drawing = np.random.default_rng(3)
    drawn = drawing.integers(40, size=(25, 40))
    assert afc["m"].value == two_afc(d0, d1, judge)
    assert jnd["m"].value == jnd_map(d0, judge)
    for replicate, some in enumerate(drawn):
        assert afc["m"].replicates[replicate] == pytest.approx(two_afc(d0[some], d1[some], judge[some]))
        assert afc["human"].replicates[replicate] == pytest.approx(two_afc_human(judge[some]))
        assert jnd["m"].replicates[replicate] == pytest.approx(jnd_map(d0[some], judge[some]))


def test_intervals_cover_as_they_say() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for trial in range(200):
        right = (rng.random(300) < 0.7).astype(float)
        low, high = score_two_afc({"m": right}, draws=200, seed=trial)["m"].interval()
        covered += low <= 0.7 <= high
    assert 180 <= covered <= 199


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(3)
    first = (rng.random(500) < 0.7).astype(float)
    second = np.where(rng.random(500) < 0.02, 1 - first, first)
    scores = score_two_afc({"a": first, "b": second}, draws=400)
    low, high = (scores["a"] - scores["b"]).interval()
    apart = np.subtract(*scores["a"].interval()[::-1])
    assert high - low < apart / 2
    mean = mean_score([scores["a"], scores["b"]])
    assert mean.value == pytest.approx((scores["a"].value + scores["b"].value) / 2)


def test_a_draw_without_any_same_pair_is_left_out() -> None:
    score = score_jnd({"m": np.arange(3.0)}, np.array([1.0, 0, 0]), draws=200)["m"]
    assert np.isnan(score.replicates).any()
    assert all(0 <= bound <= 1 for bound in score.interval())


def test_correlation() -> None:
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert np.isnan(correlation([1, 2], [1, 2]))
    assert np.isnan(correlation([1, 1, 1], [1, 2, 3]))


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="d0 and d1 and judge must have the same length; got 1, 2, 1"):
        two_afc([1], [1, 2], [0])
    with pytest.raises(ValueError, match="must not be empty"):
        two_afc_human([])
    with pytest.raises(ValueError, match="d1 must be numbers; 1 of 2 are NaN"):
        two_afc([1, 2], [1, np.nan], [0, 0])
    with pytest.raises(ValueError, match=r"judge must be in \[0, 1\]; got 1.5"):
        two_afc([1], [2], [1.5])
    with pytest.raises(ValueError, match=r"same must be in \[0, 1\]; got nan"):
        jnd_map([1], [np.nan])
    with pytest.raises(ValueError, match="nobody called any pair the same"):
        jnd_map([1, 2], [0, 0])
