"""What a pool is: a place where work is done on items, and how it says that an item was lost."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Lost:
    """An item that no result will come of.

    Attributes
    ----------
    item : Any
    overdue : bool
        Whether it took too long and its process was killed for that; else its processes died by themselves, twice.
    """

    item: Any
    overdue: bool = False


class Pool(Protocol):
    """Where work is done."""

    def map(self, work: Any, items: Iterable[Any]) -> Generator[Any, None, None]:
        """Yield what ``work``, a callable, returns as it ends, in any order; ``Lost`` where no result will come."""
        ...


class SequentialPool:
    """Work in this process."""

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Generator[Any, None, None]:
        """Yield what ``work`` returns, item by item."""
        yield from map(work, items)
