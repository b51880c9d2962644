"""Downloads from a server on this machine: whole, broken off and resumed, and files that changed meanwhile."""

from __future__ import annotations

import hashlib
import re
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limen._downloads import download
from limen.bapps import _fetch
from limen.cli import main

BODY = np.random.default_rng(0).bytes(3_000_000)


class Server(ThreadingHTTPServer):
    """Serves BODY under any name, with ranges; `cut` is how many bytes come before the line breaks."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.etag, self.cut, self.ranged = BODY, '"1"', len(BODY), True
        self.sent: list[tuple[str | None, int]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        fresh = self.headers.get("If-Range") in (None, self.server.etag)
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and fresh and self.server.ranged else 0
        if start >= len(self.server.body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            end = len(self.server.body) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(self.server.body)}")
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(self.server.body) - start))
        self.end_headers()
        part = self.server.body[start : start + self.server.cut]
        self.server.sent.append((wanted, len(part)))
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as own:
        thread = threading.Thread(target=own.serve_forever, daemon=True)
        thread.start()
        yield own
        own.shutdown()
        thread.join()


def test_whole(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.bin"
    digest = download(server.address + "a", target, sha256=hashlib.sha256(BODY).hexdigest())
    assert digest == hashlib.sha256(BODY).hexdigest()
    assert target.read_bytes() == BODY
    assert [path.name for path in target.parent.iterdir()] == ["a.bin"]


def test_broken_off_and_resumed(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    server.cut = 1_000_000
    for _ in range(2):
        with pytest.raises(OSError, match="the connection ended after [12]000000 of 3000000 bytes"):
            download(server.address, target, resume=True)
        assert not target.exists()
    assert download(server.address, target, resume=True) == hashlib.sha256(BODY).hexdigest()
    assert target.read_bytes() == BODY
    assert server.sent == [(None, 10**6), ("bytes=1000000-", 10**6), ("bytes=2000000-", 10**6)]
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("breaks", [False, True])
def test_two_downloads_of_one_file_do_not_meet(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    target, sha256 = tmp_path / "a.bin", hashlib.sha256(BODY).hexdigest()
    urlopen = urllib.request.urlopen

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        answer = urlopen(*arguments, **options)
        monkeypatch.setattr(urllib.request, "urlopen", urlopen)
        read = answer.read

        def slowly(count: int) -> bytes:
            data: bytes = read(count)
            if not target.exists():
                download(server.address, target, sha256=sha256)
            elif breaks:
                raise OSError("the line broke")
            return data

        answer.read = slowly
        return answer

    monkeypatch.setattr(urllib.request, "urlopen", meanwhile)
    assert download(server.address, target, sha256=sha256) == sha256
    assert target.read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert len(server.sent) == 2


def test_without_resume_nothing_is_kept(server: Server, tmp_path: Path) -> None:
    server.cut = 1000
    with pytest.raises(OSError, match="the connection ended"):
        download(server.address, tmp_path / "a.bin")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ranged", [True, False])
def test_what_changed_meanwhile_or_cannot_be_resumed_starts_anew(server: Server, tmp_path: Path, ranged: bool) -> None:
    target = tmp_path / "a.bin"
    server.cut = 1_000_000
    with pytest.raises(OSError, match="the connection ended"):
        download(server.address, target, resume=True)
    server.cut, server.ranged = len(BODY), ranged
    if ranged:
        server.body, server.etag = BODY[::-1], '"2"'
    download(server.address, target, resume=True)
    assert target.read_bytes() == server.body


def test_another_file_is_refused(server: Server, tmp_path: Path) -> None:
    for resume in (False, True):
        with pytest.raises(ValueError, match="answers is another file: its SHA-256 is"):
            download(server.address, tmp_path / "a.bin", sha256="0" * 64, resume=resume)
        assert not list(tmp_path.iterdir())


def test_a_part_that_nothing_follows_is_dropped(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    (tmp_path / ".a.bin.part").write_bytes(BODY)
    (tmp_path / ".a.bin.part.etag").write_text('"1"')
    with pytest.raises(OSError, match="416"):
        download(server.address, target, resume=True)
    download(server.address, target, resume=True)
    assert target.read_bytes() == BODY


def test_fetch(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sums = _fetch.fetch(tmp_path, ["jnd"], address=server.address)
    digest = hashlib.sha256(BODY).hexdigest()
    assert sums == {"jnd.tar.gz": digest}
    assert (tmp_path / "jnd.tar.gz.sha256").read_text() == f"{digest}  jnd.tar.gz\n"
    assert _fetch.fetch(tmp_path, ["jnd"], address=server.address) == {}
    assert len(server.sent) == 1
    with pytest.raises(ValueError, match="parts must be of jnd, 2afc-val, 2afc-train; got 'all'"):
        _fetch.fetch(tmp_path, ["all"])

    def offline(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(_fetch, "download", offline)
    assert main(["bapps", "fetch", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "jnd.tar.gz is there already" in captured.out
    assert "2afc-val: Name or service not known; the same command goes on where it stopped" in captured.err
