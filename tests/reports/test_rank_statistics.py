"""Mean ranks, Friedman's test, Nemenyi's critical difference, wins and stability, against plain statements."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2 as chi2_distribution

from benchmark.cli import main
from reports.collect import PAPER_CATEGORIES
from reports.html import write_report
from reports.rank_statistics import critical_difference, friedman, rank_statistics
from reports.rank_views import choose_names, measured_scores
from tests.conftest import REPOSITORY, CommandLine
from tests.factories import store_run
from tests.reports.made_up import made_up

# Demsar (2006), Table 5: two-tailed Nemenyi at 0.05, for 2 to 10 methods; some are off by one in the last digit.
Q = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)


def made_scores(categories: int, methods: int, levels: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Random scores; few levels make ties."""
    values = np.random.default_rng(seed).integers(levels, size=(categories, methods)) / levels
    return pd.DataFrame(values, [f"c{i}" for i in range(categories)], [f"m{i}" for i in range(methods)])


def slow_ranks(values: np.ndarray) -> np.ndarray:
    """One more than the number of higher scores, and half of the equal ones."""
    ranks = np.empty(values.shape)
    for (row, column), value in np.ndenumerate(values):
        others = np.delete(values[row], column)
        ranks[row, column] = 1 + np.count_nonzero(others > value) + np.count_nonzero(others == value) / 2
    return ranks


def test_ranks_are_over_categories_and_equal_scores_share_theirs() -> None:
    scores = made_scores(9, 5, levels=4)
    found = rank_statistics(scores)
    expected = pd.Series(slow_ranks(scores.to_numpy()).mean(axis=0), scores.columns)
    assert dict(zip(found.methods, found.mean_ranks, strict=True)) == pytest.approx(expected.to_dict())
    assert list(found.mean_ranks) == sorted(expected)
    # 0.1 + 0.2 is not 0.3, but no worse a score.
    rounding = rank_statistics(pd.DataFrame({"a": [0.1 + 0.2, 0.5], "b": [0.3, 0.5]}))
    assert rounding.mean_ranks.tolist() == [1.5, 1.5]


@pytest.mark.parametrize("levels", [1000, 3])
def test_friedmans_statistic_is_that_of_the_formula(levels: int) -> None:
    scores = made_scores(12, 4, levels)
    n, k = scores.shape
    ranks = slow_ranks(scores.to_numpy())
    chi2 = 12 * n / (k * (k + 1)) * ((ranks.mean(axis=0) ** 2).sum() - k * (k + 1) ** 2 / 4)
    ties = sum(count**3 - count for row in scores.to_numpy() for count in np.unique(row, return_counts=True)[1])
    chi2 /= 1 - ties / (n * k * (k**2 - 1))
    assert friedman(scores.to_numpy()) == pytest.approx((chi2, chi2_distribution.sf(chi2, k - 1)))
    assert (rank_statistics(scores).chi2, ties > 0) == (pytest.approx(chi2), levels == 3)


def test_there_is_no_test_where_there_is_nothing_to_test() -> None:
    assert friedman(made_scores(5, 2).to_numpy()) == (None, None)
    assert friedman(made_scores(1, 5).to_numpy()) == (None, None)
    assert friedman(np.ones((5, 4))) == (None, None)
    one = rank_statistics(made_scores(1, 3))
    assert (one.cd, one.groups, one.letters) == (None, (), ("", "", ""))
    with pytest.raises(ValueError, match="each method needs a score"):
        rank_statistics(pd.DataFrame({"a": [0.1, np.nan], "b": [0.2, 0.3]}))


@pytest.mark.parametrize(("methods", "q"), list(zip(range(2, 11), Q, strict=True)))
def test_the_critical_difference_has_demsars_q(methods: int, q: float) -> None:
    for categories in (5, 15):
        expected = q * np.sqrt(methods * (methods + 1) / (6 * categories))
        assert critical_difference(methods, categories) == pytest.approx(expected, abs=0.001 * expected / q)


def test_methods_within_the_critical_difference_form_groups() -> None:
    # 20 categories that agree but for some exchanges: mean ranks 1, 2.5, 2.5 and 4, critical difference 1.0488.
    rows = [[0.9, 0.6, 0.5, 0.1], [0.9, 0.5, 0.6, 0.1]] * 10
    found = rank_statistics(pd.DataFrame(rows, columns=list("abcd")))
    assert found.cd == pytest.approx(2.569 * np.sqrt(20 / 120), abs=0.001)
    assert (found.mean_ranks.tolist(), found.groups) == ([1, 2.5, 2.5, 4], ((0, 0), (1, 2), (3, 3)))
    assert found.letters == ("a", "b", "b", "c")
    # Overlapping groups: 1.5, 2, 2.5 with 1.0482 from 10 categories.
    rows = [[0.9, 0.5, 0.1]] * 5 + [[0.5, 0.9, 0.1]] * 1 + [[0.5, 0.1, 0.9]] * 2 + [[0.1, 0.5, 0.9]] * 2
    overlapping = rank_statistics(pd.DataFrame(rows * 2, columns=list("abc")))
    assert overlapping.mean_ranks.tolist() == [1.7, 2.1, 2.2]
    assert overlapping.letters == ("a", "a", "a")


def test_overlapping_groups_have_two_letters() -> None:
    rows = [[0.9, 0.5, 0.1]] * 8 + [[0.5, 0.9, 0.1]] * 3 + [[0.9, 0.1, 0.5]] * 3
    found = rank_statistics(pd.DataFrame(rows, columns=list("abc")))
    # 1.21, 2.00 and 2.79 with a critical difference of 2.343 sqrt(12 / 84) = 0.886.
    assert (found.groups, found.letters) == (((0, 1), (1, 2)), ("a", "ab", "b"))


def test_wins_ties_and_losses_are_counted_over_categories() -> None:
    scores = made_scores(11, 4, levels=3)
    found = rank_statistics(scores)
    for (i, first), (j, second) in itertools.product(enumerate(found.methods), repeat=2):
        wins = sum(scores.at[name, first] > scores.at[name, second] for name in scores.index)
        ties = sum(scores.at[name, first] == scores.at[name, second] for name in scores.index) if i != j else 0
        assert (found.wins[i, j], found.ties[i, j]) == (wins, ties)


def test_shares_of_places_are_those_over_all_sets_of_categories() -> None:
    scores = made_scores(4, 4, levels=5, seed=3)
    found = rank_statistics(scores)
    values = scores[list(found.methods)].to_numpy()
    ranks = slow_ranks(values)
    places, first_by_mean, kept = np.zeros((4, 4)), np.zeros(4), 0
    sets = list(itertools.product(range(4), repeat=4))  # each equally likely to be drawn
    for drawn in map(list, sets):
        sums, means = ranks[drawn].sum(axis=0), values[drawn].mean(axis=0).round(9)
        for method in range(4):
            tied = [other for other in range(4) if sums[other] == sums[method]]
            start = sum(sums < sums[method])
            places[method, start : start + len(tied)] += 1 / len(tied)
            first_by_mean[method] += (means[method] == means.max()) / np.count_nonzero(means == means.max())
        kept += all(before <= after for before, after in itertools.pairwise(sums))
    # Four standard errors of a share over the 10,000 sets that are drawn.
    assert found.places == pytest.approx(places / len(sets), abs=0.02)
    assert found.first_by_mean == pytest.approx(first_by_mean / len(sets), abs=0.02)
    assert found.kept == pytest.approx(kept / len(sets), abs=0.02)
    assert 0.02 < found.kept < 0.98
    assert found.places.sum(axis=0) == pytest.approx(np.ones(4))


def test_textures_and_objects_are_those_of_the_paper() -> None:
    assert choose_names(["textures"], PAPER_CATEGORIES, "category") == ["carpet", "grid", "leather", "tile", "wood"]
    assert len(choose_names(["objects"], PAPER_CATEGORIES, "category")) == 10


def test_the_papers_tables_are_ranked_as_the_docs_show(command_line: CommandLine) -> None:
    words = ("ranking", "--published", "--shots", "5", "--method", "albunet_nbr_cap", "unet", "albunet")
    text = command_line(*words, "--category", "textures").stdout
    docs = (REPOSITORY / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert f"python -m benchmark {' '.join(words)} --category textures" in " ".join(docs.split())
    for line in filter(None, text.splitlines()):
        assert line in docs
    (all_of_them,) = json.loads(command_line(*words, "--json").stdout)
    assert len(all_of_them["categories"]) == 15
    assert [method["method"] for method in all_of_them["methods"]] == ["albunet_nbr_cap", "albunet", "unet"]
    assert all_of_them["methods"][0]["wins"] == [0, 15, 15]
    assert all_of_them["critical_difference"] == pytest.approx(2.343 * np.sqrt(12 / 90), abs=0.001)


def test_stored_runs_are_ranked_over_the_categories_and_defect_types_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for category, label, better in (
        ("carpet", "hole", 0),
        ("wood", "hole", 1),
        ("bottle", "hole", 1),
        ("pill", "cut", 0),
    ):
        for number, method in enumerate(("unet", "albunet")):
            store_run(tmp_path, 0.3 + 0.2 * (number == better), category=category, method=method, label=label)
    store_run(tmp_path, 0.5, category="carpet", method="unet", shots=5)

    def printed(verb: str, *words: str) -> str:
        assert main([verb, "--results", str(tmp_path), *words]) == 0
        return capsys.readouterr().out

    def ranked(*words: str) -> dict[str, Any]:
        of_1, *others = json.loads(printed("ranking", "--json", *words))
        assert [other["methods"] for other in others] == ([] if "--shots" in words else [[]])
        return dict(of_1)

    whole = ranked()
    assert whole["categories"] == ["carpet", "wood", "bottle", "pill"]
    textures = ranked("--category", "textures", "--shots", "1")
    assert (textures["categories"], textures["subject"]) == (["carpet", "wood"], "IOU, 1-shot, textures")
    holes = ranked("--defect", "hole")
    assert (holes["categories"], holes["defects"]) == (["carpet", "wood", "bottle"], ["hole"])
    measured = ranked("--metric", "pixel_ap", "--category", "textures", "pill")
    assert measured["categories"] == ["carpet", "wood", "pill"]
    means = {method["method"]: method["mean"] for method in measured["methods"]}
    cells = json.loads(printed("metrics", "--by", "category", "--format", "json"))["cells"]
    for method, label in (("unet", "U-Net"), ("albunet", "B (AlbuNet)")):
        values = [
            cell["value"]
            for cell in cells
            if cell["row"].startswith("AP of all pixels")
            and cell["column"] == label
            and cell["section"] in ("1-shot, carpet", "1-shot, wood", "1-shot, pill")
        ]
        assert (len(values), means[method]) == (3, pytest.approx(np.mean(values)))
    assert "No ranking: it takes two methods with all seeds in the same two categories." in printed("ranking")


def test_a_category_lacks_a_score_where_a_method_lacks_one_of_its_defect_types() -> None:
    both = made_up({("unet", 1): [0.5], ("albunet", 1): [0.7]}, categories=["tile"])
    only = made_up({("unet", 1): [0.1]}, categories=["tile"])
    groups = [SimpleNamespace(name="tile, a", results=both), SimpleNamespace(name="tile, b", results=only)]
    scores = measured_scores(SimpleNamespace(groups=groups, results=both), "iou", 1, ["a", "b"])  # type: ignore[arg-type]
    assert scores.at["tile", "unet"] == pytest.approx(0.3)
    assert np.isnan(scores.at["tile", "albunet"])


def test_the_report_shows_the_ranks_of_all_categories_of_textures_and_of_objects(tmp_path: Path) -> None:
    for number, category in enumerate(("carpet", "wood", "bottle", "pill")):
        for place, method in enumerate(("unet", "albunet", "albunet_nbr")):
            store_run(tmp_path, 0.3 + 0.1 * ((place + number) % 3), category=category, method=method)
    text = write_report(tmp_path).read_text(encoding="utf-8")
    answer = text[: text.index('-tables">')]
    for subject in ("IOU, 1-shot", "IOU, 1-shot, textures", "IOU, 1-shot, objects"):
        assert f"wins and stability: {subject}</summary>" in answer
    assert answer.count("critical difference 1.66</text>") == 1  # 2.343 sqrt(12 / 24)
    assert answer.count("critical difference 2.34</text>") == 2
