"""Serves a study to browsers on this machine, with the standard library's HTTP server."""

from __future__ import annotations

import json
import sys
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ._study import RequestError, Study

_PAGE = {
    "/": ("study.html", "text/html; charset=utf-8"),
    "/study.css": ("study.css", "text/css; charset=utf-8"),
    "/study.js": ("study.js", "text/javascript; charset=utf-8"),
}
_LONGEST_BODY = 10_000
_LOOPBACK = ("127.0.0.1", "localhost")


def serve(study: Study, port: int = 0) -> ThreadingHTTPServer:
    """A server for the study on 127.0.0.1, which nobody else's machine can reach. Call its `serve_forever`.

    port: 0 takes any that is free; `server_address` says which. OSError where the port is taken.
    """
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, study))
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    """GET / and its two files, /next, /picture; POST /subjects, /answers, with JSON."""

    protocol_version = "HTTP/1.1"
    timeout = 60  # A connection that a browser keeps open and forgets.

    def __init__(self, study: Study, *arguments: Any) -> None:
        self._study = study
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with the page, a trial or a picture."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Take in a subject or an answer."""
        self._answer(self._post)

    def _get(self) -> tuple[bytes, str]:
        url = urlsplit(self.path)
        if url.path in _PAGE:
            name, kind = _PAGE[url.path]
            return (files("limen.bapps.study") / "page" / name).read_bytes(), kind
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if url.path == "/next":
            return _json(self._study.following(_number(query, "subject")))
        if url.path == "/picture":
            subject, position = _number(query, "subject"), _number(query, "position")
            return self._study.picture(subject, position, query.get("place", "")), "image/png"
        raise RequestError(HTTPStatus.NOT_FOUND, f"nothing at {url.path}")

    def _post(self) -> tuple[bytes, str]:
        fields = self._body()
        if self.path == "/subjects":
            return _json(self._study.join(fields.get("name")))
        if self.path == "/answers":
            subject, position = _number(fields, "subject"), _number(fields, "position")
            self._study.record(subject, position, fields)
            return _json(self._study.following(subject))
        raise RequestError(HTTPStatus.NOT_FOUND, f"nothing at {self.path}")

    def _body(self) -> dict[str, Any]:
        # A page of another site can post only what a form can, and that is not JSON.
        if self.headers.get_content_type() != "application/json":
            raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body must have at most {_LONGEST_BODY} bytes")
        try:
            fields = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, f"the body must be JSON: {error}") from error
        if not isinstance(fields, dict):
            raise RequestError(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
        return fields

    def _answer(self, make: Any) -> None:
        status = HTTPStatus.OK
        try:
            # A name that a stranger's site made point here comes with that name, and gets nothing.
            if self.headers.get("Host", "").rpartition(":")[0] not in _LOOPBACK:
                raise RequestError(HTTPStatus.FORBIDDEN, f"ask for {' or '.join(_LOOPBACK)}")
            body, kind = make()
        except RequestError as error:
            status = HTTPStatus(error.status)
            body, kind = _json({"error": str(error)})
            self.close_connection = True  # The body may not have been read.
        except Exception as error:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            body, kind = _json({"error": f"{type(error).__name__}: {error}"})
            self.close_connection = True
            print(f"{self.path}: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'self'; img-src 'self' data:")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Not a line for each picture."""


def _number(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**9:
        raise RequestError(HTTPStatus.BAD_REQUEST, f"{name} must be a whole number; got {fields.get(name)!r}")
    return value


def _json(value: dict[str, Any]) -> tuple[bytes, str]:
    return json.dumps(value).encode(), "application/json"
