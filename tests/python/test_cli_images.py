"""Decoding: what is read, and what is refused rather than changed in silence."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

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
    pixels = np.random.default_rng(3).integers(0, 65536, (13, 21)).astype(np.uint16)
    Image.frombytes("I;16B" if order == ">u2" else "I;16", (21, 13), pixels.astype(order).tobytes()).save(path)
    image = read_image(path)
    assert image.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(image, pixels)


def test_palette_becomes_colours(tmp_path: Path) -> None:
    palette = Image.fromarray(RGB).quantize(16)
    palette.save(tmp_path / "image.png")
    np.testing.assert_array_equal(read_image(tmp_path / "image.png"), np.asarray(palette.convert("RGB")))


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


def test_first_picture_of_a_camera_file_is_read(tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    image.save(tmp_path / "image.jpg", "MPO", save_all=True, append_images=[image.resize((4, 4))])
    assert read_image(tmp_path / "image.jpg").shape == RGB.shape


def test_several_pages_are_refused(tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    image.save(tmp_path / "image.tif", save_all=True, append_images=[image, image])
    with pytest.raises(ImageError, match="holds 3 pictures, expected one"):
        read_image(tmp_path / "image.tif")


@pytest.mark.parametrize(("mode", "suffix"), [("CMYK", "jpg"), ("LAB", "tif"), ("F", "tif"), ("I", "tif")])
def test_other_modes_are_refused(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.new(mode, (21, 13)).save(path)
    with pytest.raises(ImageError, match=f"is in Pillow's mode {mode}"):
        read_image(path)


def test_16_bit_colour_is_refused_rather_than_cut(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(5 * 6) for _ in range(4)))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    (tmp_path / "image.png").write_bytes(png)
    with pytest.raises(ImageError, match="16 bits per colour channel"):
        read_image(tmp_path / "image.png")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.png: no such file"):
        read_image(tmp_path / "nowhere.png")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"(?i)directory"):
        read_image(tmp_path)


@pytest.mark.parametrize("data", [b"", b"not an image", b"%!PS-Adobe-3.0 EPSF-3.0\n"], ids=["empty", "text", "eps"])
def test_not_an_image(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "image.png").write_bytes(data)
    with pytest.raises(ImageError, match="not a PNG, JPEG, TIFF, WebP or BMP image"):
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
