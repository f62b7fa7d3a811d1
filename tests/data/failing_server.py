"""A web server that fails in every way a server can; the path of a request names the fault."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = b"\xfd7zXZ\0" + os.urandom(300_000)
OTHER = b"\xfd7zXZ\0" + os.urandom(250_000)


class Server(ThreadingHTTPServer):
    """Serves ``content`` at any path; the path names the fault."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.etag = '"one"'
        self.requests: list[tuple[str, str]] = []  # path and Range header
        self.stopped = threading.Event()

    def link(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        word = self.path.strip("/")
        asked = self.headers.get("Range", "")
        self.server.requests.append((word, asked))
        first = sum(path == word for path, _ in self.server.requests) == 1
        if word.isdigit():
            self.send_error(int(word))
        elif word == "busy":
            self.send_error(503) if first else self.give()
        elif word in ("circle", "redirect", "to-file"):
            self.send_response(302)
            self.send_header("Location", {"circle": "circle", "redirect": "good"}.get(word, "file:///etc/passwd"))
            self.end_headers()
        elif word == "page":
            self.give(b"<html>Your download will start soon</html>", kind="text/html")
        elif word == "half-once":
            self.give(stop=100_000 if first else None)
        elif word == "always-short":
            self.give(announced=len(CONTENT) + 5000, ranges=False)
        elif word == "understated":
            self.give(announced=len(CONTENT) - 5000)
        elif word == "stalls-once":
            self.give(stop=100_000 if first else None, stall=first)
        elif word == "stalls":
            self.server.stopped.wait(10)
        elif word == "no-ranges":
            self.give(stop=100_000 if first else None, ranges=False)
        elif word == "no-length":
            self.give(announced=-1)
        elif word == "changes":
            self.give(stop=100_000 if first else None)
            self.server.content, self.server.etag = OTHER, '"two"'
        elif word == "wrong-part":
            self.give(stop=100_000 if first else None, shift=0 if first else 7)
        elif word == "unversioned-changes":
            self.server.etag = ""
            self.give(stop=100_000 if first else None)
            self.server.content = CONTENT[:6] + OTHER + CONTENT[: len(CONTENT) - len(OTHER) - 6]
        elif word == "endless":
            self.give(CONTENT * 3, announced=-1)
        else:
            self.give()

    def give(
        self,
        content: bytes | None = None,
        kind: str = "application/x-xz",
        announced: int | None = None,
        stop: int | None = None,
        stall: bool = False,
        ranges: bool = True,
        shift: int = 0,
    ) -> None:
        content = self.server.content if content is None else content
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", self.server.etag) == self.server.etag
        start = int(asked[1]) if asked and ranges and same else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", kind)
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        if start:
            start += shift
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if announced != -1:
            self.send_header("Content-Length", str(announced or len(content) - start))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[start:stop])
            self.wfile.flush()
        if stall:
            self.server.stopped.wait(10)
