"""Where the images of `limen.autoencoders` come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from limen.autoencoders._binary_sets import read_cifar10, read_stl10
from limen.autoencoders._data import ImageData, find_images
from limen.autoencoders._image_files import read_grey
from limen.autoencoders._image_sets import ImageSet, adapted, each_its_own, to_unit
from limen.autoencoders._patches import Cut, builtin_photographs
from limen.autoencoders._yale import read_yale
from limen.bapps.synthetic._photographs import Photograph
from photographs import photograph

SMALL = Cut(side=16, train=24, held_out=6)


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save_all(folder: Path, count: int, side: int = 24) -> None:
    for i in range(count):
        Image.fromarray(noise(side, side + i, 3, seed=i)).save(folder / f"{i:02}.png")


# Of a path Pillow maps such a file into memory, and its rows come out as long as its columns.
def test_a_grey_tiff_on_its_side_comes_upright(tmp_path: Path) -> None:
    pixels = noise(20, 30)
    Image.fromarray(pixels).save(tmp_path / "image.tif", tiffinfo={0x0112: 6})  # shown turned by a quarter, clockwise
    upright = np.rot90(pixels, -1)
    assert np.array_equal(read_grey(tmp_path / "image.tif"), upright)
    assert np.array_equal(Photograph("image", tmp_path / "image.tif").read(), np.repeat(upright[..., None], 3, 2))


def test_stl10_is_read_column_by_column(tmp_path: Path) -> None:
    image = np.arange(3 * 96 * 96).reshape(3, 96, 96) % 251
    image.swapaxes(1, 2).astype(np.uint8).tofile(tmp_path / "test_X.bin")
    assert np.array_equal(read_stl10(tmp_path / "test_X.bin"), image[None])


def test_folder_of_stl10_is_known_by_its_files(tmp_path: Path) -> None:
    for name, count in (("unlabeled_X.bin", 41), ("test_X.bin", 2)):
        noise(count, 3, 96, 96).tofile(tmp_path / name)
    splits = find_images(tmp_path, SMALL)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (39, 2, 2)
    assert splits.source == "STL-10"
    assert splits.test.name_of(1) == "STL-10 test 1"
    assert splits.adapted((1, 32, 32)).train.pixels.shape == (39, 1, 32, 32)


def test_cifar10(tmp_path: Path) -> None:
    records = noise(20, 3073)
    records[:, 0] %= 10
    for name in ("data_batch_2.bin", "test_batch.bin"):
        records.tofile(tmp_path / name)
    images, labels = read_cifar10(tmp_path / "data_batch_2.bin")
    assert np.array_equal(images, records[:, 1:].reshape(20, 3, 32, 32))
    assert np.array_equal(labels, records[:, 0])
    splits = find_images(tmp_path, SMALL)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (19, 1, 20)


@pytest.mark.parametrize(
    ("name", "size"), [("unlabeled_X.bin", 27647), ("unlabeled_X.bin", 0), ("test_batch.bin", 3074)]
)
def test_truncated_binary_files_are_named(tmp_path: Path, name: str, size: int) -> None:
    (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "test_X.bin").write_bytes(bytes(27648))
    reader = read_cifar10 if name == "test_batch.bin" else read_stl10
    with pytest.raises(ValueError, match=f"{name} is empty, truncated or another file: its {size} bytes"):
        reader(tmp_path / name)


def test_labels_tell_a_foreign_file(tmp_path: Path) -> None:
    np.full(3073, 99, np.uint8).tofile(tmp_path / "data_batch_1.bin")
    with pytest.raises(ValueError, match="no batch of CIFAR-10: image 0 has label 99"):
        read_cifar10(tmp_path / "data_batch_1.bin")


def test_binary_sets_that_lack_a_file_say_which(tmp_path: Path) -> None:
    (tmp_path / "unlabeled_X.bin").write_bytes(bytes(27648))
    with pytest.raises(ValueError, match=r"must have test_X\.bin"):
        find_images(tmp_path, SMALL)


def test_faces_are_told_by_their_names(tmp_path: Path) -> None:
    names = [
        f"yaleB{subject:02}_P00A{azimuth:+04}E{elevation:+03}"
        for subject in (1, 2)
        for azimuth, elevation in ((0, 0), (-130, 20), (35, -40))
    ]
    for i, name in enumerate(names):
        (tmp_path / name[:7]).mkdir(exist_ok=True)
        Image.fromarray(np.full((192, 168), 10 * i, np.uint8)).save(tmp_path / name[:7] / f"{name}.pgm")
    Image.fromarray(noise(192, 168)).save(tmp_path / "yaleB01" / "yaleB01_P00_Ambient.pgm")
    (tmp_path / "yaleB01" / "yaleB01_P00A+050E-40.pgm.bad").touch()
    (tmp_path / "yaleB02" / "yaleB02_P00A+110E+65.pgm").write_bytes(b"P5 168 192 255\n" + bytes(7))
    faces = read_yale(tmp_path)
    assert faces.images.shape == (6, 1, 48, 48)
    assert [len(faces.skipped), "yaleB02_P00A+110E+65.pgm" in faces.skipped[0]] == [1, True]
    order = np.argsort(faces.images[:, 0, 0, 0])
    assert faces.subjects[order].tolist() == [1, 1, 1, 2, 2, 2]
    assert faces.azimuths[order].tolist() == [0, -130, 35, 0, -130, 35]
    assert faces.elevations[order].tolist() == [0, 20, -40, 0, 20, -40]
    splits = find_images(tmp_path, SMALL)
    assert (len(splits.train), len(splits.test)) == (4, 1)
    assert len(splits.skipped) == 1


def test_folder_of_images_is_divided_by_file(tmp_path: Path) -> None:
    save_all(tmp_path, 12)
    splits = find_images(tmp_path, SMALL)
    names = [{one.name_of(i) for i in range(len(one))} for one in (splits.train, splits.validation, splits.test)]
    assert [len(each) for each in names] == [10, 1, 1]
    assert len(set.union(*names)) == 12
    assert splits.train.pixels.shape == (30, 3, 16, 16)
    again = find_images(tmp_path, SMALL)
    assert np.array_equal(splits.train.pixels, again.train.pixels)


def test_a_broken_file_among_many_is_named_and_left_out(tmp_path: Path) -> None:
    save_all(tmp_path, 30)
    whole = (tmp_path / "07.png").read_bytes()
    (tmp_path / "07.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "11.png").write_bytes(b"no image")
    Image.fromarray(noise(15, 40)).save(tmp_path / "small.png")
    splits = find_images(tmp_path, Cut(side=16, train=60, held_out=6))
    told = "\n".join(splits.skipped)
    assert len(splits.skipped) == 3
    assert all(name in told for name in ("07.png", "11.png", "small.png: 15 x 40 is smaller than a patch of 16 x 16"))


@pytest.mark.parametrize("count", [0, 2])
def test_folders_with_too_little_are_refused(tmp_path: Path, count: int) -> None:
    save_all(tmp_path, count)
    with pytest.raises(ValueError, match="has no image in it" if count == 0 else "at least 3 images.*found 2"):
        find_images(tmp_path, SMALL)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere, which is not there"):
        find_images(tmp_path / "nowhere", SMALL)


def test_images_smaller_than_the_patch_are_refused_where_all_are(tmp_path: Path) -> None:
    save_all(tmp_path, 5, side=8)
    with pytest.raises(ValueError, match="no image for train can be used: .*smaller than a patch"):
        find_images(tmp_path, SMALL)


def test_builtin_photographs_share_no_pixel_between_sets() -> None:
    cut = Cut(side=32, train=140, held_out=28)
    splits = builtin_photographs(cut)
    assert len(set(splits.train.groups)) == len(set(splits.test.groups)) == 14
    # Each patch is found in the area of its set, and there alone.
    chelsea = np.rint(255 * photograph("chelsea")).astype(np.uint8)
    number = list(splits.train.names).index("chelsea")
    for part, area in ((splits.train, chelsea[:, :, :338]), (splits.test, chelsea[:, 150:, 338:])):
        patch = part.pixels[part.groups == number][0]
        windows = np.lib.stride_tricks.sliding_window_view(area[0], (32, 32))
        assert (windows[..., ::8, ::8] == patch[0, ::8, ::8]).all((2, 3)).any()


def test_patches_larger_than_the_photographs_are_refused() -> None:
    with pytest.raises(ValueError, match="patches of 97 pixels don't fit .* smallest area has 96"):
        builtin_photographs(Cut(side=97))


def test_a_set_is_brought_into_the_networks_shape() -> None:
    images = each_its_own(noise(3, 3, 96, 96), "n")
    grey = adapted(images, (1, 32, 32)).pixels
    expected = images.pixels.reshape(3, 3, 32, 3, 32, 3).mean((3, 5), dtype=np.float64)
    luma = np.einsum("bchw,c->bhw", expected, [0.299, 0.587, 0.114])
    assert np.abs(grey[:, 0] - luma).max() <= 0.51
    repeated = adapted(ImageSet(grey, images.groups, images.names), (3, 32, 32)).pixels
    assert np.array_equal(repeated, np.repeat(grey, 3, 1))
    with pytest.raises(ValueError, match="images of 32 x 32 are smaller than the 48 x 48"):
        adapted(ImageSet(grey, images.groups, images.names), (1, 48, 48))


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    splits = builtin_photographs(Cut(side=16, train=70, held_out=14))
    orders = []
    for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0)):
        loader = ImageData(splits, (3, 16, 16), batch_size=32, seed=seed).train_dataloader()
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        batches = list(loader)
        assert [batch.shape for batch in batches] == [(32, 3, 16, 16)] * 2
        orders.append(np.concatenate(batches))
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    assert not np.array_equal(orders[0], orders[3])
    assert float(to_unit(batches[0]).max()) <= 1
    with pytest.raises(ValueError, match="batch_size must be from 1 to the number of images for training, 70; got 71"):
        ImageData(splits, (3, 16, 16), batch_size=71)
