"""How many runs are done at a time: what cores, devices and memory allow."""

from __future__ import annotations

from types import SimpleNamespace

import loky
import psutil
import pytest
import torch

from benchmark.execution.capacity import choose_jobs, memory_of_a_run
from benchmark.protocol.profile import load_profile

CPU, CUDA, MPS = map(torch.device, ("cpu", "cuda:0", "mps"))


@pytest.mark.parametrize(
    ("cores", "gigabytes", "settings", "device", "jobs"),
    [
        (2, 64, [], CPU, 2),
        (8, 64, ["threads=2"], CPU, 4),
        (16, 4, [], CPU, 4),
        (16, 4, [], CUDA, 1),
        (16, 4, [], MPS, 1),
        (1, 64, ["threads=4"], CPU, 1),
        (16, 1, [], CPU, 1),
        (16, 64, ["image_size=512", "width=1", "batch_size.5=4"], CPU, 5),
    ],
)
def test_runs_at_a_time_fit_cores_and_memory(
    cores: int, gigabytes: int, settings: list[str], device: torch.device, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loky, "cpu_count", lambda: cores)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 10**9))
    assert choose_jobs(load_profile("quick", settings), [device]) == jobs


def test_the_memory_estimate_grows_with_what_is_kept() -> None:
    quick, paper = load_profile("quick"), load_profile("paper")
    assert memory_of_a_run(quick) < 1.1e9
    assert 10e9 < memory_of_a_run(paper) < 16e9
