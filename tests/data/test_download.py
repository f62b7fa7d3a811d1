"""``data download`` against a real server that fails in every way a server can."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.data.download import Expected, Received, download
from benchmark.data.mvtec import published_archive
from tests.conftest import REPOSITORY
from tests.data.mvtec_tree import tree_files

NAME = "archive.tar.xz"
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


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.stopped.set()
        running.shutdown()
        thread.join()


def expect(content: bytes = CONTENT, size: int | None = None) -> Expected:
    return Expected(hashlib.sha256(content).hexdigest(), size, "the test")


def fetch(server: Server, folder: Path, *paths: str, expected: Expected | None = None) -> Received:
    links = [server.link(path) for path in paths]
    return download(links, folder, NAME, expected or expect(), timeout=0.3, pause=0)


@pytest.fixture(autouse=True)
def info_messages(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.mark.parametrize(
    ("path", "ranges"),
    [
        ("good", [""]),
        ("redirect", [""]),
        ("busy", ["", ""]),
        ("no-length", [""]),
        ("half-once", ["", "bytes=100000-"]),
        ("stalls-once", ["", "bytes=100000-"]),
        ("no-ranges", ["", "bytes=100000-"]),
    ],
)
def test_the_file_is_complete_after_any_temporary_fault(
    server: Server, tmp_path: Path, path: str, ranges: list[str]
) -> None:
    received = fetch(server, tmp_path, path)
    assert received.path.read_bytes() == CONTENT
    assert (received.size, received.sha256) == (len(CONTENT), expect().sha256)
    assert [asked for word, asked in server.requests if word == path] == ranges


def test_a_file_that_changes_between_attempts_is_downloaded_again(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    received = fetch(server, tmp_path, "changes", expected=expect(OTHER))
    assert received.path.read_bytes() == OTHER
    assert received.etag == '"two"'
    assert "starting again from the beginning" in caplog.text


def test_parts_of_different_files_are_detected_and_downloaded_again(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    second = CONTENT[:6] + OTHER + CONTENT[: len(CONTENT) - len(OTHER) - 6]
    received = fetch(server, tmp_path, "unversioned-changes", expected=expect(second))
    assert received.path.read_bytes() == second
    assert "the resumed file is not the expected one" in caplog.text


def test_a_range_that_starts_elsewhere_is_rejected(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    received = fetch(server, tmp_path, "wrong-part")
    assert received.path.read_bytes() == CONTENT
    assert "the file on the server has changed" in caplog.text


FAILS = {
    "404": "answers 404",
    "403": "answers 403",
    "500": "answers 500",
    "circle": "endless redirects",
    "to-file": "another protocol than http or https",
    "page": r"text/html",
    "stalls": r"no data for 0\.3 s",
    "always-short": r"300006 of 305006 bytes",
    "understated": r"SHA-256 is [0-9a-f]{64} \(295006 bytes\), expected [0-9a-f]{64} from the test",
}


@pytest.mark.parametrize("path", FAILS)
def test_the_next_link_is_tried_when_one_fails(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    received = fetch(server, tmp_path, path, "good")
    assert received.path.read_bytes() == CONTENT
    assert received.link == server.link("good")
    assert re.search(FAILS[path], caplog.text)
    assert len([word for word, _ in server.requests if word == path]) <= 12


@pytest.mark.parametrize("path", FAILS)
def test_the_error_names_the_fault_of_each_link_in_one_line(server: Server, tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match=f"{NAME}.*{FAILS[path]}") as error:
        fetch(server, tmp_path, path)
    assert "\n" not in str(error.value)
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".json" and file.stat().st_size > len(CONTENT)]


def test_a_file_of_an_unexpected_size_is_not_downloaded(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{len(CONTENT)} bytes .*expected 17"):
        fetch(server, tmp_path, "good", expected=expect(size=17))
    with pytest.raises(InputError, match=f"more than {len(CONTENT)} bytes"):
        fetch(server, tmp_path, "endless", expected=expect(size=len(CONTENT)))


def test_an_unreachable_server_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"127\.0\.0\.1: .*Connection refused"):
        download(["http://127.0.0.1:9/x"], tmp_path, NAME, expect(), timeout=0.3, pause=0)


def test_too_small_a_disk_is_refused_before_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 2 * len(CONTENT) - 1})  # a test cannot make a small disk
    monkeypatch.setattr("benchmark.data.download.shutil.disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"600\.0 kB free.*300\.0 kB"):
        fetch(server, tmp_path, "good")
    assert list(tmp_path.iterdir()) == []


def test_a_complete_file_is_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, "good")
    fetch(server, tmp_path, "404", "good")
    assert len(server.requests) == 1


# The command


def packed(files: dict[str, bytes], folder: str = "") -> bytes:
    """Return a tar.xz file."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz", preset=0) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(folder + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def words_for(server: Server, out: Path, *more: object) -> list[str]:
    sha256 = hashlib.sha256(server.content).hexdigest()
    words = ["data", "download", "mvtec-ad", "--out", out, "--link", server.link("good"), "--sha256", sha256]
    return [str(word) for word in (*words, "--timeout", 5, "--accept-licence", *more)]


@pytest.mark.parametrize("folder", ["", "mvtec_anomaly_detection/"])
def test_download_unpacks_verifies_and_records_the_archive(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    server.content = packed(tree_files(side=8) | {"license.txt": b"CC BY-NC-SA 4.0"}, folder)
    out = tmp_path / "data" / "mvtec"
    assert main(words_for(server, out)) == 1  # the images are tiny
    output, progress = capsys.readouterr()
    assert [line.partition(":")[0] for line in progress.splitlines()].count("unpacking") == 1
    assert "Licence: CC BY-NC-SA 4.0" in output
    assert output.splitlines()[-1] == "15 categories, 5354 images, 1258 masks: 5354 size"
    assert len(list(out.rglob("*.png"))) == 5354 + 1258
    record = json.loads((out / "received.json").read_text())
    assert record["sha256"] == hashlib.sha256(server.content).hexdigest()
    assert (record["from"], record["size"], record["etag"]) == (server.link("good"), len(server.content), '"one"')
    assert record["checked_against"] == "--sha256"
    assert [path.name for path in out.parent.iterdir()] == ["mvtec"]
    assert main(["data", "verify", "--dataset", "mvtec-ad", "--data-root", str(out), "--ignore-size"]) == 0


def test_nothing_is_downloaded_before_the_licence_is_accepted(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for word in words_for(server, tmp_path / "out") if word != "--accept-licence"]
    assert main(words) == 2
    out, error = capsys.readouterr()
    assert "https://creativecommons.org/licenses/by-nc-sa/4.0/" in out
    assert "--accept-licence" in error
    assert server.requests == []


def test_after_dead_links_the_error_explains_the_manual_download(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "download", "mvtec-ad", "--out", str(tmp_path / "out"), "--accept-licence"]
    assert main([*words, "--link", server.link("404"), "--link", server.link("page")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert "answers 404" in line
    assert "text/html" in line
    assert published_archive().page in line
    assert "--archive" in line
    assert not (tmp_path / "out").exists()


def test_a_local_archive_is_checked_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.tar.xz"
    path.write_bytes(packed(tree_files(["toothbrush"], side=8)))
    words = ["data", "download", "mvtec-ad", "--accept-licence", "--archive", str(path), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert f"{published_archive().expected.sha256} (5264982680 bytes)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*words, "--sha256", hashlib.sha256(path.read_bytes()).hexdigest().upper()]) == 1
    assert (tmp_path / "out" / "toothbrush" / "test").is_dir()
    assert path.is_file()
    assert main(words) == 2
    assert "out exists" in capsys.readouterr().err


def test_a_hostile_archive_leaves_no_folder(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.content = packed(tree_files(["toothbrush"], side=8) | {"../escaped.png": b""})
    assert main(words_for(server, tmp_path / "world" / "out")) == 2
    assert "../escaped.png" in capsys.readouterr().err
    assert all(path.name.startswith("mvtec_anomaly") for path in (tmp_path / "world").iterdir())
    assert not (tmp_path / "escaped.png").exists()


def test_the_archive_is_kept_if_asked_for(server: Server, tmp_path: Path) -> None:
    server.content = packed(tree_files(["toothbrush"], side=8))
    assert main(words_for(server, tmp_path / "out", "--keep-archive")) == 1
    assert (tmp_path / "mvtec_anomaly_detection.tar.xz").read_bytes() == server.content


def test_an_interrupted_download_is_resumed_by_the_same_command(server: Server, tmp_path: Path) -> None:
    server.content = packed(tree_files(["toothbrush", "grid"], side=8) | {"noise": os.urandom(200_000)})
    words = [word.replace("/good", "/stalls-once") for word in words_for(server, tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "no_proxy": "127.0.0.1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while not (parts := list(tmp_path.glob("*.part"))) or parts[0].stat().st_size < 100_000:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert f"interrupted: 100.0 kB of mvtec_anomaly_detection.tar.xz are kept in {parts[0]}" in error
    assert not (tmp_path / "out").exists()
    assert main(words) == 1
    assert (tmp_path / "out" / "grid").is_dir()
    assert [asked for _, asked in server.requests] == ["", "bytes=100000-"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--sha256", "abc"], "'abc'"),
        (["--timeout", "0"], "--timeout"),
        (["--archive", "none.tar.xz"], "none.tar.xz"),
        (["--link", "ftp://host/x"], "ftp://host/x"),
    ],
)
def test_unusable_options_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], named: str
) -> None:
    words = ["data", "download", "mvtec-ad", "--accept-licence", "--out", str(tmp_path / "out")]
    assert main([*words, *more]) == 2
    error = capsys.readouterr().err
    assert named in error.splitlines()[-1]
    assert len([line for line in error.splitlines() if line.startswith("error: ")]) == 1
