"""The paper's own numbers through the same code: as printed, with wrong means reported and differences stated."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from baselines import get_method
from benchmark.results.table import load_results
from reports.collect import PAPER_CATEGORIES, ResultSet, result_sets
from reports.compare import compare
from reports.published import Published
from reports.tables import TABLES, Row, Table, all_tables, build_table
from tests.conftest import REPOSITORY
from tests.factories import store_run

PAPER = REPOSITORY / "reports" / "paper" / "tables"
FILES = {
    "I": "table_1_image_counts.csv",
    "II": "table_2_iou.csv",
    "III": "table_3_dc.csv",
    "IV": "table_4_anomaly_detection.csv",
    "V": "table_5_ablation.csv",
    "VI": "table_6_lambda.csv",
    "VII": "table_7_nbr_similarity.csv",
}


def printed(number: str) -> list[dict[str, str]]:
    """The rows of a table as transcribed from the paper, as strings."""
    with (PAPER / FILES[number]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def published(number: str) -> Table:
    return build_table(number, Published())


def row(table: Table, section: str, label: str) -> Row:
    (found,) = [line for line in table.rows if (line.section, line.label) == (section, label)]
    return found


def numbers(table: Table) -> dict[tuple[str, str, str], str]:
    """What is printed at each (section, row, column)."""
    return {
        (line.section, line.label, column): cell.number
        for line in table.rows
        for column, cell in zip(table.columns, line.cells, strict=True)
    }


def label(line: dict[str, str]) -> str:
    return get_method(line["method"]).label


def test_image_counts_are_the_papers() -> None:
    expected = {}
    for line in printed("I"):
        for shots in (1, 5):
            expected["", line["category"], f"Train defective {shots}-shot"] = line[f"train_defect_{shots}shot"]
            expected["", line["category"], f"Test defective {shots}-shot"] = line[f"test_defect_{shots}shot"]
        expected["", line["category"], "Train normal"] = line["train_normal"]
        expected["", line["category"], "Test normal"] = line["test_normal"]
    assert len(expected) == 15 * 6
    assert numbers(published("I")) == expected


@pytest.mark.parametrize("number", ["II", "III"])
def test_cells_are_as_the_paper_prints_them(number: str) -> None:
    table = published(number)
    names = {"mean": "Mean as printed"}
    expected = {
        (f"{line['shots']}-shot", names.get(line["category"], line["category"]), label(line)): (
            f"{line['mean']}({line['std']})" if line["std"] else line["mean"] or "-"
        )
        for line in printed(number)
    }
    assert len(expected) == 2 * 16 * 7
    assert {place: text for place, text in numbers(table).items() if place[1] != "Mean"} == expected
    assert numbers(table)["1-shot", "toothbrush", "U-Net"] == "-"
    assert any("toothbrush, 1-shot" in note and "none of the methods" in note for note in table.notes)


@pytest.mark.parametrize("number", ["IV", "V", "VI", "VII"])
def test_means_over_categories_are_as_the_paper_prints_them(number: str) -> None:
    units = {"acc_percent": ("ACC", "%"), "auc_percent": ("AUC", "%"), "iou": ("IOU", ""), "dc": ("DC", "")}
    expected = {
        ("", label(line), f"{line['shots']}-shot {units[name][0]}"): line[name] + units[name][1]
        for line in printed(number)
        for name in units
        if name in line
    }
    assert len(expected) == 2 * len(printed(number))
    assert numbers(published(number)) == expected


@pytest.mark.parametrize(("number", "wrong", "right"), [("II", "0.6296", "0.6387"), ("III", "0.7320", "0.7395")])
def test_means_are_recomputed_and_a_wrong_one_is_printed_below_the_right_one(
    number: str, wrong: str, right: str
) -> None:
    table = published(number)
    for shots in (1, 5):
        for column in table.columns:
            cells = [
                float(line["mean"])
                for line in printed(number)
                if (line["shots"], label(line)) == (str(shots), column) and line["category"] != "mean" and line["mean"]
            ]
            assert numbers(table)[f"{shots}-shot", "Mean", column] == f"{sum(cells) / len(cells):.4f}"
    ours = "B+NBR+CaP (ours)"
    assert numbers(table)["5-shot", "Mean", ours] == right
    assert numbers(table)["5-shot", "Mean as printed", ours] == wrong
    (note,) = [note for note in table.notes if "as printed" in note]
    assert f"{ours}, 5-shot: printed {wrong}, its cells average {right}" in note
    assert note.count("average") == 1  # the others differ by rounding
    first = row(table, "1-shot", "Mean").cells[0]
    assert (first.basis, first.partial) == ("14/15 categories, 70/75 runs", True)


def test_the_paper_has_all_seven_tables_with_its_methods_only() -> None:
    assert [table.number for table in all_tables(Published())] == list(TABLES)
    assert published("II").columns[-1] == "B+NBR+CaP (ours)"
    assert "B+NBR" not in published("II").columns


def stored(root: Path, **fixed: object) -> ResultSet:
    (found,) = result_sets(load_results(root))
    return found


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two methods on two categories of MVTec AD, IOU 0.50 and 0.30; toothbrush, which the paper lacks, 0.80."""
    for method in ("unet", "albunet", "unet+nbr"):
        for category, value in (("carpet", 0.50), ("bottle", 0.30), ("toothbrush", 0.80)):
            store_run(tmp_path, value, category=category, method=method, dataset="mvtec-ad")
    return tmp_path


def test_each_number_has_the_papers_number_and_the_difference(study: Path) -> None:
    table = compare(build_table("II", stored(study)), published("II"))
    assert table.columns == ("U-Net", "B (AlbuNet)", "U-Net+NBR")
    cell = row(table, "1-shot", "carpet").cells[0]
    assert (cell.published, cell.published_std) == (0.4995, 0.0035)
    assert cell.difference == pytest.approx(0.5 - 0.4995)
    assert row(table, "1-shot", "carpet").cells[2].published is None
    lost = row(table, "1-shot", "toothbrush").cells[0]
    assert (lost.value, lost.published, lost.difference) == (0.8, None, None)


def test_means_are_compared_over_the_categories_that_both_have(study: Path) -> None:
    table = compare(build_table("II", stored(study)), published("II"))
    mean = row(table, "1-shot", "Mean").cells[0]
    assert mean.value == pytest.approx((0.5 + 0.3 + 0.8) / 3)
    assert mean.published == pytest.approx((0.4995 + 0.2655) / 2)
    assert mean.difference == pytest.approx((0.5 - 0.4995 + 0.3 - 0.2655) / 2)
    assert mean.compared_categories == 2
    assert any("over the categories for which both have a number: 2" in note for note in table.notes)
    assert not any("different images" in note for note in table.notes)


def test_percentages_and_ablations_are_compared_and_state_over_how_many_categories(study: Path) -> None:
    table = compare(build_table("IV", stored(study)), published("IV"))
    cell = row(table, "", "U-Net").cells[0]
    assert (cell.value, cell.published, cell.difference_text) == (1.0, 0.8026, "+19.74 pp")
    assert any("are over its 15 categories" in note and "these over 3" in note for note in table.notes)
    ablation = compare(build_table("V", stored(study)), published("V"))
    # Table V prints another B than Table II's mean of 0.3327.
    assert row(ablation, "", "B (AlbuNet)").cells[0].published == 0.3190


def test_notes_state_that_other_images_than_mvtec_ads_are_compared(tmp_path: Path) -> None:
    store_run(tmp_path, 0.5)
    for number in ("I", "II", "IV"):
        table = compare(build_table(number, stored(tmp_path)), published(number))
        assert any("data set synthetic" in note and "compare different images" in note for note in table.notes)


def test_a_table_without_a_number_in_common_with_the_papers_says_so(tmp_path: Path) -> None:
    store_run(tmp_path, 0.5, category="widget", method="unet+nbr")
    table = compare(build_table("II", stored(tmp_path)), published("II"))
    assert table.notes == ("The paper has no numbers to compare these with.",)
    assert all(cell.published is None for line in table.rows for cell in line.cells)


def test_where_nothing_converged_the_papers_number_has_no_difference(tmp_path: Path) -> None:
    store_run(tmp_path, 0.01, status="not_converged", method="unet")
    table = compare(build_table("II", stored(tmp_path)), published("II"))
    cell = row(table, "1-shot", "carpet").cells[0]
    assert (cell.published, cell.difference, cell.difference_text) == (0.4995, None, "-")
    assert not any("no numbers" in note for note in table.notes)
    assert any("compare different images" in note for note in table.notes)


def test_stored_runs_that_equal_the_paper_have_no_differences(tmp_path: Path) -> None:
    """Every cell of Table II, 1-shot, stored as a run: all differences are zero, and so are their means."""
    for line in printed("II"):
        if line["shots"] == "1" and line["category"] in PAPER_CATEGORIES[:12] and line["mean"]:
            iou = float(line["mean"])
            store_run(tmp_path, iou, category=line["category"], method=line["method"], dataset="mvtec-ad")
    table = compare(build_table("II", stored(tmp_path)), published("II"))
    differences = [cell.difference for line in table.rows for cell in line.cells]
    assert len(differences) == 13 * 7
    # The factory stores hundredths of an IOU.
    assert all(difference is not None and abs(difference) <= 0.005 + 1e-9 for difference in differences)
