"""Power of the claims' tests, against tests made one by one on simulated studies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.cli import main
from reports.claims import Verdict, read_ledger
from reports.claims.power import SIMULATIONS, Source, estimate_power, paper_source
from reports.collect import PAPER_CATEGORIES
from reports.paper import published_table
from reports.paper.ledger import Claim
from reports.statistics import compare_ranks, sign_flip_p
from tests.reports.made_up import OURS, made_up, verdict

LEVELS = np.linspace(0.3, 0.7, 15)


def claim_of(name: str) -> Claim:
    return next(claim for claim in read_ledger().claims if claim.id == name)


def test_the_paper_s_differences_are_those_of_its_tables() -> None:
    source = paper_source(claim_of("regularizes-b"))
    assert source is not None
    table = published_table("II").set_index(["shots", "category", "method"])
    means = table["mean"].unstack("method").drop(index="mean", level="category")
    ours = means[OURS] - means["albunet"]
    left = ours.loc[1].dropna().index
    assert source.differences.shape == (len(left), 4)  # 1-shot IOU and DC, 5-shot IOU and DC
    assert np.sort(source.differences[:, 0]) == pytest.approx(np.sort(ours.loc[1][left]))
    assert np.sort(source.differences[:, 2]) == pytest.approx(np.sort(ours.loc[5][left]))
    only_means = paper_source(claim_of("lambda-helps"))
    assert only_means is not None
    assert only_means.differences.mean(axis=0) == pytest.approx([0.4919 - 0.4745, *only_means.differences.mean(0)[1:]])
    assert paper_source(claim_of("nbr-cleans-background")) is None
    assert estimate_power(claim_of("ablation-on-carpet"), 15, 5) is None


def test_drawn_studies_have_the_mean_and_the_noise_of_their_seeds() -> None:
    rng = np.random.default_rng(0)
    source = Source(rng.normal(0.1, 0.2, (40, 1)), np.array([0.09]), 5, "")
    spread = source.differences.var(ddof=1)
    for seeds in (1, 5, 20):
        drawn = source.draw(4000, 10, seeds)
        expected = spread + 0.09 / seeds - 0.09 / 5
        assert drawn.mean() == pytest.approx(source.differences.mean(), abs=0.005)
        assert drawn.var() == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(
    ("name", "categories"), [("still-gains-at-5", 7), ("ours-best-dc-5", 7), ("still-gains-at-5", 6)]
)
def test_power_is_the_share_of_studies_whose_every_test_is_significant(name: str, categories: int) -> None:
    claim = claim_of(name)
    source = paper_source(claim)
    assert source is not None
    studies = source.draw(SIMULATIONS, categories, 1)[:200]
    shown = [
        all(sign_flip_p(column) <= 0.05 and column.mean() > claim.margin for column in study.T) for study in studies
    ]
    found = estimate_power(claim, categories, 1)
    assert found is not None
    assert 0 < np.mean(shown) < 1
    assert found.probability == pytest.approx(np.mean(shown), abs=4 * np.sqrt(0.25 / 200))


def test_power_of_an_equivalence_and_of_a_rank_correlation() -> None:
    equivalent = claim_of("euclidean-comparable-1")
    study = Source(np.random.default_rng(3).normal(0, 0.03, (15, 2)), np.zeros(2), 5, "")
    found = estimate_power(equivalent, 15, 5, study)
    paper = paper_source(equivalent)
    assert found is not None
    assert paper is not None
    moved = study.moved_to(paper.differences.mean(axis=0), "").draw(SIMULATIONS, 15, 5)[:300]

    def within(values: np.ndarray) -> bool:
        low, high = stats.t.interval(0.9, 14, values.mean(), stats.sem(values))
        return bool(equivalent.low < low and high < equivalent.high)

    shown = [all(within(column) for column in draws.T) for draws in moved]
    assert found.probability == pytest.approx(np.mean(shown), abs=4 * np.sqrt(0.25 / 300))

    networks = claim_of("small-networks-at-1")
    source = paper_source(networks)
    assert source is not None
    sizes = [read_ledger().parameters[name] for name in networks.methods]
    correlated = [compare_ranks("", sizes, draws.mean(axis=0)) for draws in source.draw(SIMULATIONS, 15, 1)[:200]]
    shown = [(item.p or 1) <= 0.05 and (item.difference or 0) > 0 for item in correlated]
    found = estimate_power(networks, 15, 1)
    assert found is not None
    assert found.probability == pytest.approx(np.mean(shown), abs=4 * np.sqrt(0.1 / 200))


def test_a_verdict_says_whether_its_study_could_have_decided_it() -> None:
    def of(spread: float, count: int) -> Verdict:
        gain = np.random.default_rng(1).normal(0.0, spread, count)
        scores = {("albunet", k): [float(value) for value in LEVELS[:count]] for k in (1, 5)}
        scores |= {(OURS, k): [float(value) for value in LEVELS[:count] + gain - gain.mean()] for k in (1, 5)}
        return verdict(made_up(scores), "regularizes-b")

    alike, scattered = of(0.02, 15), of(1.0, 15)
    assert alike.power is not None
    assert alike.power.probability == 1.0
    assert "differences as large as the paper's would have been shown (power 1.00)" in alike.reason
    assert scattered.power is not None
    assert (scattered.power.probability or 0) < 0.3
    assert "were unlikely to decide it (power 0." in scattered.reason
    few = of(0.02, 3)
    assert few.power is not None
    assert (few.power.probability, few.power.categories, few.power.seeds) == (0.0, 3, 2)
    assert "0.00 with 3 categories of 2 seeds, differences as in Table II" in str(few.power)
    assert "0.8 needs " in str(few.power)


def test_more_categories_and_more_seeds_are_counted_up_to_enough_power() -> None:
    found = estimate_power(claim_of("nbr-over-b"), 15, 1)
    assert found is not None
    assert found.needed_categories is not None
    enough = estimate_power(claim_of("nbr-over-b"), found.needed_categories, 1)
    assert enough is not None
    assert (found.probability or 0) < 0.8 <= (enough.probability or 0)
    assert pd.isna(found.needed_seeds) or found.needed_seeds > 1


@pytest.mark.usefixtures("short_calibration")
def test_a_plan_prints_the_power_of_its_selection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def plan(*words: str) -> str:
        assert main(["plan", *words, "--shots", "5", "--seed", "0", "--results", str(tmp_path)]) == 0
        return capsys.readouterr().out

    text = plan("--method", "albunet", OURS, "--category", *PAPER_CATEGORIES)
    assert "claims   1 of 1 would be supported with a probability of 0.8 or more" in text
    assert "still-gains-at-5" in text
    few = json.loads(plan("--method", "albunet", OURS, "--category", "tile", "--json"))
    assert few["power"]["still-gains-at-5"]["probability"] == 0.0
    assert few["power"]["still-gains-at-5"]["needed_categories"] in (7, 8)
    assert json.loads(plan("--method", "unet", "--category", "tile", "--json"))["power"] == {}
