"""Paired effects between the methods of ``--study nbr`` and of ``--study pasting``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from baselines.pasting import COPY, listed_pasting
from benchmark.protocol.studies import NBR_GRID, NORMALS, PASTING, PASTING_STUDY
from benchmark.score import Metric
from reports.category_scores import CategoryScores, LeftOut, category_scores, difference, left_out_lines
from reports.collect import ResultSet
from reports.statistics import Comparison, compare_paired, describe_paired
from reports.text_tables import text_table
from reports.wording import signed, signed_range


@dataclass(frozen=True)
class Contrast:
    """A change of one factor, at each level of the other one.

    Attributes
    ----------
    name : str
        What is added or changed.
    pairs : dict
        At each level of the other factor, the method with and the method without it.
    """

    name: str
    pairs: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Family:
    """The contrasts of a study; their means over levels are tested together.

    Attributes
    ----------
    title : str
    contrasts : tuple of Contrast
    note : str
        What the differences are, in sentences.
    needs : frozenset of str
        Methods without any of which there is nothing to show; empty for no such condition.
    """

    title: str
    contrasts: tuple[Contrast, ...]
    note: str
    needs: frozenset[str] = frozenset()


def _between_normals(name: str, with_it: str, without: str) -> Contrast:
    return Contrast(name, {f"pasting: {p}": (NBR_GRID[with_it, p], NBR_GRID[without, p]) for p in PASTING})


def _between_pasting(name: str, with_it: str, without: str) -> Contrast:
    return Contrast(name, {f"normal images: {n}": (NBR_GRID[n, with_it], NBR_GRID[n, without]) for n in NORMALS})


# NBR is compared with the control that also shows the normal images to batch norm, so nothing but its loss differs.
_NBR = Family(
    "What each addition does",
    (
        _between_normals("NBR", "NBR", "batch norm"),
        _between_pasting("Pasting", "augmentation", "never"),
        _between_pasting("Lambda", "CaP", "augmentation"),
        _between_normals("Batch-norm statistics", "batch norm", "unseen"),
    ),
    "Differences are with minus without, means over seeds, paired across categories. NBR is compared with the control "
    "in which batch norm alone sees the normal images; lambda is CaP minus pasting with plain BCE. p-values are for "
    "the means over levels, as one family.",
)
_OTHERS = {name: method for name, method in PASTING_STUDY.items() if name not in ("none", COPY)}


def _instead_of_copy(name: str, method: str) -> Contrast:
    return Contrast(name, {"instead of Eq. (4)": (method, PASTING_STUDY[COPY])})


_PASTING = Family(
    "Other pastings than the paper's",
    (
        _instead_of_copy("no pasting", PASTING_STUDY["none"]),
        *(_instead_of_copy(listed_pasting(name).label, method) for name, method in _OTHERS.items()),
    ),
    "Differences are B+NBR+CaP with another pasting, or with none, minus B+NBR+CaP: above zero, the other one is "
    "better. Means over seeds, paired across categories. p-values are for one family.",
    needs=frozenset(_OTHERS.values()),
)
# By the name of the study.
FAMILIES = {"nbr": _NBR, "pasting": _PASTING}


@dataclass(frozen=True)
class Effect:
    """The paired effect of one contrast.

    Attributes
    ----------
    name, level : str
        ``level`` is that of the other factor; "" for the mean over several.
    comparison : Comparison
        Tested, together with the others of the family, only for the mean over levels, or for the only level.
    """

    name: str
    level: str
    comparison: Comparison


@dataclass(frozen=True)
class Effects:
    """Every effect for one K and metric.

    Attributes
    ----------
    shots : int
    metric : str
    effects : tuple of Effect
        By contrast: the mean over levels, if all were run, then each level.
    left_out : list of str
        The categories that are not paired in some contrast, with the reason.
    """

    shots: int
    metric: Metric
    effects: tuple[Effect, ...]
    left_out: list[str]


def estimate_effects(results: ResultSet, metric: Metric, shots: int, family: Family) -> Effects:
    """Estimate each effect over categories; contrasts without any stored pair of methods are left out."""
    if family.needs and not family.needs & set(results.methods):
        return Effects(shots, metric, (), [])
    scores = category_scores(results.runs, metric, shots, results.seeds(shots))
    left_out: LeftOut = {}
    levels = {contrast.name: _levels(contrast, scores, left_out) for contrast in family.contrasts}
    complete = {
        contrast.name: pd.DataFrame(levels[contrast.name]).dropna().mean(axis=1)
        for contrast in family.contrasts
        if len(levels[contrast.name]) == len(contrast.pairs)
    }
    means = {comparison.what: comparison for comparison in compare_paired(complete)}
    effects: list[Effect] = []
    for name, series_by_level in levels.items():
        if name in means and len(series_by_level) == 1:
            effects.append(Effect(name, next(iter(series_by_level)), means[name]))
            continue
        if name in means:
            effects.append(Effect(name, "", means[name]))
        effects += [Effect(name, level, describe_paired(name, series)) for level, series in series_by_level.items()]
    return Effects(shots, metric, tuple(effects), left_out_lines(left_out, results.label))


def _levels(contrast: Contrast, scores: CategoryScores, left_out: LeftOut) -> dict[str, pd.Series]:
    series = {}
    for level, pair in contrast.pairs.items():
        if set(pair) <= set(scores.values.columns):
            series[level], missing = difference(scores, *pair)
            for category, reasons in missing.items():
                left_out.setdefault(category, {}).update(reasons)
    return series


HEAD = ("Effect", "At", "Categories", "Higher in", "Difference", "95 % interval", "Range", "p (Holm)", "Note")


def effect_rows(effects: Effects) -> list[tuple[str, ...]]:
    """Return a row of strings per effect, in the order of ``HEAD``."""
    return [
        (
            effect.name,
            effect.level or "mean over levels",
            str(effect.comparison.n),
            str(effect.comparison.higher),
            signed(effect.comparison.difference),
            signed_range(effect.comparison.low, effect.comparison.high),
            signed_range(effect.comparison.lowest, effect.comparison.highest),
            signed(effect.comparison.p_holm, "{:.4f}"),
            effect.comparison.note,
        )
        for effect in effects.effects
    ]


def as_text(results: ResultSet, family: Family, metrics: Sequence[Metric] = ("iou",)) -> str:
    """Return the effects of a result set for the terminal; "" if no contrast was run."""
    lines: list[str] = []
    for shots in results.shots:
        for metric in metrics:
            effects = estimate_effects(results, metric, shots, family)
            if effects.effects:
                rows = [[*row[:6], row[7]] for row in effect_rows(effects)]
                head = [*HEAD[:6], HEAD[7]]
                lines += [f"{results.title}, {shots}-shot {metric.upper()}", "", text_table(head, [rows], "llrrrrr")]
    return "\n".join(lines)
