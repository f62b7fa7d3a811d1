"""The paper as data: well-formed, and equal to the paper where its text is available."""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from baselines import InputError
from baselines.methods import PAPER_METHODS
from reports.collect import PAPER_CATEGORIES
from reports.paper import PUBLISHED_TABLES, bold_marks, mvtec_counts, published_table
from reports.paper.ledger import read_ledger
from reports.paper.printed import Paper
from tests.conftest import REPOSITORY

ORIGINAL = Path(os.environ.get("BENCHMARK_PAPER") or REPOSITORY.parent / "shared")
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


def test_every_quote_is_in_the_text_and_stands_once_in_the_ledger(original: Path) -> None:
    text = " ".join(
        (original / "paper" / "paper.txt").read_text(encoding="utf-8").replace("**", "").replace("λ ,", "λ,").split()
    )
    # Fig. 7 stands in the middle of this sentence.
    text = re.sub(r"(further improves the segmentation) \(a\) .*? (performance on the defect)", r"\1 \2", text)
    quotes = [statement.quote for statement in read_ledger().statements]
    assert len(set(quotes)) == len(quotes)
    for quote in quotes:
        assert len(quote.split()) <= 15, quote
        place = 0
        for part in quote.split("[...]"):
            place = text.find(part.strip(), place)
            assert place >= 0, quote


def test_numbers_of_the_ledger_are_in_the_text(original: Path) -> None:
    text = (original / "paper" / "paper.txt").read_text(encoding="utf-8")
    ledger, settings = read_ledger(), read_ledger().settings
    for statement in ledger.statements:
        if statement.kind == "value":
            assert all(f"{100 * (claim.value or 0):.2f}%" in statement.quote for claim in statement.claims)
        if statement.percent:
            assert set(statement.percent) == set(statement.shots)
            assert "around " + " and ".join(f"{value}%" for value in statement.percent.values()) in statement.quote
    assert f"contains {settings.images} high-resolution images" in text
    assert f"over {settings.more_types_than} different types" in text
    assert f"repeat the experiment for {settings.seeds} times" in text
    for shots, size in settings.batch_size.items():
        assert re.search(rf"batch size is set as .*\b{size} for {shots}-shot", text)


def test_statements_and_captions_are_named_once_with_their_section() -> None:
    ledger = read_ledger()
    names = [*(item.id for item in ledger.statements), *(item.id for item in ledger.same_trainings)]
    assert len(set(names)) == len(names)
    assert {statement.section for statement in ledger.statements} == {"IV-F", "IV-G", "IV-H"}
    for section in [item.section for item in (*ledger.same_trainings, *ledger.figures)]:
        assert re.fullmatch(r"IV-[A-H]", section)


def test_statements_name_existing_methods_categories_and_tables() -> None:
    paper = Paper.published()
    for said in (*paper.ledger.statements, *paper.ledger.claims):
        assert {*said.methods, *said.against} <= METHODS
        assert not set(said.methods) & set(said.against)
        assert set(said.categories) <= set(PAPER_CATEGORIES)
        printed = {key for number in said.tables for key in paper.means(number)}
        asked = set(product(said.shots, said.methods + said.against, said.metrics)) if said.tables else set()
        assert asked <= printed, said.id
    for figure in paper.ledger.figures:
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
