"""The error that every package of the project raises for input that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from difflib import get_close_matches

# An error that lists the accepted names stays one readable line.
_MAX_NAMES = 12


class InputError(ValueError):
    """Input from the caller cannot be used.

    The message is one line that says what was wrong, where, and what to do; the command line prints it unchanged and
    exits with code 2.

    Examples
    --------
    >>> issubclass(InputError, ValueError)
    True
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for an unknown name; it suggests the closest known one.

    Parameters
    ----------
    kind : str
        What the name stands for, e.g. ``"method"``.
    name : str
        The unknown name.
    known : iterable of str
        Every accepted name.

    Examples
    --------
    >>> print(unknown_name("method", "unett", ["unet", "albunet"]))
    unknown method 'unett': did you mean 'unet'?
    """
    names = {known_name.lower(): known_name for known_name in known}  # 'fpn' should find 'FPN'
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    listed = list(names.values())
    more = f", ... ({len(listed)} in all)" if len(listed) > _MAX_NAMES else ""
    shown = ", ".join(listed[:_MAX_NAMES]) or "none"
    hint = f"did you mean '{names[near[0]]}'?" if near else f"known: {shown}{more}"
    return InputError(f"unknown {kind} '{name}': {hint}")


def check_new_name(kind: str, name: str, taken: Container[str]) -> None:
    """Refuse a name that is taken, or that looks like a composed name (``+``, ``smp:``) or a path.

    Raises
    ------
    InputError
        If the name is refused.

    Examples
    --------
    >>> check_new_name("method", "unet", taken=("unet",))
    Traceback (most recent call last):
    baselines.errors.InputError: method 'unet' is already registered: choose another name
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise InputError(f"{kind} name '{name}' may contain only letters, digits, _ . and -")
    if name in taken:
        raise InputError(f"{kind} '{name}' is already registered: choose another name")
