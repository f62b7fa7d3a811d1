"""Result sets made of plain numbers, without files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from baselines.methods import PAPER_METHODS
from benchmark.protocol.profile import load_profile
from benchmark.results.table import asked_settings
from reports.claims import Verdict, judge
from reports.collect import ResultSet

OURS = "albunet_nbr_cap"
LABELS = {method.name: method.label for method in PAPER_METHODS}
Scores = Mapping[tuple[str, int], Sequence[float]]


def made_up(
    scores: Scores,
    categories: Sequence[str] | None = None,
    dataset: str = "folder:mine",
    profile: str = "quick",
    changes: str = "",
    seeds: int = 2,
) -> ResultSet:
    """A set of runs whose metrics are all the same; the seeds of a cell lie around its score.

    Parameters
    ----------
    scores : mapping
        (method, K) to one score per category.
    categories : sequence of str, optional
        Their names, ``product 0`` and so on if not given.
    changes : str
        A setting in which they differ from the profile, or "".
    """
    settings = load_profile(profile, [changes] if changes else [])
    rows = []
    for (method, shots), values in scores.items():
        names = categories or [f"product {number}" for number in range(len(values))]
        for category, value in zip(names, values, strict=True):
            for seed in range(seeds):
                score = value + 0.001 * (2 * seed - (seeds - 1))
                rows.append(
                    {
                        "id": f"{category}_{method}_{shots}_{seed}",
                        "dataset": dataset,
                        "profile": profile,
                        "category": category,
                        "method": method,
                        "label": LABELS.get(method, method),
                        "shots": shots,
                        "seed": seed,
                        "changes": changes,
                        "recipe": "{}",
                        "asked": asked_settings(settings.protocol(shots)),
                        "batch_size": settings.protocol(shots).batch_size,
                        "status": "done",
                        **dict.fromkeys(("iou", "dc", "auc", "acc"), score),
                    }
                )
    return ResultSet(dataset, "p" * 12, "", (profile,), pd.DataFrame(rows))


def verdict(results: ResultSet, claim: str, root: Path | None = None) -> Verdict:
    """Return the verdict on one claim, by its id."""
    return {item.claim.id: item for item in judge(results, root)}[claim]
