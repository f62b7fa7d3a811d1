"""The one error every package of the suite raises for input that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


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
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names) or 'none'}"
    return InputError(f"unknown {kind} '{name}': {hint}")
