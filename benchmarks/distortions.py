"""Writes docs/distortions.jpg and the table in docs/distortions.md: `python -m benchmarks.distortions`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from limen.bapps.synthetic import SEVERITIES
from limen.distortions import KINDS, Distortion
from limen.distortions.cnn import draw_plan, train_denoiser

DOCS = Path(__file__).parents[1] / "docs"

_STRENGTH = 0.6
_SEED = 5
_SIDE, _COLUMNS, _GAP, _CAPTION = 160, 5, 16, 44
_AUTOENCODERS = (3, 8, 14, 21)
_BEGIN, _END = "<!-- table: python -m benchmarks.distortions -->\n", "<!-- end of table -->\n"


def table() -> str:
    """Each distortion, its parameters at strengths 0.5 and 1, and what the observer makes of it."""
    lines = [
        "| name | family | what it does | at strength 0.5 | at strength 1 | observer, JND |",
        "|---|---|---|---|---|---|",
    ]
    for name, kind in KINDS.items():
        half, full = (_parameters(name, strength) for strength in (0.5, 1.0))
        most, power = SEVERITIES[name]
        curve = f"{most:g} s" if power == 1 else f"{most:g} s^{power:g}"
        lines.append(f"| `{name}` | {kind.family} | {kind.description} | {half} | {full} | {curve} |")
    return "\n".join(lines) + "\n"


def _parameters(name: str, strength: float) -> str:
    """Those that depend on the strength, of one seed."""
    drawn, weak = (Distortion(name, level, _SEED).parameters or {} for level in (strength, 1e-6))
    moving = [f"{key} {value:.3g}" for key, value in drawn.items() if value != weak[key]]
    return ", ".join(moving) if len(moving) <= 3 else f"{', '.join(moving[:2])}, ..."


def sheet() -> Image.Image:
    """One photograph under every distortion, and through four autoencoders."""
    with Image.open(str(files("skimage.data") / "astronaut.png")) as file:
        photo = np.asarray(file.convert("RGB"))
    view = photo[40 : 40 + _SIDE, 150 : 150 + _SIDE]
    tiles = [("original", "", view)]
    tiles += [(name, f"strength {_STRENGTH}", Distortion(name, _STRENGTH, _SEED)(view)) for name in KINDS]
    rng = np.random.default_rng(0)
    patches = np.stack(
        [photo[top : top + 64, left : left + 64] for top, left in rng.integers(0, photo.shape[0] - 64, (128, 2))]
    )
    for seed in _AUTOENCODERS:
        plan = draw_plan(seed)
        denoiser = train_denoiser(plan, patches)
        tiles.append((f"cnn {seed}", f"{plan.corruption}, {plan.loss}", denoiser(view, denoiser.snapshots[-1])))
    rows = -(-len(tiles) // _COLUMNS)
    size = (_COLUMNS * (_SIDE + _GAP) + _GAP, rows * (_SIDE + _CAPTION + _GAP) + _GAP)
    picture = Image.new("RGB", size, "#ffffff")
    draw = ImageDraw.Draw(picture)
    for number, (title, subtitle, pixels) in enumerate(tiles):
        row, column = divmod(number, _COLUMNS)
        left, top = _GAP + column * (_SIDE + _GAP), _GAP + row * (_SIDE + _CAPTION + _GAP)
        picture.paste(Image.fromarray(pixels), (left, top))
        draw.text((left, top + _SIDE + 4), title, "#1c1d1f", ImageFont.load_default(15))
        draw.text((left, top + _SIDE + 23), subtitle, "#63666c", ImageFont.load_default(13))
    return picture


def main() -> None:
    """Write both."""
    page = DOCS / "distortions.md"
    before, rest = page.read_text(encoding="utf-8").split(_BEGIN)
    after = rest.split(_END)[1]
    page.write_text(f"{before}{_BEGIN}{table()}{_END}{after}", encoding="utf-8")
    sheet().save(DOCS / "distortions.jpg", quality=90, subsampling=0)


if __name__ == "__main__":
    main()
