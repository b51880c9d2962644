"""What the tests of studies share: small folders without judgements, and servers that end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from limen.bapps.study import Study, serve
from photographs import photograph


def unjudged(folder: Path, test: str, items: int, sizes: tuple[tuple[int, int], ...] = ((64, 64),)) -> Path:
    """Items of a test, in two subsets, in the BAPPS layout but for judge/ and same/; item i has the size i % len(sizes)."""
    rng = np.random.default_rng(0)
    photo = np.rint(255 * photograph("astronaut")).astype(np.uint8).transpose(1, 2, 0)
    for i in range(items):
        height, width = sizes[i % len(sizes)]
        top, left = rng.integers(0, 512 - height), rng.integers(0, 512 - width)
        patch = photo[top : top + height, left : left + width]
        for role in ("ref", "p0", "p1") if test == "2afc" else ("p0", "p1"):
            place = folder / test / "val" / ("a" if i % 2 else "b") / role
            place.mkdir(parents=True, exist_ok=True)
            noise = 0 if role == "ref" or (test, role) == ("jnd", "p0") else rng.normal(scale=20, size=patch.shape)
            pixels = np.clip(patch + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{i:06d}.png")
    return folder


@contextmanager
def running(study: Study, port: int = 0) -> Iterator[int]:
    """Serves the study; gives the port."""
    server = serve(study, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def request(port: int, path: str, fields: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and answer; fields are posted as JSON, bytes as they are. A PNG comes as bytes, anything else decoded."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        body = fields if isinstance(fields, bytes) or fields is None else json.dumps(fields)
        sent = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        connection.request("GET" if fields is None else "POST", path, body, sent if body is not None else headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    kind = response.headers.get_content_type()
    return response.status, json.loads(content) if kind == "application/json" else content
