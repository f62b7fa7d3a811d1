"""Checks of the paper for internal contradictions: its tables against each other, its text and MVTec AD's counts.

Every check is a function of a ``Paper`` (data) and returns findings; none has a result built in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from reports.audit import cells, deviations, images, means, statements
from reports.audit.finding import Finding, Severity
from reports.paper.printed import Paper

__all__ = ["CHECKS", "Finding", "Paper", "Severity", "find_contradictions"]

CHECKS: tuple[Callable[[Paper], Iterator[Finding]], ...] = (
    means.rows_of_means,
    means.repeated_means,
    means.same_training,
    cells.dice_bounds,
    cells.bold_cells,
    statements.statements,
    images.totals,
    images.table_of_images,
    images.figures,
    images.batches,
    means.categories_behind_means,
    cells.largest_deviations,
    cells.smallest_deviations,
    cells.ratios_of_deviations,
    cells.equal_cells,
    cells.equal_means,
    cells.gaps_below_bound,
    deviations.bold_cells_not_shown_better,
    deviations.bold_leads,
    deviations.scatter_of_deviations,
)


def find_contradictions(paper: Paper | None = None) -> list[Finding]:
    """Return everything the checks find, most serious first.

    Parameters
    ----------
    paper : Paper, optional
        The paper as printed if not given.

    Returns
    -------
    list of Finding
        By severity, then in the order of ``CHECKS``.

    Examples
    --------
    >>> find_contradictions()[0].recomputed
    '0.6387'
    """
    return list(_published_findings()) if paper is None else _find(paper)


@cache
def _published_findings() -> tuple[Finding, ...]:
    return tuple(_find(Paper.published()))


def _find(paper: Paper) -> list[Finding]:
    findings = [finding for check in CHECKS for finding in check(paper)]
    return sorted(findings, key=lambda finding: list(Severity).index(finding.severity))
