"""Studies within a given time: whole blocks of runs, in the order that says most about the comparison."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.data.datasets import SyntheticDataSet
from benchmark.execution.budget import Budget, describe_blocks
from benchmark.execution.cost import run_flops
from benchmark.protocol.blocks import order_blocks
from benchmark.protocol.profile import load_profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.table import load_results
from tests.conftest import TINY

COMPARED = ("unet", "albunet_nbr_cap")
ABLATIONS = ("albunet_nbr", "albunet+plain")


def specs_of(*methods: str, categories: int = 3, shots: tuple[int, ...] = (1, 5), seeds: int = 2) -> list[RunSpec]:
    dataset = SyntheticDataSet()
    selection = Selection(methods, dataset.categories()[:categories], shots, range(seeds))
    return select_runs(dataset, load_profile("quick"), [selection])


def test_categories_come_before_seeds_and_what_only_ablations_show_comes_last() -> None:
    specs = specs_of(*COMPARED, *ABLATIONS, "smp:Unet/resnet18")
    blocks = order_blocks(specs)
    assert sorted(spec.id for block in blocks for spec in block.specs) == sorted(spec.id for spec in specs)
    for block in blocks:
        assert {(spec.category, spec.shots, spec.seed) for spec in block.specs} == {
            (block.category, block.shots, block.seed)
        }
    compared, rest = blocks[:12], blocks[12:]
    assert {spec.method.name for block in compared for spec in block.specs} == {*COMPARED, "smp:Unet/resnet18"}
    assert {spec.method.name for block in rest for spec in block.specs} == set(ABLATIONS)
    for half in (compared, rest):
        assert [block.seed for block in half] == [0] * 6 + [1] * 6
        assert [block.shots for block in half[:6]] == [1, 5] * 3
        assert [block.category for block in half[:6]] == ["bottle", "bottle", "cable", "cable", "capsule", "capsule"]


def test_a_selection_of_ablations_is_compared_with_each_other() -> None:
    blocks = order_blocks(specs_of("albunet_nbr_cap", *ABLATIONS))
    assert all(len(block.specs) == 3 for block in blocks)


class Clock:
    """A clock that each run advances by its cost."""

    def __init__(self, seconds_per_cost: float) -> None:
        self.seconds, self.rate = 0.0, seconds_per_cost

    def __call__(self) -> float:
        return self.seconds

    def do(self, budget: Budget, at_a_time: int) -> list[RunSpec]:
        """Do the runs, several at a time; returns those that were begun."""
        begun: list[RunSpec] = []
        running: list[RunSpec] = []
        for spec in budget.runs():
            begun.append(spec)
            running.append(spec)
            if len(running) == at_a_time:
                self._end(budget, running.pop(0), at_a_time)
        for spec in running:
            self._end(budget, spec, at_a_time)
        return begun

    def _end(self, budget: Budget, spec: RunSpec, at_a_time: int) -> None:
        self.seconds += run_flops(spec) * self.rate / at_a_time
        budget.finish(spec)


@pytest.mark.parametrize("at_a_time", [1, 2])
@pytest.mark.parametrize("misjudged", [0.2, 1, 4])
def test_blocks_are_done_to_their_end_within_the_time_however_wrong_the_first_estimate_is(
    at_a_time: int, misjudged: float
) -> None:
    blocks = order_blocks(specs_of(*COMPARED, categories=12, shots=(1,), seeds=1))
    total = sum(run_flops(spec) for block in blocks for spec in block.specs)
    rate = 100 / total * at_a_time  # all would take 100 s
    clock = Clock(rate)
    budget = Budget(60, blocks, misjudged * rate / at_a_time, clock)
    begun = clock.do(budget, at_a_time)
    assert clock.seconds <= 60
    # At least half of the time is used, at the worst of these estimates too.
    assert clock.seconds >= 30
    whole = [spec for block in blocks[: len(begun) // 2] for spec in block.specs]
    assert begun == whole
    assert budget.left() == blocks[len(begun) // 2 :]
    if misjudged == 1:
        assert sum(len(block.specs) for block in budget.expected()) == pytest.approx(len(begun), abs=2)


def test_a_time_too_short_for_the_first_block_is_refused() -> None:
    blocks = order_blocks(specs_of(*COMPARED, categories=1))
    with pytest.raises(InputError, match=r"too short for the first 2 runs \(K = 1, seed 0, 2 methods: bottle\)"):
        Budget(60, blocks, 1.0)
    assert Budget(60, blocks, None).expected() == blocks


def test_many_categories_are_counted() -> None:
    blocks = order_blocks(specs_of(*COMPARED, categories=8, shots=(1,), seeds=1))
    assert describe_blocks(blocks) == ["K = 1, seed 0, 2 methods: 8 categories, bottle to metal_nut"]


def test_the_plan_lists_what_fits_and_what_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "--method", *COMPARED, "--category", "tile", "wood", "--shots", "1"]
    assert main([*words, "--json", "--budget", "7d"]) == 0
    planned = json.loads(capsys.readouterr().out)["budget"]
    assert (planned["runs"], planned["left"], planned["later"]) == (4, 0, [])
    assert planned["done"] == ["K = 1, seed 0, 2 methods: tile, wood"]
    assert main([*words, "--budget", "7d"]) == 0
    assert "budget   7.0 days should be enough for 4 of these runs, in this order:" in capsys.readouterr().out


def test_a_run_that_stops_in_time_leaves_whole_blocks_and_resumes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, shared_cache: Path
) -> None:
    words = ["run", "--method", *COMPARED, "--category", "tile", "--shots", "1", *TINY, "--jobs", "1"]
    words += ["--results", str(tmp_path), "--cache", str(shared_cache), "--seed"]
    assert main([*words, *map(str, range(200)), "--budget", "5s"]) == 0
    said = capsys.readouterr().err
    assert "--budget is spent: " in said
    assert "  K = 1, seed 199, 2 methods: tile" in said
    table = load_results(tmp_path)
    assert (table.groupby("seed").size() == 2).all()
    stored = table["seed"].nunique()
    assert stored < 200

    assert main([*words, *map(str, range(stored + 1)), "--budget", "1h"]) == 0
    said = capsys.readouterr().err
    assert f"{2 * stored + 2} runs: {2 * stored} stored, 2 to do" in said
    assert "spent" not in said
    assert len(load_results(tmp_path)) == 2 * stored + 2
