"""Checks of profile fields: a value against its declared type, with the allowed values in the error."""

from __future__ import annotations

from typing import Any

import msgspec.inspect as inspect

from baselines.errors import InputError, unknown_name
from benchmark.schema import SchemaError, convert

_LIMITS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def check_field(name: str, value: Any, kind: Any) -> Any:
    """Return the value of a field in its declared type; a single item stands for a list of one.

    Parameters
    ----------
    name : str
        Of the field, for the error; ``batch_size.5`` for an entry of a table.
    value : Any
        From TOML or from ``--set``.
    kind : type
        Of the field, with its limits: a number, a string, one of several words, or a tuple of numbers or strings.

    Raises
    ------
    InputError
        If the value is not of that type.

    Examples
    --------
    >>> check_field("methods", "unet", tuple[str, ...])
    ('unet',)
    """
    info = inspect.type_info(kind)
    is_list = isinstance(info, inspect.VarTupleType)
    try:
        checked = convert([value] if is_list and not isinstance(value, list | tuple) else value, kind)
        # msgspec reads "> 0" as ">= the smallest denormal", which is 0 once prepare_torch has flushed denormals.
        if (above := getattr(info, "gt", None)) is not None and not checked > above:
            raise SchemaError(name, "is too small")
    except SchemaError:
        if isinstance(info, inspect.LiteralType) and isinstance(value, str):
            raise unknown_name(f"value of profile field {name}", value, map(str, info.values)) from None
        raise InputError(f"profile field {name} must be {describe_type(kind)}, got {value!r}") from None
    return tuple(dict.fromkeys(checked)) if is_list else checked


def describe_type(kind: Any) -> str:
    """Return the values that a type allows, in words.

    Examples
    --------
    >>> from typing import Annotated
    >>> from msgspec import Meta
    >>> describe_type(Annotated[int, Meta(ge=16, le=4096)])
    'an integer >= 16 and <= 4096'
    """
    info = inspect.type_info(kind)
    if isinstance(info, inspect.LiteralType):
        return f"one of {', '.join(map(str, info.values))}"
    if isinstance(info, inspect.UnionType):
        return " or ".join(_noun(part) + _limits(part) for part in info.types)
    if isinstance(info, inspect.VarTupleType):
        item = _noun(info.item_type).partition(" ")[2]
        return f"a {'non-empty ' if info.min_length else ''}list of {item}s{_limits(info.item_type)}"
    return _noun(info) + _limits(info)


def _noun(info: inspect.Type) -> str:
    if isinstance(info, inspect.LiteralType):
        return " or ".join(map(repr, info.values))
    nouns = {inspect.IntType: "an integer", inspect.FloatType: "a number", inspect.StrType: "a string"}
    return nouns[type(info)]


def _limits(info: inspect.Type) -> str:
    limits = ((symbol, getattr(info, name, None)) for name, symbol in _LIMITS.items())
    stated = [f"{symbol} {str(limit).removesuffix('.0')}" for symbol, limit in limits if limit is not None]
    return " " + " and ".join(stated) if stated else ""
