"""The types of profile fields: what a value may be written as, and how a type is described in an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec.inspect as inspect

# Bounds this large are there for storage, not for people.
_UNBOUNDED = 10**9


def as_written(value: Any, kind: Any) -> Any:
    """Return a value as its field's type takes it: one item for a list of one, one size for a table for every K.

    Parameters
    ----------
    value : Any
        From TOML or from ``--set``.
    kind : type
        Of the field.

    Examples
    --------
    >>> as_written("unet", tuple[str, ...])
    ('unet',)
    >>> as_written(4, dict[str, int])
    {'any': 4}
    """
    info = inspect.type_info(kind)
    if isinstance(info, inspect.VarTupleType):
        listed = value if isinstance(value, list | tuple) else [value]
        try:
            return tuple(dict.fromkeys(listed))
        except TypeError:  # a list in a list: the type says so
            return tuple(listed)
    if isinstance(info, inspect.DictType):
        table = value if isinstance(value, Mapping) else {"any": value}
        return {str(key): item for key, item in table.items()}
    return value


def choices(kind: Any) -> tuple[str, ...]:
    """Return the values of a field that takes one of a few words; empty for other types.

    Examples
    --------
    >>> from typing import Literal
    >>> choices(Literal["sum", "mean"])
    ('mean', 'sum')
    """
    info = inspect.type_info(kind)
    return tuple(map(str, info.values)) if isinstance(info, inspect.LiteralType) else ()


def describe_type(kind: Any) -> str:
    """Return what a value of a field must be, in words.

    Examples
    --------
    >>> from typing import Annotated
    >>> from msgspec import Meta
    >>> describe_type(Annotated[int, Meta(ge=16, le=4096)])
    'an integer from 16 to 4096'
    """
    return _describe(inspect.type_info(kind))


def _describe(info: Any) -> str:
    if isinstance(info, inspect.LiteralType):
        return f"one of {', '.join(map(str, info.values))}"
    if isinstance(info, inspect.VarTupleType):
        return f"a list of {_describe(info.item_type).replace('an integer', 'integers').replace('a string', 'strings')}"
    if isinstance(info, inspect.DictType):
        return f"{_describe(info.value_type)}, or a table from K to one"
    if isinstance(info, inspect.StrType):
        return "a string"
    noun = "an integer" if isinstance(info, inspect.IntType) else "a number"
    return " ".join((noun, *_bounds(info)))


def _bounds(info: Any) -> list[str]:
    highest = info.le if info.le is not None else info.lt
    if highest is None or highest >= _UNBOUNDED:
        return [f"of at least {info.ge}"]
    if info.ge is not None and info.le is not None:
        return [f"from {info.ge:g} to {info.le:g}"]
    low = f"from {info.ge:g}" if info.ge is not None else f"above {info.gt:g}"
    return [low, f"to below {info.lt:g}" if info.lt is not None else f"and at most {info.le:g}"]
