"""Files of published weights: which there are, where they are looked for, how they are fetched. Opens none of them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from . import _downloads
from ._downloads import sha256_of

LINEAR_VERSIONS = ("v0.1", "v0.0")


@dataclass(frozen=True)
class WeightsFile:
    """A published file: the name it is kept under, where it comes from, and what it must hold.

    `in_lpips` is its place inside the package `lpips`, for what is shipped there.
    """

    name: str
    url: str
    sha256: str
    in_lpips: str | None = None


class Place(NamedTuple):
    """A folder where weights are looked for, and what makes it one."""

    why: str
    folder: Path | None


def _torchvision(name: str, sha256: str) -> WeightsFile:
    return WeightsFile(name, f"https://download.pytorch.org/models/{name}", sha256)


def _lpips(version: str, net: str, sha256: str) -> WeightsFile:
    path = f"weights/{version}/{net}.pth"
    url = f"https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/{path}"
    return WeightsFile(f"LPIPS_{version}_{net}-{sha256[:8]}.pth", url, sha256, path)


BACKBONE_FILES = {
    "alex": _torchvision(
        "alexnet-owt-7be5be79.pth", "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
    ),
    "vgg": _torchvision("vgg16-397923af.pth", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"),
    "squeeze": _torchvision(
        "squeezenet1_1-b8a52dc0.pth", "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b"
    ),
}

LINEAR_FILES = {
    (version, net): _lpips(version, net, sha256)
    for version, net, sha256 in (
        ("v0.1", "alex", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
        ("v0.1", "vgg", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
        ("v0.1", "squeeze", "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76"),
        ("v0.0", "alex", "18720f55913d0af89042f13faa7e536a6ce1444a0914e6db9461355ece1e8cd5"),
        ("v0.0", "vgg", "b9e4236260c3dd988fc79d2a48d645d885afcbb21f9fd595e6744cf7419b582c"),
        ("v0.0", "squeeze", "c27abd3a0145541baa50990817df58d3759c3f8154949f42af3b59b4e042d0bf"),
    )
}


def places() -> list[Place]:
    """Where weights are looked for, in this order. What is downloaded goes to the first that is no package."""
    named = os.environ.get("LIMEN_WEIGHTS")
    return [
        Place("LIMEN_WEIGHTS", Path(named).expanduser() if named else None),
        Place("torch hub cache", _hub()),
        Place("lpips package", _lpips_package()),
    ]


def download_folder() -> Path:
    """Where what is downloaded or exported is kept: ``LIMEN_WEIGHTS``, or the cache of torch hub."""
    named, hub, _ = places()
    return named.folder or hub.folder or Path()


def find(file: WeightsFile) -> Path | None:
    """Where the file lies on this machine, if it does."""
    named, hub, package = (place.folder for place in places())
    candidates = [folder / file.name for folder in (named, hub) if folder]
    if package and file.in_lpips:
        candidates.append(package / file.in_lpips)
    return next((path for path in candidates if path.is_file()), None)


def onnx_file_name(net: str) -> str:
    """What a backbone exported for ONNX Runtime is called, in the places where downloads are kept."""
    return f"limen-lpips-{net}.onnx"


def find_named(name: str) -> Path | None:
    """A file of that name in the places where downloads are kept."""
    folders = [place.folder for place in places()[:2] if place.folder]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def obtain(files: Iterable[WeightsFile], fetch_command: str) -> list[Path]:
    """Where the files lie, after what was missing is downloaded; every file's SHA-256 is checked.

    Raises
    ------
    FileNotFoundError
        If one is neither here nor to be had, naming the files, the places looked in and the command that fetches them.
    ValueError
        If a file doesn't hold what its name says.
    """
    files = list(files)
    missing = [file for file in files if find(file) is None]
    try:
        for file in missing:
            download(file)
    except OSError as error:
        raise FileNotFoundError(_not_found(missing, fetch_command, error)) from error
    paths = [path for file in files if (path := find(file))]
    for file, path in zip(files, paths, strict=True):
        _check(file, path)
    return paths


def download(file: WeightsFile) -> Path:
    """Fetch the file from its address into `download_folder`, whole or not at all, with a bar on a terminal.

    Raises
    ------
    OSError
        If it can't be had, comes truncated, or can't be written.
    ValueError
        If what comes is another file.
    """
    target = download_folder() / file.name
    _downloads.download(file.url, target, sha256=file.sha256)
    return target


def _check(file: WeightsFile, path: Path) -> None:
    found = sha256_of(path)
    if found != file.sha256:
        raise ValueError(
            f"{path} is damaged or another file: its SHA-256 begins {found[:8]}, not {file.sha256[:8]}; remove it, and "
            "it is fetched anew"
        )


def _not_found(missing: Iterable[WeightsFile], fetch_command: str, error: OSError) -> str:
    names = " and ".join(file.name for file in missing)
    looked = ", ".join(f"{place.why} ({place.folder or 'none'})" for place in places())
    return (
        f"{names} found neither on this machine nor on the network ({getattr(error, 'reason', None) or error}). "
        f"Looked in: {looked}. With a connection `{fetch_command}` fetches what is missing; files fetched elsewhere "
        "can be copied into the folder that LIMEN_WEIGHTS names. backbone= and linear= take paths and state dicts too"
    )


def _hub() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", Path(cache, "torch"))).expanduser() / "hub" / "checkpoints"


def _lpips_package() -> Path | None:
    """The folder of an installed `lpips`, which is found without running a line of it."""
    try:
        spec = importlib.util.find_spec("lpips")
    except (ImportError, ValueError):
        return None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) if folders else None
