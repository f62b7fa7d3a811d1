"""Which runs count in means: all that finished, as in the paper, or those that converged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol, TypeVar

import pandas as pd

from benchmark.results.records import Status

Averaged = Literal["all", "converged"]
CELL = ["category", "method", "shots"]


class HasCell(Protocol):
    """A run with its place in the tables."""

    @property
    def category(self) -> str: ...

    @property
    def method(self) -> str: ...

    @property
    def shots(self) -> int: ...

    @property
    def status(self) -> Status: ...


R = TypeVar("R", bound=HasCell)


def averaged_rows(runs: pd.DataFrame, which: Averaged = "all") -> pd.DataFrame:
    """Return the rows that count in means.

    With ``all`` a run that did not converge counts like any other, as the paper's means show (toothbrush, 5-shot), but
    a (category, method, K) none of whose seeds converged has no number, as the paper's dash (toothbrush, 1-shot).

    Parameters
    ----------
    runs : pd.DataFrame
        At least ``CELL`` and ``status``, one row per run.
    which : {"all", "converged"}

    Examples
    --------
    >>> runs = pd.DataFrame({"category": "tile", "method": "unet", "shots": 1, "status": ["done", "not_converged"]})
    >>> len(averaged_rows(runs)), len(averaged_rows(runs, "converged")), len(averaged_rows(runs.iloc[1:]))
    (2, 1, 0)
    """
    converged = runs["status"] == Status.DONE
    if which == "converged":
        return runs[converged]
    any_converged = converged.groupby([runs[name] for name in CELL]).transform("any")
    return runs[(runs["status"] != Status.FAILED) & any_converged]


def averaged_runs(runs: Iterable[R]) -> list[R]:
    """Return the runs that count in means over all runs, as ``averaged_rows`` does."""
    runs = list(runs)
    converged = {(run.category, run.method, run.shots) for run in runs if run.status is Status.DONE}
    return [
        run for run in runs if run.status is not Status.FAILED and (run.category, run.method, run.shots) in converged
    ]
