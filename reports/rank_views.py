"""Rankings by mean rank as text, as plain records, and as rows of tables: over all categories or some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from baselines.errors import InputError, unknown_name
from benchmark.results.metrics import DEFINITIONS
from benchmark.score import METRICS, Metric
from reports.category_scores import category_scores
from reports.collect import OBJECTS, TEXTURES, ResultSet
from reports.metrics import Group, Measured
from reports.published import Published
from reports.rank_statistics import DRAWS, RankStatistics, rank_statistics
from reports.ranking import shared_scores
from reports.statistics import ALPHA
from reports.text_tables import text_table
from reports.wording import DASH, counted, wrapped

KINDS = {"textures": TEXTURES, "objects": OBJECTS}
# Whatever is best when it is highest, and how a column is headed.
SCORES = {definition.name: definition.short for definition in DEFINITIONS if definition.kind == "score"} | {
    metric: metric.upper() for metric in METRICS
}
# From here on Demsar calls the chi-squared approximation of Friedman's statistic good.
_ENOUGH = 10
_WIDTH = 100


@dataclass(frozen=True)
class RankView:
    """One ranking by mean rank, with what it is about.

    Attributes
    ----------
    subject : str
        Metric, K and which categories and defect types: ``IOU, 1-shot, textures``.
    metric : str
        Key of ``SCORES``.
    shots : int
    defects : tuple of str
        The defect types whose test images count; empty for all.
    labels : tuple of str
        Of the ranked methods, best first.
    statistics : RankStatistics or None
        None if fewer than two methods have scores in two categories.
    left_out : tuple of str
        Sentences: which methods and categories are not in it.
    """

    subject: str
    metric: str
    shots: int
    defects: tuple[str, ...]
    labels: tuple[str, ...]
    statistics: RankStatistics | None
    left_out: tuple[str, ...]

    @property
    def sentences(self) -> list[str]:
        """Whether the methods differ, which pairs are separated, and how stable their order is."""
        found = self.statistics
        if found is None:
            return ["No ranking: it takes two methods with all seeds in the same two categories.", *self.left_out]
        lines = [
            _friedman_sentence(found),
            f"Mean ranks over {counted(len(found.categories), 'category', 'categories')}; equal scores share their "
            f"ranks. Those of two methods must differ by {found.cd:.2f} to be separated (Nemenyi, {ALPHA}, all pairs "
            "together); methods that share a letter are not.",
            f"Of {DRAWS:,} sets of categories drawn with replacement, {_percent(found.kept)} keep this order.",
        ]
        if len(found.categories) < _ENOUGH:
            lines.append(
                f"With fewer than {_ENOUGH} categories both tests are rough, and the drawn sets vary too little."
            )
        return [*lines, *self.left_out]

    @property
    def head(self) -> tuple[str, ...]:
        """Head of ``rows``."""
        name = SCORES[self.metric]
        return ("Method", "Mean rank", "Group", f"Mean {name}", "First by rank", "First by mean")

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """For each method its mean rank, group, mean score, and how often it is first in drawn sets of categories."""
        found = self.statistics
        if found is None:
            return []
        return [
            (
                f"{place + 1}. {label}",
                f"{found.mean_ranks[place]:.2f}",
                found.letters[place],
                f"{found.means[place]:.4f}",
                _percent(found.places[place, 0]),
                _percent(found.first_by_mean[place]),
            )
            for place, label in enumerate(self.labels)
        ]

    @property
    def place_rows(self) -> list[tuple[str, ...]]:
        """For each method how often it takes each place by mean rank in drawn sets of categories."""
        shares = np.zeros((0, 0)) if self.statistics is None else self.statistics.places
        return [
            (f"{place + 1}. {self.labels[place]}", *map(_percent, line.tolist())) for place, line in enumerate(shares)
        ]

    @property
    def win_rows(self) -> list[tuple[str, ...]]:
        """For each method its wins, ties and losses against each method, by place: ``9-0-5``."""
        found = self.statistics
        if found is None:
            return []
        return [
            (
                f"{row + 1}. {label}",
                *(
                    DASH if row == column else f"{found.wins[row, column]}-{found.ties[row, column]}-{losses}"
                    for column, losses in enumerate(found.wins[:, row])
                ),
            )
            for row, label in enumerate(self.labels)
        ]

    @property
    def place_head(self) -> tuple[str, ...]:
        """Head of ``place_rows`` and ``win_rows``: the places."""
        return ("Method", *(f"{place}." for place in range(1, len(self.labels) + 1)))


def _friedman_sentence(found: RankStatistics) -> str:
    if found.chi2 is None or found.p is None:
        return "Friedman's test needs three methods."
    p = "p < 0.0001" if found.p < 0.0001 else f"p = {found.p:.4f}"
    verdict = "the methods differ" if found.p <= ALPHA else "it is not shown that the methods differ at all"
    return f"Friedman's test: chi2 = {found.chi2:.2f} with {len(found.methods) - 1} degrees of freedom, {p}: {verdict}."


def _percent(share: float) -> str:
    """Return a share in whole percent; ``<1 %`` and ``>99 %`` where rounding would hide a draw."""
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def view_ranks(
    values: pd.DataFrame,
    metric: str,
    shots: int,
    source: ResultSet | Published,
    categories: Sequence[str],
    methods: Sequence[str] = (),
    what: Sequence[str] = (),
    defects: Sequence[str] = (),
) -> RankView:
    """Rank the methods of a source by scores.

    Parameters
    ----------
    values : pd.DataFrame
        Categories by methods; NaN where seeds are incomplete.
    metric : str
        Key of ``SCORES``.
    shots : int
    source : ResultSet or Published
        For labels and the order of names.
    categories, methods : sequence of str
        Those that may be ranked, and ranked over; no methods means all.
    what : sequence of str
        Words for the choice of categories and methods.
    defects : sequence of str
        The defect types that the values are of.
    """
    chosen = [category for category in source.categories if category in categories]
    values = values.reindex([category for category in chosen if category in values.index])
    values = values[[method for method in source.methods if method in values and (not methods or method in methods)]]
    shared = shared_scores(values, list(values.columns), chosen)
    statistics = rank_statistics(shared) if min(shared.shape) > 1 else None
    ranked = statistics.methods if statistics else ()
    missing = {
        "Methods": [source.label(method) for method in values.columns if method not in ranked],
        "Categories": [name for name in values.index if statistics and name not in statistics.categories],
    }
    subject = ", ".join((SCORES[metric], f"{shots}-shot", *what, *(f"defect type {name}" for name in defects)))
    return RankView(
        subject,
        metric,
        shots,
        tuple(defects),
        tuple(map(source.label, ranked)),
        statistics,
        tuple(f"{of} left out, because numbers are missing: {', '.join(who)}." for of, who in missing.items() if who),
    )


def stored_scores(results: ResultSet, metric: str, shots: int) -> pd.DataFrame:
    """Return a score for each category and method of stored runs; NaN where seeds are incomplete."""
    return category_scores(results.runs, metric, shots, results.seeds(shots)).values


def measured_scores(measured: Measured, metric: str, shots: int, defects: Sequence[str] = ()) -> pd.DataFrame:
    """Return scores measured from the stored files; of several defect types in a category, their mean.

    Parameters
    ----------
    measured : Measured
        Over all test images, or split by defect type if any are given.
    metric : str
        Name of a ``Definition``.
    shots : int
    defects : sequence of str
        A category without any of them has no row.
    """
    tables = []
    for group in measured.groups:
        if not defects or _defect(group) in defects:
            tables.append(category_scores(group.results.runs, metric, shots, measured.results.seeds(shots)).values)
    if not tables:
        return pd.DataFrame()
    # A method that lacks one of the types has no mean: it would be over easier or harder images.
    return pd.concat(tables).groupby(level=0, sort=False).agg(lambda column: column.mean(skipna=False))


def published_scores(metric: Metric, shots: int) -> pd.DataFrame:
    """Return the cells of the paper's Table II or III; NaN for a dash."""
    paper = Published()
    methods = [method for method in paper.methods if paper.has(method, "II")]
    rows = [[paper.cell(category, method, shots, metric).value for method in methods] for category in paper.categories]
    return pd.DataFrame(rows, index=list(paper.categories), columns=methods, dtype="float64")


def choose_names(wanted: Sequence[str], known: Sequence[str], noun: str) -> list[str]:
    """Return the wanted names, each once, in the order known; all if none is wanted.

    ``textures`` and ``objects`` stand for those of MVTec AD, where categories are wanted.

    Raises
    ------
    InputError
        If a name is unknown, or no texture or no object is among the known ones.

    Examples
    --------
    >>> choose_names(["textures", "cable"], ["carpet", "bottle", "cable"], "category")
    ['carpet', 'cable']
    """
    chosen: set[str] = set()
    for name in wanted:
        names = set(known) & set(KINDS.get(name, ()) if noun == "category" else ()) or {name}
        if not names <= set(known):
            if name in KINDS and noun == "category":
                raise InputError(f"none of the {name} of MVTec AD is among the categories: {', '.join(known)}")
            raise unknown_name(noun, name, [*known, *(KINDS if noun == "category" else ())])
        chosen |= names
    return [name for name in known if name in chosen] if wanted else list(known)


def as_text(views: Sequence[RankView], title: str) -> str:
    """Return rankings for the terminal."""
    lines = [*wrapped(title, _WIDTH), ""]
    for view in views:
        lines.append(view.subject)
        for sentence in view.sentences:
            lines += wrapped(sentence, _WIDTH)
        if view.statistics is not None:
            numbers = "l" + "r" * len(view.labels)
            lines += ["", text_table(view.head, [view.rows], "lrlrrr")]
            lines += ["Places by mean rank in drawn sets of categories"]
            lines += [text_table(view.place_head, [view.place_rows], numbers)]
            lines += ["Wins-ties-losses against the method in each place, over categories"]
            lines += [text_table(view.place_head, [view.win_rows], numbers)]
        else:
            lines.append("")
    return "\n".join(lines)


def as_records(views: Sequence[RankView], title: str) -> list[dict[str, object]]:
    """Return rankings as plain data for JSON, methods best first; those without two methods have none."""
    return [
        {
            "results": title,
            "subject": view.subject,
            "metric": view.metric,
            "shots": view.shots,
            "defects": list(view.defects),
            "left_out": list(view.left_out),
            **_numbers(view),
        }
        for view in views
    ]


def _numbers(view: RankView) -> dict[str, object]:
    found = view.statistics
    if found is None:
        return {"categories": [], "methods": []}
    return {
        "categories": list(found.categories),
        "friedman": {"chi2": found.chi2, "degrees_of_freedom": len(found.methods) - 1, "p": found.p},
        "alpha": ALPHA,
        "critical_difference": found.cd,
        "draws": DRAWS,
        "order_kept": found.kept,
        "methods": [
            {
                "method": method,
                "label": view.labels[place],
                "mean_rank": float(found.mean_ranks[place]),
                "group": found.letters[place],
                "mean": float(found.means[place]),
                "places": found.places[place].tolist(),
                "first_by_mean": float(found.first_by_mean[place]),
                "wins": found.wins[place].tolist(),
                "ties": found.ties[place].tolist(),
                "losses": found.wins[:, place].tolist(),
            }
            for place, method in enumerate(found.methods)
        ],
    }


def stored_defects(measured: Sequence[Measured]) -> list[str]:
    """Return the defect types of runs split by them, by name."""
    return sorted({_defect(group) for item in measured for group in item.groups})


def _defect(group: Group) -> str:
    """Return the defect type of a group of one category's images; "" for a group of all."""
    return group.name.removeprefix(f"{group.results.categories[0]}, ")
