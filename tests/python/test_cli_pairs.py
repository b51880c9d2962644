"""Which files are scored against each other."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from limen.cli._errors import UsageError
from limen.cli._pairs import Pair, find_pairs


def folder(path: Path, names: Iterable[str]) -> Path:
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
    return path


def pairs(tmp_path: Path, reference: Iterable[str], distorted: Iterable[str]) -> list[Pair]:
    return find_pairs(folder(tmp_path / "r", reference), folder(tmp_path / "d", distorted))


def test_two_files_need_not_share_a_name(tmp_path: Path) -> None:
    folder(tmp_path, ["a.png", "b.jpg"])
    assert find_pairs(tmp_path / "a.png", tmp_path / "b.jpg") == [Pair("a.png", tmp_path / "a.png", tmp_path / "b.jpg")]


def test_folders_match_by_relative_path_in_order(tmp_path: Path) -> None:
    names = ["b.png", "a.png", "sub/a.png", "sub/deep/c.TIFF"]
    found = pairs(tmp_path, names, names)
    assert [pair.name for pair in found] == sorted(names)
    assert all(pair.error is None for pair in found)
    assert found[2].distorted == tmp_path / "d" / "sub" / "a.png"


def test_stems_match_where_extensions_differ(tmp_path: Path) -> None:
    (pair,) = pairs(tmp_path, ["sub/a.png"], ["sub/a.jpg"])
    assert (pair.name, pair.distorted, pair.error) == ("sub/a.png", tmp_path / "d" / "sub" / "a.jpg", None)


def test_same_name_wins_over_same_stem(tmp_path: Path) -> None:
    found = pairs(tmp_path, ["a.png"], ["a.jpg", "a.png"])
    assert [(pair.name, pair.error is None) for pair in found] == [("a.jpg", False), ("a.png", True)]


def test_several_files_of_one_stem_are_errors(tmp_path: Path) -> None:
    found = pairs(tmp_path, ["a.png"], ["a.bmp", "a.jpg"])
    assert [pair.error for pair in found] == ["several files share this stem"] * 3


def test_unmatched_files_of_either_side_are_errors(tmp_path: Path) -> None:
    found = pairs(tmp_path, ["both.png", "left.png"], ["both.png", "right.png"])
    assert [pair.name for pair in found] == ["both.png", "left.png", "right.png"]
    assert found[1].reference is not None
    assert found[1].distorted is None
    assert found[1].error == f"no file of this name in {(tmp_path / 'd').as_posix()}"
    assert found[2].error == f"no file of this name in {(tmp_path / 'r').as_posix()}"


def test_other_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    names = ["a.png", "._a.png", ".cache/a.png", "notes.txt", "Thumbs.db"]
    assert [pair.name for pair in pairs(tmp_path, names, names)] == ["a.png"]


def test_composed_and_decomposed_accents_match(tmp_path: Path) -> None:
    (pair,) = pairs(tmp_path, ["caf\N{LATIN SMALL LETTER E WITH ACUTE}.png"], ["cafe\N{COMBINING ACUTE ACCENT}.png"])
    assert pair.error is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't take such names")
def test_name_that_is_not_utf_8_is_escaped(tmp_path: Path) -> None:
    for side in ("r", "d"):
        (tmp_path / side).mkdir()
        Path(os.fsdecode(os.fsencode(tmp_path / side) + b"/a\xff.png")).touch()
    (pair,) = find_pairs(tmp_path / "r", tmp_path / "d")
    assert pair.name == r"a\xff.png"
    assert pair.reference is not None
    assert pair.reference.exists()


def test_link_to_the_folder_above_ends(tmp_path: Path) -> None:
    folder(tmp_path / "r", ["a.png"])
    (tmp_path / "r" / "loop").symlink_to(tmp_path / "r", target_is_directory=True)
    (tmp_path / "d").symlink_to(tmp_path / "r", target_is_directory=True)
    assert [pair.name for pair in find_pairs(tmp_path / "r", tmp_path / "d")] == ["a.png"]


def test_a_folder_is_seen_through_every_link(tmp_path: Path) -> None:
    folder(tmp_path / "elsewhere", ["a.png"])
    for side in ("r", "d"):
        (tmp_path / side).mkdir()
        for name in ("first", "second"):
            (tmp_path / side / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    found = find_pairs(tmp_path / "r", tmp_path / "d")
    assert [(pair.name, pair.error) for pair in found] == [("first/a.png", None), ("second/a.png", None)]


def test_folders_that_are_all_linked_are_refused(tmp_path: Path) -> None:
    folders = [tmp_path / "r" / str(i) for i in range(6)]
    for folder in folders:
        folder.mkdir(parents=True)
    for folder in folders:
        for other in folders:
            (folder / f"to{other.name}").symlink_to(other, target_is_directory=True)
    with pytest.raises(UsageError, match="lead to one folder on more than 100 ways"):
        find_pairs(tmp_path / "r", tmp_path / "r")


def test_links_that_go_in_circles_end(tmp_path: Path) -> None:
    folder(tmp_path / "r", ["one/a.png", "two/b.png"])
    (tmp_path / "r" / "one" / "link").symlink_to(tmp_path / "r" / "two", target_is_directory=True)
    (tmp_path / "r" / "two" / "link").symlink_to(tmp_path / "r" / "one", target_is_directory=True)
    names = ["one/a.png", "one/link/b.png", "two/b.png", "two/link/a.png"]
    assert [pair.name for pair in find_pairs(tmp_path / "r", tmp_path / "r")] == names


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As root, which tests may run as, every folder can be read.
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path) in (tmp_path / "d" / "shut", tmp_path / "r" / "shut" / "in"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    names = ["a.png", "shut/b.png", "shut/in/c.png"]
    found = pairs(tmp_path, names, names)
    lacking = f"can't read the folder {(tmp_path / 'd' / 'shut').as_posix()}"
    closed = "can't read this folder: Permission denied"
    assert [(pair.name, pair.error) for pair in found] == [
        ("a.png", None),
        ("shut", closed),
        ("shut/b.png", lacking),
        ("shut/in", closed),
    ]
    assert [(pair.reference is None, pair.distorted is None) for pair in found[1::2]] == [(True, False), (False, True)]


def test_missing_file_is_left_to_scoring(tmp_path: Path) -> None:
    folder(tmp_path, ["a.png"])
    (pair,) = find_pairs(tmp_path / "a.png", tmp_path / "nowhere.png")
    assert pair.error is None


def test_missing_folder(tmp_path: Path) -> None:
    folder(tmp_path / "r", ["a.png"])
    with pytest.raises(UsageError, match=r"no such file or folder: .*nowhere"):
        find_pairs(tmp_path / "r", tmp_path / "nowhere")


def test_file_against_folder(tmp_path: Path) -> None:
    folder(tmp_path / "r", ["a.png"])
    with pytest.raises(UsageError, match="two files or two folders"):
        find_pairs(tmp_path / "r", tmp_path / "r" / "a.png")


def test_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no images .* in .*d$"):
        pairs(tmp_path, ["a.png"], ["notes.txt"])
