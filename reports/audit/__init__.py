"""The paper against itself: what it prints, held against the rest of what it prints.

Every check is a function of a ``Paper`` (data) and returns findings; none knows a result beforehand.
"""

from __future__ import annotations

from collections.abc import Callable

from reports.audit.cells import (
    bold_cells,
    dice_bounds,
    equal_cells,
    equal_means,
    largest_deviations,
    slopes_of_deviations,
    smallest_deviations,
)
from reports.audit.finding import SEVERITIES, Finding
from reports.audit.images import batches, figures, table_of_images, totals
from reports.audit.means import categories_behind_means, repeated_means, rows_of_means
from reports.audit.source import Paper
from reports.audit.words import capacity, comparables, gains, orders, quotations, same_training, shrinking_gains

__all__ = ["CHECKS", "SEVERITIES", "Finding", "Paper", "find_contradictions"]

CHECKS: tuple[Callable[[Paper], list[Finding]], ...] = (
    rows_of_means,
    repeated_means,
    same_training,
    dice_bounds,
    bold_cells,
    orders,
    quotations,
    shrinking_gains,
    gains,
    totals,
    table_of_images,
    figures,
    batches,
    categories_behind_means,
    comparables,
    capacity,
    largest_deviations,
    smallest_deviations,
    slopes_of_deviations,
    equal_cells,
    equal_means,
)


def find_contradictions(paper: Paper | None = None) -> list[Finding]:
    """Return everything the checks find, gravest first.

    Parameters
    ----------
    paper : Paper, optional
        The paper as printed if not given.

    Returns
    -------
    list of Finding
        By severity in the order of ``SEVERITIES``, then in the order of ``CHECKS``.
    """
    source = Paper.published() if paper is None else paper
    findings = [finding for check in CHECKS for finding in check(source)]
    return sorted(findings, key=lambda finding: list(SEVERITIES).index(finding.severity))
