"""Effects of NBR, pasting, lambda and batch-norm statistics, against pandas, SciPy and statsmodels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from baselines.pasting import listed_pasting
from benchmark.protocol.studies import NBR_GRID, PASTING_STUDY
from reports.collect import ResultSet
from reports.effects import FAMILIES, Effect, as_text, effect_rows, estimate_effects
from reports.page.evidence import effect_listings
from tests.reports.made_up import made_up

NBR, PASTING = FAMILIES["nbr"], FAMILIES["pasting"]
# What is subtracted from what, by the level of the other factor.
PAIRS = {
    "NBR": {
        "pasting: never": ("albunet_nbr", "albunet+plain+bn"),
        "pasting: augmentation": ("albunet_nbr_cap_lambda1", "albunet+bn"),
        "pasting: CaP": ("albunet_nbr_cap", "albunet+cap+bn"),
    },
    "Pasting": {
        "normal images: unseen": ("albunet", "albunet+plain"),
        "normal images: batch norm": ("albunet+bn", "albunet+plain+bn"),
        "normal images: NBR": ("albunet_nbr_cap_lambda1", "albunet_nbr"),
    },
    "Lambda": {
        "normal images: unseen": ("albunet+cap", "albunet"),
        "normal images: batch norm": ("albunet+cap+bn", "albunet+bn"),
        "normal images: NBR": ("albunet_nbr_cap", "albunet_nbr_cap_lambda1"),
    },
    "Batch-norm statistics": {
        "pasting: never": ("albunet+plain+bn", "albunet+plain"),
        "pasting: augmentation": ("albunet+bn", "albunet"),
        "pasting: CaP": ("albunet+cap+bn", "albunet+cap"),
    },
}


def made_up_study(*methods: str, categories: int = 9) -> ResultSet:
    rng = np.random.default_rng(5)
    return made_up({(method, 1): rng.uniform(0.2, 0.8, categories).tolist() for method in methods}, seeds=3)


def by_place(results: ResultSet) -> dict[tuple[str, str], Effect]:
    return {(effect.name, effect.level): effect for effect in estimate_effects(results, "iou", 1, NBR).effects}


def test_effects_are_paired_differences_of_means_over_seeds() -> None:
    results = made_up_study(*NBR_GRID.values())
    scores = results.runs.groupby(["category", "method"])["iou"].mean().unstack()
    effects = by_place(results)
    assert len(effects) == 4 * (1 + 3)
    means = {}
    for name, pairs in PAIRS.items():
        differences = {level: scores[one] - scores[other] for level, (one, other) in pairs.items()}
        means[name] = differences[""] = pd.DataFrame(differences).mean(axis=1)
        for level, series in differences.items():
            found = effects[name, level].comparison
            assert (found.n, found.higher) == (9, (series > 0).sum())
            assert found.difference == pytest.approx(series.mean())
            interval = stats.ttest_1samp(series, 0).confidence_interval(0.95)
            assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
            assert (found.p is None) == bool(level)
    p_values = [
        stats.permutation_test((series,), np.mean, permutation_type="samples", n_resamples=2**10).pvalue
        for series in means.values()
    ]
    adjusted = [effects[name, ""].comparison.p_holm for name in PAIRS]
    assert adjusted == pytest.approx(multipletests(p_values, method="holm")[1])


def test_a_contrast_without_its_methods_is_left_out_and_one_without_a_level_has_no_mean() -> None:
    assert set(by_place(made_up_study("albunet_nbr", "albunet+plain+bn", "unet"))) == {("NBR", "pasting: never")}
    two = [*PAIRS["Lambda"]["normal images: unseen"], *PAIRS["Lambda"]["normal images: NBR"]]
    assert set(by_place(made_up_study(*two))) == {
        ("Lambda", "normal images: unseen"),
        ("Lambda", "normal images: NBR"),
    }
    alone = made_up_study("unet", "albunet_nbr")
    assert by_place(alone) == {}
    assert as_text(alone, NBR) == ""


def test_a_category_without_every_seed_is_left_out_of_what_it_lacks_and_named() -> None:
    results = made_up_study(*NBR_GRID.values())
    gone = (results.runs["method"] == "albunet_nbr") & (results.runs["category"] == "product 3")
    results = replace(results, runs=results.runs[~(gone & (results.runs["seed"] == 1))])
    effects = by_place(results)
    counts = {place: effect.comparison.n for place, effect in effects.items()}
    lacking = {("NBR", "pasting: never"), ("NBR", ""), ("Pasting", "normal images: NBR"), ("Pasting", "")}
    assert {place for place, n in counts.items() if n == 8} == lacking
    assert {n for place, n in counts.items() if place not in lacking} == {9}
    assert estimate_effects(results, "iou", 1, NBR).left_out == ["product 3 (B+NBR: 2 of 3 seeds)"]


def test_the_terminal_shows_the_mean_over_levels_and_each_level() -> None:
    results = made_up_study(*NBR_GRID.values())
    lines = as_text(results, NBR).splitlines()
    assert lines[0] == "folder:mine, profile quick, 1-shot IOU"
    rows = [line for line in lines if line.startswith(tuple(PAIRS))]
    expected = effect_rows(estimate_effects(results, "iou", 1, NBR))
    assert len(rows) == len(expected) == 16
    for line, row in zip(rows, expected, strict=True):
        assert line.split() == " ".join((*row[:6], row[7])).split()


def test_the_report_lists_effects_for_each_k_and_metric_with_what_is_not_paired() -> None:
    results = made_up_study("albunet_nbr", "albunet+plain+bn")
    gone = (results.runs["method"] == "albunet_nbr") & (results.runs["category"] == "product 3")
    listings = effect_listings(replace(results, runs=results.runs[~gone]))
    assert [listing.title for listing in listings] == [
        f"What each addition does, 1-shot {name}" for name in ("IOU", "DC")
    ]
    for listing in listings:
        assert [row[:3] for row in listing.rows] == [("NBR", "pasting: never", "8")]
        assert listing.notes[1] == "Not paired: product 3 (B+NBR: not run)."
    assert effect_listings(made_up_study("unet")) == []


def test_each_pasting_is_compared_with_the_papers_in_one_family() -> None:
    results = made_up_study(*PASTING_STUDY.values())
    scores = results.runs.groupby(["category", "method"])["iou"].mean().unstack()
    found = estimate_effects(results, "iou", 1, PASTING).effects
    others = [name for name in PASTING_STUDY if name != "copy"]
    assert [effect.name for effect in found] == ["no pasting", *(listed_pasting(name).label for name in others[1:])]
    assert {effect.level for effect in found} == {"instead of Eq. (4)"}
    p = []
    for name, effect in zip(others, found, strict=True):
        differences = scores[PASTING_STUDY[name]] - scores["albunet_nbr_cap"]
        assert effect.comparison.difference == pytest.approx(differences.mean())
        p.append(stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=2**10).pvalue)
    adjusted = [effect.comparison.p_holm for effect in found]
    assert adjusted == pytest.approx(multipletests(p, method="holm")[1], abs=1e-9)
    rows = [line for line in as_text(results, PASTING).splitlines() if "instead of Eq. (4)" in line]
    assert len(rows) == len(others)
    titles = [listing.title for listing in effect_listings(results)]
    assert "Other pastings than the paper's, 1-shot IOU" in titles


def test_without_another_pasting_there_is_nothing_to_compare() -> None:
    assert estimate_effects(made_up_study("albunet_nbr", "albunet_nbr_cap"), "iou", 1, PASTING).effects == ()
    partial = estimate_effects(made_up_study("albunet+nbr+cap-place", "albunet_nbr_cap"), "iou", 1, PASTING)
    assert [effect.name for effect in partial.effects] == ["random place"]
