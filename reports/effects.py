"""What NBR, pasting, lambda and batch-norm statistics each do: paired effects between methods of ``--study nbr``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.protocol.studies import NBR_GRID, NORMALS, PASTING
from benchmark.score import Metric
from reports.category_scores import CategoryScores, LeftOut, category_scores, difference, left_out_lines
from reports.collect import ResultSet
from reports.statistics import Comparison, compare_paired, describe_paired
from reports.text_tables import text_table
from reports.wording import signed, signed_range


@dataclass(frozen=True)
class Contrast:
    """A change of one factor of the grid, at each level of the other one.

    Attributes
    ----------
    name : str
        What is added.
    pairs : dict
        At each level of the other factor, the method with and the method without it.
    """

    name: str
    pairs: dict[str, tuple[str, str]]


def _between_normals(name: str, with_it: str, without: str) -> Contrast:
    return Contrast(name, {f"pasting: {p}": (NBR_GRID[with_it, p], NBR_GRID[without, p]) for p in PASTING})


def _between_pasting(name: str, with_it: str, without: str) -> Contrast:
    return Contrast(name, {f"normal images: {n}": (NBR_GRID[n, with_it], NBR_GRID[n, without]) for n in NORMALS})


# NBR is compared with the control that also shows the normal images to batch norm, so nothing but its loss differs.
CONTRASTS = (
    _between_normals("NBR", "NBR", "batch norm"),
    _between_pasting("Pasting", "augmentation", "never"),
    _between_pasting("Lambda", "CaP", "augmentation"),
    _between_normals("Batch-norm statistics", "batch norm", "unseen"),
)


@dataclass(frozen=True)
class Effect:
    """The paired effect of one contrast.

    Attributes
    ----------
    name, level : str
        ``level`` is that of the other factor; "" for the mean over its levels.
    comparison : Comparison
        Tested, as one family over ``CONTRASTS``, only for the mean over levels.
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


def estimate_effects(results: ResultSet, metric: Metric, shots: int) -> Effects:
    """Estimate each effect over categories; contrasts without any stored pair of methods are left out."""
    scores = category_scores(results.runs, metric, shots, results.seeds(shots))
    left_out: LeftOut = {}
    levels = {contrast.name: _levels(contrast, scores, left_out) for contrast in CONTRASTS}
    complete = {
        contrast.name: pd.DataFrame(levels[contrast.name]).dropna().mean(axis=1)
        for contrast in CONTRASTS
        if len(levels[contrast.name]) == len(contrast.pairs)
    }
    means = {comparison.what: comparison for comparison in compare_paired(complete)}
    effects: list[Effect] = []
    for name, series_by_level in levels.items():
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
NOTE = (
    "Differences are with minus without, means over seeds, paired across categories. NBR is compared with the control "
    "in which batch norm alone sees the normal images; lambda is CaP minus pasting with plain BCE. p-values are for "
    "the means over levels, as one family."
)


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


def as_text(results: ResultSet, metrics: Sequence[Metric] = ("iou",)) -> str:
    """Return the effects of a result set for the terminal; "" if no contrast was run."""
    lines: list[str] = []
    for shots in results.shots:
        for metric in metrics:
            effects = estimate_effects(results, metric, shots)
            if effects.effects:
                rows = [[*row[:6], row[7]] for row in effect_rows(effects)]
                head = [*HEAD[:6], HEAD[7]]
                lines += [f"{results.title}, {shots}-shot {metric.upper()}", "", text_table(head, [rows], "llrrrrr")]
    return "\n".join(lines)
