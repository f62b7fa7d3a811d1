"""The hierarchical look: the mixed model and its bootstrap against plain NumPy, in verdicts and on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from benchmark.results.store import ResultStore
from benchmark.results.table import load_results
from benchmark.score import IMAGE_COLUMNS, summarise
from reports.claims import Verdict, as_text, judge, judge_published, read_ledger
from reports.claims.evidence import StoredEvidence
from reports.claims.paired import judge_better
from reports.collect import result_sets
from reports.hierarchical import (
    RESAMPLES,
    ROPE,
    Hierarchy,
    Probabilities,
    fit_mixed,
    resample_images,
    resample_seeds,
)
from tests.conftest import CommandLine
from tests.factories import make_result, make_spec
from tests.reports.made_up import LABELS, OURS, made_up

Groups = Sequence[Sequence[float]] | np.ndarray
CLAIM = "still-gains-at-5"


def judged(name: str, evidence: StoredEvidence) -> Verdict:
    """Return the verdict on one claim: all of them would take seconds."""
    return judge_better(next(claim for claim in read_ledger().claims if claim.id == name), evidence)


def by_name(groups: Groups) -> dict[str, pd.Series]:
    return {f"category {number}": pd.Series(np.array(group)) for number, group in enumerate(groups)}


def simulated(
    rng: np.random.Generator, sizes: Sequence[int], sd_categories: float, sd_seeds: float, mean: float = 0.03
) -> list[np.ndarray]:
    return [rng.normal(mean + rng.normal(0, sd_categories), sd_seeds, size) for size in sizes]


def restricted_likelihood(groups: Groups, between: float, within: float) -> tuple[float, float, float]:
    """Return the REML log-likelihood of a mean and two variances, up to a constant, with the mean and its variance."""
    y = np.concatenate([np.asarray(group) for group in groups])
    of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    precision = np.linalg.inv(between * (of[:, None] == of) + within * np.eye(len(y)))
    variance = 1 / precision.sum()
    mean = variance * (precision @ y).sum()
    quadratic = (y - mean) @ precision @ (y - mean)
    return (np.linalg.slogdet(precision)[1] + np.log(variance) - quadratic) / 2, mean, variance


@pytest.mark.parametrize(("categories", "seeds"), [(3, 2), (6, 3), (15, 5)])
def test_with_equal_seeds_the_fit_is_that_of_one_way_analysis_of_variance(categories: int, seeds: int) -> None:
    values = np.stack(simulated(np.random.default_rng(categories), [seeds] * categories, 0.08, 0.03))
    fit = fit_mixed(by_name(values))
    of_seeds = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / (categories * (seeds - 1))
    of_categories = seeds * ((values.mean(axis=1) - values.mean()) ** 2).sum() / (categories - 1)
    assert of_categories > of_seeds
    assert fit.mean == pytest.approx(values.mean(), rel=1e-6)
    assert fit.error == pytest.approx(np.sqrt(of_categories / values.size), rel=1e-3)
    assert fit.sd_seeds == pytest.approx(np.sqrt(of_seeds), rel=1e-3)
    assert fit.sd_categories == pytest.approx(np.sqrt((of_categories - of_seeds) / seeds), rel=1e-3)
    # Then the probabilities are those of Student's t-test over category means.
    means = values.mean(axis=1)
    above = 1 - stats.ttest_1samp(means, ROPE, alternative="greater").pvalue
    below = 1 - stats.ttest_1samp(means, -ROPE, alternative="less").pvalue
    found = fit.probabilities()
    assert [found.above, found.below, found.within] == pytest.approx([above, below, 1 - above - below], abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_with_unequal_seeds_the_fit_maximises_the_restricted_likelihood(seed: int) -> None:
    groups = simulated(np.random.default_rng(seed), [1, 2, 5, 3, 1, 4], 0.1, 0.04)
    best = optimize.minimize(
        lambda x: -restricted_likelihood(groups, *np.exp(x))[0], np.log([0.004, 0.002]), method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-10},
    )  # fmt: skip
    between, within = np.exp(best.x)
    _, mean, variance = restricted_likelihood(groups, between, within)
    fit = fit_mixed(by_name(groups))
    assert [fit.mean, fit.error] == pytest.approx([mean, np.sqrt(variance)], rel=1e-3)
    assert [fit.sd_categories, fit.sd_seeds] == pytest.approx([np.sqrt(between), np.sqrt(within)], rel=1e-3)


@pytest.mark.parametrize("sizes", [(3, 3, 3, 3), (2, 5, 1, 4)])
def test_where_categories_differ_less_than_seeds_all_differences_have_one_variance(sizes: Sequence[int]) -> None:
    pattern = np.array([-0.1, 0.11, 0.02, -0.06, 0.05])
    offsets = (0.03, 0.04, 0.02, 0.035)
    groups = [mean + pattern[:size] - pattern[:size].mean() for mean, size in zip(offsets, sizes, strict=True)]
    values = np.concatenate(groups)
    fit = fit_mixed(by_name(groups))
    assert (fit.sd_categories, fit.freedom) == (0.0, 3)
    assert [fit.mean, fit.sd_seeds] == pytest.approx([values.mean(), values.std(ddof=1)])
    assert fit.error == pytest.approx(values.std(ddof=1) / np.sqrt(len(values)))
    within = values.var(ddof=1)
    at_zero = restricted_likelihood(groups, 0.0, within)[0]
    assert all(
        restricted_likelihood(groups, b, w)[0] < at_zero
        for b in (1e-5, 1e-3)
        for w in within * np.arange(0.6, 1.4, 0.1)
    )
    if len(set(sizes)) == 1:  # never more certain than the category means alone
        assert fit.error > stats.sem([group.mean() for group in groups]) > 0


def test_with_one_seed_each_categories_and_seeds_are_not_told_apart() -> None:
    values = np.array([0.1, 0.02, 0.05, -0.01])
    found = Hierarchy(by_name(values[:, np.newaxis]))
    assert found.fit is not None
    assert (found.fit.sd_categories, found.fit.sd_seeds) == (None, None)
    assert [found.fit.mean, found.fit.error] == pytest.approx([values.mean(), stats.sem(values)])
    assert "one seed each, so that categories and seeds cannot be told apart; 4 categories, 4 pairs of runs" in str(
        found
    )


def test_seeds_without_scatter_leave_that_of_categories() -> None:
    means = np.array([0.1, 0.02, 0.05])
    fit = fit_mixed(by_name(np.stack([means, means + 1e-16], axis=1)))
    assert (fit.sd_categories, fit.sd_seeds) == (pytest.approx(means.std(ddof=1)), 0.0)
    assert fit.error == pytest.approx(stats.sem(means))
    for value, expected in ((0.1, (1, 0, 0)), (0.0, (0, 1, 0)), (-0.1, (0, 0, 1))):
        equal = Hierarchy(by_name(np.full((3, 2), value)))
        assert equal.fit is not None
        assert equal.fit.probabilities() == equal.bootstrap == Probabilities(*expected)


@pytest.mark.parametrize(
    ("categories", "note"),
    [
        (1, "1 category, 3 needed to know how categories differ"),
        (2, "2 categories, 3 needed to know how categories differ"),
    ],
)
def test_too_few_categories_have_a_reason_and_no_probability(categories: int, note: str) -> None:
    found = Hierarchy(by_name([[0.1, 0.2]] * categories))
    assert (found.fit, found.bootstrap, str(found)) == (None, None, note)


def test_the_probability_is_right_as_often_as_it_says() -> None:
    """If the true difference is on the bound, the probability of being above it is uniform over studies."""
    rng = np.random.default_rng(11)
    varied, equal = (
        np.array(
            [fit_mixed(by_name(simulated(rng, sizes, spread, 0.05, ROPE))).probabilities().above for _ in range(150)]
        )
        for sizes, spread in (((1, 2, 4, 3, 2), 0.1), ((2, 2, 2, 2, 2), 0.0))
    )
    assert stats.kstest(varied, "uniform").pvalue > 0.001
    # Where categories do not differ it is more cautious than that.
    assert np.mean((equal < 0.05) | (equal > 0.95)) < 0.1


def test_resampled_means_have_the_exact_variance_of_the_bootstrap() -> None:
    groups = simulated(np.random.default_rng(2), [1, 2, 5, 3, 4], 0.06, 0.05)
    means = np.array([group.mean() for group in groups])
    variance = (means.var() + np.mean([group.var() / len(group) for group in groups])) / len(groups)
    drawn = resample_seeds(by_name(groups))
    assert drawn.shape == (RESAMPLES,)
    assert drawn.mean() == pytest.approx(means.mean(), abs=4 * np.sqrt(variance / RESAMPLES))
    assert drawn.var() == pytest.approx(variance, rel=0.1)
    assert np.array_equal(drawn, resample_seeds(by_name(groups)))


def test_resampled_images_add_their_own_variance() -> None:
    rng = np.random.default_rng(4)
    # Seeds, images and both together vary; the images are those of all seeds.
    tables = [
        rng.normal(0, 0.05, (3, 1)) + rng.normal(0, 0.2, (1, size)) + rng.normal(0, 0.1, (3, size))
        for size in (9, 5, 7, 12)
    ]
    within = []
    for table in tables:
        rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        rows, columns = table.shape
        within.append(table.mean(axis=1).var() / rows + table.mean(axis=0).var() / columns + rest.var() / table.size)
    means = np.array([table.mean() for table in tables])
    variance = (means.var() + np.mean(within)) / len(tables)
    drawn = resample_images({str(number): pd.DataFrame(table) for number, table in enumerate(tables)})
    assert drawn.mean() == pytest.approx(means.mean(), abs=4 * np.sqrt(variance / RESAMPLES))
    assert drawn.var() == pytest.approx(variance, rel=0.1)
    assert drawn.var() > 1.2 * resample_seeds(by_name([table.mean(axis=1) for table in tables])).var()


def test_images_that_a_seed_was_not_tested_on_do_not_count() -> None:
    # All images of a seed are alike, so that only the choice of seeds shows.
    table = pd.DataFrame([[0.0, 0.0, np.nan, 0.0], [np.nan, 1.0, 1.0, np.nan]])
    assert sorted(set(resample_images({"a": table}).tolist())) == [0.0, 0.5, 1.0]
    assert sorted(set(resample_seeds({"a": table.mean(axis=1)}).tolist())) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("mean", [0.02, 0.035, -0.04])
def test_with_many_categories_bootstrap_and_model_agree(mean: float) -> None:
    groups = simulated(np.random.default_rng(8), [6] * 60, 0.1, 0.04, mean)
    found = Hierarchy(by_name(groups))
    assert found.fit is not None
    assert found.bootstrap is not None
    model = found.fit.probabilities()
    assert 0.02 < model.within < 0.98
    assert [model.above, model.within, model.below] == pytest.approx(
        [found.bootstrap.above, found.bootstrap.within, found.bootstrap.below], abs=0.04
    )


def test_the_region_is_the_one_that_the_paper_s_words_give() -> None:
    claim = next(item for item in read_ledger().claims if item.id == "euclidean-comparable-1")
    assert (claim.low, claim.high) == (-ROPE, ROPE)


def test_claims_that_compare_two_methods_over_categories_have_it() -> None:
    scores = {(method, shots): [0.5, 0.4, 0.6] for method in LABELS for shots in (1, 5)}
    shown = {item.claim.id: set(item.hierarchies) for item in judge(made_up(scores))}
    for claim in read_ledger().claims:
        compared = claim.kind in ("better", "within") and not claim.categories and {"iou", "dc"} & set(claim.metrics)
        number = len(claim.methods) * len(claim.against) * len(claim.shots) * len(claim.metrics) if compared else 0
        assert len(shown[claim.id]) == number
    assert sum(map(bool, shown.values())) > 10
    assert not any(item.hierarchies for item in judge_published())
    few = judged("ours-best-iou-5", StoredEvidence(made_up({(OURS, 5): [0.5], ("albunet", 5): [0.4]}), None))
    assert list(few.hierarchies) == ["B+NBR+CaP (ours) - B (AlbuNet), 5-shot IOU"]  # of six, the one that was run


def test_seeds_that_both_methods_have_count_where_a_test_needs_all_of_them() -> None:
    first = {(OURS, 5): [0.5, 0.6, 0.55, 0.4, 0.3], ("albunet", 5): [0.4, 0.55, 0.5, 0.3, 0.35]}
    results = made_up(first, seeds=3)
    runs = results.runs
    runs["iou"] += np.random.default_rng(0).normal(0, 0.01, len(runs))
    of = {key: runs[(runs["category"] == key[0]) & (runs["method"] == key[1])].index for key in {
        ("product 0", OURS), ("product 1", "albunet"), ("product 2", OURS)}}  # fmt: skip
    runs.loc[of["product 0", OURS][0], "status"] = "failed"
    runs.loc[of["product 1", "albunet"], "status"] = "not_converged"
    runs.loc[of["product 2", OURS][0], "seed"] = 1  # now two runs of seed 1 and none of seed 0
    found = judged(CLAIM, StoredEvidence(results, None))
    assert found.comparisons[0].n == 2
    hierarchy = found.hierarchies[found.comparisons[0].what]
    assert {name: list(seeds.index) for name, seeds in hierarchy.seeds.items()} == {
        "product 0": [1, 2], "product 2": [2], "product 3": [0, 1, 2], "product 4": [0, 1, 2],
    }  # fmt: skip
    iou = runs.set_index(["category", "method", "seed"])["iou"].sort_index()
    expected = iou["product 3", OURS] - iou["product 3", "albunet"]
    assert hierarchy.seeds["product 3"].to_numpy() == pytest.approx(expected.to_numpy())


def store_runs(root: Path, categories: Sequence[str], seeds: int) -> None:
    """Store runs of B and B+NBR+CaP with four defective test images whose IOU differ, and a normal one."""
    rng = np.random.default_rng(3)
    for category in categories:
        for method in ("albunet", OURS):
            for seed in range(seeds):
                hits = rng.integers(20, 60, size=4) + (15 if method == OURS else 0)
                rows = [(f"test/cut/{n}.png", "cut", tp, 10, 100 - tp, 3986, tp + 10, 0.9) for n, tp in enumerate(hits)]
                rows.append(("test/good/0.png", "good", 0, 0, 0, 4096, 0, 0.1))
                images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
                result = replace(make_result(), images=images, metrics=summarise(images))
                ResultStore(root).save(make_spec(category, method, 5, seed), result)


def test_the_command_prints_it_beside_the_verdict(tmp_path: Path, command_line: CommandLine) -> None:
    store_runs(tmp_path, ["carpet", "tile", "wood", "zipper"], seeds=2)
    runs = load_results(tmp_path)
    cells = runs.pivot_table(index=["category", "seed"], columns="method", values="iou")
    differences = (cells[OURS] - cells["albunet"]).unstack("seed").to_numpy()
    expected = fit_mixed(by_name(differences))
    (content,) = json.loads(command_line("claims", "--results", str(tmp_path), "--json", "--resample-images").stdout)
    record = next(item for item in content["claims"] if item["id"] == CLAIM)["hierarchical"][0]
    assert record["what"] == "B+NBR+CaP (ours) - B (AlbuNet), 5-shot IOU"
    assert (record["rope"], record["categories"], record["pairs"], record["note"]) == (ROPE, 4, 8, "")
    assert record["resampled"] == ["categories", "seeds", "images"]
    assert record["model"]["mean"] == pytest.approx(expected.mean, rel=1e-6)
    for found in (record["model"], record["bootstrap"]):
        assert found["above"] + found["within"] + found["below"] == pytest.approx(1)
    # The images are read from the runs' files, pair by pair.
    (results,) = result_sets(runs)
    words = " ".join(as_text([judged(CLAIM, StoredEvidence(results, None))]).split())
    assert f"above / within / below ±{ROPE:g}: {record['what']}: {expected.probabilities()} (bootstrap " in words
    images = judged(CLAIM, StoredEvidence(results, tmp_path, images=True)).hierarchies
    table = images[record["what"]].images
    assert table is not None
    assert table["tile"].shape == (2, 4)
    assert table["tile"].mean(axis=1).to_numpy() == pytest.approx(differences[1])
    means = resample_images(table)
    assert record["bootstrap"]["above"] == pytest.approx(np.mean(means > ROPE))


def test_runs_whose_images_cannot_be_read_are_left_out_and_listed(tmp_path: Path) -> None:
    store_runs(tmp_path, ["carpet", "tile", "wood"], seeds=1)
    (results,) = result_sets(load_results(tmp_path))
    (next((tmp_path / "runs").glob(f"tile_{OURS}_*")) / "images.csv").unlink()
    for found in judge(results, tmp_path, images=True):
        pairs = {what: item for what, item in found.hierarchies.items() if "CaP (ours) - B (AlbuNet), 5-shot" in what}
        if pairs:  # in each claim that has the comparison, not only in the first
            assert "images.csv" in found.left_out[-1]
            assert {str(item) for item in pairs.values()} == {"2 categories, 3 needed to know how categories differ"}
    without = judged(CLAIM, StoredEvidence(results, tmp_path))
    assert {len(item.seeds) for item in without.hierarchies.values()} == {3}  # the files are not needed
