"""What other modules make for the page: tables, verdicts, statistics, findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reports.collect import ResultSet
from reports.page.sections import Listing
from reports.tables import Table, all_tables


@dataclass(frozen=True)
class Inserts:
    """What other modules make for the page.

    Attributes
    ----------
    tables : callable
        The paper's tables of a result set; cells with ``published`` and ``difference`` show both on demand.
    verdicts : callable
        Claims judged on a result set: objects with ``claim, verdict, test, figures, reason``.
    statistics : callable
        Listings of a result set, such as pairwise comparisons.
    published_verdicts, findings : callable
        Claims judged on the paper's own numbers; the paper's contradictions: objects with ``id, table, title,
        arithmetic, printed, recomputed, severity``.
    """

    tables: Callable[[ResultSet], Sequence[Table]] = all_tables
    verdicts: Callable[[ResultSet], Sequence[Any]] = lambda results: ()
    statistics: Callable[[ResultSet], Sequence[Listing]] = lambda results: ()
    published_verdicts: Callable[[], Sequence[Any]] = lambda: ()
    findings: Callable[[], Sequence[Any]] = lambda: ()
