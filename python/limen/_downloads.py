"""Files from the network: whole or not at all, checked, with a bar for people who wait, and resumed where wanted."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ._whole_files import beside

_TIMEOUT = 10.0  # Seconds without a byte. Offline, a name that can't be resolved fails at once.
_CHUNK = 1 << 20
_PARTIAL_CONTENT, _NOTHING_FOLLOWS = 206, 416


def download(url: str, target: Path, *, sha256: str | None = None, resume: bool = False) -> str:
    """Fetch a file, which appears at `target` when all of it is there; its SHA-256.

    Parameters
    ----------
    sha256
        What the file must hold; None where nobody says.
    resume
        Keep what has come when the connection breaks, as ``.NAME.part`` beside `target`, and go on from there next
        time, if the server still has the same file. For what takes hours.

    Raises
    ------
    OSError
        If it can't be had, comes truncated, or can't be written.
    ValueError
        If what comes is another file; nothing of it is kept.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # One name for all where it is to be found again, one for each download where it isn't.
    part = target.with_name(f".{target.name}.part") if resume else beside(target, "part")
    complete = False
    try:
        digest = _stream(url, target.name, part, resume)
        complete = True
        if sha256 is not None and digest != sha256:
            raise ValueError(f"what {url} answers is another file: its SHA-256 is {digest}; nothing was kept")
        os.replace(part, target)
    except OSError:
        # Somebody else may have brought it meanwhile; where a system lets nobody replace what is being read, too.
        if sha256 is None or not target.is_file() or sha256_of(target) != sha256:
            raise
        digest = sha256
    finally:
        if complete or not resume:
            part.unlink(missing_ok=True)
            _validator(part).unlink(missing_ok=True)
    return digest


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest: str = _digest(path).hexdigest()
    return digest


def _digest(path: Path) -> Any:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest


def _validator(part: Path) -> Path:
    """Where it is kept which version of the file a part is of: the server's ETag."""
    return part.with_name(f"{part.name}.etag")


def _stream(url: str, name: str, part: Path, resume: bool) -> str:
    """Writes the answer to `part`, or what of it isn't there; the SHA-256 of all."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    kept = _kept(part) if resume else None
    headers = {"User-Agent": "limen"}
    if kept is not None:
        headers |= {"Range": f"bytes={kept[0]}-", "If-Range": kept[1]}
    try:
        with urlopen(Request(url, headers=headers), timeout=_TIMEOUT) as answer:
            start = _start(answer, kept)
            if resume and (etag := answer.headers.get("ETag")):
                _validator(part).write_text(etag)
            length = int(answer.headers.get("Content-Length") or 0)
            digest = _digest(part) if start else hashlib.sha256()
            received = 0
            with open(part, "ab" if start else "wb") as out, _progress(name, length and start + length) as advance:
                advance(start)
                while chunk := answer.read(_CHUNK):
                    out.write(chunk)
                    digest.update(chunk)
                    advance(len(chunk))
                    received += len(chunk)
    except HTTPError as error:
        if error.code == _NOTHING_FOLLOWS:
            part.unlink(missing_ok=True)  # Else it would never come any further.
        raise
    except HTTPException as error:
        raise OSError(f"{url}: {type(error).__name__}: {error}") from error
    if received < length:
        raise OSError(f"{url}: the connection ended after {start + received} of {start + length} bytes")
    sha256: str = digest.hexdigest()
    return sha256


def _kept(part: Path) -> tuple[int, str] | None:
    """How much of which version is here already."""
    if not part.is_file() or not part.stat().st_size or not _validator(part).is_file():
        return None
    return part.stat().st_size, _validator(part).read_text()


def _start(answer: Any, kept: tuple[int, str] | None) -> int:
    """Where the answer begins: after what is kept, or at 0 where the server has another version or sends all of it."""
    if kept is None or getattr(answer, "status", None) != _PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
    if found is None or int(found[1]) != kept[0]:
        raise OSError(f"asked for what follows {kept[0]} bytes, the server sent {answer.headers.get('Content-Range')}")
    return kept[0]


@contextmanager
def _progress(name: str, length: int) -> Iterator[Callable[[int], object]]:
    """A bar for people who wait and have tqdm, else nothing; takes the number of bytes that came."""
    bar: Any = nullcontext()
    if sys.stderr is not None and sys.stderr.isatty():
        with suppress(ImportError):
            from tqdm import tqdm

            bar = tqdm(desc=name, total=length or None, unit="B", unit_scale=True, file=sys.stderr)
    with bar as shown:
        yield (lambda count: None) if shown is None else shown.update
