"""Typed values at the edge: JSON and TOML are validated against a declared type, and errors name the field.

msgspec does the work: a ``Struct`` declares the fields once, decoding validates while it parses (a results folder of
thousands of runs is read in a second), and importing it costs a few milliseconds.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_PATH = re.compile(r"(?P<problem>.*?)(?: - at `\$(?:\.)?(?P<path>.*)`)?", re.DOTALL)
_OF_A_FIELD = {
    "missing": re.compile(r"Object missing required field `(.*)`"),
    "unknown field": re.compile(r"Object contains unknown field `(.*)`"),
}


class _Versioned(msgspec.Struct):
    format: Any


class SchemaError(ValueError):
    """Content does not have the declared type.

    Attributes
    ----------
    path : str
        The field, e.g. ``metrics.iou``; "" for the whole value.
    problem : str
        What is wrong with it.

    Examples
    --------
    >>> print(SchemaError("metrics.iou", "missing"))
    metrics.iou: missing
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path, self.problem = path, problem


def decode_json(content: bytes | str, kind: type[T]) -> T:
    """Parse JSON into a declared type.

    Raises
    ------
    SchemaError
        If the text is not JSON or not of that type.

    Examples
    --------
    >>> decode_json('[1, 2]', tuple[int, ...])
    (1, 2)
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _translate(error) from None


def decode_versioned(content: bytes, kind: type[T], version: int) -> T:
    """Parse the JSON of a file that states its ``format``; raises ``SchemaError`` as ``decode_json``.

    Another format is reported as such, whatever else of it does not fit.

    Parameters
    ----------
    kind : type
        With a field ``format`` that takes ``version`` alone.

    Examples
    --------
    >>> Point = msgspec.defstruct("Point", [("format", int), ("x", float)])
    >>> decode_versioned(b'{"format": 1, "x": 2}', Point, 1)
    Point(format=1, x=2.0)
    """
    try:
        return decode_json(content, kind)
    except SchemaError:
        stated = decode_json(content, _Versioned).format
        if stated != version:
            raise SchemaError("format", f"is {stated!r}, this version reads {version}") from None
        raise


def convert(content: Any, kind: type[T]) -> T:
    """Convert parsed JSON or TOML into a declared type; raises ``SchemaError`` as ``decode_json``.

    Examples
    --------
    >>> convert({"1": "a"}, dict[int, str])
    {1: 'a'}
    """
    try:
        return msgspec.convert(content, type=kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise _translate(error) from None


def to_builtins(value: Any) -> Any:
    """Return a typed value as dictionaries, lists, strings and numbers.

    Examples
    --------
    >>> to_builtins((1, "a"))
    [1, 'a']
    """
    plain = msgspec.to_builtins(value)
    return list(plain) if isinstance(plain, tuple) else plain


def _translate(error: Exception) -> SchemaError:
    match = _PATH.fullmatch(str(error))
    assert match is not None  # the pattern matches any text
    problem, path = match["problem"], match["path"] or ""
    for words, pattern in _OF_A_FIELD.items():
        if named := pattern.fullmatch(problem):
            return SchemaError(".".join(filter(None, (path, named[1]))), words)
    plain = problem.replace("`", "")
    return SchemaError(path, plain if plain.startswith("JSON") else plain[:1].lower() + plain[1:])
