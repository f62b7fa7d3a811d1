"""Counts and lists as words."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "image"), counted(2, "image")
    ('1 image', '2 images')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def joined(items: Sequence[str]) -> str:
    """Return items as an enumeration.

    Examples
    --------
    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def abridged(items: Sequence[str], most: int = 3) -> str:
    """Return the first items joined, and how many more there are.

    Examples
    --------
    >>> abridged(["a", "b", "c"], most=1)
    'a; and 2 more'
    """
    more = f"; and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more
