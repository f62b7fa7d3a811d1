"""Training on a CUDA device; skipped where there is none."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.bench.subject import Subject
from benchmark.cli import main
from benchmark.environment import prepare_torch
from benchmark.execution.step_times import measure_steps
from benchmark.protocol.profile import load_profile
from benchmark.training.batches import minibatches
from benchmark.training.predict import Predictor
from benchmark.training.step import step_losses
from benchmark.training.train import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
CUDA, CPU = torch.device("cuda:0"), torch.device("cpu")
METHODS = load_profile("paper").methods
SETTINGS = ["image_size=128", "width=0.25", "weights=none", "curve_every=0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cuda")


def subject(folder: Path, device: torch.device, *methods: str, steps: int = 5, precision: str = "fp32") -> Subject:
    profile = load_profile("paper", [*SETTINGS, f"precision={precision}"])
    return Subject(profile, methods, folder, pairs=1, steps=steps, device=device)


def first_losses(chosen: Subject) -> list[float]:
    """The loss of one pasted and one other minibatch, before any update."""
    (spec,) = chosen.training_specs()
    prepare_torch(1, spec.protocol.precision)
    network = chosen.network(spec)
    batches = list(islice(minibatches(spec, chosen.arrays, chosen.device), 8))
    pair = [
        next((batch for batch in batches if (batch.pasted is None) == plain), batches[0]) for plain in (True, False)
    ]
    with torch.no_grad():
        return [float(step_losses(network, spec.method.recipe, spec.protocol, batch).total) for batch in pair]


@pytest.mark.parametrize("method", METHODS)
def test_losses_are_those_of_a_processor(method: str, folder: Path) -> None:
    found, expected = (first_losses(subject(folder, device, method)) for device in (CUDA, CPU))
    assert np.allclose(found, expected, rtol=2e-4)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("method", ["unet", "albunet_nbr_cap"])
def test_training_twice_gives_the_same_bits(method: str, precision: str, folder: Path) -> None:
    chosen = subject(folder, CUDA, method, precision=precision)
    (spec,) = chosen.training_specs()
    prepare_torch(1, precision)
    results = []
    for _ in range(2):
        network = chosen.network(spec)
        curve = train(network, spec, chosen.arrays, CUDA).curve
        maps = Predictor(network, spec.protocol, CUDA).probabilities(chosen.arrays.images[[0, 1, 2]])
        results.append((curve, maps))
    pd.testing.assert_frame_equal(results[0][0], results[1][0], check_exact=True)
    assert np.array_equal(results[0][1], results[1][1])


@pytest.mark.parametrize("method", METHODS)
def test_the_loop_never_waits_for_the_device(method: str, folder: Path) -> None:
    chosen = subject(folder, CUDA, method)
    (spec,) = chosen.training_specs()
    prepare_torch(1)
    steps = 0

    def forbid(iteration: int) -> None:
        nonlocal steps
        steps = iteration
        # From the second iteration on: the first one sets up kernels, and the last is followed by reading the log.
        torch.cuda.set_sync_debug_mode("error" if iteration < spec.protocol.iterations else "default")

    try:
        train(chosen.network(spec), spec, chosen.arrays, CUDA, forbid)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert steps == spec.protocol.iterations


def test_two_processes_on_one_device_store_what_one_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--method", "unet", "albunet_nbr_cap", "--category", "carpet", "--shots", "1", "--seed", "0"]
    words += ["--set", *SETTINGS, "iterations=6", "--cache", str(folder / "cache"), "--device", "cuda"]
    runs = []
    for jobs in ("1", "2"):
        results = folder / f"results{jobs}"
        assert main(["run", "--profile", "paper", *words, "--jobs", jobs, "--results", str(results)]) == 0
        records = [json.loads(path.read_text()) for path in sorted((results / "runs").glob("*/run.json"))]
        assert {record["environment"]["device"].partition(":")[0] for record in records} == {"cuda"}
        assert {record["environment"]["tf32"] for record in records} == {False}
        runs.append([record["metrics"] for record in records])
    assert len(runs[0]) == 2
    assert runs[0] == runs[1]


def test_steps_are_measured_with_their_memory(folder: Path) -> None:
    chosen = subject(folder, CUDA, "albunet_nbr_cap")
    (time,) = measure_steps(chosen.specs(), CUDA)
    assert 0 < time.step_seconds < 5
    assert time.memory_bytes > 4 * 4 * sum(p.numel() for p in chosen.network(chosen.specs()[0]).parameters())
