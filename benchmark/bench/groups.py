"""The groups of measurements by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from benchmark.bench.commands import measure_data, measure_startup
from benchmark.bench.pairs import Measurement
from benchmark.bench.steps import measure_steps
from benchmark.bench.studies import measure_pools, measure_runs, measure_sharing
from benchmark.bench.subject import Subject

_MEASURES: dict[str, Callable[[Subject], Iterator[Measurement]]] = {
    "startup": measure_startup,
    "data": measure_data,
    "steps": measure_steps,
    "runs": measure_runs,
    "pools": measure_pools,
    "sharing": measure_sharing,
}


def measure_groups(names: Iterable[str], subject: Subject) -> Iterator[Measurement]:
    """Yield the measurements of some groups, one by one."""
    for name in names:
        yield from _MEASURES[name](subject)
