"""Counts, lists and paragraphs as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from reports.escapes import for_terminal

DASH = "\N{EN DASH}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun; ``plural`` where that is not the noun with an s.

    Examples
    --------
    >>> counted(1, "image"), counted(2, "image")
    ('1 image', '2 images')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


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


def wrapped(text: str, width: int, start: str = "", indent: str | None = None) -> list[str]:
    """Return a paragraph as lines; those after the first are indented, by default as far as the text after ``start``.

    Examples
    --------
    >>> wrapped("1-shot and 5-shot", 12, "- ")
    ['- 1-shot and', '  5-shot']
    """
    rest = " " * len(start) if indent is None else indent
    return textwrap.wrap(
        for_terminal(text), width, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False
    )


def signed(value: float | None, form: str = "{:+.4f}") -> str:
    """Return a number with its sign; a dash for None.

    Examples
    --------
    >>> signed(0.25)
    '+0.2500'
    """
    return DASH if value is None else form.format(value).replace("-", "\N{MINUS SIGN}")


def signed_range(low: float | None, high: float | None) -> str:
    """Return an interval with the signs of its ends; a dash for None.

    Examples
    --------
    >>> signed_range(0.25, 0.5)
    '+0.2500 to +0.5000'
    """
    return DASH if low is None else f"{signed(low)} to {signed(high)}"
