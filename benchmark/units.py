"""Sizes and durations as people read and write them."""

from __future__ import annotations

import re

import humanize

from baselines.errors import InputError

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def format_bytes(count: float) -> str:
    """Return a number of bytes in decimal units.

    Examples
    --------
    >>> format_bytes(57_700)
    '57.7 kB'
    """
    return humanize.naturalsize(count)


def format_duration(seconds: float) -> str:
    """Return a duration in the largest unit that keeps two digits or so.

    Examples
    --------
    >>> [format_duration(seconds) for seconds in (90, 1800, 21_600, 400_000)]
    ['90 s', '30 min', '6.0 h', '4.6 days']
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} days"


def parse_size(option: str, text: str) -> int:
    """Return a size such as ``500M``, ``20G`` or ``1.5T`` in bytes.

    Parameters
    ----------
    option : str
        Where the size was given, for the error.

    Raises
    ------
    InputError
        If it is not a size.

    Examples
    --------
    >>> parse_size("--cache-limit", "1.5 GB")
    1500000000
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if not found:
        raise InputError(f"{option} must be a size such as 500M, 20G or 0, got '{text}'")
    return int(float(found[1]) * _PREFIXES[found[2]])


def parse_duration(option: str, text: str) -> float:
    """Return a time such as ``90m``, ``2h``, ``1.5 h`` or ``1d`` in seconds.

    Parameters
    ----------
    option : str
        Where the time was given, for the error.

    Raises
    ------
    InputError
        If it is not a time, or 0.

    Examples
    --------
    >>> parse_duration("--budget", "1.5h")
    5400.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", text.strip().lower())
    if not found or not float(found[1]):
        raise InputError(f"{option} must be a time such as 45m, 2h or 1d, got '{text}'")
    return float(found[1]) * _SECONDS[found[2]]
