"""`limen demo`: five distortions of equal MSE, and what each metric says of them."""

from __future__ import annotations

import os
import sys
import webbrowser
from argparse import Namespace
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from limen.cli._errors import UsageError, needs_extra
from limen.cli._images import ImageError, read_image
from limen.cli._metrics import METRICS
from limen.cli._table import align

with needs_extra("demo"):
    import jinja2  # noqa: F401

from limen._whole_files import write_atomically
from limen.cli._contact_sheet import Tile, draw_contact_sheet
from limen.cli._distortions import Pixels, distort_equally
from limen.cli._pages import write_page
from limen.cli._pictures import lossless, picture, ssim_map

_CONVENTION = "wang"
_METRICS = tuple(METRICS[name] for name in ("mse", "mae", "psnr", "ssim", "ms-ssim"))

# In the wheel of every scikit-image that supports our Pythons, so that nothing is downloaded.
_PHOTOGRAPHS = {"Cat": "chelsea.png", "Camera": "camera.png", "Coffee": "coffee.png", "Astronaut": "astronaut.png"}


@dataclass(frozen=True)
class _Variant:
    """A photograph under one distortion, and its scores by metric name."""

    name: str
    strength: str
    pixels: Pixels
    scores: dict[str, float]


@dataclass(frozen=True)
class _Series:
    """A photograph and its variants, most similar first."""

    name: str
    photo: Pixels
    variants: list[_Variant]


def run(arguments: Namespace) -> int:
    """Write index.html and demo.png into the directory, print the table."""
    directory: Path = arguments.directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't make the folder {directory}: {error.strerror}") from error

    series = [_series(name, photo) for name, photo in _photographs()]
    page = directory / "index.html"
    write_page(
        page,
        "demo.html",
        metrics=_METRICS,
        convention=_CONVENTION,
        series=[
            {
                "name": one.name,
                "photo": lossless(picture(one.photo)),
                "size": f"{one.photo.shape[1]} × {one.photo.shape[0]}",
                "variants": [
                    {
                        "name": variant.name,
                        "strength": variant.strength,
                        "scores": variant.scores,
                        "picture": lossless(picture(variant.pixels)),
                        "map": lossless(ssim_map(one.photo, variant.pixels, _CONVENTION)),
                    }
                    for variant in one.variants
                ],
            }
            for one in series
        ],
    )
    sheet = directory / "demo.png"
    image = draw_contact_sheet(_tiles(series[0]))
    write_atomically(sheet, lambda file: image.save(file, "PNG", optimize=True))

    print(_table(series))
    print(f"\nSSIM and MS-SSIM in the {_CONVENTION} convention, data range 255.\n{page.resolve()}\n{sheet.resolve()}")
    if arguments.open and _has_screen():
        webbrowser.open(page.resolve().as_uri())
    return 0


def _photographs() -> list[tuple[str, Pixels]]:
    with needs_extra("demo"):
        folder = files("skimage.data")
    photographs = []
    for name, file in _PHOTOGRAPHS.items():
        with as_file(folder / file) as path:
            try:
                photographs.append((name, read_image(path)))
            except ImageError as error:
                raise UsageError(f"{error} (the scikit-image on PyPI contains it)") from error
    return photographs


def _series(name: str, photo: Pixels) -> _Series:
    variants = [
        _Variant(
            distorted.name,
            distorted.strength,
            distorted.pixels,
            {metric.name: metric.score(photo, distorted.pixels, _CONVENTION) for metric in _METRICS if metric.score},
        )
        for distorted in distort_equally(photo)
    ]
    return _Series(name, photo, sorted(variants, key=lambda variant: -variant.scores["ssim"]))


def _tiles(series: _Series) -> list[Tile]:
    return [
        Tile(series.photo, "Original", "MSE 0   SSIM 1"),
        *(
            Tile(variant.pixels, variant.name, f"MSE {variant.scores['mse']:.0f}   SSIM {variant.scores['ssim']:.2f}")
            for variant in series.variants
        ),
    ]


def _table(series: list[_Series]) -> str:
    lines = [["photograph", "distortion", *(metric.name for metric in _METRICS)]]
    for one in series:
        for variant in one.variants:
            scores = [f"{variant.scores[metric.name]:.{metric.decimals}f}" for metric in _METRICS]
            lines.append([one.name, variant.name, *scores])
    return align(lines, left={0, 1}, rules=range(1, len(lines), len(series[0].variants)))


def _has_screen() -> bool:
    """Whether a browser would open a window. Without one a text browser may start, and the command never ends."""
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
