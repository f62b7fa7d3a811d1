"""What a pool is: a place where work is done on items, and how it reports an item without a result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Lost:
    """An item that will have no result.

    Attributes
    ----------
    item : Any
    overdue : bool
        Whether its process was killed because it took too long; otherwise its processes died, twice.

    Examples
    --------
    >>> Lost("a run", overdue=True).overdue
    True
    """

    item: Any
    overdue: bool = False


class Pool(Protocol):
    """Where work is done."""

    def map(self, work: Any, items: Iterable[Any]) -> Generator[Any, None, None]:
        """Yield the results of ``work``, a callable, in the order they arrive; ``Lost`` for an item without one."""


class SequentialPool:
    """Work in this process.

    Examples
    --------
    >>> list(SequentialPool().map(abs, [-1, 2]))
    [1, 2]
    """

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Generator[Any, None, None]:
        """Yield the result of ``work`` for each item."""
        yield from map(work, items)
