"""Results folders that really are full or read-only, mounted in a namespace: nothing is half-written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.results.table import load_results
from tests.conftest import REPOSITORY
from tests.factories import store_run
from tests.results.test_corrupted_results import content_of, run_words

PYTHON = [sys.executable, "-c"]
FULL = (
    'mount -t tmpfs -o size="$2" tmpfs "$1"; root="$1"; shift 2; "$@"; code=$?; cp -a "$root" "$root.kept"; exit $code'
)
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'


def run_in_namespace(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a mount namespace of its own."""
    return subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def can_mount() -> bool:
    try:
        return run_in_namespace("mount -t tmpfs tmpfs /mnt").returncode == 0
    except OSError:
        return False


needs_mounts = pytest.mark.skipif(not can_mount(), reason="mounting is not permitted here (unshare --mount)")

# Frees one block more of a full disk each time; a run is stored completely or refused without a trace.
STORE_ON_A_FULL_DISK = """
import sys
from pathlib import Path
from baselines import InputError
from benchmark.results.store import ResultStore
from benchmark.results.table import load_results
from tests.factories import make_result, make_spec
root = Path(sys.argv[1])
stored = []
for blocks in range(200):
    ballast = root / "ballast"
    ballast.unlink(missing_ok=True)
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            file.truncate(max(0, file.tell() - 4096 * blocks))
    spec = make_spec(seed=blocks)
    try:
        ResultStore(root).save(spec, make_result())
        stored.append(spec.id)
    except InputError as error:
        assert "No space left on device; check space and permissions" in str(error), error
        assert str(root / "runs" / spec.id) in str(error), error
    assert sorted(path.name for path in (root / "runs").glob("*")) == sorted(stored)
    assert sorted(load_results(root)["id"]) == sorted(stored)
    if len(stored) == 3:
        break
print(blocks, len(stored))
"""


@needs_mounts
def test_on_a_full_disk_a_run_is_stored_completely_or_not_at_all(tmp_path: Path) -> None:
    root = tmp_path / "results"
    root.mkdir()
    done = run_in_namespace(FULL, root, "400k", *PYTHON, STORE_ON_A_FULL_DISK, root)
    assert done.returncode == 0, done.stderr
    tried, stored = map(int, done.stdout.split())
    assert stored == 3
    assert tried > 10  # each file of a run in turn did not fit


SAVE_WITH_LIMITED_FILE_SIZE = """
import resource, sys
from baselines import InputError
from benchmark.results.store import ResultStore
from tests.factories import make_result, make_spec
for limit in (0, 10, 300, 1000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        ResultStore(sys.argv[1]).save(make_spec(), make_result())
    except InputError as error:
        print(error)
"""


def test_a_file_that_cannot_grow_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PYTHON, SAVE_WITH_LIMITED_FILE_SIZE, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert re.fullmatch(rf"cannot write {tmp_path}/runs/.*: File too large; check space and permissions", line)
    assert not (tmp_path / "runs").exists()


@needs_mounts
@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_study_that_fills_the_disk_ends_in_one_line_and_keeps_what_was_stored(
    category: Path, tmp_path: Path, jobs: int
) -> None:
    root = tmp_path / "results"
    root.mkdir()
    words = run_words(category, root, "--jobs", jobs)
    # Two runs of about 92 kB fit, even when they are written at the same time.
    done = run_in_namespace(FULL, root, "240k", sys.executable, "-m", "benchmark", *words)
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(rf"error: cannot write {root}/runs/widget_.*: No space left on device; check space .*", last)
    assert "Traceback" not in done.stderr
    kept = load_results(tmp_path / "results.kept")
    assert 1 <= len(kept) < 3
    assert sorted(path.name for path in (tmp_path / "results.kept" / "runs").iterdir()) == sorted(kept["id"])


DO_ALL = "import json, sys; from benchmark.cli import main; print([main(words) for words in json.loads(sys.argv[1])])"


@needs_mounts
def test_a_read_only_folder_is_found_before_training_and_still_shown(category: Path, tmp_path: Path) -> None:
    root = tmp_path / "results"
    stored = store_run(root)
    before = content_of(root)
    page = tmp_path / "page.html"
    report = ["report", "--results", str(root)]
    commands = [run_words(category, root), report, [*report, "--out", str(page)]]
    done = run_in_namespace(READ_ONLY, root, *PYTHON, DO_ALL, json.dumps(commands))
    assert json.loads(done.stdout.splitlines()[-1]) == [2, 2, 0]
    refused, unwritten = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert refused == f"error: cannot write {root}/runs: Read-only file system; check space and permissions"
    assert unwritten.startswith(f"error: cannot write {root}/report_files: Read-only file system; ")
    assert "to do" not in done.stderr
    assert stored.id in page.read_text()
    assert content_of(root) == before
