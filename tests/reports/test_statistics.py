"""Statistics against plain statements of the same, and against SciPy's and statsmodels' own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reports.category_scores import category_scores, compare_methods, difference, left_out_lines
from reports.statistics import (
    compare_over_seeds,
    compare_paired,
    compare_ranks,
    describe_paired,
    holm,
    mean_interval,
    sign_flip_p,
    smallest_n,
    student_p,
)
from tests.reports.made_up import made_up
from tests.reports.pages import HOSTILE


def share_of_patterns_as_extreme(differences: Sequence[float]) -> float:
    patterns = list(itertools.product((-1, 1), repeat=len(differences)))
    sums = [abs(sum(sign * value for sign, value in zip(signs, differences, strict=True))) for signs in patterns]
    return sum(value >= abs(sum(differences)) - 1e-12 for value in sums) / len(patterns)


@pytest.mark.parametrize(
    "differences",
    [
        (0.1, 0.2, 0.3, 0.1, 0.2, 0.4),
        (0.1, -0.2, 0.3, 0.0, 0.0, 0.25, 0.3),
        (-0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1),
        (-0.1, -0.2, -0.3, -0.15, -0.05, -0.1, 0.02),
    ],
)
def test_the_sign_flip_test_tries_every_pattern_of_signs(differences: tuple[float, ...]) -> None:
    assert sign_flip_p(differences) == pytest.approx(share_of_patterns_as_extreme(differences), abs=1e-12)


@pytest.mark.parametrize("n", [6, 11, 15])
def test_the_sign_flip_test_is_scipys_exact_permutation_test(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.05, 0.1, n)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=2**15, batch=2**11
    )
    assert sign_flip_p(differences) == pytest.approx(theirs.pvalue, abs=1e-12)


def test_sums_that_differ_by_rounding_are_ties() -> None:
    assert sign_flip_p([0.3 - 0.2, 0.1, 0.1, 0.1, 0.1, -0.1]) == 14 / 64  # at least five of six signs are the same


def test_with_fifteen_categories_every_pattern_is_still_tried() -> None:
    assert sign_flip_p([0.1 + 0.01 * i for i in range(15)]) == pytest.approx(2 / 2**15, rel=1e-9)


def test_beyond_fifteen_the_patterns_are_drawn_and_the_p_value_is_repeatable() -> None:
    differences = np.random.default_rng(3).normal(0.03, 0.1, 40)
    z = abs(differences.sum()) / math.sqrt((differences**2).sum())
    assert sign_flip_p(differences) == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.02)
    assert sign_flip_p(differences) == sign_flip_p(list(differences))


@pytest.mark.parametrize(("comparisons", "needed"), [(1, 6), (2, 7), (3, 7), (4, 8), (6, 8), (9, 9), (12, 9)])
def test_below_the_smallest_n_no_outcome_can_be_significant(comparisons: int, needed: int) -> None:
    assert smallest_n(0.05, comparisons) == needed
    best = [share_of_patterns_as_extreme([1.0] * n) * comparisons for n in (needed - 1, needed)]
    assert best[0] > 0.05 >= best[1]


@pytest.mark.parametrize("n", [1, 2, 6, 12])
def test_holm_adjusts_as_statsmodels_does(n: int) -> None:
    p_values = np.random.default_rng(n).choice([0.0, 0.001, 0.012, 0.03, 0.05, 0.3, 1.0], n).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_a_comparison_without_a_p_value_still_counts_for_holm() -> None:
    assert holm([0.01, None, None]) == [pytest.approx(0.03), None, None]
    assert holm([None]) == [None]
    assert holm([]) == []


@pytest.mark.parametrize("confidence", [0.95, 0.9, 1 - 0.1 / 6])
@pytest.mark.parametrize("n", [2, 6, 15])
def test_intervals_are_students(confidence: float, n: int) -> None:
    values = np.random.default_rng(n).normal(0.05, 0.1, n)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    assert mean_interval(values, confidence) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


@pytest.mark.parametrize("values", [[0.2, 0.9, 0.3, 0.6, 0.1], [0.2, 0.9, 0.2, 0.6, 0.1], [5, 4, 3, 2, 1]])
def test_ranks_are_compared_as_scipy_does(values: list[float]) -> None:
    sizes = [3, 1, 4, 1, 5]
    found = compare_ranks("by size", sizes, values)
    theirs = stats.permutation_test(
        (sizes,), lambda x: stats.spearmanr(x, values).statistic, permutation_type="pairings", n_resamples=np.inf
    )
    assert found.difference == pytest.approx(-theirs.statistic)
    # Theirs doubles the smaller tail; this one counts both.
    null = np.abs(theirs.null_distribution)
    assert found.p == pytest.approx(np.mean(null >= abs(theirs.statistic) - 1e-9))
    assert compare_ranks("", sizes, np.full(5, 0.5)).p is None
    assert compare_ranks("", sizes, [np.nan, 1, 2, 3, 4]).n == 0


def test_seeds_are_compared_by_student_s_test() -> None:
    values = [0.1, 0.05, -0.02, 0.08, 0.06]
    (found,) = compare_over_seeds({"a - b": pd.Series(values)}, against=0.01)
    assert found.p == pytest.approx(stats.ttest_1samp(values, 0.01).pvalue)
    interval = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    both = compare_over_seeds({"a": pd.Series(values), "b": pd.Series(values[:2])})
    assert [(item.p is None, item.p_holm) for item in both] == [(False, 2 * both[0].p), (True, None)]
    assert (student_p([0.3, 0.3, 0.3]), student_p([0.0, 0.0])) == (0.0, 1.0)


def test_a_claim_may_ask_for_fewer_pairs_than_holm_needs() -> None:
    family = {name: pd.Series([0.1] * 6) for name in "abc"}
    assert [item.p for item in compare_paired(family)] == [None] * 3
    assert [(item.p, item.p_holm) for item in compare_paired(family, fewest=6)] == [(1 / 32, 3 / 32)] * 3


def test_without_any_difference_one_test_in_twenty_is_significant() -> None:
    # Heavy tails; 12 of the 256 patterns of 8 pairs may be called significant: 0.047.
    samples = np.random.default_rng(11).standard_t(3, (1000, 8))
    rate = np.mean([sign_flip_p(differences) <= 0.05 for differences in samples])
    assert 0.047 - 3 * 0.0067 < rate < 0.047 + 3 * 0.0067


def test_few_categories_give_direction_and_range_but_neither_p_value_nor_interval() -> None:
    (found,) = compare_paired({"a - b": pd.Series([0.1, 0.2, 0.3, -0.1, 0.2])})
    assert (found.n, found.higher) == (5, 4)
    assert (found.difference, found.lowest, found.highest) == pytest.approx((0.14, -0.1, 0.3))
    assert found.p is found.p_holm is found.low is found.high is None
    assert found.note == "too few paired categories (5; a p-value needs 6)"


def test_a_larger_family_needs_more_categories() -> None:
    series = pd.Series([0.1, 0.2, 0.3, 0.1, 0.2, 0.4])
    (alone,) = compare_paired({"a": series})
    assert alone.p_holm == 2 / 2**6
    for found in compare_paired(dict.fromkeys("abcdef", series)):
        assert found.p is None
        assert found.note == "too few paired categories (6; a p-value needs 8)"
        assert found.low is not None  # an interval of its own is not about the family


def test_equal_pairs_cannot_make_n_large_enough() -> None:
    (found,) = compare_paired({"a": pd.Series([0.1, 0.2, 0.3, 0.0, 0.0, 0.0, 0.0])})
    assert found.p is None
    assert found.note == "too few paired categories (7, 4 of them equal; a p-value needs 6)"


def test_a_margin_moves_the_null_hypothesis_and_not_the_figures() -> None:
    series = pd.Series([0.04, 0.03, 0.02, 0.01, 0.03, 0.04, 0.02, 0.03])
    (found,) = compare_paired({"a": series}, against=0.05)
    assert found.difference == pytest.approx(series.mean())
    assert found.p == share_of_patterns_as_extreme(list(series - 0.05))


def test_the_lack_of_any_pair_is_reported() -> None:
    assert compare_paired({"a": pd.Series(dtype="float64")})[0].note == "no paired category"
    assert describe_paired("a", pd.Series(dtype="float64")).difference is None


def test_seeds_are_averaged_first_and_incomplete_cells_left_out_with_their_reason() -> None:
    results = made_up({("unet", 1): [0.2, 0.4, 0.6, 0.8], ("albunet", 1): [0.3, 0.5, 0.7, 0.9]})
    runs = results.runs
    spoiled = {("product 1", "unet"): "not_converged", ("product 2", "albunet"): "failed"}
    for (category, method), status in spoiled.items():
        runs.loc[(runs["category"] == category) & (runs["method"] == method) & (runs["seed"] == 1), "status"] = status
    gone = (runs["category"] == "product 3") & (runs["method"] == "unet") & (runs["seed"] == 0)
    none = (runs["category"] == "product 0") & (runs["method"] == "unet")
    runs.loc[none, "status"] = "not_converged"
    scores = category_scores(runs[~gone], "iou", 1, results.seeds(1))
    # A seed that did not converge counts, unless no other did.
    assert scores.values.loc["product 1"].to_dict() == pytest.approx({"unet": 0.4, "albunet": 0.5})
    assert scores.left_out == {
        ("product 0", "unet"): "0 of 2 seeds, 2 did not converge",
        ("product 2", "albunet"): "1 of 2 seeds, 1 failed",
        ("product 3", "unet"): "1 of 2 seeds",
    }
    series, left_out = difference(scores, "albunet", "unet")
    assert series.to_dict() == pytest.approx({"product 1": 0.1})
    assert left_out_lines(left_out, str) == [
        "product 0 (unet: 0 of 2 seeds, 2 did not converge)",
        "product 2 (albunet: 1 of 2 seeds, 1 failed)",
        "product 3 (unet: 1 of 2 seeds)",
    ]


def test_two_runs_of_one_seed_are_not_mixed() -> None:
    results = made_up({("unet", 1): [0.2]})
    doubled = pd.concat([results.runs, results.runs.assign(iou=0.9)])
    assert category_scores(doubled, "iou", 1, [0, 1]).left_out == {("product 0", "unet"): "two runs of one seed"}


def test_methods_are_compared_over_the_categories_that_both_have() -> None:
    many = [0.3, 0.4, 0.5, 0.6, 0.7, 0.35, 0.45, 0.55]
    names = [HOSTILE, "mean", "nan", "", "a\nb", "x (y; z)", "0", "8"]
    results = made_up(
        {
            ("albunet_nbr_cap", 1): many,
            ("unet", 1): [value - 0.1 for value in many],
            ("albunet", 1): [value + (0.1 if index % 2 else -0.1) for index, value in enumerate(many)],
            ("unet", 5): many,
        },
        names,
    )
    gone = (results.runs["category"] == HOSTILE) & (results.runs["method"] == "albunet")
    results = replace(results, runs=results.runs[~gone])
    unet, albunet = compare_methods(results, "iou", 1, "albunet_nbr_cap")
    assert [item.method for item in (unet, albunet)] == ["unet", "albunet"]
    assert (unet.comparison.n, unet.comparison.higher, unet.left_out) == (8, 8, [])
    assert unet.comparison.difference == pytest.approx(0.1)
    assert unet.mean == pytest.approx(np.mean(many) - 0.1)
    assert (unet.comparison.p, unet.comparison.p_holm) == pytest.approx((2 / 2**8, 4 / 2**8))
    assert (albunet.comparison.n, albunet.left_out) == (7, [f"{HOSTILE} (B (AlbuNet): not run)"])
    assert compare_methods(results, "iou", 5, "unet") == []
