"""Tables from stored runs: means, deviations, best and missing numbers; never mixed, never silently partial."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines import InputError
from benchmark.protocol.draws import Draw
from benchmark.protocol.runs import TRAINING_VERSION
from benchmark.results.table import load_results
from reports.collect import PAPER_CATEGORIES, ResultSet, choose_sets, result_sets
from reports.ranking import as_text
from reports.tables import TABLES, Row, Table, all_tables, build_table
from tests.factories import store_many, store_run

KEYS = ["category", "method", "shots", "seed"]


def only_set(root: Path) -> ResultSet:
    (found,) = result_sets(load_results(root))
    return found


def row(table: Table, section: str, label: str) -> Row:
    (found,) = [line for line in table.rows if (line.section, line.label) == (section, label)]
    return found


def cells(table: Table, section: str, label: str) -> list[str]:
    return [cell.text + ("*" if cell.best else "") for cell in row(table, section, label).cells]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two categories, two methods, two seeds, one K."""
    values = {
        ("carpet", "unet"): (0.30, 0.40),
        ("carpet", "albunet_nbr_cap"): (0.60, 0.70),
        ("bottle", "unet"): (0.50, 0.50),
        ("bottle", "albunet_nbr_cap"): (0.20, 0.40),
    }
    for (category, method), ious in values.items():
        for seed, value in enumerate(ious):
            store_run(tmp_path, value, category=category, method=method, seed=seed)
    return tmp_path


def test_cells_are_mean_and_sample_deviation_over_seeds(study: Path) -> None:
    table = build_table("II", only_set(study))
    assert table.columns == ("U-Net", "B+NBR+CaP (ours)")
    assert [row.label for row in table.rows] == ["carpet", "bottle", "Mean"]
    assert cells(table, "1-shot", "carpet") == ["0.3500(0.0707)", "0.6500(0.0707)*"]
    assert cells(table, "1-shot", "bottle") == ["0.5000(0.0000)*", "0.3000(0.1414)"]
    assert cells(table, "1-shot", "Mean") == ["0.4250", "0.4750*"]
    assert table.notes == ()


def test_composed_methods_come_after_the_papers_by_name_and_are_readable(study: Path) -> None:
    for method in ("unet+nbr+cap", "smp:Unet/resnet18", "albunet_nbr_cap_lambda1", "albunet+bn"):
        store_run(study, 0.5, method=method)
    assert build_table("II", only_set(study)).columns == (
        "U-Net",
        "B+NBR+CaP (ours)",
        "B+NBR+CaP (lambda = 1)",
        "B (AlbuNet)+BN (control)",
        "SMP Unet (resnet18)",
        "U-Net+NBR+CaP",
    )


def test_a_single_seed_has_no_deviation(tmp_path: Path) -> None:
    store_run(tmp_path, 0.5)
    assert cells(build_table("II", only_set(tmp_path)), "1-shot", "carpet") == ["0.5000"]


def test_a_missing_seed_is_marked_and_never_the_best(study: Path) -> None:
    store_run(study, 0.90, category="carpet", method="albunet", seed=1)
    table = build_table("II", only_set(study))
    assert cells(table, "1-shot", "carpet")[1] == "0.9000 [1/2 seeds]"
    assert cells(table, "1-shot", "bottle")[1] == "-"
    assert cells(table, "1-shot", "Mean")[1] == "0.9000 [1/2 categories, 1/4 runs]"
    (note,) = table.notes
    assert "every seed with a stored run" in note
    cell = row(table, "1-shot", "bottle").cells[1]
    assert (cell.n, cell.expected, cell.missing) == (0, 2, 2)


def test_a_cell_in_which_no_seed_converged_is_a_dash_and_its_runs_are_named(study: Path) -> None:
    store_run(study, 0.01, status="not_converged", category="carpet", method="albunet", seed=0)
    store_run(study, status="failed", category="carpet", method="albunet", seed=1)
    table = build_table("II", only_set(study))
    assert cells(table, "1-shot", "carpet")[1] == "- [1 not converged, 1 failed]"
    counted = "counted in the means, but a dash where no seed converged"
    assert f"1 of 10 runs did not converge; {counted}: carpet 1-shot: B (AlbuNet) (1 of 2)." in table.notes
    assert "1 of 10 runs failed; excluded from the means: carpet 1-shot: B (AlbuNet) (1 of 2)." in table.notes


def test_a_category_in_which_nothing_converged_is_dashes_and_a_note_as_in_the_paper(study: Path) -> None:
    for method in ("unet", "albunet_nbr_cap"):
        for seed in (0, 1):
            store_run(study, 0.01, status="not_converged", category="toothbrush", method=method, seed=seed)
    table = build_table("II", only_set(study))
    assert cells(table, "1-shot", "toothbrush") == ["-", "-"]
    counted = "counted in the means, but a dash where no seed converged"
    assert f"4 of 12 runs did not converge; {counted}: toothbrush 1-shot: all methods." in table.notes
    assert cells(table, "1-shot", "Mean")[0] == "0.4250 [2/3 categories, 4/6 runs]"


def test_seeds_that_did_not_converge_count_unless_only_converged_ones_are_asked_for(study: Path) -> None:
    store_run(study, 0.01, status="not_converged", category="carpet", method="unet", seed=2)
    store_run(study, status="failed", category="carpet", method="unet", seed=3)
    table = build_table("II", only_set(study))
    # No other method has seeds 2 and 3, but they are expected.
    three = np.array([0.30, 0.40, 0.01])
    assert cells(table, "1-shot", "carpet")[0] == f"{three.mean():.4f}({three.std(ddof=1):.4f}) [3/4 seeds, 1 failed]"
    assert cells(table, "1-shot", "bottle")[0] == "0.5000(0.0000) [2/4 seeds]*"
    converged = replace(only_set(study), averaged="converged")
    assert converged.title == "synthetic, profile quick, converged runs only"
    table = build_table("II", converged)
    assert "1 of 10 runs did not converge; excluded from the means: carpet 1-shot: U-Net (1 of 4)." in table.notes
    assert cells(table, "1-shot", "carpet")[0] == "0.3500(0.0707) [2/4 seeds, 1 not converged, 1 failed]"
    assert cells(table, "1-shot", "bottle")[0] == "0.5000(0.0000) [2/4 seeds]*"


def test_means_over_other_categories_are_not_compared(tmp_path: Path) -> None:
    store_run(tmp_path, 0.90, category="carpet", method="unet")
    store_run(tmp_path, 0.10, category="bottle", method="albunet")
    table = build_table("II", only_set(tmp_path))
    basis = "[1/2 categories, 1/2 runs]"
    assert cells(table, "1-shot", "Mean") == [f"0.9000 {basis}", f"0.1000 {basis}"]
    store_run(tmp_path, 0.20, category="bottle", method="unet")
    store_run(tmp_path, 0.30, category="carpet", method="albunet")
    assert cells(build_table("II", only_set(tmp_path)), "1-shot", "Mean") == ["0.5500*", "0.2000"]


def test_a_mean_states_how_many_categories_and_runs_it_is_based_on_where_any_is_missing(tmp_path: Path) -> None:
    for category in PAPER_CATEGORIES:
        for seed in range(5):
            status = "not_converged" if category == "toothbrush" else "done"
            store_run(tmp_path, 0.5, status=status, category=category, method="albunet", seed=seed)
    found = only_set(tmp_path)
    basis = "[14/15 categories, 70/75 runs]"
    assert cells(build_table("II", found), "1-shot", "Mean") == [f"0.5000 {basis}"]
    assert cells(build_table("IV", found), "", "B (AlbuNet)") == [f"100.00% {basis}"] * 2
    assert cells(build_table("V", found), "", "B (AlbuNet)")[0] == f"0.5000 {basis}"


def test_detection_is_in_percent_and_ablations_need_something_to_compare(study: Path) -> None:
    found = only_set(study)
    assert cells(build_table("IV", found), "", "U-Net") == ["100.00%*", "100.00%*"]
    assert [table.number for table in all_tables(found)] == ["I", "II", "III", "IV"]
    store_run(study, 0.4, category="carpet", method="albunet")
    tables = {table.number: table for table in all_tables(only_set(study))}
    assert set(tables) == {"I", "II", "III", "IV", "V"}
    # One rests on four runs, the other on one: neither is the best.
    assert cells(tables["V"], "", "B+NBR+CaP (ours)")[0] == "0.4750"
    assert cells(tables["V"], "", "B (AlbuNet)")[0] == "0.4000 [1/2 categories, 1/4 runs]"


def test_numbers_are_those_of_numpy_over_the_same_runs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    drawn: dict[tuple[str, str, int], list[float]] = {}
    for category, method, shots in itertools.product(("carpet", "bottle"), ("unet", "albunet"), (1, 5)):
        for seed in range(3):
            value = int(rng.integers(1, 99)) / 100
            drawn.setdefault((category, method, shots), []).append(value)
            store_run(tmp_path, value, category=category, method=method, shots=shots, seed=seed)
    found = only_set(tmp_path)
    for (category, method, shots), values in drawn.items():
        cell = found.cell(category, method, shots, "iou")
        assert (cell.value, cell.std) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
        dice = [2 * value / (1 + value) for value in values]  # of one image
        assert found.cell(category, method, shots, "dc").value == pytest.approx(np.mean(dice))
    for method, shots in itertools.product(("unet", "albunet"), (1, 5)):
        means = [np.mean(drawn[category, method, shots]) for category in ("carpet", "bottle")]
        assert found.mean(method, shots, "iou", "II").value == pytest.approx(np.mean(means))


def test_images_are_counted_for_each_k(tmp_path: Path) -> None:
    for shots in (1, 5):
        store_run(tmp_path, shots=shots)
    table = build_table("I", only_set(tmp_path))
    # Of the factory: K images of the category, two normal ones to train from, one of each to test on.
    assert [(line.section, line.label) for line in table.rows] == [("", "carpet")]
    assert table.columns == (
        *("Train defective 1-shot", "Train defective 5-shot", "Train normal"),
        *("Test defective 1-shot", "Test defective 5-shot", "Test normal"),
    )
    assert cells(table, "", "carpet") == ["1", "5", "2", "1", "1", "1"]


def test_where_k_images_of_each_defect_type_were_drawn_both_counts_are_shown(tmp_path: Path) -> None:
    names = tuple(f"test/{kind}/{i}.png" for kind in ("cut", "hole", "bent") for i in range(2))
    draw = Draw(shots=tuple(range(6)), normals=(8, 9), test=(6, 7), unannotated=(), names=names)
    store_run(tmp_path, shots=2, draw=draw, settings=["batch_size=2"])
    table = build_table("I", only_set(tmp_path))
    assert cells(table, "As drawn", "carpet") == ["6", "2", "1", "1"]
    assert cells(table, "K per category", "carpet") == ["2", "2", "5", "1"]
    assert "K images of each defect type" in table.notes[0]


def test_only_images_of_stored_runs_are_counted(tmp_path: Path) -> None:
    store_run(tmp_path, status="failed", category="carpet")
    store_run(tmp_path, category="bottle", shots=5)
    table = build_table("I", only_set(tmp_path))
    assert cells(table, "", "carpet") == ["1", "-", "2", "-", "-", "-"]
    assert cells(table, "", "bottle") == ["-", "5", "2", "-", "1", "1"]
    draw = Draw(shots=(0, 1), normals=(8, 9), test=(6, 7), unannotated=(), names=("test/cut/0.png", "test/hole/0.png"))
    store_run(tmp_path, category="tile", draw=draw)
    table = build_table("I", only_set(tmp_path))
    assert cells(table, "K per category", "carpet") == ["1", "-", "2", "-", "-", "-"]
    assert cells(table, "K per category", "tile") == ["1", "-", "2", "2", "-", "1"]


def test_runs_of_other_protocols_data_sets_or_images_never_share_a_table(study: Path) -> None:
    store_run(study, 0.9, category="carpet", settings=["iterations=7"])
    store_run(study, 0.9, category="carpet", dataset="folder:mine", data_digest="a" * 64)
    store_run(study, 0.9, category="bottle", data_digest="f" * 64)
    store_run(study, 0.9, category="carpet", settings=["batch_size=7"])
    sets = result_sets(load_results(study))
    for found in sets:
        assert not found.runs.duplicated(KEYS).any(), found.title
    assert len({found.title for found in sets}) == len(sets) > 3
    with pytest.raises(InputError, match="stored are: "):
        choose_sets(sets, dataset="mvtec-ad")
    assert {found.dataset for found in choose_sets(sets, dataset="folder:mine")} == {"folder:mine"}


def stored_content(root: Path, run_id: str) -> tuple[Path, dict[str, Any]]:
    path = root / "runs" / run_id / "run.json"
    return path, json.loads(path.read_text())


def store_changed(root: Path, identity: dict[str, Any], iou: float, name: str) -> None:
    """Store the run of carpet, U-Net, seed 0 once more, as changed code would have."""
    made = store_run(root, iou, seed=99)
    path, content = stored_content(root, made.id)
    content |= {"id": name, "seed": 0, "identity": content["identity"] | {"seed": 0} | identity}
    path.write_text(json.dumps(content))
    path.parent.rename(path.parent.with_name(name))


def test_runs_of_a_changed_recipe_are_kept_apart_and_the_title_says_what_changed(study: Path) -> None:
    recipe = {"crop_paste": "never", "paste_weight": "one", "nbr": None, "normal_statistics": False}
    store_changed(study, {"recipe": recipe}, 0.9, "carpet_unet_k1_s0_changed")
    sets = {found.title: found for found in result_sets(load_results(study))}
    assert set(sets) == {
        "synthetic, profile quick, unet with crop_paste=augmentation",
        "synthetic, profile quick, unet with crop_paste=never",
    }
    for found in sets.values():
        assert not found.runs.duplicated(KEYS).any()
    runs = {title: set(found.runs["id"]) for title, found in sets.items()}
    table = load_results(study)
    assert set.union(*runs.values()) == set(table["id"])
    others = set.intersection(*runs.values())  # the runs of the other methods, which did not change
    assert {found.split("_")[1] for found in set.union(*runs.values()) - others} == {"unet"}
    assert others == {found for found in set.union(*runs.values()) if "_unet_" not in found}
    for title, ids in runs.items():  # what the run of this version ended with
        (selected,) = result_sets(table[table["id"].isin(ids)])
        printed, shown = (text[text.index("K = ") :] for text in (as_text(selected), as_text(sets[title])))
        assert printed == shown
    apart = sets["synthetic, profile quick, unet with crop_paste=never"]
    assert apart.cell("carpet", "unet", 1, "iou").value == pytest.approx(0.9)
    before = sets["synthetic, profile quick, unet with crop_paste=augmentation"]
    assert before.cell("carpet", "unet", 1, "iou").value == pytest.approx(0.35)


def test_runs_of_other_training_code_are_kept_apart_and_the_title_says_so(study: Path) -> None:
    store_changed(study, {"training_version": 1}, 0.9, "carpet_unet_k1_s0_older")
    sets = {found.title: found for found in result_sets(load_results(study))}
    assert set(sets) == {
        "synthetic, profile quick, training version 1",
        f"synthetic, profile quick, training version {TRAINING_VERSION}",
    }
    assert len(sets["synthetic, profile quick, training version 1"].runs) == 1


def test_a_run_that_is_stored_twice_is_not_averaged_with_itself(study: Path) -> None:
    store_changed(study, {"draw_digest": "e" * 64}, 0.9, "carpet_unet_k1_s0_edited")
    sets = result_sets(load_results(study))
    assert [found.title for found in sets] == ["synthetic, profile quick", "synthetic, profile quick, repeat 2"]
    for found in sets:
        assert not found.runs.duplicated(KEYS).any()


def test_long_recipes_are_distinguished_by_their_digests(study: Path) -> None:
    for word in ("a", "b"):
        store_changed(study, {"recipe": {"augmentation": word * 100}}, 0.9, f"carpet_unet_k1_s0_{word}")
    titles = [found.title for found in result_sets(load_results(study))]
    assert len(set(titles)) == len(titles) == 3
    assert sum(bool(re.search(r", unet with recipe [0-9a-f]{8}$", title)) for title in titles) == 3


def test_shots_come_in_numerical_order(tmp_path: Path) -> None:
    for shots in (10, 1, 5):
        store_run(tmp_path, shots=shots, settings=["batch_size=2"])
    table = build_table("II", only_set(tmp_path))
    assert [section for section, _ in table.blocks] == ["1-shot", "5-shot", "10-shot"]


def test_ten_thousand_runs_fill_all_tables(tmp_path: Path) -> None:
    store_many(tmp_path, 10_000)
    results = load_results(tmp_path)
    (found,) = result_sets(results)
    tables = all_tables(found)
    assert [table.number for table in tables] == list(TABLES)
    here = results[(results["category"] == "wood") & (results["method"] == "unet") & (results["shots"] == 5)]["iou"]
    cell = row(tables[1], "5-shot", "wood").cells[2]
    assert cell.n == len(here) > 30
    assert (cell.value, cell.std) == (pytest.approx(np.mean(here)), pytest.approx(np.std(here, ddof=1)))


def test_an_unknown_table_is_refused(study: Path) -> None:
    with pytest.raises(InputError, match="VIII"):
        build_table("VIII", only_set(study))


def test_a_title_names_the_settings_that_were_changed(tmp_path: Path) -> None:
    store_run(tmp_path, settings=["image_size=32", "width=0.5"])
    store_run(tmp_path, profile="paper")
    store_run(tmp_path, profile="mine", settings=["image_size=16"])
    titles = {found.title for found in result_sets(load_results(tmp_path))}
    assert len(titles) == 3
    assert "synthetic, profile quick with image_size=32, width=0.5" in titles
    assert "synthetic, profile mine" in titles
    (of_paper,) = (title for title in titles if "profile paper" in title)
    assert "paper with image_size=" in of_paper
    assert of_paper.endswith("more changes")
