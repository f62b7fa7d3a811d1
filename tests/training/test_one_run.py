"""What a run starts from, and how many run at a time."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import psutil
import pytest
import torch

from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.image_cache import CategoryArrays, ImageCache
from benchmark.execution.capacity import choose_jobs, memory_of_a_run
from benchmark.protocol.profile import load_profile
from benchmark.protocol.runs import RunSpec, Selection, expand
from benchmark.training.one_run import RunContext, build_network

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[RunSpec, RunSpec, RunContext, CategoryArrays]:
    """The same run without and with a prior from its masks."""
    dataset = SyntheticDataSet()
    manifests = {"toothbrush": dataset.manifest("toothbrush")}
    specs = [
        expand(
            Selection(["albunet"], ["toothbrush"], [1], [0]),
            manifests,
            load_profile("quick", ["width=0.1", f"output_prior={prior}"]),
        )[0]
        for prior in ("none", "masks")
    ]
    context = RunContext(dataset, ImageCache(tmp_path / "cache"), CPU)
    return specs[0], specs[1], context, context.cache.arrays(dataset, "toothbrush", 64)


def test_the_prior_is_the_share_of_the_training_masks_and_nothing_else_changes(
    prepared: tuple[RunSpec, RunSpec, RunContext, CategoryArrays],
) -> None:
    without, with_masks, context, arrays = prepared
    assert without.id != with_masks.id
    plain, shifted = (build_network(spec, context, arrays).state_dict() for spec in (without, with_masks))
    assert [name for name in plain if not torch.equal(plain[name], shifted[name])] == ["head.bias"]
    share = np.mean([arrays.masks[index].mean() for index in with_masks.draw.shots])
    assert shifted["head.bias"].item() == pytest.approx(math.log(share / (1 - share)), rel=1e-5)


def test_an_empty_mask_still_gives_a_start(prepared: tuple[RunSpec, RunSpec, RunContext, CategoryArrays]) -> None:
    _, spec, context, arrays = prepared
    empty = CategoryArrays(arrays.manifest, arrays.images, np.zeros_like(arrays.masks))
    assert build_network(spec, context, empty).state_dict()["head.bias"].item() == pytest.approx(
        math.log(1e-4), rel=1e-4
    )


@pytest.mark.parametrize(
    ("cores", "gigabytes", "settings", "device", "jobs"),
    [
        (2, 64, [], CPU, 2),
        (8, 64, ["threads=2"], CPU, 4),
        (16, 4, [], CPU, 4),
        (16, 4, [], CUDA, 1),
        (1, 64, ["threads=4"], CPU, 1),
        (16, 1, [], CPU, 1),
        (16, 64, ["image_size=512", "width=1"], CPU, 5),
    ],
)
def test_runs_at_a_time_fit_cores_and_memory(
    cores: int, gigabytes: int, settings: list[str], device: torch.device, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 10**9))
    assert choose_jobs(load_profile("quick", settings), [device]) == jobs


def test_the_memory_estimate_grows_with_what_is_kept() -> None:
    quick, paper = load_profile("quick"), load_profile("paper")
    assert memory_of_a_run(quick) < 1.1e9
    assert 10e9 < memory_of_a_run(paper) < 16e9
