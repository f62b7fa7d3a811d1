"""Text cells of CSV files that spreadsheets would run as formulas, e.g. a category named ``=cmd()``."""

from __future__ import annotations

import re
from typing import TypeVar

T = TypeVar("T")

# Names with leading apostrophes are quoted too, so that reading restores every name.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def quote_formula(value: T) -> T | str:
    """Return a cell with an apostrophe before what looks like a formula; all but strings stay as they are.

    Examples
    --------
    >>> quote_formula("=cmd()"), quote_formula("hole"), quote_formula(-0.5)
    ("'=cmd()", 'hole', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def unquote_formula(text: str) -> str:
    """Return the text that ``quote_formula`` was given.

    Examples
    --------
    >>> unquote_formula("'=cmd()"), unquote_formula("'a'")
    ('=cmd()', "'a'")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
