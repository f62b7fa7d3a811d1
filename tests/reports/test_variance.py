"""Runs that cross draws and training seeds: where the spread comes from, and that they are no further seeds."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from benchmark.cli import main
from benchmark.data.datasets import SyntheticDataSet
from benchmark.protocol.draws import Draw, draw_shots, draws_of
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Request, Selection, choose_selections, select_runs
from benchmark.results.table import load_results
from reports.collect import result_sets
from reports.html import write_report
from reports.variance import difference_interval, seeds_needed, split_spread
from tests.conftest import CommandLine
from tests.factories import store_run

GRID = ((0.30, 0.40, 0.50), (0.50, 0.50, 0.65), (0.20, 0.35, 0.35))


def store_crossed(
    root: Path,
    method: str,
    grid: tuple[tuple[float, ...], ...] = GRID,
    category: str = "tile",
    status: str = "done",
) -> None:
    """Store a run for each pair of a draw (row) and a training seed (column)."""
    for (of, row), seed in itertools.product(enumerate(grid), range(len(grid))):
        draw = Draw((0,), normals=(8, 9), test=(5, 6, 7), unannotated=(), names=(f"test/cut/{of}.png",))
        settings = [] if of == seed else [f"draws={draws_of(of)}"]
        store_run(root, row[seed], status, category=category, method=method, seed=seed, draw=draw, settings=settings)


def slow_mean_squares(values: np.ndarray) -> tuple[float, float, float]:
    """Of draws, training seeds and the rest, pooled over categories."""
    categories, a, b = values.shape
    sums = np.zeros(3)
    for table in values:
        for i, j in itertools.product(range(a), range(b)):
            row, column, mean = table[i].mean(), table[:, j].mean(), table.mean()
            sums += (row - mean) ** 2, (column - mean) ** 2, (table[i, j] - row - column + mean) ** 2
    draws, seeds, rest = sums / (categories * np.array([a - 1, b - 1, (a - 1) * (b - 1)]))
    return float(draws), float(seeds), float(rest)


def test_the_components_are_those_of_the_mean_squares() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 1, 1)) + 2 * rng.normal(size=(2, 5, 1)) + rng.normal(size=(2, 1, 3))
    values = values + 0.5 * rng.normal(size=(2, 5, 3))
    spread = split_spread(values, ["tile", "wood"])
    draws, seeds, rest = slow_mean_squares(values)
    found = [part.variance for part in (spread.drawn, spread.training, spread.rest)]
    assert found == pytest.approx([(draws - rest) / 3, (seeds - rest) / 5, rest])
    assert spread.total.variance == pytest.approx(sum(found))
    assert spread.shares == pytest.approx(np.array(found) / sum(found))
    assert (spread.mean, spread.draws, spread.seeds) == (pytest.approx(values.mean()), 5, 3)
    for part in (spread.drawn, spread.training, spread.rest, spread.total):
        assert 0 <= part.low < part.variance < part.high
    nothing = split_spread(np.full((1, 2, 2), 0.3), ["tile"])
    assert (nothing.total.high, nothing.shares) == (0, (0, 0, 0))
    # Less between draws than training alone explains: the estimate is 0, and so is its share.
    negative = split_spread(np.array([[[0.1, 0.4], [0.4, 0.1]]]), ["tile"])
    assert (negative.drawn.variance, negative.drawn.low, negative.shares) == (0, 0, (0, 0, 1))


@pytest.mark.parametrize(("categories", "drawn", "rest"), [(1, 1.0, 1.0), (3, 1.0, 1.0), (3, 0.0, 1.0), (3, 4.0, 0.5)])
def test_intervals_of_components_cover_the_truth_as_often_as_they_should(
    categories: int, drawn: float, rest: float
) -> None:
    rng = np.random.default_rng(1)
    n, m, b = categories * 2, categories * 4, 3
    first = (rest + b * drawn) * rng.chisquare(n, 20_000) / n
    low, high = difference_interval(first, np.array(n), rest * rng.chisquare(m, 20_000) / m, np.array(m), b)
    assert np.mean(drawn < low) == pytest.approx(0.025, abs=0.005)
    assert np.mean(drawn > high) == pytest.approx(0.025, abs=0.005)


@pytest.mark.parametrize("size", [0.1, 0.37, 1.0, 2.9])
def test_the_number_of_seeds_is_that_of_a_paired_t_test(size: float) -> None:
    expected = TTestPower().solve_power(effect_size=size, power=0.8, alpha=0.05)
    assert seeds_needed(0.02 * size, 0.02) == max(3, int(np.ceil(expected)))
    assert seeds_needed(-0.02 * size, 0.02) == seeds_needed(0.02 * size, 0.02)
    assert (seeds_needed(1e-6, 1.0), seeds_needed(0.1, 0.0), seeds_needed(0.0, 0.0)) == (None, 3, None)


def test_the_study_trains_every_seed_on_the_draw_of_every_seed() -> None:
    dataset, profile = SyntheticDataSet(), load_profile("quick")
    request = Request(studies=["variance"], categories=["tile"], methods=["unet"])
    (selection,) = choose_selections(request, profile, dataset).values()
    specs = select_runs(dataset, profile, [selection])
    draws = [draw_shots(dataset.manifest("tile"), 1, seed).digest for seed in range(3)]
    assert [(spec.seed, spec.draw.digest) for spec in specs] == list(itertools.product(range(3), draws))
    assert len({spec.id for spec in specs}) == 9
    # Each seed on its own draw is the run that every other selection has.
    ordinary = select_runs(dataset, profile, [Selection(["unet"], ["tile"], [1], [0, 1, 2])])
    assert [spec for spec in specs if spec.protocol.draws == "per_seed"] == ordinary
    assert specs[5].title == "tile unet 1-shot seed 1, draw of seed 2"
    narrowed = choose_selections(
        Request(studies=["variance"], seeds=[4, 5]), load_profile("quick", ["seeds=[4, 5]"]), dataset
    )
    assert narrowed["study variance"].seeds == (4, 5)


def test_a_run_on_the_draw_of_another_seed_is_no_further_seed(tmp_path: Path) -> None:
    store_crossed(tmp_path, "unet")
    sets = {found.title: found for found in result_sets(load_results(tmp_path))}
    ordinary = sets["synthetic, profile quick"]
    assert ordinary.runs[["seed", "draw_seed"]].to_numpy().tolist() == [[0, 0], [1, 1], [2, 2]]
    cell = ordinary.cell("tile", "unet", 1, "iou")
    assert (cell.n, cell.expected, cell.value) == (3, 3, pytest.approx((0.3 + 0.5 + 0.35) / 3))
    # Each draw by itself is a set of its own, which shares the run of that seed.
    of_1 = sets["synthetic, profile quick with draws=1"]
    assert of_1.cell("tile", "unet", 1, "iou").value == pytest.approx(np.mean(GRID[1]))
    assert sorted(sets) == [
        f"synthetic, profile quick{end}" for end in ("", *(f" with draws={n}" for n in (1, 2, "fixed")))
    ]


def test_the_spread_is_printed(tmp_path: Path, command_line: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    store_crossed(tmp_path, "unet")
    better = (*(tuple(value + 0.1 for value in row) for row in GRID[:2]), (0.35, 0.4, 0.45))
    store_crossed(tmp_path, "albunet", better)
    store_crossed(tmp_path, "albunet", better, category="wood")
    store_run(tmp_path, 0.4, category="wood", method="unet")
    store_crossed(tmp_path, "albunet", category="grid", status="not_converged")
    # A fourth seed on its own draw alone is not part of the grid.
    store_run(tmp_path, 0.4, category="tile", method="unet", seed=3)
    text = command_line("variance", "--results", str(tmp_path)).stdout
    assert "Draws of seeds 0, 1 and 2, each trained with seeds 0, 1 and 2." in text
    assert "U-Net leaves out wood: runs are missing, or none converged." in text
    assert "B (AlbuNet) leaves out grid: runs are missing, or none converged." in text
    assert main(["variance", "--results", str(tmp_path), "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["methods"] for record in records] == [["unet"], ["albunet"], ["unet", "albunet"]]
    unet, albunet, difference = records
    draws, _, rest = slow_mean_squares(np.array([GRID]))
    assert unet["drawn"]["variance"] == pytest.approx((draws - rest) / 3)
    assert (unet["categories"], albunet["categories"], difference["categories"]) == (
        ["tile"],
        ["tile", "wood"],
        ["tile"],
    )
    assert difference["mean"] == pytest.approx(np.mean(np.subtract(GRID, better)))
    deviation = np.sqrt(difference["total"]["variance"])
    assert difference["seeds_needed"]["0.05"] == seeds_needed(0.05, deviation)
    assert f"{np.sqrt(unet['total']['variance']):.4f} (" in text


def test_the_report_shows_the_spread_once_beside_the_ordinary_runs(tmp_path: Path) -> None:
    store_crossed(tmp_path, "unet", ((0.2, 0.3), (0.5, 0.4)))
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert page.count("<caption>Sources of spread, 1-shot IOU</caption>") == 1
    ordinary = page[page.index(">synthetic, profile quick</h2>") :].partition("<section")[0]
    spread = split_spread(np.array([[[0.2, 0.3], [0.5, 0.4]]]), ["tile"])
    assert spread.total.text in ordinary


def test_without_crossed_runs_there_is_nothing_to_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(tmp_path)
    store_run(tmp_path, seed=1)
    assert main(["variance", "--results", str(tmp_path)]) == 2
    assert "train some with run --study variance" in capsys.readouterr().err
