"""``bench``: what it measures is the same work, and its table says how often and against what."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmark.bench import pairs
from benchmark.bench.plain import train_plainly
from benchmark.bench.subject import CPU, Subject
from benchmark.cli import main
from benchmark.environment import prepare_torch
from benchmark.execution.cost import run_flops
from benchmark.protocol.profile import load_profile
from benchmark.training.batches import minibatches
from benchmark.training.train import train

TINY_BENCH = ("--pairs", "1", "--steps", "2", "--set", "image_size=64", "width=0.1", "iterations=2", "curve_every=1")


def test_the_plain_script_is_algorithm_1_with_nbr_and_cap(tmp_path: Path) -> None:
    profile = load_profile("quick", ["image_size=64", "width=0.1"])
    subject = Subject(profile, ("albunet_nbr_cap",), tmp_path, pairs=1, steps=6)
    (spec,) = subject.training_specs()
    prepare_torch(1)
    suite = train(subject.network(spec), spec, subject.arrays, CPU).curve
    batches = islice(minibatches(spec, subject.arrays, CPU), 6)
    plain = train_plainly(subject.network(spec), batches, spec.protocol.learning_rate, (0.9, 0.999))
    assert 0 < suite["pasted"].sum() < 6
    assert np.allclose(plain, suite["loss"], rtol=1e-3)


def test_the_ratio_is_that_of_the_times_and_pairs_alternate(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    now = 0.0

    def work(name: str, *seconds: float) -> None:
        nonlocal now
        now += seconds[order.count(name)]
        order.append(name)

    monkeypatch.setattr(pairs.time, "perf_counter", lambda: now)
    slow, fast = (9, 6, 8, 7), (1, 2, 2, 2)  # the first of each is not counted
    found = pairs.measure("g", "slow", lambda: work("slow", *slow), "fast", lambda: work("fast", *fast), pairs=3)
    assert order == ["slow", "fast", "slow", "fast", "fast", "slow", "slow", "fast"]
    assert (found.low, found.ratio, found.high, found.seconds) == (3, 3.5, 4, 7)


def test_the_table_has_a_ratio_with_its_range_for_each_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "steps", "runs", "data", *TINY_BENCH, "--method", "albunet_nbr_cap"]) == 0
    table = capsys.readouterr().out
    assert len(re.findall(r" \d+\.\d\d  \d+\.\d\d to \d+\.\d\d, 1 pairs  ", table)) == 3 + 2 + 1
    assert "torch" in table.splitlines()[-1]


def test_sharing_is_counted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["bench", "sharing", "--json", "--profile", "ci"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["measurements"]
    assert found["pairs"] == 0
    # Tables II to IV have the same runs, so sharing saves more than half.
    assert 0.1 < found["ratio"] < 0.5


def test_a_run_without_a_curve_has_the_flops_of_its_steps_and_its_scoring(tmp_path: Path) -> None:
    costs = {}
    for every in (0, 2, 4):
        subject = Subject(load_profile("quick", ["iterations=6", f"curve_every={every}"]), ("unet",), tmp_path, 1, 1)
        (spec,) = subject.specs()
        costs[every] = run_flops(spec)
    # Readings after 2 and 4 of 6 iterations; the one after 6 comes from the scored images. Every 4: after 4.
    assert costs[2] - costs[0] == pytest.approx(2 * (costs[4] - costs[0]))
    assert costs[4] > costs[0]
