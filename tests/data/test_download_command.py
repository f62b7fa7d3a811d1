"""``data download``: from a server or a file to an unpacked, verified data set."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.data.mvtec_archive import published_archive
from tests.conftest import REPOSITORY
from tests.data.failing_server import Server
from tests.data.mvtec_tree import tree_files


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
