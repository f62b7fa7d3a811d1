"""Replication of the cells of Tables II and III, against numbers computed by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.results.table import load_results
from reports.cells import Cell
from reports.collect import ResultSet, result_sets
from reports.html import write_report
from reports.paper import published_table
from reports.replication import replicate_cell, replications
from tests.factories import store_run
from tests.reports.made_up import OURS, made_up
from tests.reports.pages import browse, needs_browser, reads_well
from tests.reports.test_result_sets import PAPER

CARPET = {"unet": 0.4995, "albunet": 0.3461, OURS: 0.5854}  # Table II, 1-shot


def test_a_cell_is_inside_or_outside_of_the_prediction_interval() -> None:
    # 0.5 +- (0.00005 + 2.776445 x 0.02005 x sqrt(1/5 + 1/5)) and z = 0.02 / sqrt(0.02^2 / 5 + 0.01^2 / 5).
    paper = Cell(0.50, 0.02, 5, 5)
    found = replicate_cell(Cell(0.52, 0.01, 5, 5), paper)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(0.464742, abs=1e-6), pytest.approx(0.535258, abs=1e-6))
    assert (found.side, found.z, found.z_text) == ("inside", pytest.approx(2.0), "+2.0")
    assert found.interval_text == "0.4647 to 0.5353"
    sides = {value: replicate_cell(Cell(value, 0.01, 5, 5), paper) for value in (0.4647, 0.4648, 0.5352, 0.5353)}
    assert [cell.side for cell in sides.values() if cell] == ["below", "inside", "inside", "above"]


def test_fewer_seeds_of_ours_widen_the_interval_and_one_has_no_z() -> None:
    paper = Cell(0.50, 0.02, 5, 5)
    for seeds, half in ((1, 0.00005 + 2.776445 * 0.02005 * 1.2**0.5), (2, 0.00005 + 2.776445 * 0.02005 * 0.7**0.5)):
        found = replicate_cell(Cell(0.4, None if seeds == 1 else 0.03, seeds, 5), paper)
        assert found is not None
        assert found.high - 0.5 == pytest.approx(half, abs=1e-6)
        assert found.side == "below"
        z = None if seeds == 1 else pytest.approx(-0.1 / (0.02**2 / 5 + 0.03**2 / 2) ** 0.5)
        assert found.z == z
    assert found.z_text == "\N{MINUS SIGN}4.3"


def test_the_interval_of_a_score_is_shown_within_its_range() -> None:
    found = replicate_cell(Cell(0.1, 0.01, 5, 5), Cell(0.01, 0.3, 5, 5))
    assert found is not None
    assert found.low < 0
    assert found.interval_text.startswith("0.0000 to 0.5")


@pytest.mark.parametrize(
    ("ours", "paper"),
    [
        (Cell(None), Cell(0.5, 0.02, 5, 5)),
        (Cell(0.5, 0.02, 5, 5), Cell(None, expected=5, not_converged=5)),
        (Cell(0.5, 0.02, 5, 5), Cell(0.5)),
    ],
)
def test_a_number_that_is_missing_is_not_compared(ours: Cell, paper: Cell) -> None:
    assert replicate_cell(ours, paper) is None


def as_printed(**changed: object) -> ResultSet:
    """Runs that have the printed IOU of three methods at 1-shot; toothbrush, which the paper lacks, has 0.5."""
    rows = published_table("II")
    rows = rows[(rows["shots"] == 1) & (rows["category"] != "mean")]
    names = list(dict.fromkeys(rows["category"]))
    scores = {
        (method, 1): rows[rows["method"] == method].set_index("category")["mean"].reindex(names).fillna(0.5).tolist()
        for method in CARPET
    }
    # The ablation is in no table of categories.
    scores["albunet_nbr", 1] = [0.5] * len(names)
    return made_up(scores, **{"categories": names, "dataset": "mvtec-ad", "profile": "paper"} | changed)  # type: ignore[arg-type]


def test_every_printed_number_replicates_itself() -> None:
    iou, dice = replications(as_printed())
    assert (iou.metric, iou.shots, [method for method, _ in iou.methods]) == ("iou", 1, list(CARPET))
    assert iou.counts == {"inside": 42, "above": 0, "below": 0}
    assert iou.summary.startswith("42 of 42 cells replicate")
    assert ("toothbrush", OURS) not in iou.cells
    # The made-up runs have the IOU as their DC, which is lower than the printed one.
    assert dice.metric == "dc"
    assert dice.counts["above"] == 0
    assert dice.counts["below"] == len(dice.cells) - dice.counts["inside"] > 21


@pytest.mark.parametrize("changed", [{"dataset": "folder:mine"}, {"profile": "quick"}, {"changes": "iterations=1349"}])
def test_replication_is_offered_for_the_papers_data_and_protocol_only(changed: dict[str, str]) -> None:
    assert replications(as_printed())
    assert replications(as_printed(**changed)) == []


def test_the_protocol_is_the_papers_by_its_values() -> None:
    assert replications(as_printed(profile="paper", changes="seeds=[0,1]"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of two methods on two categories, under the paper's values, and a run of other data."""
    root = tmp_path_factory.mktemp("replication")
    scores = {("carpet", "unet"): 0.50, ("carpet", OURS): 0.70, ("bottle", "unet"): 0.05, ("bottle", OURS): 0.68}
    for (category, method), value in scores.items():
        for seed in (0, 1):
            fixed = {"category": category, "method": method, "seed": seed, "settings": PAPER}
            store_run(root, value, dataset="mvtec-ad", **fixed)
    store_run(root, 0.5, category="tile", data_digest="a" * 64, settings=PAPER)
    return root


def expected(study: Path) -> list[str]:
    """Return where the stored IOU lies, by a formula of its own, row by row."""
    table = published_table("II").set_index(["shots", "category", "method"])
    sides = []
    for category, values in (("carpet", (0.50, 0.70)), ("bottle", (0.05, 0.68))):
        for method, value in zip(("unet", OURS), values, strict=True):
            mean, std = table.loc[(1, category, method), ["mean", "std"]]
            half = 2.7764451 * (std + 0.00005) * (1 / 5 + 1 / 2) ** 0.5 + 0.00005
            sides.append("above" if value > mean + half else "below" if value < mean - half else "inside")
    return sides


def test_the_report_maps_categories_and_methods_where_it_is_offered(study: Path) -> None:
    text = write_report(study).read_text(encoding="utf-8")
    assert text.count('<table class="numbers replication">') == 2  # IOU and DC of one set out of two
    first = text.split('<table class="numbers replication">')[1].split("</table>")[0]
    assert re.findall(r'<td class="(\w+)">', first) == expected(study)
    assert set(expected(study)) == {"inside", "above", "below"}
    assert f"{expected(study).count('inside')} of 4 cells replicate" in text
    assert len(re.findall(r'<a href="#[^"]*-replication">', text)) == 1


@needs_browser
def test_the_map_fits_a_narrow_window(study: Path, tmp_path: Path) -> None:
    reads_well(browse(write_report(study), tmp_path, width=420))


def test_tables_with_the_papers_numbers_count_the_cells_that_replicate(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = (item for item in result_sets(load_results(study)) if item.dataset == "mvtec-ad")
    line = f"Replication, 1-shot: {replications(found)[0].summary}"
    for words, count in ((["--paper", "--table", "II"], 1), (["--table", "II"], 0), (["--paper", "--table", "IV"], 0)):
        assert main(["tables", "--results", str(study), *words]) == 0
        assert capsys.readouterr().out.count(line) == count
    assert main(["tables", "--results", str(study), "--paper", "--dataset", "synthetic"]) == 0
    assert "Replication" not in capsys.readouterr().out
