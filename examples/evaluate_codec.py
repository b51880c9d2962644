"""Scores a codec at several qualities over many photographs, and says what a metric costs.

Batches go to the kernels at once, channels last as decoders give them, uncopied; limen spreads them over all cores
and gives one score an image. The photographs come with scikit-image: pip install 'limen[demo]'
"""

from __future__ import annotations

from io import BytesIO
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

import limen

SIDE = 256
QUALITIES = (10, 30, 50, 70, 90)

Pixels = NDArray[np.uint8]


def crops() -> Pixels:
    """Crops of photographs that don't overlap: (N, SIDE, SIDE, 3)."""
    photos = (data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.immunohistochemistry())
    return np.stack(
        [
            photo[top : top + SIDE, left : left + SIDE]
            for photo in photos
            for top in range(0, photo.shape[0] - SIDE + 1, SIDE)
            for left in range(0, photo.shape[1] - SIDE + 1, SIDE)
        ]
    )


def through_jpeg(images: Pixels, quality: int) -> tuple[Pixels, int]:
    """What comes out of JPEG, and the bytes that it took."""
    decoded = np.empty_like(images)
    size = 0
    for i, image in enumerate(images):
        file = BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        size += file.tell()
        decoded[i] = np.asarray(Image.open(file))
    return decoded, size


def main() -> None:
    """Prints a row for each quality."""
    images = crops()
    pixels = images.size // 3
    print(f"{len(images)} crops of {SIDE} x {SIDE}, {limen.get_num_threads()} threads")  # noqa: T201
    print("quality  bits/pixel     PSNR    SSIM  MS-SSIM   worst SSIM  Mpx/s")  # noqa: T201
    for quality in QUALITIES:
        decoded, size = through_jpeg(images, quality)
        start = perf_counter()
        ssim = limen.ssim(images, decoded, channel_axis=-1)
        seconds = perf_counter() - start
        psnr = limen.psnr(images, decoded, channel_axis=-1)
        ms_ssim = limen.ms_ssim(images, decoded, channel_axis=-1)
        print(  # noqa: T201
            f"{quality:7}  {8 * size / pixels:10.2f}  {psnr.mean():7.2f}  {ssim.mean():6.4f}  {ms_ssim.mean():7.4f}"
            f"  {ssim.min():11.4f}  {pixels / seconds / 1e6:5.0f}"
        )


if __name__ == "__main__":
    main()
