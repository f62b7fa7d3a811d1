"""What the paper states in words and captions, typed: the statements that its numbers can be checked against."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Literal

import msgspec
from msgspec import Struct

from reports.paper import read_toml

# Of the published tables; those of Tables II and III are named by their metric.
Column = Literal["iou", "dc", "acc_percent", "auc_percent"]


class Statement(Struct, frozen=True, forbid_unknown_fields=True):
    """One statement of the paper.

    Attributes
    ----------
    id : str
        Short name, unique among the statements.
    section : str
        Where the paper makes it, e.g. ``IV-F``.
    summary : str
        The statement in short.
    """

    id: str
    section: str
    summary: str


class Quoted(Statement, frozen=True):
    """Numbers of one row of a table, repeated in the text; ``values`` by column."""

    table: str
    method: str
    shots: int
    values: dict[Column, Decimal]


class Order(Statement, frozen=True):
    """``method`` is better than every one of ``beats``, in each table and for each K."""

    tables: tuple[str, ...]
    shots: tuple[int, ...]
    method: str
    beats: tuple[str, ...]


class Comparable(Statement, frozen=True):
    """``method`` is about as good as ``others``; if anything, the text puts it ``ahead`` or ``behind``."""

    tables: tuple[str, ...]
    shots: int
    method: str
    others: tuple[str, ...]
    leaning: Literal["ahead", "behind"]


class Shrinking(Statement, frozen=True):
    """The gain of ``method`` over each of ``over`` is smaller for the second of ``shots`` than for the first."""

    tables: tuple[str, ...]
    shots: tuple[int, int]
    method: str
    over: tuple[str, ...]


class Gain(Statement, frozen=True):
    """``method`` is better than ``over`` by around ``percent[K]`` %; its printed digits give the precision."""

    table: str
    method: str
    over: str
    percent: dict[int, Decimal]


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table that has methods as rows."""

    table: str
    method: str


class SameTraining(Statement, frozen=True):
    """Two rows whose training the text describes in the same way.

    This holds if ``base`` is trained as the benchmarked method of that name, whose means ``base_tables`` print.
    """

    first: Row
    second: Row
    base: str
    base_tables: tuple[str, ...]


class Capacity(Statement, frozen=True):
    """``smaller`` has fewer parameters than each of ``larger``; ``widths`` are its channels as first published."""

    smaller: str
    larger: tuple[str, ...]
    widths: tuple[int, ...]


class Figure(Statement, frozen=True):
    """What a figure's caption, and the text about it, state about its content.

    Attributes
    ----------
    number : int
    categories : tuple of str
        Shown, as the caption names them.
    defect_types : tuple of str
        Shown for each of these categories; empty where none are named.
    kinds : dict of str to int
        How many of the categories are stated to be ``object`` and ``texture``.
    training_images : int or None
        How many annotated images the networks are stated to be trained from.
    panels_announced, panels_listed : str
        First and last letter of the range of predicted masks that the caption announces, and of those it lists.
    """

    number: int
    categories: tuple[str, ...]
    defect_types: tuple[str, ...] = ()
    kinds: dict[Literal["object", "texture"], int] = {}
    training_images: int | None = None
    panels_announced: str = ""
    panels_listed: str = ""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Counts and settings of Section IV.

    Attributes
    ----------
    images : int
        Of MVTec AD.
    more_types_than : int
        A lower bound of the number of defect types.
    shots : tuple of int
        The values of K.
    shots_per : {"defect_type", "category"}
        What K images are drawn from each of.
    seeds : int
        Repetitions behind every mean and standard deviation.
    batch_size : dict of int to int
        By K, for both input branches.
    """

    images: int
    more_types_than: int
    shots: tuple[int, ...]
    shots_per: Literal["defect_type", "category"]
    seeds: int
    batch_size: dict[int, int]


class Statements(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in ``statements.toml``, by kind."""

    settings: Settings
    quoted: tuple[Quoted, ...]
    orders: tuple[Order, ...] = msgspec.field(name="order")
    comparables: tuple[Comparable, ...] = msgspec.field(name="comparable")
    shrinkings: tuple[Shrinking, ...] = msgspec.field(name="shrinking")
    gains: tuple[Gain, ...] = msgspec.field(name="gain")
    same_trainings: tuple[SameTraining, ...] = msgspec.field(name="same_training")
    capacity: Capacity
    figures: tuple[Figure, ...] = msgspec.field(name="figure")


@cache
def read_statements() -> Statements:
    """Return what the paper states in words, each statement with its section.

    Examples
    --------
    >>> read_statements().settings.batch_size
    {1: 2, 5: 4}
    """
    return read_toml("statements.toml", Statements)
