"""``data download`` against a real server that does everything wrong that a server can do."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
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

from baselines import InputError
from benchmark.cli import main
from benchmark.data.download import Expected, Received, download
from benchmark.data.mvtec import published_archive
from tests.conftest import REPOSITORY
from tests.data.mvtec_tree import tree_files

NAME = "archive.tar.xz"
CONTENT = b"\xfd7zXZ\0" + os.urandom(300_000)
OTHER = b"\xfd7zXZ\0" + os.urandom(250_000)


class Server(ThreadingHTTPServer):
    """Serves ``content`` at any path; the path's first word says what goes wrong, and how."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.etag = '"one"'
        self.requests: list[tuple[str, str]] = []  # path and the range asked for
        self.let_go = threading.Event()

    def link(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

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
            self.server.let_go.wait(10)
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
            self.server.let_go.wait(10)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.let_go.set()
        running.shutdown()
        thread.join()


def expect(content: bytes = CONTENT, size: int | None = None) -> Expected:
    return Expected(hashlib.sha256(content).hexdigest(), size, "the test says")


def fetch(server: Server, folder: Path, *paths: str, expected: Expected | None = None) -> tuple[Received, list[str]]:
    said: list[str] = []
    links = [server.link(path) for path in paths]
    received = download(links, folder, NAME, expected or expect(), timeout=0.3, pause=0, say=said.append)
    return received, said


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
def test_the_file_arrives_whole_whatever_happens_on_the_way(
    server: Server, tmp_path: Path, path: str, ranges: list[str]
) -> None:
    received, _ = fetch(server, tmp_path, path)
    assert received.path.read_bytes() == CONTENT
    assert (received.size, received.sha256) == (len(CONTENT), expect().sha256)
    assert [asked for word, asked in server.requests if word == path] == ranges


def test_a_file_that_changes_between_attempts_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    received, said = fetch(server, tmp_path, "changes", expected=expect(OTHER))
    assert received.path.read_bytes() == OTHER
    assert received.etag == '"two"'
    assert "the server sends the file from its beginning" in said


def test_halves_of_different_files_are_noticed_and_fetched_anew(server: Server, tmp_path: Path) -> None:
    second = CONTENT[:6] + OTHER + CONTENT[: len(CONTENT) - len(OTHER) - 6]
    received, said = fetch(server, tmp_path, "unversioned-changes", expected=expect(second))
    assert received.path.read_bytes() == second
    assert any("does not fit together" in line for line in said)


def test_a_part_that_begins_elsewhere_is_not_taken(server: Server, tmp_path: Path) -> None:
    received, said = fetch(server, tmp_path, "wrong-part")
    assert received.path.read_bytes() == CONTENT
    assert any("has another file by now" in line for line in said)


FAILS = {
    "404": "answers 404",
    "403": "answers 403",
    "500": "answers 500",
    "circle": "answers 302 and redirects without end",
    "to-file": "answers 302 and redirects to what is no http or https address",
    "page": r"something else, not an xz archive \(text/html\)",
    "stalls": r"silent for 0\.3 s",
    "always-short": r"ended at 300006 of 305006 bytes",
    "understated": r"its SHA-256 is [0-9a-f]{64} \(295006 bytes\), not [0-9a-f]{64}, which is what the test says",
}


@pytest.mark.parametrize("path", FAILS)
def test_the_next_link_is_tried_when_one_fails(server: Server, tmp_path: Path, path: str) -> None:
    received, said = fetch(server, tmp_path, path, "good")
    assert received.path.read_bytes() == CONTENT
    assert received.link == server.link("good")
    assert any(re.search(FAILS[path], line) for line in said), said
    assert len([word for word, _ in server.requests if word == path]) <= 12


@pytest.mark.parametrize("path", FAILS)
def test_one_line_says_what_each_link_did(server: Server, tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match=f"no link gave {NAME}.*{FAILS[path]}") as error:
        fetch(server, tmp_path, path)
    assert "\n" not in str(error.value)
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".json" and file.stat().st_size > len(CONTENT)]


def test_a_file_of_another_size_than_known_is_not_fetched(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"has a file of {len(CONTENT)} bytes \(application/x-xz\), not of 17"):
        fetch(server, tmp_path, "good", expected=expect(size=17))
    with pytest.raises(InputError, match=f"sends more than {len(CONTENT)} bytes"):
        fetch(server, tmp_path, "endless", expected=expect(size=len(CONTENT)))


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"127\.0\.0\.1: no connection \(Connection refused\)"):
        download(["http://127.0.0.1:9/x"], tmp_path, NAME, expect(), timeout=0.3, pause=0, say=lambda _: None)


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 2 * len(CONTENT) - 1})  # no small disk can be had in a test
    monkeypatch.setattr("benchmark.data.download.shutil.disk_usage", lambda _: usage)
    with pytest.raises(InputError, match="bytes free, but the archive needs 300006 bytes more"):
        fetch(server, tmp_path, "good")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_whole_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
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
def test_download_unpacks_verifies_and_records_what_was_received(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    server.content = packed(tree_files(side=8) | {"license.txt": b"CC BY-NC-SA 4.0"}, folder)
    out = tmp_path / "data" / "mvtec"
    assert main(words_for(server, out)) == 1  # for the images are tiny
    said, progress = capsys.readouterr()
    assert [line.partition(":")[0] for line in progress.splitlines()].count("unpacking") == 1
    assert "Licence: CC BY-NC-SA 4.0" in said
    assert said.splitlines()[-1] == "15 categories, 5354 images, 1258 masks: 5354 size"
    assert len(list(out.rglob("*.png"))) == 5354 + 1258
    record = json.loads((out / "received.json").read_text())
    assert record["sha256"] == hashlib.sha256(server.content).hexdigest()
    assert (record["from"], record["size"], record["etag"]) == (server.link("good"), len(server.content), '"one"')
    assert record["checked_against"] == "what --sha256 says"
    assert [path.name for path in out.parent.iterdir()] == ["mvtec"]
    assert main(["data", "verify", "--dataset", "mvtec-ad", "--data-root", str(out), "--ignore-size"]) == 0


def test_without_the_licence_nothing_is_fetched(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for word in words_for(server, tmp_path / "out") if word != "--accept-licence"]
    assert main(words) == 2
    out, error = capsys.readouterr()
    assert "https://creativecommons.org/licenses/by-nc-sa/4.0/" in out
    assert "then give the same command with --accept-licence" in error
    assert server.requests == []


def test_dead_links_end_in_a_line_that_says_where_a_person_gets_the_archive(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "download", "mvtec-ad", "--out", str(tmp_path / "out"), "--accept-licence"]
    assert main([*words, "--link", server.link("404"), "--link", server.link("page")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert "answers 404" in line
    assert "text/html" in line
    assert f"by hand from {published_archive().page} and give it with --archive FILE" in line
    assert not (tmp_path / "out").exists()


def test_an_archive_that_was_handed_in_is_checked_and_left_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.tar.xz"
    path.write_bytes(packed(tree_files(["toothbrush"], side=8)))
    words = ["data", "download", "mvtec-ad", "--accept-licence", "--archive", str(path), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert f"not {published_archive().expected.sha256} (5264982680 bytes)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*words, "--sha256", hashlib.sha256(path.read_bytes()).hexdigest().upper()]) == 1
    assert (tmp_path / "out" / "toothbrush" / "test").is_dir()
    assert path.is_file()
    assert main(words) == 2
    assert "out exists already" in capsys.readouterr().err


@pytest.mark.parametrize("hostile", ["../escaped.png", "/tmp/escaped.png"])
def test_a_hostile_archive_leaves_no_folder_behind(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], hostile: str
) -> None:
    server.content = packed(tree_files(["toothbrush"], side=8) | {hostile: b""})
    assert main(words_for(server, tmp_path / "world" / "out")) == 2
    assert "leads out of the folder" in capsys.readouterr().err
    assert all(path.name.startswith("mvtec_anomaly") for path in (tmp_path / "world").iterdir())
    assert not (tmp_path / "escaped.png").exists()


def test_the_archive_is_kept_if_asked_for(server: Server, tmp_path: Path) -> None:
    server.content = packed(tree_files(["toothbrush"], side=8))
    assert main(words_for(server, tmp_path / "out", "--keep-archive")) == 1
    assert (tmp_path / "mvtec_anomaly_detection.tar.xz").read_bytes() == server.content


def test_an_interrupted_download_keeps_its_part_and_the_same_command_goes_on(server: Server, tmp_path: Path) -> None:
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
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert f"interrupted: 100000 bytes of mvtec_anomaly_detection.tar.xz are kept in {parts[0]}; give the same" in said
    assert not (tmp_path / "out").exists()
    assert main(words) == 1
    assert (tmp_path / "out" / "grid").is_dir()
    assert [asked for _, asked in server.requests] == ["", "bytes=100000-"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--sha256", "abc"], "--sha256 takes 64 hexadecimal digits, got 'abc'"),
        (["--timeout", "0"], "--timeout must be above 0"),
        (["--archive", "none.tar.xz"], "archive none.tar.xz is no file; get mvtec_anomaly_detection.tar.xz by hand"),
        (["--link", "ftp://host/x"], "ftp://host/x is no http or https address"),
    ],
)
def test_bad_use_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    words = ["data", "download", "mvtec-ad", "--accept-licence", "--out", str(tmp_path / "out")]
    assert main([*words, *more]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
