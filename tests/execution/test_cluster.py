"""Studies on a dask cluster: the same results as in one process, or a clear refusal."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.processes import host_name
from tests.conftest import REPOSITORY, make_category
from tests.execution.dask_cluster import running_scheduler, worker
from tests.models.conftest import do
from tests.test_cli import folder_run, same_results


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a scheduler with one worker, which serves one study after the other; tests add more."""
    with running_scheduler() as (_, address), worker(address):
        yield address


class Study:
    """Six runs of about a second; those done by one process are the reference."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = make_category(folder / "data" / "widget").parent
        self.words = folder_run(
            root, "--method", "unet", "--shots", 1, "--seed", *range(6), settings=("iterations=40",)
        )
        done = do(folder, *self.words, "--results", "one", "--cache", "cache")
        assert done.returncode == 0, done.stderr

    def start(self, results: str, *more: object) -> tuple[subprocess.Popen[bytes], Path]:
        """Start the command; give it and the file that gets its standard error."""
        said = self.folder / f"{results}.log"
        with said.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmark", *map(str, self.words), "--results", results, *map(str, more)],
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(self.folder / "cache")},
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                # Tests started in the background may ignore it, and children inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        return process, said

    def stored(self, results: str) -> list[Path]:
        return sorted(self.folder.joinpath(results, "runs").glob("[!.]*"))

    def is_clean(self, results: str) -> bool:
        root = self.folder / results
        return {path.name for path in root.iterdir()} == {"runs", "report.html", "report_files"} and not list(
            root.rglob("*.partial")
        )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(tmp_path_factory.mktemp("study"))


def test_two_workers_one_killed_half_way_give_the_same_results_as_one_process(scheduler: str, study: Study) -> None:
    with worker(scheduler) as victim:
        process, said = study.start("dask", "--backend", "dask", "--scheduler", scheduler)
        wait_until(lambda: study.stored("dask") or process.poll() is not None)
        victim.kill()
        assert process.wait(180) == 0, said.read_text()
    same_results(study.folder / "one", study.folder / "dask")
    assert study.is_clean("dask")


def can_hide_folders() -> bool:
    unshare = shutil.which("unshare")
    return bool(unshare) and subprocess.run([unshare, "-m", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_hide_folders(), reason="this user may not mount")
def test_a_worker_that_does_not_see_the_results_folder_is_refused_before_anything_runs(
    scheduler: str, study: Study
) -> None:
    results = study.folder / "hidden"
    results.mkdir()
    hide = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs none "{results}" && exec "$@"', "sh")
    with worker(scheduler, before=hide):
        process, said = study.start("hidden", "--backend", "dask", "--scheduler", scheduler)
        assert process.wait(180) == 2, said.read_text()
    (line,) = (line for line in said.read_text().splitlines() if line.startswith("error: "))
    assert re.match(r"error: dask worker tcp://\S+ is refused: ", line)
    assert str(results) in line
    assert "docs/scaling-out.md" in line
    assert not list(results.iterdir())


def test_interrupting_a_study_on_dask_ends_it_at_once_and_the_same_command_resumes_it(
    scheduler: str, study: Study
) -> None:
    with worker(scheduler):
        where = ("--backend", "dask", "--scheduler", scheduler)
        process, said = study.start("interrupted", *where)
        wait_until(lambda: study.stored("interrupted") or process.poll() is not None)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(15) == 130
        assert "finished runs are kept; give the same command again to resume" in said.read_text()
        assert "Traceback" not in said.read_text()
        killed = (
            f".shared~{2**22 + 1}~{host_name()}~0a.partial"  # what a killed command leaves; no process has this number
        )
        (study.folder / "interrupted" / killed).touch()
        process, said = study.start("interrupted", *where)
        assert process.wait(180) == 0, said.read_text()
    same_results(study.folder / "one", study.folder / "interrupted")
    assert study.is_clean("interrupted")


def test_a_device_that_a_worker_lacks_is_refused_before_anything_runs(scheduler: str, study: Study) -> None:
    process, said = study.start("gpu", "--backend", "dask", "--scheduler", scheduler, "--device", "cuda:9")
    assert process.wait(180) == 2
    assert re.search(r"error: dask worker tcp://\S+ is refused: .*'cuda:9'", said.read_text())
    assert not study.stored("gpu")


def wait_until(condition: Callable[[], object], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
