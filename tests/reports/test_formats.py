"""Text, CSV, LaTeX and JSON: complete, aligned, escaped; partial numbers are marked in each."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.results.table import load_results
from reports.averaging import Averaged
from reports.collect import result_sets
from reports.compare import compare
from reports.formats import FORMATS, as_csv, as_json, as_latex, as_one, as_text
from reports.published import Published
from reports.tables import TABLES, Table, all_tables, build_table
from tests.factories import store_run
from tests.reports.latex import cells_of, check_syntax, needs_latex, set_pages

HOSTILE = "50%_&\\x{$#^~}[a]<b>|\"'`\n\t\x1b[2J\u202e\udc80ü漢字λ\u0301 = 1"


def table_of(root: Path, number: str = "II", averaged: Averaged = "converged") -> Table:
    (found,) = result_sets(load_results(root))
    return build_table(number, replace(found, averaged=averaged))


def with_paper(table: Table) -> Table:
    return compare(table, build_table(table.number, Published()))


def csv_lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """U-Net is complete; B has one seed on carpet and none on bottle; ours converged once in two."""
    for category in ("carpet", "bottle"):
        for seed, value in enumerate((0.30, 0.40)):
            store_run(tmp_path, value, category=category, method="unet", seed=seed)
    store_run(tmp_path, 0.90, category="carpet", method="albunet", seed=1)
    store_run(tmp_path, 0.60, category="carpet", method="albunet_nbr_cap", seed=0)
    store_run(tmp_path, 0.01, status="not_converged", category="carpet", method="albunet_nbr_cap", seed=1)
    return tmp_path


def test_names_that_look_like_formulas_are_quoted_in_csv_and_numbers_are_not(tmp_path: Path) -> None:
    store_run(tmp_path, 0.30, category="=cmd()", method="unet")
    store_run(tmp_path, 0.40, category="=cmd()", method="albunet")
    table = table_of(tmp_path)
    assert {line["row"] for line in csv_lines(as_csv(table))} >= {"'=cmd()"}
    assert "=cmd()" in as_text(table)
    compared = as_csv(with_paper(build_table("II", result_sets(load_results(tmp_path))[0])))
    assert "'-" not in compared


def test_text_marks_partial_numbers_and_explains_the_marks(study: Path) -> None:
    lines = as_text(table_of(study), "my results").splitlines()
    assert lines[0] == "Table II: Mean IOU (my results)"
    body = [re.split(r"\s{2,}", line.strip()) for line in lines]
    assert ["1-shot", "carpet", "0.3500(0.0707)", "0.9000 [1/2 seeds]", "0.6000 [1/2 seeds]"] in body
    assert ["[1 not converged]"] in body
    assert ["Mean", "0.3500", "0.9000 [1/4 runs]", "0.6000 [1/4 runs]"] in body
    assert ["[1/2 categories]", "[1/2 categories]"] in body
    assert any(
        line.startswith("n/m seeds, categories or runs: the number is based on n of m. Expected: every category")
        for line in lines
    )
    assert any(
        line.startswith("1 of 7 runs did not converge; excluded from the means: carpet 1-shot") for line in lines
    )
    table = [line for line in lines[1:] if not line.startswith(("n/m", "1 of 7"))]
    assert len({len(line) for line in table if "0." in line}) <= 2  # right-aligned columns end together


def test_csv_and_json_state_the_basis_of_each_number(study: Path) -> None:
    table = table_of(study)
    content = json.loads(as_json(table, "my results"))
    assert (content["table"], content["dataset"], content["results"]) == ("II", "synthetic", "my results")
    assert len(content["notes"]) == 2
    for cells in (content["cells"], csv_lines(as_csv(table, "my results"))):
        found: dict[tuple[str, str], dict[str, Any]] = {(cell["row"], cell["column"]): cell for cell in cells}
        assert len(found) == 3 * 3
        whole, partial = found["carpet", "U-Net"], found["carpet", "B+NBR+CaP (ours)"]
        assert (whole["basis"], str(whole["partial"]), float(whole["value"])) == ("2/2 seeds", "False", 0.35)
        assert (partial["basis"], str(partial["partial"])) == ("1/2 seeds", "True")
        assert [str(partial[name]) for name in ("n", "of", "not_converged", "failed", "missing")] == list("12100")
        mean = found["Mean", "B (AlbuNet)"]
        assert mean["basis"] == "1/2 categories, 1/4 runs"
        assert [str(mean[name]) for name in ("categories", "of_categories", "missing")] == list("123")
        nothing = found["bottle", "B (AlbuNet)"]
        assert nothing["value"] in (None, "")
        assert str(nothing["missing"]) == "2"


def test_a_mean_over_all_runs_is_not_partial_for_those_that_did_not_converge(study: Path) -> None:
    table = table_of(study, averaged="all")
    (ours,) = [
        line for line in csv_lines(as_csv(table)) if (line["row"], line["column"]) == ("carpet", "B+NBR+CaP (ours)")
    ]
    assert float(ours["value"]) == pytest.approx((0.60 + 0.01) / 2)
    assert (ours["basis"], ours["partial"], ours["n"], ours["not_converged"]) == ("2/2 seeds", "False", "2", "0")
    assert "1 of 7 runs did not converge; counted in the means" in as_text(table)


def test_latex_marks_partial_numbers(study: Path) -> None:
    text = as_latex(table_of(study))
    check_syntax(text)
    assert cells_of(text, "carpet") == ["0.3500(0.0707)", "0.9000 {[}1/2 seeds{]}", "0.6000 {[}1/2 seeds{]}"]
    assert r" &  &  & {[}1 not converged{]} \\" in text
    assert "\n1 of 7 runs did not converge" in text


def test_every_format_has_the_paper_s_numbers_and_the_differences(study: Path) -> None:
    table = with_paper(table_of(study))
    lines = as_text(table).splitlines()
    at = next(index for index, line in enumerate(lines) if " carpet " in line)
    paper = next(line for line in lines[at:] if line.lstrip().startswith("paper "))
    difference = lines[lines.index(paper) + 1]
    assert paper.split() == ["paper", "0.4995(0.0035)", "0.3461(0.0757)", "0.5854(0.0069)"]
    assert difference.split() == ["difference", "-0.1495", "+0.5539", "+0.0146"]
    for cells in (json.loads(as_json(table))["cells"], csv_lines(as_csv(table))):
        (cell,) = [cell for cell in cells if (cell["row"], cell["column"]) == ("carpet", "U-Net")]
        assert float(cell["published"]) == 0.4995
        assert float(cell["published_std"]) == 0.0035
        assert float(cell["difference"]) == pytest.approx(0.35 - 0.4995)
    latex = as_latex(table)
    check_syntax(latex)
    assert cells_of(latex, r"\quad difference") == ["$-0.1495$", "$+0.5539$", "$+0.0146$"]
    for text in (as_text(table), as_json(table), latex):
        assert "the differences compare different images" in text
    assert "published" not in as_csv(table_of(study))


def test_a_mean_that_is_compared_over_fewer_categories_states_how_many(study: Path) -> None:
    store_run(study, 0.80, category="widget", method="unet")
    text = as_text(with_paper(table_of(study)))
    (line,) = [line for line in text.splitlines() if line.lstrip().startswith("paper") and "categories]" in line]
    assert line.split()[:4] == ["paper", "0.3825", "[2", "categories]"]


def test_a_difference_of_zero_has_no_minus(tmp_path: Path) -> None:
    table = with_paper(build_table("V", Published()))
    assert {cell.difference_text for row in table.rows for cell in row.cells} == {"+0.0000"}
    store_run(tmp_path, 0.5, category="carpet", method="unet")
    assert "+19.74 pp" in as_text(with_paper(table_of(tmp_path, "IV")))


def hostile_table(root: Path) -> Table:
    """A run of a category of that name, as a run.json from elsewhere may have it."""
    store_run(root, 0.5, category="hostile", method="unet")
    store_run(root, 0.4, category="plain", method="unet+nbr")
    (found,) = result_sets(load_results(root).replace({"category": {"hostile": HOSTILE}}))
    return build_table("II", found)


def test_hostile_names_survive_csv_and_json_and_are_utf8(tmp_path: Path) -> None:
    table = hostile_table(tmp_path)
    escaped = HOSTILE.replace("\udc80", "\\udc80")
    lines = csv_lines(as_csv(table, HOSTILE))
    assert {line["row"] for line in lines} == {escaped, "plain", "Mean"}
    assert all(line["results"] == escaped for line in lines)
    content = json.loads(as_json(table, HOSTILE))
    assert {cell["row"] for cell in content["cells"]} == {HOSTILE, "plain", "Mean"}
    for write in FORMATS.values():
        write(table, HOSTILE).encode("utf-8")


def test_hostile_names_break_no_line_of_text_and_move_no_cursor(tmp_path: Path) -> None:
    text = as_text(hostile_table(tmp_path), HOSTILE)
    assert text.replace("\n", "").isprintable()
    assert len(text.splitlines()) == len(as_text(hostile_table(tmp_path)).splitlines())
    assert r"\n\t\x1b[2J\u202e\udc80ü漢字" in text


def test_wide_letters_keep_columns_aligned(tmp_path: Path) -> None:
    store_run(tmp_path, 0.5, category="漢字漢字漢字")
    rows = [line for line in as_text(table_of(tmp_path)).splitlines() if "0.5000" in line]
    assert [len(line) for line in rows] == [len(rows[1]) - 6, len(rows[1])]


def test_latex_escapes_special_characters(tmp_path: Path) -> None:
    text = as_latex(hostile_table(tmp_path), HOSTILE)
    check_syntax(text)
    assert r"50\%\_\&\textbackslash{}x\{\$\#\textasciicircum{}\textasciitilde{}\}{[}a{]}" in text
    assert r"(U+001B){[}2J(U+202E)(U+DC80)\"{u}(U+6F22)(U+5B57)$\lambda$" in text


def test_every_table_of_every_source_is_sound_latex(study: Path) -> None:
    (found,) = result_sets(load_results(study))
    tables = [*all_tables(found), *map(with_paper, all_tables(found)), *all_tables(Published())]
    assert len(tables) > 15
    for table in tables:
        text = as_latex(table, "100% of what_is_there")
        check_syntax(text)
        assert text.count(r"\textbf") == sum(cell.best for row in table.rows for cell in row.cells)


@pytest.mark.parametrize(
    "corrupt",
    [
        lambda text: text.replace("}", "", 1),
        lambda text: text.replace(r"\end{tabular}", r"\end{table}"),
        lambda text: text.replace(" & ", " ", 1),
        lambda text: text.replace("{8}", "{9}", 1),
        lambda text: text.replace("grid", "gr\u00efd"),
    ],
)
def test_the_latex_check_rejects_what_tex_would_reject(corrupt: Callable[[str], str]) -> None:
    text = as_latex(build_table("II", Published()))
    check_syntax(text)
    with pytest.raises((AssertionError, ValueError)):
        check_syntax(corrupt(text))


@needs_latex
@pytest.mark.parametrize("packages", ["booktabs", "booktabs,graphicx"])
def test_pdflatex_sets_every_table_of_every_source(study: Path, packages: str) -> None:
    (found,) = result_sets(load_results(study).replace({"category": {"bottle": HOSTILE}}))
    tables = [*all_tables(found), *map(with_paper, all_tables(found)), *all_tables(Published())]
    log = set_pages([as_latex(table, HOSTILE) for table in tables], study, packages)
    assert f"Output written on tables.pdf ({len(tables)} pages" in log
    if "graphicx" in packages:
        # Only the caption may be too wide: its name cannot be broken.
        assert not re.search(r"Overfull \\hbox .* in alignment", log)


def test_several_tables_are_one_csv_with_one_head_and_one_json(study: Path) -> None:
    tables = [(build_table(number, Published()), "paper") for number in TABLES]
    lines = csv_lines(as_one(tables, "csv"))
    assert {line["table"] for line in lines} == set(TABLES)
    assert all(line["n"].isdigit() for line in lines)
    assert [content["table"] for content in json.loads(as_one(tables, "json"))] == list(TABLES)
    assert json.loads(as_one(tables[:1], "json"))["table"] == "I"
    assert as_one(tables, "text").count("\nTable ") == len(tables) - 1
