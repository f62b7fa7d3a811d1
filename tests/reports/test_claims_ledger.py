"""Claims: each rule on results made for it, and the paper judged by its own tables."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from baselines.methods import PAPER_METHODS
from baselines.networks import create_network
from baselines.networks.base import on_meta
from benchmark.cli import main
from reports.audit import Severity, find_contradictions
from reports.claims import RULES, Outcome, Verdict, as_text, judge_published, read_ledger
from reports.claims.overlap import distinct_claims, shared_comparisons
from reports.collect import PAPER_CATEGORIES
from tests.conftest import REPOSITORY
from tests.factories import store_run
from tests.reports.clean_paper import change, clean_paper, in_table
from tests.reports.made_up import OURS, made_up, verdict
from tests.reports.pages import HOSTILE

LEVELS = [0.30, 0.35, 0.42, 0.48, 0.55, 0.61, 0.66, 0.70]
BENCHMARKS = ("ternausnet11", "ternausnet16", "unet", "attention_unet", "unet_plus_plus", "albunet")


def shifted(by: Sequence[float] | float) -> list[float]:
    return [float(value) for value in np.add(LEVELS, by)]


# The ledger itself


def test_every_claim_can_be_judged_and_names_its_origin() -> None:
    claims = read_ledger().claims
    known = {method.name for method in PAPER_METHODS}
    assert len({claim.id for claim in claims}) == len(claims) >= 30
    for claim in claims:
        assert claim.kind in (*RULES, "not_testable"), claim.id
        assert claim.section in ("IV-F", "IV-G", "IV-H"), claim.id
        assert set(claim.methods + claim.against) <= known, claim.id
        assert set(claim.shots) <= {1, 5}, claim.id
        bounded = claim.margin or claim.value or np.isfinite(claim.low) or np.isfinite(claim.high)
        assert bool(bounded) == bool(claim.margin_source), claim.id
        assert claim.note or claim.kind != "not_testable", claim.id


def test_parameter_counts_are_those_of_the_networks() -> None:
    for method, count in read_ledger().parameters.items():
        network = on_meta(lambda name=method: create_network(name))
        assert sum(value.numel() for value in network.parameters() if value.requires_grad) == count


# The paper by its own numbers


@pytest.fixture(scope="module")
def published() -> dict[str, Verdict]:
    """The paper judged by its own tables, by claim."""
    verdicts = judge_published()
    assert [item.claim.id for item in verdicts] == [claim.id for claim in read_ledger().claims]
    return {item.claim.id: item for item in verdicts}


def test_the_paper_s_own_numbers_support_its_main_claims_and_contradict_one(published: dict[str, Verdict]) -> None:
    for claim in ("ours-best-iou-1", "ours-best-iou-5", "ours-best-dc-1", "ours-best-dc-5", "acc-value-1"):
        assert published[claim].outcome == "supported", claim
    unet = published["unet-ahead-at-1"]
    assert unet.outcome == "contradicted"
    assert (
        "U-Net - TernausNet-11, 1-shot IOU -0.0001 (0.3135 - 0.3136, printed 0.3136 - 0.3137, n = 14,"
        in unet.figures[0]
    )
    assert "4 of 6 comparisons, significantly in none" in unet.reason
    assert published["toothbrush-fails-at-1"].outcome == "supported"


def test_the_documented_verdicts_are_those_of_the_command(published: dict[str, Verdict]) -> None:
    documented = (REPOSITORY / "docs" / "statistics.md").read_text(encoding="utf-8")
    for name in Outcome:
        (line,) = re.findall(rf"^\| {name} \((\d+)\) \| (.*) \|$", documented, re.MULTILINE)
        judged = {item.claim.id for item in published.values() if item.outcome == name}
        assert (int(line[0]), set(re.findall("`([a-z0-9-]+)`", line[1]))) == (len(judged), judged)


def test_printed_means_alone_are_never_tested(published: dict[str, Verdict]) -> None:
    for claim in ("roc-best-1", "acc-best", "ours-over-b", "cap-adds-1", "lambda-helps", "euclidean-comparable-1"):
        item = published[claim]
        assert item.outcome == "inconclusive", claim
        assert all(comparison.p is None and comparison.low is None for comparison in item.comparisons)
        assert "printed means cannot be tested" in item.reason
    assert "+0.0678 (printed 0.4919 - 0.4241, no categories)" in published["cap-adds-1"].figures[0]


def test_without_a_published_number_there_is_nothing_to_judge(published: dict[str, Verdict]) -> None:
    for claim in ("nbr-cleans-background", "converges-faster", "realistic-lambda", "no-cost-at-inference"):
        assert (published[claim].outcome, published[claim].reason) == (
            "not testable",
            "the paper prints no numbers for it in a table",
        )


def test_what_the_audit_contradicts_is_no_claim_that_the_tables_support(published: dict[str, Verdict]) -> None:
    found = [finding.id for finding in find_contradictions() if finding.severity is Severity.CONTRADICTION]
    for statement in read_ledger().statements:
        outcomes = {published[claim.id].outcome for claim in statement.claims}
        if any(f"-{statement.id}-" in f"{name}-" for name in found):
            assert "contradicted" in outcomes, statement.id
        elif statement.kind == "better":
            assert "contradicted" not in outcomes, statement.id


def test_another_paper_can_be_judged_by_its_tables() -> None:
    paper = clean_paper()
    (claim,) = paper.ledger.statements[0].claims
    assert judge_published(paper)[0].outcome == "inconclusive"  # three categories are too few
    worse = in_table("II", lambda table: change(table, "mean", 0.9, method="unet", shots=5))(paper)
    verdict, *_ = judge_published(worse)
    assert (verdict.claim, verdict.outcome) == (claim, "contradicted")


# The rules


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        ([0.02, 0.05, 0.01, 0.03, 0.04, 0.02, 0.03, 0.06], "supported"),
        ([-0.02, -0.05, -0.01, -0.03, -0.04, -0.02, -0.03, -0.06], "contradicted"),
        ([0.05, -0.04, 0.02, -0.03, 0.04, -0.02, 0.03, -0.01], "inconclusive"),
    ],
)
def test_better_needs_a_significant_difference_either_way(gain: list[float], expected: str) -> None:
    scores = {
        (method, shots): values for shots in (1, 5) for method, values in (("albunet", LEVELS), (OURS, shifted(gain)))
    }
    found = verdict(made_up(scores), "regularizes-b")
    assert found.outcome == expected
    assert found.reason.startswith("on this data set: ")
    assert found.comparisons[0].difference == pytest.approx(np.mean(gain))


def test_one_comparison_can_contradict_a_claim_and_all_must_support_it() -> None:
    better, worse = shifted(0.1 + 0.01 * np.arange(8)), shifted(-0.1 - 0.01 * np.arange(8))
    scores = {(OURS, 1): LEVELS} | {(method, 1): worse for method in BENCHMARKS}
    assert verdict(made_up(scores), "ours-best-iou-1").outcome == "supported"
    assert verdict(made_up(scores | {("unet", 1): better}), "ours-best-iou-1").outcome == "contradicted"
    alike = shifted([0.01, -0.01] * 4)
    assert verdict(made_up(scores | {("unet", 1): alike}), "ours-best-iou-1").outcome == "inconclusive"
    without = {key: values for key, values in scores.items() if key[0] != "unet"}
    found = verdict(made_up(without), "ours-best-iou-1")
    assert found.outcome == "inconclusive"
    assert "as claimed in 5 of 6 comparisons, established in 5: no paired category" in found.reason


def test_with_too_few_categories_there_is_a_direction_and_no_p_value() -> None:
    scores = {(method, k): values for k in (1, 5) for method, values in (("albunet", [0.1] * 5), (OURS, [0.9] * 5))}
    found = verdict(made_up(scores), "regularizes-b")
    assert found.outcome == "inconclusive"
    assert "as claimed in 4 of 4 comparisons, established in 0: too few paired categories (5;" in found.reason
    assert all(item.p is item.low is None and item.difference == pytest.approx(0.8) for item in found.comparisons)
    assert not any("p 0" in line for line in found.figures)


def test_a_claim_about_methods_that_were_not_run_is_not_testable() -> None:
    found = verdict(made_up({(OURS, 1): LEVELS}), "lambda-helps")
    assert (found.outcome, found.test) == ("not testable", "")


def test_shared_comparisons_and_distinct_claims_are_counted() -> None:
    claims = {claim.id: claim for claim in read_ledger().claims}
    assert shared_comparisons(claims["still-gains-at-5"]) == {
        "ours-best-iou-5": 1, "ours-best-dc-5": 1, "regularizes-b": 2, "ours-over-b": 2,
    }  # fmt: skip

    def distinct(*names: str) -> set[str]:
        return {claim.id for claim in distinct_claims([claims[name] for name in names])}

    assert distinct("regularizes-b", "ours-over-b") == {"ours-over-b"}  # by a margin implies at all
    best = ("ours-best-iou-1", "ours-best-iou-5", "ours-best-dc-1")
    assert distinct(*best, "regularizes-b") == {*best, "regularizes-b"}  # DC at 5-shot is in no other
    assert distinct(*best, "ours-best-dc-5", "regularizes-b") == {*best, "ours-best-dc-5"}


def test_by_a_big_margin_is_more_than_better() -> None:
    gain = 0.03 + 0.001 * np.arange(8)
    scores = {(method, k): values for k in (1, 5) for method, values in (("albunet", LEVELS), (OURS, shifted(gain)))}
    results = made_up(scores)
    assert verdict(results, "regularizes-b").outcome == "supported"
    assert verdict(results, "ours-over-b").outcome == "contradicted"
    around = shifted([0.060, 0.060, 0.061, 0.058, 0.064, 0.052, 0.076, 0.028])
    results = made_up(scores | {(OURS, 1): around, (OURS, 5): around})
    assert verdict(results, "regularizes-b").outcome == "supported"
    assert verdict(results, "ours-over-b").outcome == "inconclusive"


def test_incomplete_seeds_are_left_out_and_reported() -> None:
    names = [HOSTILE, "mean", "a\x1b[2Jb\nc", *"defgh"]
    scores = {(method, k): values for k in (1, 5) for method, values in (("albunet", LEVELS), (OURS, shifted(0.1)))}
    results = made_up(scores, names)
    runs = results.runs
    spoiled = (runs["category"].isin(names[:3])) & (runs["method"] == "albunet") & (runs["seed"] == 1)
    runs.loc[spoiled & (runs["shots"] == 1), "status"] = "not_converged"
    assert [item.n for item in verdict(results, "regularizes-b").comparisons] == [8, 8, 8, 8]  # the other seed did
    runs.loc[spoiled & (runs["shots"] == 1), "status"] = "failed"
    found = verdict(results, "regularizes-b")
    assert [item.n for item in found.comparisons] == [5, 5, 8, 8]
    assert found.left_out[0] == f"1-shot {HOSTILE} (B (AlbuNet): 1 of 2 seeds, 1 failed)"
    assert len(found.left_out) == 3
    text = as_text([found])
    assert "left out: 1-shot <script>" in text
    assert all(character.isprintable() for character in text.replace("\n", ""))


@pytest.mark.parametrize(
    ("low", "high", "differences"),
    [
        (-0.025, 0.025, [0.01, -0.01, 0.005, -0.004, 0.0, 0.01, -0.006, 0.002]),
        (-0.025, 0.025, [0.02, -0.04, 0.05, -0.03, 0.06, -0.01, 0.03, 0.0]),
        (-0.025, 0.025, [0.08, 0.07, 0.09, 0.08, 0.07, 0.10, 0.08, 0.09]),
        (-0.025, 0.025, [-0.08, -0.07, -0.09, -0.08, -0.07, -0.10, -0.08, -0.09]),
        # Beyond the bound for a single comparison, not for one of two.
        (-0.025, 0.025, [0.01, 0.02, 0.03, 0.04, 0.04, 0.05, 0.06, 0.07]),
    ],
)
def test_comparable_is_two_one_sided_tests(low: float, high: float, differences: list[float]) -> None:
    scores = {("albunet_nbr_cap_euclidean", 1): LEVELS, (OURS, 1): shifted(differences)}
    found = verdict(made_up(scores), "euclidean-comparable-1")

    def p(bound: float, alternative: str) -> float:
        return float(stats.ttest_1samp(differences, bound, alternative=alternative).pvalue)

    comparable = max(p(low, "greater"), p(high, "less")) < 0.05
    # IOU and DC are the same here, so either may contradict: half of 0.05 for each.
    different = min(p(low, "less"), p(high, "greater")) < 0.05 / 2
    expected = "supported" if comparable else "contradicted" if different else "inconclusive"
    assert found.outcome == expected
    assert found.comparisons[0].p is None


def test_about_is_within_bounds_on_both_sides_and_no_better_on_one() -> None:
    noise = 0.002 * np.arange(8)
    for gain, expected in ((0.06, "supported"), (0.0, "contradicted"), (0.2, "contradicted")):
        scores = {("albunet_nbr", 1): LEVELS, (OURS, 1): shifted(gain + noise)}
        assert verdict(made_up(scores), "cap-adds-1").outcome == expected
    for gain, expected in ((-0.03, "supported"), (0.0, "supported"), (0.1, "contradicted"), (-0.3, "contradicted")):
        scores = {("unet", 5): shifted(gain + noise)} | {
            (m, 5): LEVELS for m in ("ternausnet11", "ternausnet16", "albunet")
        }
        assert verdict(made_up(scores), "unet-level-at-5").outcome == expected


def test_a_gain_shrinks_within_the_categories_that_have_both_k() -> None:
    for later, expected in ((0.02, "supported"), (0.25, "contradicted")):
        scores = {(method, k): LEVELS for method in BENCHMARKS for k in (1, 5)}
        scores |= {(OURS, 1): shifted(0.1), (OURS, 5): shifted(later + 0.001 * np.arange(8))}
        assert verdict(made_up(scores), "gain-shrinks").outcome == expected


def test_networks_are_the_sample_of_the_claim_about_their_size() -> None:
    by_size = sorted(BENCHMARKS, key=read_ledger().parameters.__getitem__)
    for order, expected in ((by_size, "supported"), (by_size[::-1], "contradicted")):
        scores = {(method, 1): shifted(-0.02 * rank) for rank, method in enumerate(order)}
        found = verdict(made_up(scores), "small-networks-at-1")
        assert found.outcome == expected
        (comparison,) = found.comparisons
        assert (comparison.n, comparison.unit, abs(comparison.difference or 0)) == (6, "network", 1)
        assert comparison.p == pytest.approx(2 / 720)
    # Eight categories that agree are no evidence where the networks are not in order.
    swapped = [by_size[1], by_size[0], *by_size[2:4], by_size[5], by_size[4]]
    scores = {(method, 1): shifted(-0.02 * rank) for rank, method in enumerate(swapped)}
    (comparison,) = verdict(made_up(scores), "small-networks-at-1").comparisons
    means = [np.mean(scores[method, 1]) for method in BENCHMARKS]
    sizes = [read_ledger().parameters[method] for method in BENCHMARKS]
    test = stats.permutation_test((means,), lambda x: stats.spearmanr(x, sizes).statistic, permutation_type="pairings")
    assert comparison.difference == pytest.approx(-test.statistic)
    assert comparison.p == pytest.approx(test.pvalue)


def test_six_categories_support_a_claim_of_six_comparisons_and_do_not_contradict_it() -> None:
    """All comparisons must be shown to support it, each by itself; any one contradicts it, so there Holm counts."""
    levels, gain = LEVELS[:6], 0.1 + 0.01 * np.arange(6)
    for sign, expected in ((1, "supported"), (-1, "inconclusive")):
        scores = {(OURS, 1): [float(value) for value in levels + sign * gain]}
        found = verdict(made_up(scores | {(method, 1): levels for method in BENCHMARKS}), "ours-best-iou-1")
        assert found.outcome == expected
        assert [(item.p, item.p_holm) for item in found.comparisons] == [(2 / 64, 12 / 64)] * 6


def test_a_claim_about_one_category_is_tested_over_its_seeds() -> None:
    # The seeds of a method lie 0.001 apart, so paired differences are equal but for what is added here.
    added = {("albunet_nbr", 1): 0.05, ("albunet_nbr", 5): 0.03, (OURS, 1): 0.1, (OURS, 5): 0.04}
    scores = {key: [0.3 + gain] for key, gain in added.items()} | {("albunet", k): [0.3] for k in (1, 5)}
    results = made_up(scores, ["carpet"], dataset="mvtec-ad", seeds=5)
    jitter = np.random.default_rng(0).normal(scale=0.01, size=len(results.runs))
    results = replace(results, runs=results.runs.assign(iou=results.runs["iou"] + jitter))
    found = verdict(results, "ablation-on-carpet")
    values = results.runs.pivot(index="seed", columns=["method", "shots"], values="iou")
    for comparison, (method, shots) in zip(found.comparisons, [(m, k) for k in (1, 5) for m in ("albunet_nbr", OURS)],
                                           strict=True):  # fmt: skip
        expected = stats.ttest_rel(values[method, shots], values["albunet", shots])
        assert (comparison.n, comparison.unit) == (5, "seed")
        assert comparison.p == pytest.approx(expected.pvalue)
    worst = max(item.p or 1 for item in found.comparisons)
    assert (found.outcome == "supported") == (worst <= 0.05)
    two = made_up(scores, ["carpet"], dataset="mvtec-ad", seeds=2)
    assert "too few seeds (2; 3 needed)" in verdict(two, "ablation-on-carpet").reason


def test_absolute_numbers_are_of_the_papers_data_under_its_profile() -> None:
    def of(value: float, names: Sequence[str] = PAPER_CATEGORIES, seeds: int = 5, **where: str) -> Verdict:
        scores = {(OURS, 1): [value] * len(names)}
        where = {"dataset": "mvtec-ad", "profile": "paper"} | where
        return verdict(made_up(scores, names, seeds=seeds, **where), "acc-value-1")

    # Seeds vary by 0.0032; in 95 of 100 cases two means of 15 categories and 5 seeds then differ by less than 0.001.
    tolerated = 2 * np.std([-0.004, -0.002, 0, 0.002, 0.004], ddof=1) * np.sqrt(2 / 5 / 15)
    assert of(0.8856 + 0.99 * tolerated).outcome == "supported"
    assert not of(0.8856).reason.startswith("on this")
    assert of(0.8856 + 1.01 * tolerated).outcome == "contradicted"
    assert of(0.80).outcome == "contradicted"
    assert "needs two seeds" in of(0.8856, seeds=1).reason
    partial = of(0.88, PAPER_CATEGORIES[1:])
    assert (partial.outcome, partial.left_out) == ("inconclusive", ("1-shot carpet (0 of 5 seeds)",))
    assert of(0.88, dataset="synthetic").reason.startswith("not testable on this data set")
    assert of(0.88, profile="quick").reason.startswith("not testable under this protocol")
    assert of(0.88, changes="image_size=128").reason.startswith("not testable under this protocol")


def test_a_number_that_seeds_scatter_too_widely_to_tell_is_inconclusive() -> None:
    results = made_up({(OURS, 1): [0.8856] * 15}, PAPER_CATEGORIES, dataset="mvtec-ad", profile="paper")
    runs = results.runs
    results = replace(results, runs=runs.assign(acc=runs["acc"] + np.where(runs["seed"] == 0, 0.2, -0.2)))
    found = verdict(results, "acc-value-1")
    assert found.outcome == "inconclusive"
    assert "seeds vary too much" in found.reason


def test_named_categories_are_judged_on_the_papers_data_only() -> None:
    methods = (*BENCHMARKS, OURS)
    scores = {(method, 1): [0.01] for method in methods}
    results = made_up(scores, ["toothbrush"], dataset="mvtec-ad")
    assert verdict(results, "toothbrush-fails-at-1").outcome == "contradicted"
    failed = replace(results, runs=results.runs.assign(status="not_converged"))
    assert verdict(failed, "toothbrush-fails-at-1").outcome == "supported"
    fewer = replace(failed, runs=failed.runs[failed.runs["method"] != "unet"])
    assert verdict(fewer, "toothbrush-fails-at-1").reason == "under this protocol: not run: U-Net"
    crashed = replace(results, runs=results.runs.assign(status="failed"))
    assert verdict(crashed, "toothbrush-fails-at-1").outcome == "not testable"
    other = made_up(scores, ["toothbrush"], dataset="synthetic")
    assert verdict(other, "toothbrush-fails-at-1").outcome == "not testable"


# The command


def test_the_command_prints_every_verdict(
    tmp_path: Path, published: dict[str, Verdict], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "--published"]) == 0
    text = capsys.readouterr().out
    for claim in read_ledger().claims:
        assert f"  {claim.id}\n" in text
    counts = Counter(item.outcome for item in published.values())
    assert re.findall(r"(\d+) ([a-z ]*[a-z])", text.splitlines()[-1].replace(" (9 distinct)", "")) == [
        (str(counts[name]), name) for name in Outcome
    ]

    store_run(tmp_path, category=HOSTILE)
    store_run(tmp_path, dataset="folder:mine", data_digest="a" * 64)
    assert main(["claims", "--results", str(tmp_path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert len(content) == 2
    assert all(len(item["claims"]) == len(read_ledger().claims) for item in content)
    assert main(["claims", "--results", str(tmp_path), "--dataset", "folder:mine"]) == 0
    assert capsys.readouterr().out.startswith("Claims of the paper (folder:mine, ")
    assert main(["claims", "--results", str(tmp_path), "--dataset", "mvtec-ad"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "folder:mine, " in line
