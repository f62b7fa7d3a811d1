"""What the paper says in words and captions, typed: the statements its numbers can be held against."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Statement:
    """One thing the paper says.

    Attributes
    ----------
    id : str
        Short name, unique among the statements.
    section : str
        Where the paper says it, e.g. ``IV-F``.
    says : str
        What it says, in short.
    """

    id: str
    section: str
    says: str


@dataclass(frozen=True)
class Quoted(Statement):
    """Numbers of one row of a table, repeated in the text; ``values`` by column."""

    table: str
    method: str
    shots: int
    values: dict[str, Decimal]


@dataclass(frozen=True)
class Order(Statement):
    """``method`` is better than every one of ``beats``, in each table and for each K."""

    tables: tuple[str, ...]
    shots: tuple[int, ...]
    method: str
    beats: tuple[str, ...]


@dataclass(frozen=True)
class Comparable(Statement):
    """``method`` is about as good as ``others``; the text leans towards its being ``ahead`` or ``behind``."""

    tables: tuple[str, ...]
    shots: int
    method: str
    others: tuple[str, ...]
    leaning: str


@dataclass(frozen=True)
class Shrinking(Statement):
    """What ``method`` gains over each of ``over`` is smaller for the second of ``shots`` than for the first."""

    tables: tuple[str, ...]
    shots: tuple[int, int]
    method: str
    over: tuple[str, ...]


@dataclass(frozen=True)
class Gain(Statement):
    """``method`` is better than ``over`` by around ``percent[K]`` %; the digits printed say how exactly."""

    table: str
    method: str
    over: str
    percent: dict[int, Decimal]


@dataclass(frozen=True)
class Row:
    """A row of a table that has methods as rows."""

    table: str
    method: str


@dataclass(frozen=True)
class SameTraining(Statement):
    """Two rows whose training the text describes in the same way.

    That rests on ``base`` being trained as the benchmarked method of that name, whose means ``base_tables`` print.
    """

    first: Row
    second: Row
    base: str
    base_tables: tuple[str, ...]


@dataclass(frozen=True)
class Capacity(Statement):
    """``smaller`` has fewer parameters than each of ``larger``; ``widths`` are its channels as first published."""

    smaller: str
    larger: tuple[str, ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Figure(Statement):
    """What a figure's caption, and the text on it, say of its content.

    Attributes
    ----------
    number : int
    categories : tuple of str
        Shown, as the caption names them.
    defect_types : tuple of str
        Shown of each of these categories; empty where none are named.
    kinds : dict of str to int
        How many of the categories are said to be ``object`` and ``texture``.
    training_images : int or None
        How many annotated images the shown networks are said to be trained from.
    panels_said, panels_listed : str
        First and last letter of the range of predicted masks that the caption announces, and of those it lists.
    """

    number: int
    categories: tuple[str, ...]
    defect_types: tuple[str, ...] = ()
    kinds: dict[str, int] | None = None
    training_images: int | None = None
    panels_said: str = ""
    panels_listed: str = ""


@dataclass(frozen=True)
class Protocol:
    """Counts and settings of Section IV.

    Attributes
    ----------
    images : int
        Of MVTec AD.
    more_types_than : int
        A bound below the number of defect types.
    shots : tuple of int
        The Ks.
    shots_per : str
        What K images are drawn from each of: ``defect_type`` or ``category``.
    seeds : int
        Repetitions behind every mean and standard deviation.
    batch_size : dict of int to int
        By K, for both input branches.
    """

    images: int
    more_types_than: int
    shots: tuple[int, ...]
    shots_per: str
    seeds: int
    batch_size: dict[int, int]


@dataclass(frozen=True)
class Statements:
    """Everything in ``statements.toml``, by kind."""

    protocol: Protocol
    quoted: tuple[Quoted, ...]
    orders: tuple[Order, ...]
    comparables: tuple[Comparable, ...]
    shrinkings: tuple[Shrinking, ...]
    gains: tuple[Gain, ...]
    same_trainings: tuple[SameTraining, ...]
    capacity: Capacity
    figures: tuple[Figure, ...]


@cache
def statements() -> Statements:
    """Return what the paper says in words, each statement with the section it stands in."""
    with (resources.files("reports.paper") / "statements.toml").open("rb") as file:
        kinds = tomllib.load(file)
    protocol = {**kinds["protocol"], "batch_size": _by_shots(kinds["protocol"]["batch_size"])}
    return Statements(
        protocol=Protocol(**_frozen(protocol)),
        quoted=tuple(
            Quoted(**{**entry, "values": {key: Decimal(value) for key, value in entry["values"].items()}})
            for entry in kinds["quoted"]
        ),
        orders=tuple(Order(**_frozen(entry)) for entry in kinds["order"]),
        comparables=tuple(Comparable(**_frozen(entry)) for entry in kinds["comparable"]),
        shrinkings=tuple(Shrinking(**_frozen(entry)) for entry in kinds["shrinking"]),
        gains=tuple(
            Gain(**{**entry, "percent": {k: Decimal(v) for k, v in _by_shots(entry["percent"]).items()}})
            for entry in kinds["gain"]
        ),
        same_trainings=tuple(
            SameTraining(**_frozen({**entry, "first": Row(**entry["first"]), "second": Row(**entry["second"])}))
            for entry in kinds["same_training"]
        ),
        capacity=Capacity(**_frozen(kinds["capacity"])),
        figures=tuple(Figure(**_frozen(entry)) for entry in kinds["figure"]),
    )


def _frozen(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


def _by_shots(entry: dict[str, Any]) -> dict[int, Any]:
    """Return a table of TOML, whose keys are words, by K."""
    return {int(shots): value for shots, value in entry.items()}
