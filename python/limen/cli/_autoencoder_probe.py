"""`limen autoencoder probe`: what the codes of autoencoders know of faces and light."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import limen
from limen._whole_files import write_atomically
from limen.cli._autoencoder_training import set_threads, tell_skipped, usage_errors
from limen.cli._errors import UsageError, needs_extra
from limen.cli._table import align

with needs_extra("autoencoders"):
    from PIL import Image

if TYPE_CHECKING:
    from limen.autoencoders._intervals import Interval
    from limen.autoencoders._representations import Representations
    from limen.autoencoders._training import Plan
    from limen.autoencoders._yale import Faces

_OBJECTIVES = ("mse", "mae", "ssim", "ms-ssim")
_SIDE = 48
_PICTURED = (8, 8)


def run(arguments: Namespace) -> int:
    """Train where no checkpoints are given, probe, print the table. Returns 1 when faces were left out, else 0."""
    folder: Path = arguments.output
    with usage_errors():
        from limen.autoencoders._probe import check_faces
        from limen.autoencoders._representations import ask, load_by_objective, train_on_faces

        set_threads(arguments)
        _make_folder(folder)
        given = load_by_objective(arguments.checkpoints or [])
        plans = [] if given else _plans(arguments)
        side = max((max(model.shape[1:]) for model in given.values()), default=_SIDE)
        faces, source = _faces(arguments, side)
        tell_skipped(faces.skipped)
        check_faces(faces, arguments.repeats)  # Before the trainings, which take long.
        models = given or train_on_faces(plans, faces, source, folder, announce=_announce)
        found = ask(models, faces, repeats=arguments.repeats, seed=arguments.seed, announce=_announce)
    _write(folder, found, faces, source, arguments)
    print(_table(found))
    subjects = len(set(faces.subjects.tolist()))
    print(
        f"\n{len(faces)} images of {subjects} subjects, {source}; {arguments.repeats} divisions into 60 % for\n"
        "training, 20 % for choosing, 20 % for the test; 95 % intervals, corrected for what divisions share.\n"
        f"{folder.resolve()}"
    )
    return 1 if faces.skipped else 0


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't make the folder {folder}: {error.strerror}") from error


def _faces(arguments: Namespace, side: int) -> tuple[Faces, str]:
    if arguments.faces is not None:
        from limen.autoencoders._yale import read_yale

        return read_yale(arguments.faces, side), "Extended Yale B"
    from limen.autoencoders._faces import render_faces

    return render_faces(arguments.subjects, side=side, seed=arguments.seed), "rendered"


def _plans(arguments: Namespace) -> list[Plan]:
    """A training for each objective."""
    from limen.autoencoders._training import Plan

    options = {"shape": [1, _SIDE, _SIDE], "code_size": arguments.code_size}
    if arguments.width is not None:
        if arguments.model == "fc":
            raise UsageError("--width is for conv and el-vae; got it with --model fc")
        options["width"] = arguments.width
    return [
        Plan(
            arguments.model,
            options,
            objective,
            epochs=arguments.epochs,
            learning_rate=arguments.learning_rate,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            warm_up=arguments.warm_up,
        )
        for objective in dict.fromkeys(arguments.objectives or _OBJECTIVES)
    ]


def _announce(text: str) -> None:
    print(text, file=sys.stderr)


def _table(found: Representations) -> str:
    from limen.autoencoders._probe import QUESTIONS

    names = list(found.answers)
    lines = [["codes", *(cell for one in QUESTIONS for cell in (one.title, f"more than {names[0]}"))]]
    for name in names:
        line = [name]
        for one in QUESTIONS:
            line.append(_told(found.mean(name, one.name), one.digits))
            line.append("" if name == names[0] else _told(found.difference(name, one.name), one.digits, sign="+"))
        lines.append(line)
    return align(lines, left={0}, rules=(1,))


def _told(found: Interval, digits: int, sign: str = "") -> str:
    half = "" if math.isnan(found.low) else f" ± {(found.high - found.low) / 2:.{digits}f}"
    return f"{found.mean:{sign}.{digits}f}{half}"


def _write(folder: Path, found: Representations, faces: Faces, source: str, arguments: Namespace) -> None:
    """probe.csv, a row for each code and division; summary.json; faces.png."""
    rows = [
        {"codes": name, "division": number, **{key: errors[number] for key, errors in answers.items()}}
        for name, answers in found.answers.items()
        for number in range(arguments.repeats)
    ]
    summary = {
        "limen_version": limen.__version__,
        "faces": source,
        "images": len(faces),
        "divisions": arguments.repeats,
        "codes": {
            name: {
                "code_size": found.code_sizes[name],
                **{
                    key: {"error": _ends(found.mean(name, key)), "more_than_first": _ends(found.difference(name, key))}
                    for key in answers
                },
            }
            for name, answers in found.answers.items()
        },
    }
    write_atomically(folder / "probe.csv", lambda file: _write_csv(file, rows))
    text = json.dumps(summary, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n"
    write_atomically(folder / "summary.json", lambda file: file.write(text))
    picture = _picture(faces)
    write_atomically(folder / "faces.png", lambda file: picture.save(file, "PNG", optimize=True))


def _write_csv(file: BinaryIO, rows: list[dict[str, Any]]) -> None:
    with io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True) as text:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _ends(found: Interval) -> dict[str, float | None]:
    return {key: None if math.isnan(value) else value for key, value in vars(found).items()}


def _picture(faces: Faces) -> Image.Image:
    """Some subjects, a row each, under lights from one side to the other."""
    rows, columns = _PICTURED
    tiles = []
    for subject in list(dict.fromkeys(faces.subjects.tolist()))[:rows]:
        own = (faces.subjects == subject).nonzero()[0]
        own = own[faces.azimuths[own].argsort(kind="stable")]
        chosen = [own[round(place * (len(own) - 1) / (columns - 1))] for place in range(columns)]
        tiles.append([faces.images[i, 0] for i in chosen])
    height, width = tiles[0][0].shape
    sheet = Image.new("L", (columns * width, len(tiles) * height))
    for y, row in enumerate(tiles):
        for x, tile in enumerate(row):
            sheet.paste(Image.fromarray(tile), (x * width, y * height))
    return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST)
