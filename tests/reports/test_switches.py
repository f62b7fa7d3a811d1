"""The switches between readings on the report page, in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmark.results.readings import READINGS, RUN_READINGS, Reading
from benchmark.results.table import load_results
from reports.cells import Cell
from reports.collect import ResultSet, finished_ids, result_sets
from reports.html import write_report
from reports.page.evidence import compared_table
from reports.page.switches import encode
from reports.readings import under_every_reading
from reports.run_numbers import read_numbers, stored_runs
from reports.tables import Row, Table
from tests.factories import store_run
from tests.reports.pages import browse, needs_browser

COLLECT = """
const form = document.querySelector("form.readings");
const text = (cell, kind) => cell.querySelector(kind)?.textContent ?? "";
const look = () => Object.fromEntries([...document.querySelectorAll(".table[data-number]")].map((box) => [
  box.dataset.number,
  [...box.querySelectorAll("tbody tr:not(.block)")].flatMap((row) => [...row.querySelectorAll("td")].map((cell) => [
    text(cell, ".value"), cell.querySelector("strong") !== null, text(cell, ".spread"),
    [...cell.querySelectorAll(".part")].map((part) => part.textContent),
    text(cell, ".published"), text(cell, ".difference"), cell.querySelector("a")?.getAttribute("href") ?? "",
  ])),
]));
const choose = (reading) => {
  form.reset();
  for (const part of reading.split(" ").filter(Boolean)) {
    const [name, value] = part.split("=");
    form.elements[name].value = value;
  }
  form.dispatchEvent(new Event("input"));
};
"""
EVERY = f"""{COLLECT}
const before = look();
const sets = JSON.parse(document.getElementById("readings").textContent);
const readings = Object.keys(sets[form.closest(".set").id].readings);
const found = Object.fromEntries(readings.map((reading) => {{ choose(reading); return [reading, look()]; }}));
choose("");
return {{ found, same: JSON.stringify(before) === JSON.stringify(look()) }};
"""
ONE = f"""{COLLECT}
const box = document.querySelector(".table[data-number=II]");
const sorted = () => [...box.querySelectorAll("tbody tr")].map((row) => row.cells[0].textContent);
const off = () => [...form.elements].filter((field) => field.disabled).map((field) => field.name || field.type);
const shown = () => ({{
  heading: box.querySelector("h4").textContent,
  words: form.querySelector(".reading").textContent,
  notes: [...box.querySelectorAll(".note:not(.downloads)")].map((note) => note.textContent),
  downloads: getComputedStyle(box.querySelector(".downloads")).display,
  disabled: off(),
}});
const order = sorted();
const start = shown();
box.querySelectorAll("thead button")[1].click();
box.querySelectorAll("thead button")[1].click();
const resorted = sorted();
choose("threshold=training images=all empty_mask=zero");
const chosen = shown();
const after = sorted();
form.elements.reduction.value = "pooled";
form.dispatchEvent(new Event("input"));
const pooled = shown();
form.querySelector("button").click();
await new Promise((resolve) => setTimeout(resolve, 10));
return {{ hidden: form.hidden, start, chosen, pooled, end: shown(), order, resorted, after }};
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods on two of the paper's categories; some runs did not converge, one failed."""
    root = tmp_path_factory.mktemp("switches")
    for number, (method, category, seed) in enumerate(
        (method, category, seed)
        for method in ("unet", "albunet", "albunet_nbr")
        for category in ("carpet", "wood")
        for seed in range(3)
    ):
        store_run(root, 0.13 + 0.04 * number, method=method, category=category, seed=seed)
    store_run(root, 0.0, status="not_converged", method="unet", seed=3)
    store_run(root, 0.01, status="not_converged", method="albunet", seed=3)
    store_run(root, status="failed", method="albunet", category="wood", seed=3)
    store_run(root, 0.0, status="not_converged", method="unet", category="tile")
    return write_report(root)


def results_of(report: Path) -> ResultSet:
    (results,) = result_sets(load_results(report.parent))
    return results


def as_shown(cell: Cell) -> list[Any]:
    """What the page should show of a cell: number, best, deviation, marks, the paper's number and the difference."""
    number, spread = re.fullmatch(r"([^(]*)(\(.*\))?", cell.number).groups()  # type: ignore[union-attr]
    paper = ["", ""]
    if cell.published is not None:
        published = cell.published_text.partition("(")[0]
        paper = [published, cell.difference_text.replace("-", "\N{MINUS SIGN}")]
    return [number, cell.best, spread or "", list(cell.marks), *paper]


@needs_browser
def test_every_reading_shows_the_numbers_of_the_command(report: Path, tmp_path: Path) -> None:
    seen = browse(report, tmp_path, script=EVERY)
    assert seen["problems"] == []
    assert seen["requests"] == 0
    assert seen["found"]["same"]
    results, found = results_of(report), seen["found"]["found"]
    numbers = read_numbers(stored_runs(report.parent, finished_ids([results])), [], readings=RUN_READINGS)
    sets = under_every_reading(results, {run: number.scores for run, number in numbers.items()})
    assert list(found) == [str(reading) for reading in READINGS]
    for reading, scored in sets.items():
        assert list(found[str(reading)]) == ["II", "III", "IV", "V"]
        for number in found[str(reading)]:
            table = compared_table(number, scored)
            expected = [as_shown(cell) for row in table.rows for cell in row.cells]
            shown = [cell[:6] for cell in found[str(reading)][number]]
            if reading != Reading():  # where ours has no number, the paper's stays on the page
                shown = [[*cell[:4], "", ""] if cell[0] == "-" else cell for cell in shown]
                expected = [[*cell[:4], "", ""] if cell[0] == "-" else cell for cell in expected]
            assert shown == expected, (str(reading), number)
    links = [cell[6] for cell in found[""]["II"]]
    assert any(links)
    assert all([cell[6] for cell in tables["II"]] == links for tables in found.values())
    distinct = {json.dumps([cell[0] for cell in tables["II"]]) for tables in found.values()}
    assert len(distinct) > 10


@needs_browser
def test_the_page_says_which_reading_it_shows(report: Path, tmp_path: Path) -> None:
    seen = browse(report, tmp_path, script=ONE)["found"]
    chosen, text = seen["chosen"], "threshold=training images=all empty_mask=zero"
    assert not seen["hidden"]
    assert seen["start"]["heading"] == "Table II. Mean IOU"
    assert seen["start"]["words"] == Reading().describe(0.5)
    assert seen["start"]["disabled"] == ["empty_mask", "reset"]
    reading = Reading(threshold="training", images="all", empty_mask="zero")
    assert chosen["heading"] == f"Table II. Mean IOU ({text})"
    assert chosen["words"] == f"{reading.describe(0.5)} As a command: tables --reading {text}"
    assert f"Reading: {reading.describe(0.5)}" in chosen["notes"]
    assert (seen["start"]["downloads"], chosen["downloads"]) == ("flex", "none")
    assert chosen["disabled"] == []
    assert seen["pooled"]["disabled"] == ["empty_prediction", "empty_mask"]
    assert seen["pooled"]["heading"].endswith("(threshold=training reduction=pooled images=all)")
    assert seen["end"] == seen["start"]
    assert seen["resorted"] != seen["order"] == seen["after"]


def test_without_its_script_the_page_has_no_switches(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    (form,) = re.findall(r'<form class="switch readings"[^>]*>', text)
    assert " hidden " in form
    assert "n = 4 for 1-shot unless a number says otherwise" in " ".join(text.split())


def test_a_cell_is_encoded_as_it_is_printed() -> None:
    def table(*cells: Cell) -> Table:
        return Table("II", "", "", (), (Row("", "", cells),), ())

    usual = Cell(0.5, published=0.4995, difference=0.0005)
    plain = Cell(0.58541, 0.0069, n=3, expected=5, best=True, published=0.4995, difference=0.08591)
    assert encode(table(plain, Cell(None)), table(usual, usual)) == "5854,69*|3/5 seeds;-"
    mean = Cell(0.58541, published=0.5, difference=0.07)
    assert encode(table(mean), table(usual)) == "5854~5000,700"
    assert encode(table(Cell(None, published=0.5)), table(usual)) == "-~5000,"
