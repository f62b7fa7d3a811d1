"""Plans: which runs tables and figures need, each counted once, and what they cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from baselines import Recipe, get_method
from baselines.losses import weighted_bce
from baselines.networks import create_network
from baselines.networks.cost import NetworkCost, network_cost
from baselines.pasting import BUILT_IN_PASTINGS
from benchmark.cli import main
from benchmark.data.datasets import SyntheticDataSet
from benchmark.execution.cost import (
    estimate_hours,
    measured_rate,
    predicted_images,
    run_bytes,
    run_flops,
    stored_rate,
    training_flops,
)
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.protocol.studies import FIGURE_STUDIES, NBR_GRID, PASTING_STUDY, TABLE_STUDIES
from benchmark.results.store import ResultStore
from reports.collect import PAPER_CATEGORIES
from tests.factories import make_result

PAPER = load_profile("paper")
pytestmark = pytest.mark.usefixtures("short_calibration")


def planned(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    extra = ["--json", "--results", str(tmp_path / "results"), "--cache", str(tmp_path / "cache")]
    assert main(["plan", *words, *extra]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_profile_paper_is_the_papers_1500_runs_and_150_of_b_without_pasting() -> None:
    dataset = SyntheticDataSet()
    specs = select_runs(dataset, PAPER, [Selection(PAPER.methods, dataset.categories(), PAPER.shots, PAPER.seeds)])
    flops = sum(map(run_flops, specs))
    assert len(specs) == len({spec.id for spec in specs}) == 1650
    assert flops == pytest.approx(5.9e18, rel=0.15)


def test_all_tables_and_figures_together_need_the_runs_of_the_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--profile", "paper", "--table", *TABLE_STUDIES, "--figure", *FIGURE_STUDIES]
    plan = planned(tmp_path, capsys, *words)
    assert plan["distinct_runs"] == plan["to_do"] == 1650
    studies = plan["studies"]
    assert isinstance(studies, dict)
    assert studies["table II"] == 7 * 15 * 2 * 5
    assert studies["table V"] == 4 * 15 * 2 * 5
    assert studies["figure 6"] == 7 * 4
    assert studies["figure 9"] == 3 * 2 * 5
    assert plan["shared"] == sum(studies.values()) - 1650


def test_studies_name_only_methods_and_categories_of_the_paper() -> None:
    for study in (*TABLE_STUDIES.values(), *FIGURE_STUDIES.values()):
        assert {get_method(name).name for name in study.methods} <= {*PAPER.methods, "albunet+plain"}
        assert set(study.categories) <= set(PAPER_CATEGORIES)


def test_the_study_of_nbr_needs_the_nine_methods_of_its_grid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--study", "nbr", "--category", "tile", "--seed", "0", "--shots", "1")
    plan = planned(tmp_path, capsys, *words)
    assert plan["distinct_runs"] == 9
    assert plan["studies"] == {"study nbr": 9}
    for method in ("albunet", "albunet+plain+bn", "albunet_nbr_cap", "albunet+cap+bn"):
        assert planned(tmp_path, capsys, *words, "--method", method)["distinct_runs"] == 1


def test_the_study_of_pastings_needs_the_papers_method_with_each_and_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = planned(tmp_path, capsys, "--study", "pasting", "--category", "tile", "--seed", "0", "--shots", "1")
    assert plan["studies"] == {"study pasting": 8}
    ours = get_method("albunet_nbr_cap").recipe
    recipes = {name: get_method(method).recipe for name, method in PASTING_STUDY.items()}
    assert recipes.pop("none") == get_method("albunet_nbr").recipe
    assert recipes == {name: replace(ours, pasting=name) for name in BUILT_IN_PASTINGS}


def test_the_methods_of_the_grid_are_those_its_places_say() -> None:
    recipes = {place: get_method(name).recipe for place, name in NBR_GRID.items()}
    networks = {get_method(name).network for name in NBR_GRID.values()}
    assert networks == {"albunet"}
    pasting = {"never": ("never", "one"), "CaP": ("cap", "realism")}
    for (normals, pasted), recipe in recipes.items():
        assert (recipe.nbr, recipe.normal_statistics) == (
            "cosine" if normals == "NBR" else None,
            normals == "batch norm",
        )
        # With NBR the paper's lambda = 1 method pastes as often, by the profile field of CaP.
        plain = ("cap" if normals == "NBR" else "augmentation", "one")
        assert (recipe.crop_paste, recipe.paste_weight) == pasting.get(pasted, plain)


def test_runs_that_do_not_fit_the_memory_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "--method", "unet", "--seed", "0", "--shots", "1", "--jobs", "1", "--results", str(tmp_path)]
    for size, warned in (("1000000", True), ("1", False)):
        assert main([*words, "--set", f"batch_size={size}"]) == 0
        lines = [line for line in capsys.readouterr().err.splitlines() if "memory" in line]
        assert [("warning" in line, "GB" in line, "batch_size" in line) for line in lines] == [(True,) * 3] * warned


def test_options_replace_the_lists_of_a_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = ["--figure", "9"]
    assert planned(tmp_path, capsys, *figure)["distinct_runs"] == 3 * 2
    assert planned(tmp_path, capsys, *figure, "--shots", "1")["distinct_runs"] == 3
    assert planned(tmp_path, capsys, *figure, "--method", "unet", "--category", "tile")["distinct_runs"] == 2
    assert planned(tmp_path, capsys, *figure, "--table", "ii", "--category", "carpet")["distinct_runs"] == 8 * 2


def test_stored_and_failed_runs_are_not_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--method", "unet", "albunet", "--category", "carpet", "--shots", "1", "--seed", "0", "1"]
    profile = load_profile("quick", ["shots=[1]", "seeds=[0, 1]"])
    specs = select_runs(SyntheticDataSet(), profile, [Selection(["unet", "albunet"], ["carpet"], [1], [0, 1])])
    assert planned(tmp_path, capsys, *words)["to_do"] == 4
    store = ResultStore(tmp_path / "results")
    store.save(specs[0], make_result())
    store.save_failure(specs[1], "RuntimeError: out of luck")
    plan = planned(tmp_path, capsys, *words)
    assert (plan["stored"], plan["failed"], plan["to_do"]) == (1, 1, 2)
    assert plan["rate_from"] == "1 stored runs of this study"


def test_counted_flops_are_those_of_a_real_step() -> None:
    torch.manual_seed(0)
    network = create_network("albunet", width=0.25).train()
    images, mask = torch.randn(2, 3, 64, 64), torch.zeros(2, 1, 64, 64)
    with FlopCounterMode(display=False) as counter:
        weighted_bce(network(images), mask).backward()
    cost = network_cost("albunet", 0.25, 64)
    expected = training_flops(Recipe("never"), cost, 2, 0.0)
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("recipe", "paste", "encoded"),
    [
        (Recipe("augmentation"), 0.5, 3),
        (Recipe("augmentation", normal_statistics=True), 0.5, 4),
        (Recipe("never", nbr="cosine"), 0.0, 6),
        (Recipe("cap", "realism"), 0.5, 4.5),
        (Recipe("cap", "realism", "cosine"), 0.5, 7.5),
        (Recipe("cap", "one", "cosine"), 0.5, 7.5),
    ],
)
def test_flops_depend_on_the_images_that_a_recipe_encodes(recipe: Recipe, paste: float, encoded: float) -> None:
    assert training_flops(recipe, NetworkCost(0, 1.0, 0.0), 4, paste) == 2 * 4 * encoded
    assert training_flops(recipe, NetworkCost(0, 0.0, 1.0), 4, paste) == 2 * 4 * 3


def test_the_estimated_range_includes_the_measured_times() -> None:
    profile = load_profile("quick", ["width=0.1"])
    specs = select_runs(SyntheticDataSet(), profile, [Selection(["unet"], ["carpet"], [1], [0, 1])])
    flops = run_flops(specs[0])
    results = pd.DataFrame(
        {"id": [spec.id for spec in specs], "train_seconds": [9.0, 19.0], "score_seconds": [1.0, 1.0]}
    )
    rate = stored_rate(specs, results)
    assert rate is not None
    low, high = estimate_hours(flops, rate, 1)
    assert low < 10 / 3600 < 20 / 3600 < high
    assert estimate_hours(flops, rate, 2)[0] == pytest.approx(low / 2)
    assert stored_rate(specs, results.iloc[:0]) is None
    measured = measured_rate(specs, torch.device("cpu"), budget=0.05)
    assert 1e8 < measured.low <= measured.high < 1e13


def test_the_estimated_disk_space_is_that_of_real_runs() -> None:
    for size, taken in ((64, 260e3), (512, 1372e3)):
        profile = load_profile("quick", [f"image_size={size}"])
        (spec,) = select_runs(SyntheticDataSet(), profile, [Selection(["unet"], ["carpet"], [1], [0])])
        assert run_bytes(spec) == pytest.approx(taken, rel=0.1)


def test_measured_steps_give_the_hours_of_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--method", "unet", "albunet", "--category", "tile", "--shots", "1", "--set", "image_size=64", "width=0.1"]
    plan = planned(tmp_path, capsys, *words, "--seed", "0", "1", "--jobs", "2", "--measure")
    steps = plan["steps"]
    assert [(step["method"], step["shots"], step["runs"]) for step in steps] == [("unet", 1, 2), ("albunet", 1, 2)]
    (spec, *_) = select_runs(SyntheticDataSet(), load_profile("quick"), [Selection(["unet"], ["tile"], [1], [0])])
    for step in steps:
        seconds = spec.protocol.iterations * step["step_seconds"] + predicted_images(spec) * step["image_seconds"]
        assert step["hours"] == pytest.approx(2 * seconds / 3600)
    hours = sum(step["hours"] for step in steps)
    assert plan["hours_low"] < hours / 2 < plan["hours_high"]
    assert planned(tmp_path, capsys, *words)["steps"] == []
