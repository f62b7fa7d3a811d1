"""The ranking of methods: over the same categories, with the paper's place, and whether the lead is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.results.table import load_results
from reports.collect import PAPER_CATEGORIES, ResultSet, result_sets
from reports.ranking import as_text, rank_methods
from tests.factories import store_run


def only_set(root: Path) -> ResultSet:
    (results,) = result_sets(load_results(root))
    return results


def test_methods_are_ranked_over_the_categories_they_share(tmp_path: Path) -> None:
    for category, iou in (("carpet", 0.2), ("grid", 0.4), ("tile", 0.9)):
        store_run(tmp_path, iou, category=category, method="unet")
        store_run(tmp_path, iou + 0.1, category=category, method="albunet", status="done" if iou < 0.9 else "failed")
    store_run(tmp_path, 0.9, category="carpet", method="ternausnet11")
    ranking = rank_methods(only_set(tmp_path), 1)
    assert ranking.categories == ("carpet", "grid")
    assert [(rank.method, round(rank.mean, 4)) for rank in ranking.ranks] == [("albunet", 0.4), ("unet", 0.3)]
    assert ranking.not_ranked == ("TernausNet-11",)
    assert ranking.left_out == ("tile",)
    assert ranking.ranks[0].interval is None
    assert not ranking.shown
    assert "2 categories; 6 needed" in ranking.conclusion
    low, high = ranking.axis
    assert low <= 0.2
    assert high >= 0.5


def test_seeds_that_one_category_lacks_leave_out_that_category_only(tmp_path: Path) -> None:
    for category, seeds in (("carpet", 2), ("hazelnut", 3)):
        for seed in range(seeds):
            for method, iou in (("unet", 0.2), ("albunet", 0.3)):
                store_run(tmp_path, iou, category=category, method=method, seed=seed)
    ranking = rank_methods(only_set(tmp_path), 1)
    assert [rank.method for rank in ranking.ranks] == ["albunet", "unet"]
    text = " ".join(as_text(only_set(tmp_path)).split())
    assert "Categories left out, because seeds are missing or failed, or none converged: carpet." in text


def test_a_lead_is_shown_only_if_it_is_significant_among_all_pairs(tmp_path: Path) -> None:
    for number, category in enumerate(PAPER_CATEGORIES[:9]):
        for place, method in enumerate(("unet", "albunet", "albunet_nbr")):
            # The two last are equal but for noise, and both above the first.
            store_run(
                tmp_path, 0.4 + 0.2 * (place > 0) + 0.01 * ((number + place) % 2), category=category, method=method
            )
    ranking = rank_methods(only_set(tmp_path), 1)
    assert not ranking.shown
    assert ranking.lead is not None
    assert ranking.lead.p_holm is not None
    assert ranking.ranks[-1].method == "unet"
    low, high = ranking.ranks[0].interval or (0.0, 0.0)
    assert low < ranking.ranks[0].mean < high


def test_the_papers_place_stands_beside_runs_on_its_images_alone(tmp_path: Path) -> None:
    for dataset in ("mvtec-ad", "synthetic"):
        for method, iou in (("unet", 0.9), ("albunet_nbr_cap", 0.5), ("albunet_nbr", 0.4)):
            # The paper prints no 1-shot number for toothbrush.
            for category in ("carpet", "toothbrush"):
                store_run(tmp_path / dataset, iou, category=category, method=method, dataset=dataset)
    ours = rank_methods(only_set(tmp_path / "mvtec-ad"), 1)
    assert [rank.paper_rank for rank in ours.ranks] == [2, 1, None]
    assert ours.ranks[0].paper_mean == pytest.approx(0.4995)
    assert "Paper" in as_text(only_set(tmp_path / "mvtec-ad"))
    others = rank_methods(only_set(tmp_path / "synthetic"), 1)
    assert [rank.paper_rank for rank in others.ranks] == [None, None, None]


def test_without_complete_seeds_there_is_no_ranking(tmp_path: Path) -> None:
    store_run(tmp_path, status="failed")
    text = as_text(only_set(tmp_path))
    assert "no ranking yet" in text
    assert "U-Net" in text
