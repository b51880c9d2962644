"""Intervals, triplets for viewers, and what is made of their answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import t

from limen.autoencoders._image_sets import each_its_own
from limen.autoencoders._intervals import mean_interval
from limen.autoencoders._judgements import export_triplets, rank_shares, read_preferences

NAMES = ("mse", "mae", "ms-ssim")


def test_interval_of_a_mean_is_close_to_students() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = mean_interval(values, np.arange(400))
    half = t.ppf(0.975, 399) * values.std(ddof=1) / 20
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert found.excludes_zero


def test_images_of_one_photograph_count_as_little_as_they_tell() -> None:
    values = np.random.default_rng(0).normal(size=12)
    each = mean_interval(values, np.arange(12))
    repeated = mean_interval(np.repeat(values, 50), np.repeat(np.arange(12), 50))
    assert (repeated.low, repeated.high) == pytest.approx((each.low, each.high))
    careless = mean_interval(np.repeat(values, 50), np.arange(600))
    assert careless.high - careless.low < 0.3 * (each.high - each.low)


def test_groups_of_unequal_size_keep_the_mean_of_images() -> None:
    found = mean_interval([1.0, 1.0, 1.0, 5.0], [0, 0, 0, 1])  # type: ignore[arg-type]
    assert (found.mean, found.low, found.high) == (2, 1, 5)


def test_one_group_has_no_interval() -> None:
    found = mean_interval(np.ones(5), np.zeros(5))
    assert found.mean == 1
    assert np.isnan([found.low, found.high]).all()
    assert not found.excludes_zero


@pytest.fixture
def study(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 1, 20, 20), np.uint8)
    originals = each_its_own(rng.integers(0, 256, (6, 1, 20, 20), np.uint8), "image")
    reconstructions = {name: images + np.uint8(i) for i, name in enumerate(NAMES)}
    assert export_triplets(originals, reconstructions, tmp_path / "study", count=4) == 4
    return tmp_path / "study"


def judge(study: Path, shares: dict[str, list[float]], votes: int | None = None) -> None:
    for subset, values in shares.items():
        folder = study / "2afc" / "val" / subset / "judge"
        folder.mkdir()
        for i, share in enumerate(values):
            np.save(folder / f"{i:06d}.npy", np.array([share], np.float32))
    metadata = json.loads((study / "metadata.json").read_text())
    if votes is not None:
        metadata["votes"] = {"2afc/val": votes}
    (study / "metadata.json").write_text(json.dumps(metadata))


def test_triplets_are_in_the_layout_of_the_study(study: Path) -> None:
    subsets = sorted(path.name for path in (study / "2afc" / "val").iterdir())
    assert subsets == ["mae-vs-ms-ssim", "mse-vs-mae", "mse-vs-ms-ssim"]
    for subset in subsets:
        for role in ("ref", "p0", "p1"):
            files = sorted((study / "2afc" / "val" / subset / role).iterdir())
            assert [file.name for file in files] == [f"{i:06d}.png" for i in range(4)]
            with Image.open(files[0]) as image:
                assert (image.mode, image.size) == ("RGB", (20, 20))

    def pixels(subset: str, role: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.asarray(Image.open(study / "2afc" / "val" / subset / role / "000002.png"))

    assert np.array_equal(pixels("mse-vs-mae", "p0"), pixels("mse-vs-ms-ssim", "p0"))
    assert np.array_equal(pixels("mse-vs-mae", "p0") + np.uint8(2), pixels("mse-vs-ms-ssim", "p1"))
    assert np.array_equal(pixels("mse-vs-mae", "ref"), pixels("mae-vs-ms-ssim", "ref"))
    metadata = json.loads((study / "metadata.json").read_text())
    assert (metadata["format"], metadata["judgements"], len(metadata["photographs"])) == ("bapps", "none", 4)


def test_preferences_and_ranks(study: Path) -> None:
    judge(
        study,
        {"mse-vs-mae": [0.2, 0.4, 0.6, 0.5], "mse-vs-ms-ssim": [1, 0.8, 0.8, 0.5], "mae-vs-ms-ssim": [1, 1, 0.4, 0.5]},
        votes=5,
    )
    preferences = {(one.a, one.b): one for one in read_preferences(study)}
    one = preferences["mse", "ms-ssim"]
    assert one.mean.mean == pytest.approx(0.775)
    assert one.majorities[:2] == (3, 3)
    assert one.majorities[2].low == pytest.approx(1 / (1 + 1.959964**2 / 3))  # Wilson's, of 3 in 3
    first = one.of_images()[1]
    assert (first.mean, first.low, first.high) == pytest.approx((0.8, 0.3755, 0.9638), abs=1e-4)

    ranks = rank_shares(list(preferences.values()))
    assert ranks is not None
    # Points: ms-ssim 2, 1.8, 1.2 and tied; mse .8, .8, .6; mae .2, .4, 1.2.
    table = {name: [share.mean for share in shares] for name, shares in ranks.items()}
    assert table["ms-ssim"] == pytest.approx([(1 + 1 + 0.5 + 1 / 3) / 4, (0.5 + 1 / 3) / 4, (1 / 3) / 4])
    assert table["mse"] == pytest.approx([(1 / 3) / 4, (2 + 1 / 3) / 4, (1 + 1 / 3) / 4])
    assert np.sum(list(table.values()), axis=0) == pytest.approx([1, 1, 1])


def test_ranks_take_all_three_pairs(study: Path) -> None:
    judge(study, {"mse-vs-mae": [0.2], "mse-vs-ms-ssim": [1.0]})
    assert rank_shares(read_preferences(study)) is None


@pytest.mark.parametrize(
    ("share", "message"), [(1.5, "must hold a share from 0 to 1; it holds 1.5"), (np.nan, "it holds nan")]
)
def test_shares_that_are_none_are_refused(study: Path, share: float, message: str) -> None:
    judge(study, {"mse-vs-mae": [share]})
    with pytest.raises(ValueError, match=message):
        read_preferences(study)


def test_what_nobody_judged_is_no_answer(study: Path) -> None:
    with pytest.raises(ValueError, match="has no judgements of autoencoders"):
        read_preferences(study)


def test_triplets_never_overwrite(study: Path) -> None:
    images = np.zeros((2, 1, 8, 8), np.uint8)
    with pytest.raises(FileExistsError, match="is not empty"):
        export_triplets(each_its_own(images, "i"), {"a": images, "b": images}, study, count=1)
    with pytest.raises(ValueError, match="two objectives can be compared, or three ranked; got a"):
        export_triplets(each_its_own(images, "i"), {"a": images}, study / "new", count=1)
