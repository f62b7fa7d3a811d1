"""Verdicts of simulated studies: how often each claim comes out as what, if the paper is right and if nothing differs.

``pytest -m slow tests/reports/test_simulated_studies.py -s`` prints the table of docs/statistics.md.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from reports.category_scores import CategoryScores
from reports.claims import RULES, Outcome, read_ledger
from reports.claims.power import estimate_power
from reports.paper import CATEGORY_TABLES, MEAN, published_table
from reports.paper.ledger import Claim, ClaimMetric

STUDIES = 400
CATEGORIES = 15
SEEDS = 5
# Claims whose comparisons are all in Tables II and III, which have numbers per category.
CLAIMS = [
    claim
    for claim in read_ledger().claims
    if claim.kind in ("better", "within", "shrinks", "smaller_is_better") and set(claim.tables) & {"II", "III"}
]


class SimulatedStudy:
    """Scores of one study: categories drawn from the paper's tables, with the noise of five seeds.

    Without differences, every method has the category's mean over methods and the noise of its own seeds.
    """

    printed = False

    def __init__(self, rng: np.random.Generator, differences: bool) -> None:
        self._scores = {}
        rows = rng.integers(14, size=CATEGORIES)
        for metric, number in CATEGORY_TABLES.items():
            table = published_table(number)
            for shots in (1, 5):
                chosen = table[(table["shots"] == shots) & (table["category"] != MEAN)]
                chosen = chosen[chosen["category"] != "toothbrush"]
                means, deviations = (
                    chosen.pivot(index="category", columns="method", values=name) for name in ("mean", "std")
                )
                drawn = means.iloc[rows].to_numpy()
                if not differences:
                    drawn = np.broadcast_to(drawn.mean(axis=1, keepdims=True), drawn.shape)
                    drawn = drawn + rng.normal(size=drawn.shape) * deviations.iloc[rows].to_numpy() / np.sqrt(SEEDS)
                names = [f"category {number}" for number in range(CATEGORIES)]
                self._scores[metric, shots] = pd.DataFrame(drawn, index=names, columns=means.columns)

    def check(self, claim: Claim) -> None:
        """Every claim is about these numbers."""

    def scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> CategoryScores:
        return CategoryScores(self._scores[metric, shots], {})

    def seed_scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> pd.DataFrame:
        raise AssertionError("only claims about all categories are simulated")

    def seed_variance(self, metric: ClaimMetric, shots: int, first: str, second: str = "") -> float:
        return 0.0

    def means(self, claim: Claim, metric: ClaimMetric, shots: int) -> dict[str, float]:
        return {}


@pytest.mark.slow
def test_simulated_studies_give_each_verdict_at_its_error_rate() -> None:
    rates = {differences: {claim.id: Counter[Outcome]() for claim in CLAIMS} for differences in (True, False)}
    rng = np.random.default_rng(5)
    for differences, counts in rates.items():
        for _ in range(STUDIES):
            study = SimulatedStudy(rng, differences)
            for claim in CLAIMS:
                counts[claim.id][RULES[claim.kind](claim, study).outcome] += 1
    print("\n| claim | as printed: supported | contradicted | no difference: supported | contradicted |")
    print("|---|---|---|---|---|")
    for claim in CLAIMS:
        shares = [
            rates[differences][claim.id][outcome] / STUDIES
            for differences in (True, False)
            for outcome in (Outcome.SUPPORTED, Outcome.CONTRADICTED)
        ]
        print(f"| `{claim.id}` | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |")
        supported, _, falsely_supported, falsely_contradicted = shares
        tolerance = 3 * np.sqrt(0.05 * 0.95 / STUDIES)
        if claim.kind != "within":  # where nothing differs, "comparable" is true
            assert falsely_supported <= 0.025 + tolerance, claim.id
            assert falsely_contradicted <= 0.05 + tolerance, claim.id
        power = estimate_power(claim, CATEGORIES, SEEDS)
        assert power is not None
        assert supported == pytest.approx(power.probability, abs=0.1), claim.id
