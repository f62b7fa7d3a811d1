"""Checks of the paper for internal contradictions: its tables against each other, its text and MVTec AD's counts.

Every check is a function of a ``Paper`` (data) and returns findings; none has a result built in.
"""

from __future__ import annotations

from collections.abc import Callable

from reports.audit.cells import (
    bold_cells,
    dice_bounds,
    equal_cells,
    equal_means,
    largest_deviations,
    ratios_of_deviations,
    smallest_deviations,
)
from reports.audit.finding import Finding, Severity
from reports.audit.images import batches, figures, table_of_images, totals
from reports.audit.means import categories_behind_means, repeated_means, rows_of_means
from reports.audit.source import Paper
from reports.audit.words import capacity, comparables, gains, orders, quotations, same_training, shrinking_gains

__all__ = ["CHECKS", "Finding", "Paper", "Severity", "find_contradictions"]

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
    ratios_of_deviations,
    equal_cells,
    equal_means,
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
    source = Paper.published() if paper is None else paper
    findings = [finding for check in CHECKS for finding in check(source)]
    return sorted(findings, key=lambda finding: list(Severity).index(finding.severity))
