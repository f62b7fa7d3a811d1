"""Runs within a given time: whole blocks of them, in the order of ``benchmark.protocol.blocks``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from baselines.errors import InputError
from benchmark.execution.cost import relative_costs
from benchmark.protocol.blocks import Block
from benchmark.protocol.runs import RunSpec
from benchmark.units import format_duration

_MOST_NAMED = 6


class Budget:
    """Decides which blocks are begun: each is done to its end, and none that would not end in time is begun.

    Parameters
    ----------
    seconds : float
        Wall time, from now on.
    blocks : sequence of Block
        Of the runs to do, in order.
    seconds_per_cost : float or None
        Expected wall time per unit of ``relative_costs``, until runs of this study have ended; None if unknown.
    now : callable
        Returns seconds on a clock.

    Raises
    ------
    InputError
        If the time is too short for the first block.

    Examples
    --------
    >>> list(Budget(60, [], None).runs())
    []
    """

    def __init__(
        self,
        seconds: float,
        blocks: Sequence[Block],
        seconds_per_cost: float | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds, self.blocks = seconds, blocks
        self._prior, self._now = seconds_per_cost, now
        self._costs = relative_costs([spec for block in blocks for spec in block.specs])
        self._started = self._first = now()
        self._begun = self._ended = 0.0
        self._taken = 0
        if blocks and (needed := self._duration(self._cost_of(blocks[0]))) > seconds:
            raise InputError(
                f"--budget of {format_duration(seconds)} is too short for the first {len(blocks[0].specs)} runs "
                f"({describe_blocks(blocks[:1])[0]}), which take about {format_duration(needed)}: give more time, or "
                "fewer methods"
            )

    def expected(self) -> list[Block]:
        """Return the blocks that should fit, by what is known before any run; all if nothing is."""
        fitting, cost = [], 0.0
        for block in self.blocks:
            cost += self._cost_of(block)
            if self._duration(cost) > self.seconds:
                break
            fitting.append(block)
        return fitting

    def runs(self) -> Iterator[RunSpec]:
        """Yield runs as they are asked for, until the next block would not end in time."""
        self._first = self._now()
        for block in self.blocks:
            unfinished = self._begun - self._ended + self._cost_of(block)
            if self._taken and self._now() - self._started + self._duration(unfinished) > self.seconds:
                return
            self._begun += self._cost_of(block)
            self._taken += 1
            yield from block.specs

    def finish(self, spec: RunSpec) -> None:
        """Take into account that a run has ended."""
        self._ended += self._costs[spec.id]

    def left(self) -> list[Block]:
        """Return the blocks that were not begun."""
        return list(self.blocks[self._taken :])

    def _cost_of(self, block: Block) -> float:
        return sum(self._costs[spec.id] for spec in block.specs)

    def _duration(self, cost: float) -> float:
        """Return how long runs of some cost take, by the runs that have ended if there are any."""
        if self._ended:
            return cost / self._ended * (self._now() - self._first)
        return cost * (self._prior or 0.0)


def describe_blocks(blocks: Iterable[Block]) -> list[str]:
    """Return one line for each K, seed and number of methods in some blocks, with their categories.

    Examples
    --------
    >>> describe_blocks([Block("tile", 1, 0, ()), Block("wood", 1, 0, ())])
    ['K = 1, seed 0, 0 methods: tile, wood']
    """
    found: dict[tuple[int, int, int], list[str]] = {}
    for block in blocks:
        found.setdefault((len(block.specs), block.shots, block.seed), []).append(block.category)
    return [
        f"K = {shots}, seed {seed}, {methods} methods: "
        + (", ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} categories, {names[0]} to {names[-1]}")
        for (methods, shots, seed), names in found.items()
    ]
