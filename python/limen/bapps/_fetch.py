"""The archives as their authors released them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from limen._downloads import download

_ADDRESS = "https://perceptual-similarity.s3.us-west-2.amazonaws.com/dataset/"

# Of each part the archive and its SHA-256, where it is known: the authors publish none.
ARCHIVES: dict[str, tuple[str, str | None]] = {
    "jnd": ("jnd.tar.gz", None),
    "2afc-val": ("twoafc_val.tar.gz", None),
    "2afc-train": ("twoafc_train.tar.gz", None),
}


def fetch(directory: Path, parts: Sequence[str] = tuple(ARCHIVES), *, address: str = _ADDRESS) -> dict[str, str]:
    """Download archives into a folder, which `Dataset` then reads; those that are there already are left alone.

    A broken download goes on where it stopped. Returns the SHA-256 of what was downloaded, by the archive's name. It is
    also written beside the archive, as ``NAME.sha256``, so that others can compare; gzip's own check sums and the
    counts of triplets tell `Dataset` of archives that are damaged.

    Raises
    ------
    OSError
        If one can't be had.
    ValueError
        If a part has another name than those of `ARCHIVES`.
    """
    unknown = [part for part in parts if part not in ARCHIVES]
    if unknown:
        raise ValueError(f"parts must be of {', '.join(ARCHIVES)}; got {unknown[0]!r}")
    sums = {}
    for part in dict.fromkeys(parts):
        name, sha256 = ARCHIVES[part]
        target = directory / name
        if not target.exists():
            sums[name] = download(address + name, target, sha256=sha256, resume=True)
            target.with_name(f"{name}.sha256").write_text(f"{sums[name]}  {name}\n")
    return sums
