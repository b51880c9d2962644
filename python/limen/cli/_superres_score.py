"""`limen superres score`: trained networks beside bicubic interpolation."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limen.cli._autoencoder_training import tell_skipped, usage_errors
from limen.cli._errors import UsageError, needs_extra
from limen.cli._files import check_writable
from limen.cli._table import align

with needs_extra("autoencoders"):
    import skimage  # noqa: F401
    import torch  # noqa: F401

if TYPE_CHECKING:
    from limen.superres import Difference, Restored, Trained

_METRICS = {"psnr": ("PSNR", 2), "ssim": ("SSIM", 4), "ms_ssim": ("MS-SSIM", 4)}


def run(arguments: Namespace) -> int:
    """Score, print the means, write what was asked for. Returns 1 when some image failed, else 0."""
    from limen.superres import folder_images, held_out_photographs

    if arguments.output is not None:
        check_writable(arguments.output)
    with usage_errors():
        networks = _networks(arguments.checkpoints)
        scale = _scale(arguments.scale, networks)
        sources = held_out_photographs() if arguments.images is None else folder_images(arguments.images)
    methods = ["bicubic", *networks]
    if arguments.against not in methods:
        raise UsageError(f"--against must be one of {', '.join(methods)}; got {arguments.against!r}")
    if arguments.pictures is not None:
        _make_folder(arguments.pictures)

    images, failed = _score(sources, scale, networks, arguments.pictures)
    tell_skipped(failed)
    if images:
        print(_table(images, methods, arguments.against, scale))
        if arguments.output is not None:
            from limen.cli._superres_outputs import write_scores

            write_scores(arguments.output, images, scale, networks)
            print(f"{len(images)} of {len(sources)} images scored: {arguments.output}", file=sys.stderr)
    return 1 if failed else 0


def _networks(checkpoints: Sequence[Path]) -> dict[str, Trained]:
    """By objective; where two have the same, by the file's name without its suffix."""
    from limen.superres import load

    loaded = {path: load(path) for path in dict.fromkeys(checkpoints)}
    objectives = [trained.recipe.objective for trained in loaded.values()]
    labels = [
        trained.recipe.objective if objectives.count(trained.recipe.objective) == 1 else path.stem
        for path, trained in loaded.items()
    ]
    if len(set(labels)) < len(labels):
        raise ValueError(f"checkpoints of one objective must differ in their files' names; got {', '.join(labels)}")
    return dict(zip(labels, loaded.values(), strict=True))


def _scale(asked: int | None, networks: Mapping[str, Trained]) -> int:
    scales = {label: trained.recipe.scale for label, trained in networks.items()}
    if asked is None and not scales:
        raise ValueError("a checkpoint or --scale says for which scale; got neither")
    scale = next(iter(scales.values())) if asked is None else asked
    others = [f"{label} for scale {found}" for label, found in scales.items() if found != scale]
    if others:
        raise ValueError(f"the networks must be for scale {scale}; {', '.join(others)}")
    return scale


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't make the folder {folder}: {error.strerror}") from error


def _score(
    sources: Sequence[Any], scale: int, networks: Mapping[str, Trained], pictures: Path | None
) -> tuple[list[Restored], list[str]]:
    from limen.superres import restore_and_score

    models = {label: trained.model for label, trained in networks.items()}
    images, failed = [], []
    for source in _with_progress(sources):
        try:
            image = restore_and_score(source.name, source.load(), scale, models)
        except ValueError as error:
            failed.append(str(error))
            continue
        if pictures is not None:
            from limen.cli._superres_pictures import write_picture

            write_picture(pictures, image)
        images.append(image.without_pixels())
    return images, failed


def _with_progress(sources: Sequence[Any]) -> Iterable[Any]:
    """A bar for people who wait; files and pipes stay clean."""
    if len(sources) == 1 or not sys.stderr.isatty():
        return sources
    with needs_extra("autoencoders"):
        from tqdm import tqdm
    return tqdm(sources, unit="image", file=sys.stderr)


def _table(images: Sequence[Restored], methods: Sequence[str], against: str, scale: int) -> str:
    from limen.superres import compare

    lines = [["method", *(cell for title, _ in _METRICS.values() for cell in (title, f"against {against}"))]]
    for method in methods:
        cells = [_cells(compare(images, name, method, against), digits) for name, (_, digits) in _METRICS.items()]
        lines.append([method, *(cell for mean, gain in cells for cell in (mean, "" if method == against else gain))])
    return (
        f"{align(lines, left={0}, rules=(1,))}\n\nMeans of {len(images)} images at scale {scale}; differences with the "
        "95 % interval of their mean over images.\nSSIM and MS-SSIM in the wang convention, luminance, data range 255."
    )


def _cells(found: Difference | None, digits: int) -> tuple[str, str]:
    if found is None:
        return "-", "-"
    interval = "" if found.half_width is None else f" ± {found.half_width:.{digits}f}"
    return f"{found.mean:.{digits}f}", f"{found.difference:+.{digits}f}{interval}"
