"""Decoding: what is read, and what is refused rather than changed in silence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from limen.cli import _images
from limen.cli._any_size import any_size
from limen.cli._images import ImageError, read_image

GREY = np.random.default_rng(1).integers(0, 256, (13, 21), np.uint8)
RGB = np.random.default_rng(2).integers(0, 256, (13, 21, 3), np.uint8)
LOSSLESS: dict[str, dict[str, Any]] = {
    "png": {},
    "tif": {},
    "TIFF": {},
    "bmp": {},
    "webp": {"lossless": True, "exact": True},
}


DEEP = np.random.default_rng(3).integers(0, 65536, (13, 21)).astype(np.uint16)


def save_tiff(path: Path, planes: Sequence[np.ndarray], bits: int, photometric: int, sample_format: int = 1) -> Path:
    """A little-endian TIFF of 21 x 13 pixels, uncompressed, a strip a plane: what Pillow itself doesn't write."""
    strips = [plane.tobytes() for plane in planes]
    count = len(strips)
    after = 8 + 2 + 12 * 11 + 4  # The header, the directory, and then what it has no room for.
    shorts = after + 8 * count
    starts = [shorts + 6 * count + sum(map(len, strips[:number])) for number in range(count)]
    tags = {
        256: (4, 1, 21),
        257: (4, 1, 13),
        258: (3, count, bits if count == 1 else shorts),
        259: (3, 1, 1),
        262: (3, 1, photometric),
        273: (4, count, starts[0] if count == 1 else after),
        277: (3, 1, count),
        278: (4, 1, 13),
        279: (4, count, len(strips[0]) if count == 1 else after + 4 * count),
        284: (3, 1, 1 if count == 1 else 2),
        339: (3, count, sample_format if count == 1 else shorts + 2 * count),
    }
    directory = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in tags.items())
    numbers = struct.pack(f"<{2 * count}I", *starts, *map(len, strips))
    numbers += struct.pack(f"<{3 * count}H", *[bits] * count, *[sample_format] * count, *[0] * count)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4) + numbers + b"".join(strips))
    return path


def png(width: int, height: int, depth: int, colour: int, pixels: np.ndarray, *more: tuple[bytes, bytes]) -> bytes:
    """Of pixels as the file holds them; `more`: chunks before them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)), *more, (b"IDAT", rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in (*chunks, (b"IEND", b"")))


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_rgb_is_read_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(RGB).save(path, **LOSSLESS[suffix])
    image = read_image(path)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, RGB)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_grey_is_read_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(GREY).save(path)
    np.testing.assert_array_equal(read_image(path), GREY)


@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_jpeg_is_read(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "image.jpg"
    Image.fromarray(np.full_like(pixels, 77)).save(path, quality=100)
    image = read_image(path)
    assert image.shape == pixels.shape
    assert abs(image.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_16_bit_grey_is_read_exactly(tmp_path: Path, suffix: str, order: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.frombytes("I;16B" if order == ">u2" else "I;16", (21, 13), DEEP.astype(order).tobytes()).save(path)
    image = read_image(path)
    assert image.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(image, DEEP)


@pytest.mark.parametrize("photometric", [0, 1], ids=["white is 0", "black is 0"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_tiff_of_any_depth(tmp_path: Path, bits: int, photometric: int) -> None:
    values = DEEP >> (16 - bits)
    if bits >= 8:
        rows = values.astype(f"<u{bits // 8}")
    else:
        # The highest bits of each byte come first; rows end with their byte.
        each = 8 // bits
        padded = np.pad(values, ((0, 0), (0, -21 % each))).reshape(13, -1, each)
        rows = (padded << np.arange(8 - bits, -1, -bits)).sum(-1).astype(np.uint8)
    image = read_image(save_tiff(tmp_path / "image.tif", [rows], bits, photometric))
    largest = 65535 if bits == 16 else 255
    bright = values.astype(int) * largest // ((1 << bits) - 1)
    np.testing.assert_array_equal(image, bright if photometric else largest - bright)


def test_palette_becomes_colours(tmp_path: Path) -> None:
    palette = Image.fromarray(RGB).quantize(16)
    for name in ("image.png", "image.tif"):
        palette.save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name), np.asarray(palette.convert("RGB")))


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(GREY > 127).save(tmp_path / "image.png")
    np.testing.assert_array_equal(read_image(tmp_path / "image.png"), np.where(GREY > 127, 255, 0))


@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_opaque_alpha_is_dropped_and_transparency_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    image = Image.fromarray(pixels)
    image.putalpha(255)
    image.save(tmp_path / "opaque.png")
    np.testing.assert_array_equal(read_image(tmp_path / "opaque.png"), pixels)

    image.putpixel((3, 4), (*image.getpixel((3, 4))[:-1], 254))  # type: ignore[index]
    image.save(tmp_path / "transparent.png")
    with pytest.raises(ImageError, match=r"transparent\.png: has transparent pixels"):
        read_image(tmp_path / "transparent.png")


def test_transparent_palette_colour_is_refused(tmp_path: Path) -> None:
    Image.fromarray(RGB).quantize(4).save(tmp_path / "image.png", transparency=0)
    with pytest.raises(ImageError, match="transparent pixels"):
        read_image(tmp_path / "image.png")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_exif_orientation_is_applied(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = 6  # Shown turned by a quarter, clockwise.
    image.save(path, exif=exif, quality=100, lossless=True)
    shown = read_image(path)
    assert shown.shape == (21, 13, 3)
    if suffix != "jpg":
        np.testing.assert_array_equal(shown, np.rot90(RGB, -1))


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_orientation_of_an_uncompressed_tiff(tmp_path: Path, mode: str, orientation: int) -> None:
    stored = {"L": GREY, "RGBA": np.dstack([RGB, np.full_like(GREY, 255)]), "I;16": DEEP}[mode]
    Image.fromarray(stored).save(tmp_path / "image.tif", tiffinfo={0x0112: orientation})
    turn = orientation - 2
    upright = [
        np.fliplr(stored),
        np.rot90(stored, 2),
        np.flipud(stored),
        np.swapaxes(stored, 0, 1),
        np.rot90(stored, -1),
        np.rot90(np.swapaxes(stored, 0, 1), 2),
        np.rot90(stored),
    ][turn]
    np.testing.assert_array_equal(read_image(tmp_path / "image.tif"), upright[..., :3] if mode == "RGBA" else upright)


def test_a_limit_of_pillow_is_back_when_the_last_reader_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    with any_size():
        with any_size():
            pass
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS == 7


def test_first_picture_of_a_camera_file_is_read(tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    image.save(tmp_path / "image.jpg", "MPO", save_all=True, append_images=[image.resize((4, 4))])
    assert read_image(tmp_path / "image.jpg").shape == RGB.shape


def test_several_pages_are_refused(tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    image.save(tmp_path / "image.tif", save_all=True, append_images=[image, image])
    with pytest.raises(ImageError, match="holds 3 pictures, expected one"):
        read_image(tmp_path / "image.tif")


@pytest.mark.parametrize(("mode", "suffix"), [("CMYK", "jpg"), ("LAB", "tif")])
def test_other_modes_are_refused(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.new(mode, (21, 13)).save(path)
    with pytest.raises(ImageError, match=f"is in Pillow's mode {mode}"):
        read_image(path)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_tiff_of_other_numbers_is_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (21, 13)).save(tmp_path / "image.tif")
    with pytest.raises(ImageError, match="holds signed or floating-point values; unsigned ones"):
        read_image(tmp_path / "image.tif")


@pytest.mark.parametrize("dtype", ["i1", "<i2"])
def test_signed_tiff_is_refused_rather_than_wrapped(tmp_path: Path, dtype: str) -> None:
    pixels = np.zeros((13, 21), dtype)
    save_tiff(tmp_path / "image.tif", [pixels], 8 * pixels.itemsize, photometric=1, sample_format=2)
    with pytest.raises(ImageError, match="holds signed or floating-point values; unsigned ones"):
        read_image(tmp_path / "image.tif")


@pytest.mark.parametrize(("bits", "row"), [(12, 32), (32, 84)])
def test_depth_without_a_range_is_refused(tmp_path: Path, bits: int, row: int) -> None:
    save_tiff(tmp_path / "image.tif", [np.zeros((13, row), np.uint8)], bits, photometric=1)
    with pytest.raises(ImageError, match=f"has {bits} bits a sample; 1 to 8 and 16 can be scored"):
        read_image(tmp_path / "image.tif")


@pytest.mark.parametrize("colour", [2, 4, 6], ids=["RGB", "grey with alpha", "RGB with alpha"])
def test_16_bit_colour_is_refused_rather_than_cut(tmp_path: Path, colour: int) -> None:
    channels = {2: 3, 4: 2, 6: 4}[colour]
    (tmp_path / "image.png").write_bytes(png(5, 4, 16, colour, np.zeros((4, 5, channels), ">u2")))
    with pytest.raises(ImageError, match="16 bits per colour channel"):
        read_image(tmp_path / "image.png")


def test_colour_tiff_plane_by_plane(tmp_path: Path) -> None:
    image = read_image(save_tiff(tmp_path / "image.tif", list(np.moveaxis(RGB, -1, 0)), 8, photometric=2))
    np.testing.assert_array_equal(image, RGB)
    save_tiff(tmp_path / "deep.tif", [DEEP, DEEP, DEEP], 16, photometric=2)
    with pytest.raises(ImageError, match="16 bits per colour channel"):
        read_image(tmp_path / "deep.tif")


def test_transparent_colour_of_16_bit_grey(tmp_path: Path) -> None:
    pixels = np.array([[1, 2], [3, 1000]])
    for colour, refused in ((1000, True), (1001, False)):
        data = png(2, 2, 16, 0, pixels.astype(">u2"), (b"tRNS", struct.pack(">H", colour)))
        (tmp_path / "image.png").write_bytes(data)
        if refused:
            with pytest.raises(ImageError, match="has transparent pixels"):
                read_image(tmp_path / "image.png")
        else:
            np.testing.assert_array_equal(read_image(tmp_path / "image.png"), pixels)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_size_has_a_limit_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    # Pillow warns above its limit, which is an error here, and refuses above twice that.
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(RGB).save(path, **LOSSLESS[suffix])
    for limit in (200, 50):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        np.testing.assert_array_equal(read_image(path), RGB)
        assert limit == Image.MAX_IMAGE_PIXELS  # As the program that calls us had it.
    monkeypatch.setattr(_images, "_MOST_PIXELS", 272)
    with pytest.raises(ImageError, match="has 21 x 13 pixels; at most 272 can be scored"):
        read_image(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.png: no such file"):
        read_image(tmp_path / "nowhere.png")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"(?i)directory"):
        read_image(tmp_path)


@pytest.mark.parametrize("data", [b"", b"not an image", b"%!PS-Adobe-3.0 EPSF-3.0\n"], ids=["empty", "text", "eps"])
def test_not_an_image(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "image.png").write_bytes(data)
    with pytest.raises(ImageError, match="not a PNG, JPEG, TIFF, WebP or BMP image that Pillow can read"):
        read_image(tmp_path / "image.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_file(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(np.tile(RGB, (8, 8, 1))).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError, match=rf"image\.{suffix}: ."):
        read_image(path)
