"""The critical-difference diagram of Demsar (2006): methods on an axis of mean ranks, bars over those not separated."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reports.rank_views import RankView

# In units of the drawing. The axis lies between two columns of labels.
_WIDTH, _AXIS = 440.0, 46.0
_LABELS, _LINE, _BAR = 150.0, 15.0, 6.0
_MOST_TICKS = 12
# A longer label gives way to its beginning; the table below has all of it.
_MAX_LABEL = 27


@dataclass(frozen=True)
class Mark:
    """A method in the diagram: from its place on the axis down to ``y``, and from there to its label.

    Attributes
    ----------
    label, rank : str
    x, y, end : float
        ``end`` is the x of the label.
    from_left : bool
        Whether the label is left of the axis.
    """

    label: str
    rank: str
    x: float
    y: float
    end: float
    from_left: bool


@dataclass(frozen=True)
class Diagram:
    """A critical-difference diagram, in units of its drawing.

    Attributes
    ----------
    width, height, axis : float
        Size of the drawing, and the y of its axis.
    ticks : tuple of (int, float, bool)
        Each place with its x, and whether its number is printed.
    scale : tuple of float
        Ends of the critical difference, no longer than the axis.
    cd : float
    marks : tuple of Mark
        Best first.
    bars : tuple of (float, float, float)
        Left end, right end and y, for each group of more than one method.
    """

    width: float
    height: float
    axis: float
    ticks: tuple[tuple[int, float, bool], ...]
    scale: tuple[float, float]
    cd: float
    marks: tuple[Mark, ...]
    bars: tuple[tuple[float, float, float], ...]


def rank_diagram(view: RankView) -> Diagram | None:
    """Return the diagram of a ranking; None if nothing is ranked."""
    found = view.statistics
    if found is None or found.cd is None:
        return None
    count = len(view.labels)
    on_left = math.ceil(count / 2)
    groups = [group for group in found.groups if group[1] > group[0]]
    first = _AXIS + 12 + _BAR * len(groups)

    def place(rank: float) -> float:
        return round(_LABELS + (_WIDTH - 2 * _LABELS) * (rank - 1) / (count - 1), 2)

    ranks = [float(rank) for rank in found.mean_ranks]
    every = math.ceil(count / _MOST_TICKS)
    return Diagram(
        width=_WIDTH,
        axis=_AXIS,
        height=first + _LINE * (on_left - 1) + 8,
        ticks=tuple((tick, place(tick), (tick - 1) % every == 0) for tick in range(1, count + 1)),
        scale=(place(1), place(1 + min(found.cd, count - 1))),
        cd=found.cd,
        marks=tuple(
            Mark(
                label if len(label) <= _MAX_LABEL else f"{label[: _MAX_LABEL - 1]}\N{HORIZONTAL ELLIPSIS}",
                f"{ranks[index]:.2f}",
                place(ranks[index]),
                first + _LINE * (index if index < on_left else count - 1 - index),
                _LABELS - 6 if index < on_left else _WIDTH - _LABELS + 6,
                index < on_left,
            )
            for index, label in enumerate(view.labels)
        ),
        bars=tuple(
            (place(ranks[best]) - 2.5, place(ranks[worst]) + 2.5, _AXIS + 8 + _BAR * number)
            for number, (best, worst) in enumerate(groups)
        ),
    )
