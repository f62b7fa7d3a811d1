"""Downloads from a real server that fails in every way a server can."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark.data.download import Expected, Received, download
from tests.data.failing_server import CONTENT, OTHER, Server

NAME = "archive.tar.xz"


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
