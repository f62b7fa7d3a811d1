"""Two things timed in turn, several times: their ratio holds on a machine whose speed changes meanwhile."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from msgspec import Struct


class Measurement(Struct, frozen=True):
    """How long something takes in units of something else.

    Attributes
    ----------
    group : str
    what, against : str
        What was timed, and what stands for 1.
    ratio, low, high : float
        Median, least and largest ratio of the pairs.
    pairs : int
        0 if the ratio was counted, not timed.
    seconds : float
        Median wall time of ``what``; 0 if nothing was timed.

    Examples
    --------
    >>> Measurement("steps", "unet", "convolutions", 1.5, 1.4, 1.7, pairs=5, seconds=0.1).ratio
    1.5
    """

    group: str
    what: str
    against: str
    ratio: float
    low: float
    high: float
    pairs: int
    seconds: float


def measure(
    group: str, what: str, first: Callable[[], object], against: str, second: Callable[[], object], pairs: int
) -> Measurement:
    """Time two things in turn; which comes first alternates from pair to pair. Both are done once before.

    Parameters
    ----------
    first, second : callable
        What is timed, and what stands for 1.
    pairs : int

    Examples
    --------
    >>> measure("example", "a sum", lambda: sum(range(10)), "the same", lambda: sum(range(10)), pairs=3).pairs
    3
    """
    times: tuple[list[float], list[float]] = ([], [])
    for work in (first, second):
        work()
    for pair in range(pairs):
        for place in (0, 1) if pair % 2 == 0 else (1, 0):
            started = time.perf_counter()
            (first, second)[place]()
            times[place].append(time.perf_counter() - started)
    ratios = [one / other for one, other in zip(*times, strict=True)]
    return Measurement(
        group, what, against, statistics.median(ratios), min(ratios), max(ratios), pairs, statistics.median(times[0])
    )
