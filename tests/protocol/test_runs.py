"""The identity and the selection of runs; stored runs keep their ids."""

from __future__ import annotations

import json
from typing import Any

from benchmark.data.datasets import SyntheticDataSet
from benchmark.protocol.profile import load_profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Request, Selection, choose_selections, select_runs
from tests.conftest import REPOSITORY
from tests.factories import make_spec


def test_the_ids_of_the_committed_baseline_are_still_the_ids_of_its_runs() -> None:
    baseline = json.loads((REPOSITORY / "tests/metrics/ci.json").read_text(encoding="utf-8"))
    profile = load_profile("ci")
    selection = Selection(profile.methods, profile.categories, profile.shots, range(20))
    specs = select_runs(SyntheticDataSet(), profile, [selection])
    assert len(specs) == 200
    assert {spec.id for spec in specs} == {run["id"] for run in baseline["runs"]}


def test_a_run_is_hashable_and_equal_to_the_same_run() -> None:
    specs = {make_spec(seed=seed): seed for seed in (0, 1)}
    assert specs[make_spec(seed=1)] == 1
    assert {spec.id for spec in specs} == {make_spec(seed=0).id, make_spec(seed=1).id}


def test_everything_that_can_change_a_result_changes_the_id_and_nothing_else_does() -> None:
    def run_id(**changes: object) -> str:
        return make_spec(**changes).id  # type: ignore[arg-type]

    same = run_id()
    assert run_id(dataset="copy", profile="mine") == same
    assert run_id(settings=["seeds=[7]", "methods=unet", "width=0.125"]) == same
    assert run_id(settings=["width=1"]) == run_id(settings=["width=1.0"])
    changed = [
        run_id(**{name: value})
        for name, value in (
            ("category", "tile"),
            ("method", "unet+nbr"),
            ("shots", 5),
            ("seed", 1),
            ("settings", ["iterations=161"]),
            ("data_digest", "e" * 64),
            ("draw", make_spec(shots=5).draw),
        )
    ]
    assert len({same, *changed}) == 1 + len(changed)


def test_runs_are_selected_once_in_the_order_category_shots_seed_method() -> None:
    profile = load_profile("quick", ["seeds=[1, 0]"])
    one = Selection(["unet+cap+nbr", "unet"], ["tile", "carpet"], [5, 1], [1, 0])
    two = Selection(["unet+nbr+cap", "albunet"], ["carpet"], [1], [0])

    def cell(spec: RunSpec) -> tuple[str, int, int, str]:
        return spec.category, spec.shots, spec.seed, spec.method.name

    cells = [cell(spec) for spec in select_runs(SyntheticDataSet(), profile, [one, two])]
    assert cells[:4] == [
        ("tile", 1, 0, "unet+nbr+cap"),
        ("tile", 1, 0, "unet"),
        ("tile", 1, 1, "unet+nbr+cap"),
        ("tile", 1, 1, "unet"),
    ]
    assert len(cells) == len(set(cells)) == 2 * 2 * 2 * 2 + 1
    assert cells[8:11] == [
        ("carpet", 1, 0, "unet+nbr+cap"),
        ("carpet", 1, 0, "unet"),
        ("carpet", 1, 0, "albunet"),
    ]


def test_a_profile_may_study_fewer_categories_for_some_k_unless_the_user_names_categories() -> None:
    dataset = SyntheticDataSet()
    profile = load_profile("quick", ["categories=[]", 'categories_at.5=["tile", "wood"]'])

    def categories(shots: int, **asked: Any) -> list[str]:
        selections = choose_selections(Request(**asked), profile, dataset)
        specs = select_runs(dataset, profile, selections.values())
        return list(dict.fromkeys(spec.category for spec in specs if spec.shots == shots))

    for asked in ({"everything": True}, {"tables": ["II"]}, {"methods": ["unet"]}):
        assert categories(5, **asked) == ["tile", "wood"]
        assert len(categories(1, **asked)) == 15
    assert categories(5, methods=["unet"], categories=["zipper"]) == ["zipper"]
    assert categories(5, figures=["9"]) == ["carpet"]
    disjoint = load_profile("quick", ["categories=grid", "categories_at.5=tile"])
    (chosen,) = choose_selections(Request(everything=True), disjoint, dataset).values()
    assert {(spec.category, spec.shots) for spec in select_runs(dataset, disjoint, [chosen])} == {
        ("grid", 1),
        ("tile", 5),
    }
