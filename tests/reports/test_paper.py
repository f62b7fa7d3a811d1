"""The paper as data: well-formed, and equal to the paper where its text is available."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from baselines import InputError
from baselines.methods import PAPER_METHODS
from reports.collect import PAPER_CATEGORIES
from reports.paper import PUBLISHED_TABLES, bold_marks, mvtec_counts, published_table
from reports.paper.statements import read_statements
from tests.conftest import REPOSITORY

ORIGINAL = Path(os.environ.get("BENCHMARK_PAPER", REPOSITORY.parent / "shared"))
METHODS = {method.name for method in PAPER_METHODS}


@pytest.fixture(scope="module")
def original() -> Path:
    """Folder of the paper's text and tables and of MVTec AD's counts, which are not part of the repository."""
    if not (ORIGINAL / "paper" / "paper.txt").is_file():
        pytest.skip("the paper is not here (set BENCHMARK_PAPER to the folder that has paper/paper.txt)")
    return ORIGINAL


def test_tables_are_those_of_the_paper(original: Path) -> None:
    copies = REPOSITORY / "reports" / "paper" / "tables"
    originals = sorted((original / "paper" / "tables").glob("*.csv"))
    assert [path.name for path in originals] == sorted(path.name for path in copies.glob("*.csv"))
    assert len(originals) == len(PUBLISHED_TABLES)
    for path in originals:
        assert (copies / path.name).read_text() == path.read_text(), path.name


def test_counts_are_those_of_mvtec_ad(original: Path) -> None:
    pd.testing.assert_frame_equal(mvtec_counts(), pd.read_csv(original / "facts" / "mvtec_ad_counts.csv"))


def test_bold_marks_are_the_numbers_separated_from_their_deviation(original: Path) -> None:
    text = (original / "paper" / "paper.txt").read_text(encoding="utf-8")
    separated = Counter(re.findall(r"(\d\.\d{4}) \(0\.\d{4}\)", text))
    assert len(re.findall(r"\d\.\d{4} ?\(0\.\d{4}\)", text)) == 2 * 29 * 7
    marked = Counter(
        f"{published_table(mark.table).set_index(['shots', 'category', 'method'])['mean'].loc[mark[2:]]:.4f}"
        for mark in bold_marks().itertuples()
    )
    assert marked == separated


def test_numbers_that_the_statements_hold_are_in_the_text(original: Path) -> None:
    text = (original / "paper" / "paper.txt").read_text(encoding="utf-8")
    stated = read_statements()
    for quoted in stated.quoted:
        assert all(f"{value}%" in text for value in quoted.values.values())
    for gain in stated.gains:
        assert "around " + " and ".join(f"{value}%" for value in gain.percent.values()) in text
    assert f"contains {stated.settings.images} high-resolution images" in text
    assert f"over {stated.settings.more_types_than} different types" in text
    assert f"repeat the experiment for {stated.settings.seeds} times" in text
    for shots, size in stated.settings.batch_size.items():
        assert re.search(rf"batch size is set as .*\b{size} for {shots}-shot", text)


def test_every_section_of_origin_is_one_of_the_papers() -> None:
    stated = read_statements()
    listed = [
        *stated.quoted, *stated.orders, *stated.comparables, *stated.shrinkings, *stated.gains, *stated.same_trainings,
        stated.capacity, *stated.figures,
    ]  # fmt: skip
    assert len({statement.id for statement in listed}) == len(listed)
    for statement in listed:
        assert all(re.fullmatch(r"(III|IV)-[A-H]", section) for section in statement.section.split(", "))
        assert statement.summary


def test_statements_name_existing_methods_categories_and_tables() -> None:
    stated = read_statements()
    for order in stated.orders:
        assert order.method not in order.beats
        for number in order.tables:
            assert {order.method, *order.beats} <= set(published_table(number)["method"])
    for comparable in stated.comparables:
        assert {comparable.method, *comparable.others} <= METHODS
    for gain in stated.gains:
        assert {gain.method, gain.over} <= set(published_table(gain.table)["method"])
    for quoted in stated.quoted:
        assert set(quoted.values) <= set(published_table(quoted.table).columns)
    for figure in stated.figures:
        assert set(figure.categories) <= set(PAPER_CATEGORIES)


@pytest.mark.parametrize("number", ["II", "III"])
def test_tables_of_categories_are_complete_and_between_0_and_1(number: str) -> None:
    table = published_table(number)
    assert not table.duplicated(["shots", "category", "method"]).any()
    assert len(table) == 2 * (len(PAPER_CATEGORIES) + 1) * 7
    assert set(table["category"]) == {*PAPER_CATEGORIES, "mean"}
    assert set(table["method"]) <= METHODS
    blank = table[table["mean"].isna()]
    assert {*zip(blank["shots"], blank["category"], strict=True)} == {(1, "toothbrush")}
    values = pd.concat([table["mean"], table["std"]]).dropna()
    assert len(values) == 2 * 29 * 7 + 2 * 7
    assert values.between(0, 1).all()
    assert (values == values.round(4)).all()
    assert table[table["category"] == "mean"]["std"].isna().all()


@pytest.mark.parametrize("number", ["IV", "V", "VI", "VII"])
def test_tables_of_methods_have_each_method_once_for_each_k(number: str) -> None:
    table = published_table(number)
    assert not table.duplicated(["shots", "method"]).any()
    assert set(table["shots"]) == {1, 5}
    assert set(table["method"]) <= METHODS
    for column in set(table.columns) - {"shots", "method"}:
        assert table[column].between(0, 100 if number == "IV" else 1).all()


def test_the_table_of_images_names_each_category_once() -> None:
    assert tuple(published_table("I")["category"]) == PAPER_CATEGORIES
    assert dict(Counter(published_table("I")["kind"])) == {"texture": 5, "object": 10}


def test_a_row_has_at_most_one_bold_cell_and_it_is_printed() -> None:
    marks = bold_marks()
    assert not marks.duplicated(["table", "shots", "category"]).any()
    for mark in marks.itertuples():
        cells = published_table(mark.table).set_index(["shots", "category", "method"])["mean"]
        assert cells.loc[(mark.shots, mark.category, mark.method)] > 0


def test_changing_what_was_read_changes_nothing_for_the_next_reader() -> None:
    for read in (bold_marks, mvtec_counts, lambda: published_table("V")):
        before = read()
        read().insert(0, "scratch", 0)
        pd.testing.assert_frame_equal(read(), before)


def test_an_unknown_table_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="VIII"):
        published_table("VIII")
