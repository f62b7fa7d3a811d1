"""The one error every package of the suite raises for input that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from difflib import get_close_matches

# A refusal that lists what it would have accepted stays one readable line.
MOST_NAMES_LISTED = 12


class InputError(ValueError):
    """Something the caller gave cannot be used.

    The message is one line that says what was wrong, where, and what to do; the command line prints it
    as it is and exits with code 2.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not among the known ones, with the nearest one suggested.

    Parameters
    ----------
    kind : str
        What the name should have been, e.g. ``"method"``.
    name : str
        What was given.
    known : iterable of str
        Every name that would have been accepted.
    """
    names = {known_name.lower(): known_name for known_name in known}  # 'fpn' should find 'FPN'
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    listed = list(names.values())
    more = f", ... ({len(listed)} in all)" if len(listed) > MOST_NAMES_LISTED else ""
    shown = ", ".join(listed[:MOST_NAMES_LISTED]) or "none"
    hint = f"did you mean '{names[near[0]]}'?" if near else f"known: {shown}{more}"
    return InputError(f"unknown {kind} '{name}': {hint}")


def check_new_name(kind: str, name: str, taken: Container[str]) -> None:
    """Refuse a name that is taken, or that could be read as a composition (``+``, ``smp:``) or as a path.

    Raises
    ------
    InputError
        If the name cannot be given to something new.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise InputError(f"{kind} name '{name}' may hold letters, digits, _ . and - only")
    if name in taken:
        raise InputError(f"{kind} '{name}' is registered already")
