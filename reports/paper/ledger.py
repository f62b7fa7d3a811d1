"""What the paper says, as data: ``claims.toml``, with one statement per sentence and the claims that it makes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from importlib import resources
from itertools import product
from math import inf
from typing import Any, Literal

import msgspec
from msgspec import Struct

from baselines.errors import InputError
from benchmark.schema import SchemaError, convert
from benchmark.score import Metric

# Metrics that only the files of a run give.
RunMeasure = Literal["background_error", "defect_found"]
CurveMeasure = Literal["time_to_level", "area_to_level"]
Measure = RunMeasure | CurveMeasure
ClaimMetric = Metric | Measure


class Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words of the paper, and what they compare.

    Attributes
    ----------
    id : str
        Unique among the statements or among the claims.
    section : str
        Of the paper, e.g. ``IV-F``.
    quote : str
        The words of the paper; ``[...]`` where some are left out.
    kind : str
        The rule of its verdict.
    methods, against : tuple of str
        Each of the first is compared with each of the second; ``against`` is empty where nothing is compared.
    metrics : tuple of str
    shots : tuple of int
    tables : tuple of str
        Where the paper prints its numbers; empty where it prints none.
    categories : tuple of str
        Those the sentence names; empty for all.
    """

    id: str
    section: str
    quote: str
    kind: Literal[
        "better",
        "better_over_seeds",
        "shrinks",
        "smaller_is_better",
        "within",
        "value",
        "none_converges",
        "realism",
        "same_size",
        "not_testable",
    ]
    methods: tuple[str, ...]
    shots: tuple[int, ...]
    against: tuple[str, ...] = ()
    metrics: tuple[ClaimMetric, ...] = ()
    tables: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class Claim(Said, frozen=True, kw_only=True):
    """A claim of the paper that has its own verdict.

    Attributes
    ----------
    sentence : str
        In our words, as it is tested.
    margin : float
        By how much a difference must exceed 0, or how far a value may be off.
    low, high : float
        Bounds of a difference that supports the claim.
    value : float or None
    margin_source : str
        Where margin, bounds or value come from.
    note : str
        What the test leaves out of the statement, or why there is none.
    """

    sentence: str
    margin: float = 0.0
    low: float = -inf
    high: float = inf
    value: float | None = None
    margin_source: str = ""
    note: str = ""


class Statement(Said, frozen=True, kw_only=True):
    """A sentence of the paper, or the part of one that says one thing.

    Attributes
    ----------
    claims : tuple of Claim
        Those that have a verdict of their own.
    leaning : {"ahead", "behind"} or None
        The side to which the text puts methods that it calls comparable.
    percent : dict of int to Decimal
        A gain "around P%" by K, with the digits that the text gives.
    """

    claims: tuple[Claim, ...] = msgspec.field(name="claim")
    leaning: Literal["ahead", "behind"] | None = None
    percent: dict[int, Decimal] = {}


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table that has methods as rows."""

    table: str
    method: str


class SameTraining(Struct, frozen=True, forbid_unknown_fields=True):
    """Two rows whose training the text describes in the same way; ``summary`` says how.

    This holds if ``base`` is trained as the benchmarked method of that name, whose means ``base_tables`` print.
    """

    id: str
    section: str
    summary: str
    first: Row
    second: Row
    base: str
    base_tables: tuple[str, ...]


class Figure(Struct, frozen=True, forbid_unknown_fields=True):
    """What a figure's caption, and the text about it, state about its content.

    Attributes
    ----------
    number : int
    section : str
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
    section: str
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


class Ledger(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in ``claims.toml``.

    Attributes
    ----------
    settings : Settings
    parameters : dict of str to int
        Trainable parameters of the benchmark networks at width 1, by method.
    unet_channels : tuple of int
        Of U-Net as first published.
    statements : tuple of Statement
        In the order of the paper.
    same_trainings : tuple of SameTraining
    figures : tuple of Figure
    """

    settings: Settings
    parameters: dict[str, int]
    unet_channels: tuple[int, ...]
    statements: tuple[Statement, ...] = msgspec.field(name="statement")
    same_trainings: tuple[SameTraining, ...] = msgspec.field(name="same_training")
    figures: tuple[Figure, ...] = msgspec.field(name="figure")

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims of all statements, in the order of the paper."""
        return tuple(claim for statement in self.statements for claim in statement.claims)

    @classmethod
    def parse(cls, text: str) -> Ledger:
        """Return a ledger from TOML, each claim with the fields of its statement that it does not give itself.

        Raises
        ------
        SchemaError
            If a field is missing, unknown or of another type; it is named.
        """
        content = tomllib.loads(text)
        for statement in content.get("statement", []):
            shared = {name: value for name, value in statement.items() if name not in _OF_STATEMENTS}
            statement["claim"] = [shared | claim for claim in statement.get("claim", [])]
            for name in _OF_CLAIMS:
                statement.pop(name, None)
        return convert(content, cls)


def _own_fields(kind: type[Any]) -> set[str]:
    return set(kind.__struct_encode_fields__) - set(Said.__struct_encode_fields__)


_OF_STATEMENTS = {"id", *_own_fields(Statement)}
_OF_CLAIMS = _own_fields(Claim)


@cache
def read_ledger() -> Ledger:
    """Return what the paper says.

    Raises
    ------
    InputError
        If ``claims.toml`` is not a ledger.

    Examples
    --------
    >>> read_ledger().claims[0].id, read_ledger().settings.batch_size
    ('ours-best-iou-1', {1: 2, 5: 4})
    """
    try:
        return Ledger.parse((resources.files("reports.paper") / "claims.toml").read_text(encoding="utf-8"))
    except SchemaError as error:
        raise InputError(f"reports/paper/claims.toml: {error}") from None


def claimed_differences(said: Said) -> Iterator[tuple[int, ClaimMetric, str, str]]:
    """Yield (K, metric, method, other) of each difference of a claim or statement, in the order of its tests.

    Where a gain shrinks from one K to another, K is the first.

    Examples
    --------
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "still-gains-at-5")
    >>> list(claimed_differences(claim))
    [(5, 'iou', 'albunet_nbr_cap', 'albunet'), (5, 'dc', 'albunet_nbr_cap', 'albunet')]
    """
    shots = said.shots[:1] if said.kind == "shrinks" else said.shots
    return product(shots, said.metrics, said.methods, said.against)
