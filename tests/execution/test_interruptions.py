"""Kills, interruptions, time limits and concurrent commands: the same command still completes the same study."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from benchmark.cli import main
from benchmark.data.datasets import open_dataset
from benchmark.data.image_cache import ImageCache
from benchmark.execution.execute import execute
from benchmark.execution.leases import Leases
from benchmark.execution.loky_pool import LokyPool
from benchmark.execution.pools import SequentialPool
from benchmark.execution.run_task import RunTask
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.table import load_results
from benchmark.training.one_run import RunContext
from tests.conftest import REPOSITORY, make_category, tiny_with
from tests.test_cli import same_results

RUNS = 8


class Study:
    """Eight runs of about a second; the results ``whole`` are those of an undisturbed command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_category(folder / "data" / "widget")
        assert main(self.words("whole", "--jobs", 1)) == 0

    def words(self, results: str, *more: object, runs: int = RUNS, iterations: int = 40) -> list[str]:
        what = ("--method", "unet", "--shots", 1, "--seed", *range(runs), *tiny_with(f"iterations={iterations}"))
        where = ("--dataset", "folder", "--data-root", self.folder / "data", "--cache", self.folder / "cache")
        return [str(word) for word in ("run", *what, *where, "--results", self.folder / results, *more)]

    def start(self, results: str, *more: object, runs: int = RUNS, iterations: int = 40) -> subprocess.Popen[str]:
        """Start the command in a process group of its own, its standard error in a file beside the results."""
        with (self.folder / f"{results}-{time.monotonic_ns()}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmark", *self.words(results, *more, runs=runs, iterations=iterations)],
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
                start_new_session=True,
                # Tests started in the background may ignore it, and children inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        process.log = Path(log.name)  # type: ignore[attr-defined]
        return process

    def stored(self, results: str) -> list[Path]:
        return sorted(self.folder.joinpath(results, "runs").glob("[!.]*"))

    def is_clean(self, results: str) -> bool:
        root = self.folder / results
        return not (root / "leases").exists() and not list(root.rglob("*.partial"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(tmp_path_factory.mktemp("study"))


def said(process: subprocess.Popen[str]) -> str:
    return process.log.read_text()  # type: ignore[attr-defined]


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
        try:
            if any("LokyProcess" in word for word in child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            pass
    return found


def wait_for_workers(process: subprocess.Popen[str]) -> None:
    """Wait until a command has started its workers, or has ended."""
    wait_until(lambda: workers(process) or process.poll() is not None)


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(processes: list[psutil.Process], seconds: float) -> bool:
    """Return whether all processes end in time."""
    return not psutil.wait_procs(processes, timeout=seconds)[1]


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_study_whose_processes_are_killed_at_random_ends_like_an_undisturbed_one(study: Study, kills: int) -> None:
    rng, results = random.Random(kills), f"killed{kills}"
    while kills:
        if len(study.stored(results)) > RUNS // 2:  # nearly complete: remove some of it
            for folder in study.stored(results)[:: rng.choice((1, 2))]:
                shutil.rmtree(folder)
        process = study.start(results, "--jobs", 2, "--retry-failed")
        while kills and process.poll() is None:
            wait_for_workers(process)
            time.sleep(rng.uniform(0, 6))
            alive = workers(process)
            if not alive or process.poll() is not None:
                continue
            # The last two are a worker and the command.
            victim = {2: rng.choice(alive), 1: None}.get(kills, rng.choice([*alive, None]))
            kills -= 1
            if victim:
                victim.kill()
                continue
            process.kill()
            process.wait()
            assert gone(alive, 30)
        assert all((folder / "run.json").is_file() for folder in study.stored(results))
        if process.poll() is None:
            assert process.wait(120) in (0, 1)  # 1: a run lost its process twice in a row
    last = study.start(results, "--jobs", 2, "--retry-failed")
    assert last.wait(120) == 0, said(last)
    same_results(study.folder / "whole", study.folder / results)
    assert load_results(study.folder / results)["id"].is_unique
    assert study.is_clean(results)
    assert not list((study.folder / results / "failures").glob("*"))


def test_neither_order_nor_pool_changes_a_result(study: Study) -> None:
    cache = ImageCache(study.folder / "cache")
    dataset = open_dataset("folder", study.folder / "data", cache)
    profile = load_profile("quick", tiny_with("iterations=40")[1:])
    specs = select_runs(dataset, profile, [Selection(["unet"], ["widget"], [1], range(RUNS))])
    random.Random(1).shuffle(specs)
    assert [spec.seed for spec in specs] != sorted(spec.seed for spec in specs)
    work = RunTask(RunContext(dataset, cache), study.folder / "shuffled")
    outcomes = [*execute(specs[:5], work, LokyPool([{}, {}])), *execute(specs[5:], work, SequentialPool())]
    assert {outcome.status for outcome in outcomes} <= {"done", "not_converged"}
    same_results(study.folder / "whole", study.folder / "shuffled")


def test_two_commands_on_one_folder_do_every_run_once(study: Study) -> None:
    both = [study.start("shared", "--jobs", 1) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    here = [re.findall(r"^\[\d+/\d+\] (.+): IOU", said(process), re.MULTILINE) for process in both]
    elsewhere = [re.findall(r"^\[\d+/\d+\] (.+): stored by another", said(process), re.MULTILINE) for process in both]
    assert all(here), "they did not overlap"
    assert sorted(here[0] + here[1]) == [f"widget unet 1-shot seed {seed}" for seed in range(RUNS)]
    assert set(elsewhere[0]) <= set(here[1])
    assert set(elsewhere[1]) <= set(here[0])
    same_results(study.folder / "whole", study.folder / "shared")
    assert study.is_clean("shared")


def test_a_run_leased_by_another_command_is_waited_for_and_done_when_released(study: Study) -> None:
    run = study.stored("whole")[0].name
    shutil.copytree(study.folder / "whole", study.folder / "held")
    for folder in study.stored("held")[:2]:
        shutil.rmtree(folder)
    with Leases(study.folder / "held").lease(run) as lease:
        assert lease
        process = study.start("held", "--jobs", 1)
        wait_until(lambda: "1 runs are being trained by another command: waiting for them" in said(process), 120)
        time.sleep(2)
        assert process.poll() is None
        assert len(study.stored("held")) == RUNS - 1
    assert process.wait(60) == 0
    same_results(study.folder / "whole", study.folder / "held")


def test_interrupting_two_jobs_ends_them_at_once_and_reports_what_is_kept(study: Study) -> None:
    process = study.start("interrupted", "--jobs", 2)
    wait_until(lambda: study.stored("interrupted"), 120)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    assert process.wait(15) == 130
    kept = len(study.stored("interrupted"))
    assert 1 <= kept < RUNS
    assert f"interrupted: {kept} finished runs are kept" in said(process)
    assert "Traceback" not in said(process)
    assert gone(children, 5)
    assert study.is_clean("interrupted")


def test_interrupting_while_workers_start_leaves_no_traceback(study: Study) -> None:
    process = study.start("early", "--jobs", 2)
    wait_until(lambda: len(workers(process)) == 2)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(15) == 130
    assert "0 finished runs are kept" in said(process)
    assert "Traceback" not in said(process)
    assert gone(children, 5)


def test_a_run_whose_process_is_killed_twice_fails_with_advice(study: Study) -> None:
    process = study.start("hopeless", "--jobs", 2, runs=2, iterations=100000)
    while process.poll() is None:
        for path in (study.folder / "hopeless" / "leases").glob("*.json"):
            try:
                os.kill(json.loads(path.read_text())["process"], signal.SIGKILL)
            except (OSError, ValueError):
                continue
        time.sleep(0.2)
    assert process.returncode == 1
    assert "2 runs failed: add --retry-failed" in said(process)
    assert "its process was killed twice, usually because memory ran out: use fewer --jobs" in said(process)
    assert load_results(study.folder / "hopeless")["status"].tolist() == ["failed"] * 2
    assert study.is_clean("hopeless")


def test_a_run_that_takes_too_long_fails_and_is_tried_again_only_if_asked(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    words = study.words("slow", "--jobs", 1, runs=1)
    assert main([*words, "--timeout", "0.001"]) == 1
    assert "--timeout 0.001 exceeded after 1 of 40 iterations" in capsys.readouterr().err
    assert main(words) == 1
    assert "0 to do, 1 failed earlier: add --retry-failed to try them again" in capsys.readouterr().err
    assert main([*words, "--retry-failed"]) == 0
    assert "1 runs: 0 stored, 1 to do, 1 failed earlier\n" in capsys.readouterr().err
    assert load_results(study.folder / "slow")["status"].isin(["done", "not_converged"]).tolist() == [True]


def test_a_run_that_exceeds_the_time_limit_while_it_is_scored_fails(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def score_slowly(*given: object) -> None:
        while True:
            time.sleep(0.1)
            given[-1]()  # type: ignore[operator]

    monkeypatch.setattr("benchmark.training.one_run.score_images", score_slowly)
    assert main(study.words("slow scoring", "--jobs", 1, "--timeout", 5, runs=1)) == 1
    assert "--timeout 5 exceeded after 40 of 40 iterations" in capsys.readouterr().err


def test_a_run_that_runs_out_of_memory_fails_with_advice(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmark.training.one_run.train", lambda *_: torch.empty(1 << 55))
    assert main(study.words("huge", "--jobs", 1, runs=1)) == 1
    assert (
        "(memory ran out: use fewer --jobs, or a smaller batch_size or image_size with --set)"
        in capsys.readouterr().err
    )
