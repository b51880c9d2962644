"""Reading data sets in the layout of BAPPS: folders, archives, and whatever can be wrong with them."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import limen.bapps._storage as storage
from bapps_sets import make_set, pack, write
from limen.bapps import Dataset, ItemError, _images
from limen.bapps._layout import RELEASED, Key
from photographs import crop


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("bapps"), items=5)


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(original, tmp_path / "set"))


def contents(dataset: Dataset) -> dict[str, Any]:
    return {
        subset.name(i): ([image.tobytes() for image in subset.images(i)], subset.judgements[i])
        for subset in dataset.subsets.values()
        for i in range(len(subset))
    }


def test_folder(original: Path) -> None:
    dataset = Dataset(original)
    assert [str(key) for key in dataset.subsets] == [
        "2afc/train/traditional",
        "2afc/train/cnn",
        "2afc/val/traditional",
        "2afc/val/cnn",
        "jnd/val/traditional",
        "jnd/val/cnn",
    ]
    assert dataset.synthetic
    assert dataset.observer == "SYNTHETIC judgements: the weaker noise is closer"
    subset = dataset.select("2afc", "val", ["cnn"])[0]
    assert len(subset) == 5
    reference, p0, p1 = subset.images(4)
    file = original / "2afc/val/cnn/p1/000004.png"
    assert np.array_equal(p1, np.asarray(Image.open(file)))
    assert reference.shape == p0.shape == (64, 64, 3)
    assert subset.judgements[4] == np.load(original / "2afc/val/cnn/judge/000004.npy")[0]
    assert len(dataset.select("jnd", "val")[0].images(0)) == 2


@pytest.mark.parametrize("prefix", ["", "dataset", "./x/dataset"])
@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar"])
def test_archives_hold_what_folders_hold(original: Path, tmp_path: Path, name: str, prefix: str) -> None:
    archive = pack(original, tmp_path / name, prefix)
    assert contents(Dataset(archive)) == contents(Dataset(original))


@pytest.mark.parametrize("folder", ["2afc", "2afc/val", "jnd"])
def test_archives_as_released_name_no_test(original: Path, tmp_path: Path, folder: str) -> None:
    archive = pack(original / folder, tmp_path / "part.tar.gz", Path(folder).name if "/" in folder else ".")
    found = Dataset(archive, partial=True).subsets
    assert found.keys() == {key for key in Dataset(original).subsets if str(key).startswith(folder)}


def test_archives_in_a_folder_are_read_together(original: Path, tmp_path: Path) -> None:
    pack(original / "2afc", tmp_path / "twoafc.tar.gz", "2afc")
    pack(original / "jnd", tmp_path / "jnd.tar.gz", "jnd")
    shutil.copy(original / "metadata.json", tmp_path)
    assert contents(Dataset(tmp_path)) == contents(Dataset(original))
    pack(original / "jnd", tmp_path / "again.tar.gz", "jnd")
    with pytest.raises(ValueError, match=r"lies in both .*again.tar.gz and .*jnd.tar.gz: remove one"):
        Dataset(tmp_path)


def test_members_are_read_in_any_order(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_APART", 1 << 16)
    monkeypatch.setattr(storage, "_CHUNK", 1 << 12)
    archive = storage.Archive(pack(original, tmp_path / "a.tar.gz"))
    assert len(archive._stream._copies) > 5  # type: ignore[union-attr]
    folder = storage.Folder(original)
    names = archive.names()
    for i in np.random.default_rng(0).permutation(len(names)):
        assert archive.read(names[i]) == folder.read(names[i].removeprefix("dataset/"))
    again = pickle.loads(pickle.dumps(archive))
    assert again.read(names[-1]) == archive.read(names[-1])


def test_side_by_side_everything_is_decompressed_once(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(original, tmp_path / "a.tar.gz")
    dataset = Dataset(archive)
    read = 0
    skip = storage._Cursor.skip

    def counting(self: Any, size: int) -> None:
        nonlocal read
        read += size
        skip(self, size)

    monkeypatch.setattr(storage._Cursor, "skip", counting)
    subset = dataset.select("2afc", "val", ["cnn"])[0]
    for i in range(len(subset)):
        subset.images(i)
    # To where each of the three parts begins, and over headers.
    assert read < 4 * sum(file.stat().st_size + 2048 for file in original.rglob("*.*"))


def test_several_gzip_streams_in_one_file(original: Path, tmp_path: Path) -> None:
    data = pack(original, tmp_path / "a.tar").read_bytes()
    half = len(data) // 2
    joined = tmp_path / "joined.tar.gz"
    joined.write_bytes(gzip.compress(data[:half]) + gzip.compress(data[half:]) + bytes(100))
    assert contents(Dataset(joined)) == contents(Dataset(original))


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar"])
@pytest.mark.parametrize("kept", [0.1, 0.9])
def test_cut_archives_are_refused(original: Path, tmp_path: Path, name: str, kept: float) -> None:
    archive = pack(original, tmp_path / name)
    size = int(kept * archive.stat().st_size)
    if name == "a.tar":  # where a block ends, which tarfile takes for the end of the archive
        size = size // 512 * 512
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(ValueError, match=rf"{name} (is cut short after|can't be read as an archive).*fetch it again"):
        Dataset(archive)


def test_cut_between_two_members_is_refused(original: Path, tmp_path: Path) -> None:
    archive = pack(original, tmp_path / "a.tar")
    last = max(member.start for member in storage.Archive(archive)._members.values())
    archive.write_bytes(archive.read_bytes()[: last - 512])
    with pytest.raises(ValueError, match="cut short after .* files|can't be read as an archive: .* files came before"):
        Dataset(archive)


def test_damaged_and_foreign_archives(tmp_path: Path, original: Path) -> None:
    archive = pack(original, tmp_path / "a.tar.gz")
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(ValueError, match="can't be read as an archive"):
        Dataset(archive)
    (tmp_path / "b.tar.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="can't be read as an archive"):
        Dataset(tmp_path / "b.tar.gz")
    (tmp_path / "c.zip").write_bytes(b"")
    with pytest.raises(ValueError, match="must be a folder or end in .tar"):
        Dataset(tmp_path / "c.zip")
    with pytest.raises(FileNotFoundError, match="there is no"):
        Dataset(tmp_path / "nowhere")


def test_missing_files_are_named(root: Path) -> None:
    (root / "2afc/val/cnn/judge/000003.npy").unlink()
    (root / "2afc/val/cnn/judge/000004.npy").unlink()
    with pytest.raises(ValueError, match="2afc/val/cnn/judge lacks 2 of 5 files, the first 000003"):
        Dataset(root)
    shutil.rmtree(root / "2afc/val/cnn/judge")
    with pytest.raises(ValueError, match="2afc/val/cnn/judge lacks 5 of 5 files"):
        Dataset(root)


def test_unpaired_patches_are_named(root: Path) -> None:
    (root / "jnd/val/cnn/p1/000000.png").rename(root / "jnd/val/cnn/p1/000099.png")
    with pytest.raises(ValueError, match=r"jnd/val/cnn/p0 lacks 1 of 6 files, the first 000099; .*p1 lacks 1 of 6"):
        Dataset(root)


def test_empty_subsets_and_sets(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no BAPPS data in"):
        Dataset(tmp_path / "empty")
    for file in (root / "2afc/val/cnn").rglob("*.*"):
        file.unlink()
    (root / "metadata.json").write_text(
        json.dumps({"format": "bapps", "judgements": "human", "items": {"2afc/val/cnn": 5}})
    )
    with pytest.raises(ValueError, match="2afc/val/cnn has 0 items, and 5 were made"):
        Dataset(root)
    with pytest.raises(ValueError, match=r"no subset 'cnn' in 2afc/val; there are: traditional"):
        Dataset(root, partial=True).select("2afc", "val", ["cnn"])


def test_released_counts(root: Path) -> None:
    (root / "metadata.json").unlink()
    with pytest.raises(ValueError, match="2afc/val/traditional has 5 items, and 4720 were made"):
        Dataset(root)
    dataset = Dataset(root, partial=True)
    assert not dataset.synthetic
    assert dataset.observer == "human judgements: as released"
    assert sum(RELEASED.values()) == 36344


@pytest.mark.parametrize(
    ("judgement", "found"),
    [
        (np.array([1.5], np.float32), r"got \[1.5\]"),
        (np.array([-0.1], np.float32), "got"),
        (np.array([np.nan], np.float32), "got"),
        (np.array([0.5, 0.5], np.float32), r"got \[0.5, 0.5\]"),
        (np.array(["x"]), "got"),
        (np.zeros(50), "got 50 of them"),
    ],
)
def test_judgements_outside_their_range_are_named(root: Path, judgement: Any, found: str) -> None:
    np.save(root / "2afc/val/cnn/judge/000003.npy", judgement)
    with pytest.raises(ValueError, match=rf"cnn/judge/000003.npy must hold one number in \[0, 1\]; {found}"):
        _ = Dataset(root).subsets[Key("2afc", "val", "cnn")].judgements


def test_broken_judgements_are_named(root: Path) -> None:
    file = root / "jnd/val/cnn/same/000003.npy"
    for content in (b"", b"text", pickle.dumps([1.0])):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="same/000003.npy is no array of NumPy"):
            _ = Dataset(root).subsets[Key("jnd", "val", "cnn")].judgements


def test_broken_images_are_named(root: Path) -> None:
    file = root / "2afc/val/cnn/p0/000003.png"
    subset = Dataset(root).subsets[Key("2afc", "val", "cnn")]
    data = file.read_bytes()
    for content in (b"", b"text", data[: len(data) // 2], b"GIF89a" + data):
        file.write_bytes(content)
        with pytest.raises(ItemError, match="2afc/val/cnn/p0/000003.png: no readable PNG"):
            subset.images(3)
    Image.new("RGBA", (64, 64)).save(file)
    with pytest.raises(ItemError, match=r"000003.png: is in Pillow's mode RGBA"):
        subset.images(3)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [
        len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big") for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def by_pillow(data: bytes) -> Any:
    """Its RGB pixels, or None."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as file:
            return np.asarray(file.convert("RGB")) if file.mode in ("RGB", "L", "P") else None
    except Exception:
        return None


def by_limen(data: bytes) -> Any:
    try:
        return _images.decode(data, "keep")
    except Exception:
        return None


def same(a: Any, b: Any) -> bool:
    return (a is None) == (b is None) and (a is None or (a.dtype == b.dtype and np.array_equal(a, b)))


def test_both_decoders_give_the_same_pixels() -> None:
    pytest.importorskip("imagecodecs")
    quick = 0
    for name, size in (("coffee", (64, 64)), ("chelsea", (1, 1)), ("astronaut", (37, 101)), ("coffee", (200, 3))):
        image = Image.fromarray(np.rint(255 * crop(name, *size)).astype(np.uint8).transpose(1, 2, 0))
        for mode in ("RGB", "L", "P", "RGBA", "LA", "1", "I;16"):
            transparent: Any = {"RGB": {"transparency": (1, 2, 3)}, "L": {"transparency": 3}, "P": {"transparency": 3}}
            for options in ({}, {"compress_level": 0}, {"optimize": True}, transparent.get(mode, {})):
                file = io.BytesIO()
                (image.convert("I").convert("I;16") if mode == "I;16" else image.convert(mode)).save(
                    file, "png", **options
                )
                assert same(by_limen(file.getvalue()), by_pillow(file.getvalue())), (name, mode, options)
                quick += _images._decoded_fast(file.getvalue()) is not None
    assert quick == 12  # RGB without transparency: libspng has been asked.


def test_without_imagecodecs_images_are_the_same(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = contents(Dataset(original))
    monkeypatch.setattr(_images, "_HAVE_SPNG", False)
    assert contents(Dataset(original)) == fast


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_broken_files_are_broken_to_both_decoders(original: Path) -> None:
    pytest.importorskip("imagecodecs")
    data = (original / "2afc/val/cnn/p0/000003.png").read_bytes()
    header = data[16:29]
    stream = zlib.compress(b"".join(b"\0" + bytes(range(192)) for _ in range(64)))
    rows = zlib.decompress(stream)
    ends = (b"IEND", b"")
    files = [
        png((b"IHDR", header), *extra, (b"IDAT", body), ends)
        for body in (
            stream,
            stream[:-4],
            stream[:40],
            stream[:-1] + b"x",
            zlib.compress(rows[:-9]),
            zlib.compress(b"\7" + rows[1:]),
        )
        for extra in ((), [(b"tRNS", bytes(6))], [(b"bKGD", bytes(6))], [(b"zzZz", b"")], [(b"acTL", bytes(8))])
    ]
    files += [
        png((b"IHDR", header[:8] + bytes([bits, kind, 0, 0, lace])), (b"IDAT", stream), ends)
        for bits, kind, lace in ((16, 2, 0), (8, 2, 1), (8, 6, 0), (8, 0, 0))
    ]
    files.append(png((b"IHDR", (16000).to_bytes(4, "big") * 2 + header[8:]), (b"IDAT", stream), ends))
    rng = np.random.default_rng(0)
    for _ in range(150):
        broken = bytearray(data[: rng.integers(len(data)) if rng.random() < 0.3 else None])
        for place in rng.integers(max(len(broken), 1), size=rng.integers(1, 4)):
            broken[place : place + 1] = bytes([rng.integers(256)])
        files.append(bytes(broken))
    for number, file in enumerate(files):
        assert same(by_limen(file), by_pillow(file)), number


def test_other_sizes_only_when_told(tmp_path: Path) -> None:
    images = {part: crop("coffee", 100, 100) for part in ("ref", "p0", "p1")}
    write(tmp_path / "2afc/val/own", 0, images, judge=0.5)
    with pytest.raises(ItemError, match="has 100 x 100 pixels, and BAPPS 64 x 64: say resize=64"):
        Dataset(tmp_path).select("2afc")[0].images(0)
    assert Dataset(tmp_path, resize="keep").select("2afc")[0].images(0)[0].shape == (100, 100, 3)
    resized = Dataset(tmp_path, resize=64).select("2afc")[0].images(0)[0]
    expected = Image.open(tmp_path / "2afc/val/own/ref/000000.png").resize((64, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(resized, np.asarray(expected))
    write(tmp_path / "2afc/val/own", 0, {"p0": crop("coffee", 90, 100)})
    with pytest.raises(ItemError, match="must have one size; got 100 x 100, 100 x 90, 100 x 100"):
        Dataset(tmp_path, resize="keep").select("2afc")[0].images(0)
    with pytest.raises(ValueError, match="resize must be None, 'keep' or a number"):
        Dataset(tmp_path, resize=0)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{", "is no JSON"),
        ("[]", 'must say {"format": "bapps"'),
        ('{"format": "x"}', 'must say {"format": "bapps"'),
        ('{"format": "bapps"}', "must say whether judgements are 'human' or 'synthetic'; got None"),
        ('{"format": "bapps", "judgements": "human", "items": 3}', "items must be an object"),
    ],
)
def test_bad_metadata(root: Path, metadata: str, message: str) -> None:
    (root / "metadata.json").write_text(metadata)
    with pytest.raises(ValueError, match=message):
        Dataset(root)
