"""Tables from stored runs: means, deviations, what is best, what is missing; never mixed, never silently partial."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from baselines import InputError
from benchmark.store import load_results
from reports.collect import ResultSet, result_sets
from reports.formats import as_csv, as_json, as_latex, as_text
from reports.tables import Table, all_tables, build_table, choose_sets
from tests.factories import store_run


def only_set(root: Path) -> ResultSet:
    (found,) = result_sets(load_results(root))
    return found


def cells(table: Table, section: str, row: str) -> list[str]:
    (line,) = [line for line in table.rows if (line.section, line.label) == (section, row)]
    return [cell.text + ("*" if cell.best else "") for cell in line.cells]


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


def test_a_missing_seed_is_marked_in_every_format(study: Path) -> None:
    store_run(study, 0.90, category="carpet", method="albunet", seed=1)
    table = build_table("II", only_set(study))
    assert cells(table, "1-shot", "carpet")[1] == "0.9000 [1/2]"
    assert cells(table, "1-shot", "bottle")[1] == "-"
    assert cells(table, "1-shot", "Mean")[1] == "0.9000 [1/4]"  # never the best: it rests on less
    assert "0.9000 [1/2]" in as_text(table)
    assert "0.9000 {[}1/2{]}" in as_latex(table)
    (record,) = [
        r for r in json.loads(as_json(table))["cells"] if r["row"] == "carpet" and r["column"] == "B (AlbuNet)"
    ]
    assert (record["n"], record["of"], record["partial"], record["best"]) == (1, 2, True, False)
    (line,) = [
        r for r in csv.DictReader(io.StringIO(as_csv(table))) if (r["row"], r["column"]) == ("carpet", "B (AlbuNet)")
    ]
    assert (line["n"], line["of"], line["partial"]) == ("1", "2", "True")


def test_failed_and_unconverged_runs_are_in_no_mean_and_are_named(study: Path) -> None:
    store_run(study, 0.01, status="not_converged", category="carpet", method="albunet", seed=0)
    store_run(study, status="failed", category="carpet", method="albunet", seed=1)
    table = build_table("II", only_set(study))
    assert cells(table, "1-shot", "carpet")[1] == "-"
    assert "1 of 10 runs did not converge and are in no mean." in table.notes
    assert "1 of 10 runs failed and are in no mean." in table.notes


def test_detection_is_in_percent_and_ablations_need_something_to_compare(study: Path) -> None:
    found = only_set(study)
    assert cells(build_table("IV", found), "", "U-Net") == ["100.00%*", "100.00%*"]
    assert [table.number for table in all_tables(found)] == ["II", "III", "IV"]
    store_run(study, 0.4, category="carpet", method="albunet")
    tables = {table.number: table for table in all_tables(only_set(study))}
    assert set(tables) == {"II", "III", "IV", "V"}
    # One rests on four runs, the other on one: neither is the best.
    assert cells(tables["V"], "", "B+NBR+CaP (ours)")[0] == "0.4750"
    assert cells(tables["V"], "", "B (AlbuNet)")[0] == "0.4000 [1/4]"


def test_runs_of_other_protocols_data_sets_or_images_never_share_a_table(study: Path) -> None:
    store_run(study, 0.9, category="carpet", settings=["iterations=7"])
    store_run(study, 0.9, category="carpet", dataset="folder:mine", data_digest="a" * 64)
    store_run(study, 0.9, category="bottle", data_digest="f" * 64)
    store_run(study, 0.9, category="carpet", settings=["batch_size=7"])
    sets = result_sets(load_results(study))
    for found in sets:
        keys = ["category", "method", "shots", "seed"]
        assert not found.runs.duplicated(keys).any(), found.title
    assert len({found.title for found in sets}) == len(sets) > 3
    with pytest.raises(InputError, match="no stored runs of that data set and profile; stored are: "):
        choose_sets(sets, dataset="mvtec-ad")
    assert {found.dataset for found in choose_sets(sets, dataset="folder:mine")} == {"folder:mine"}


def test_shots_come_in_numerical_order(tmp_path: Path) -> None:
    for shots in (10, 1, 5):
        store_run(tmp_path, shots=shots, settings=["batch_size=2"])
    table = build_table("II", only_set(tmp_path))
    assert [section for section, _ in table.blocks] == ["1-shot", "5-shot", "10-shot"]


def test_latex_escapes_what_it_must(tmp_path: Path) -> None:
    store_run(tmp_path, category="50%_&\\x{$#^~")
    text = as_latex(build_table("II", only_set(tmp_path)))
    assert r"50\%\_\&\textbackslash{}x\{\$\#\textasciicircum{}\textasciitilde{} & 0.5000" in text
    assert text.count(r"\begin") == text.count(r"\end") == 2


def test_an_unknown_table_is_refused(study: Path) -> None:
    with pytest.raises(InputError, match="unknown table 'VIII': did you mean 'VII'"):
        build_table("VIII", only_set(study))
