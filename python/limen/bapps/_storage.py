"""Files of a data set, wherever they lie: in a folder, or in a .tar or .tar.gz archive that is never unpacked.

A gzip stream can only be read from its start. One pass over it lists the archive's members and leaves a copy of the
decompressor every few megabytes; a member is then read from the nearest copy before it. Whoever reads several folders
of the archive side by side goes on where each of them stood, so that a second pass decompresses everything once.
"""

from __future__ import annotations

import bisect
import os
import stat
import tarfile
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

ARCHIVES = (".tar", ".tar.gz", ".tgz")

_CHUNK = 1 << 16
_APART = 1 << 23  # Compressed bytes from one copy to the next; a copy takes about 50 kB.
_CURSORS = 12  # Places in the stream where reading may go on: enough for the parts of three subsets.
_GZIP = 31  # What tells zlib of gzip's header.
_BLOCK = 512

# A pipe would wait for somebody to write.
_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


class Storage(Protocol):
    """Where files can be listed and read, by any number of threads."""

    @property
    def path(self) -> Path:
        """The folder or the archive."""

    def names(self) -> Sequence[str]:
        """Of all files, relative, with slashes."""

    def read(self, name: str) -> bytes:
        """What a file holds."""


def open_storage(path: Path) -> list[Storage]:
    """The archive; or the folder, and archives that lie in it.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If it is neither, or an archive is broken or cut short.
    """
    if path.is_dir():
        return [Folder(path), *(Archive(file) for file in sorted(path.iterdir()) if is_archive(file))]
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}: give the folder of a data set, or its .tar.gz archive")
    if not is_archive(path):
        raise ValueError(f"{path} must be a folder or end in {', '.join(ARCHIVES)}")
    return [Archive(path)]


def is_archive(path: Path) -> bool:
    """Whether the name says so."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


class Folder:
    """A folder and all below it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._prefix = os.path.join(path, "")  # To join paths takes half as long as to read a small file.

    def names(self) -> list[str]:
        """Of all files. A link to a folder is followed, as data sets are often linked together."""
        found = []
        for folder, _, files in os.walk(self.path, followlinks=True):
            relative = os.path.relpath(folder, self.path).replace(os.sep, "/")
            found += files if relative == "." else [f"{relative}/{file}" for file in files]
        return sorted(found)

    def read(self, name: str) -> bytes:
        """What a file holds."""
        # By few calls: at each, threads that decode beside this one may take the interpreter's lock away.
        file = os.open(f"{self._prefix}{name}", _READING)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{self._prefix}{name}: no regular file")
            return os.read(file, status.st_size)
        finally:
            os.close(file)


class _Member(NamedTuple):
    start: int
    size: int


class Archive:
    """A tar archive, plain or compressed by gzip."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: _Gzip | _Plain = _Plain(path) if path.suffix.lower() == ".tar" else _Gzip(path)
        self._members = self._list()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Archive, (self.path,)  # A decompressor can't be sent to another process: listed anew there.

    def names(self) -> list[str]:
        """Of all members that are files."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """What a member holds."""
        start, size = self._members[name]
        with self._lock:
            return self._stream.read_at(start, size)

    def _list(self) -> dict[str, _Member]:
        members, end = {}, 0
        try:
            with self._stream.from_start() as file, tarfile.open(fileobj=file, mode="r|") as archive:
                for member in archive:
                    end = member.offset_data
                    if member.isfile():
                        name = member.name.removeprefix("./")
                        members[name] = _Member(member.offset_data, member.size)
                        end += -(-member.size // _BLOCK) * _BLOCK
            # tarfile takes a file that ends between two members, or within a header, for whole.
            whole = self._stream.read_at(end, _BLOCK) == bytes(_BLOCK)
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise ValueError(
                f"{self.path} can't be read as an archive: {str(error) or type(error).__name__}; "
                f"{len(members)} files came before. If it was downloaded, fetch it again"
            ) from error
        if not whole:
            raise ValueError(f"{self.path} is cut short after {len(members)} files: fetch it again")
        return members


class _Plain:
    """An uncompressed file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def from_start(self) -> Any:
        return open(self._path, "rb")

    def read_at(self, start: int, size: int) -> bytes:
        with open(self._path, "rb") as file:
            file.seek(start)
            data = file.read(size)
        if len(data) < size:
            raise EOFError("the file ends too early")
        return data


class _Cursor:
    """A place in the decompressed stream, from where it can be read on."""

    def __init__(self, path: Path, position: int = 0, source: int = 0, state: Any = None, ahead: bytes = b"") -> None:
        self.path, self.position, self.source = path, position, source
        self.state = zlib.decompressobj(_GZIP) if state is None else state
        self.ahead = ahead  # Decompressed already: what follows `position`.

    def copy(self) -> _Cursor:
        return _Cursor(self.path, self.position, self.source, self.state.copy(), self.ahead)

    def read(self, size: int) -> bytes:
        parts, left = [], size
        while left:
            if not self.ahead and not self._decompress():
                break
            part, self.ahead = self.ahead[:left], self.ahead[left:]
            parts.append(part)
            left -= len(part)
        self.position += size - left
        return b"".join(parts)

    def skip(self, size: int) -> None:
        while size:
            read = len(self.read(min(size, _CHUNK)))
            if not read:
                raise EOFError("the file ends too early")
            size -= read

    def _decompress(self) -> bool:
        """Fill `ahead`; False at the end of the last of the gzip streams that make up the file."""
        with open(self.path, "rb") as file:
            file.seek(self.source)
            while not self.ahead:
                if self.state.eof:
                    rest = self.state.unused_data or file.read(1)
                    self.source -= len(self.state.unused_data)
                    if not rest.strip(b"\0"):  # Some writers fill the last block up.
                        return False
                    self.state = zlib.decompressobj(_GZIP)
                    file.seek(self.source)
                chunk = file.read(_CHUNK)
                if not chunk:
                    raise EOFError("the file is cut short")
                self.source += len(chunk)
                self.ahead = self.state.decompress(chunk)
        return True


class _Pass:
    """Reads a gzip file from its start, and leaves copies of the decompressor along the way."""

    def __init__(self, path: Path, copies: list[_Cursor]) -> None:
        self._cursor, self._copies = _Cursor(path), copies
        copies[:] = [self._cursor.copy()]

    def __enter__(self) -> _Pass:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, size: int) -> bytes:
        if self._cursor.source - self._copies[-1].source >= _APART:
            self._copies.append(self._cursor.copy())
        return self._cursor.read(size)


class _Gzip:
    """A gzip file with copies of the decompressor along the way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copies: list[_Cursor] = []
        self._cursors: list[_Cursor] = []

    def from_start(self) -> Any:
        """A file object for one pass, which leaves the copies."""
        return _Pass(self._path, self._copies)

    def read_at(self, start: int, size: int) -> bytes:
        before = [cursor for cursor in self._cursors if cursor.position <= start]
        copy = self._copies[bisect.bisect_right([copy.position for copy in self._copies], start) - 1]
        cursor = max(before, key=lambda cursor: cursor.position, default=None)
        if cursor is None or cursor.position < copy.position:
            cursor = copy.copy()
        else:
            self._cursors.remove(cursor)
        cursor.skip(start - cursor.position)
        data = cursor.read(size)
        self._cursors = [*self._cursors[1 - _CURSORS :], cursor]
        if len(data) < size:
            raise EOFError("the file ends too early")
        return data
