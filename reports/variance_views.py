"""The spread of scores by its sources as text, as plain records, and as rows of tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from benchmark.score import Metric
from reports.statistics import ALPHA
from reports.text_tables import text_table
from reports.variance import MOST_SEEDS, POWER, CrossedRuns, Spread, seeds_needed
from reports.wording import joined, signed, wrapped

# Differences for which the number of seeds is printed, whatever was found.
DIFFERENCES = (0.02, 0.05, 0.1)
SPREAD_HEAD = ("Method", "Categories", "Runs", "Mean", "One run", "Images drawn", "Training", "Rest", "Shares")
PAIR_HEAD = (
    "Methods", "Categories", "Difference", "Of one seed", "Shares",
    *(f"Seeds for {size:g}" for size in DIFFERENCES), "Seeds for the difference",
)  # fmt: skip
SPREAD_NOTE = (
    "Standard deviations with 95 % intervals, pooled over categories. Images drawn: between draws; training: between "
    "training seeds (initial weights, batches, pasting); rest: how much the effect of a draw depends on the training "
    "seed; one run: of a seed with its own draw, the root of the sum of squares. Shares: images drawn / training / "
    "rest of that sum; estimates below 0 are then set to 0."
)
PAIR_NOTE = (
    "The same for the difference of two methods with the same draw and training seed. Seeds: how many, each with its "
    f"own draw, a paired t-test at {ALPHA} needs in one category for a power of {POWER}; in brackets for the ends of "
    "the interval of the standard deviation."
)
_WIDTH = 110


def spread_rows(crossed: CrossedRuns, metric: Metric, shots: int) -> list[tuple[str, ...]]:
    """Return a row for each method with a complete category, in the order of ``SPREAD_HEAD``."""
    return [
        (
            crossed.labels[method],
            str(len(spread.categories)),
            str(len(spread.categories) * spread.draws * spread.seeds),
            f"{spread.mean:.4f}",
            *(part.text for part in (spread.total, spread.drawn, spread.training, spread.rest)),
            _shares(spread),
        )
        for method, spread in crossed.spreads(metric, shots).items()
    ]


def pair_rows(crossed: CrossedRuns, metric: Metric, shots: int) -> list[tuple[str, ...]]:
    """Return a row for each two methods with a category in which both are complete, in the order of ``PAIR_HEAD``."""
    return [
        (
            f"{crossed.labels[first]} - {crossed.labels[second]}",
            str(len(spread.categories)),
            signed(spread.mean),
            spread.total.text,
            _shares(spread),
            *(_seeds_text(size, spread) for size in (*DIFFERENCES, spread.mean)),
        )
        for (first, second), spread in crossed.differences(metric, shots).items()
    ]


def _shares(spread: Spread) -> str:
    return " / ".join(f"{100 * share:.0f} %" for share in spread.shares)


def _seeds_text(difference: float, spread: Spread) -> str:
    best, *ends = (
        seeds_needed(difference, math.sqrt(variance))
        for variance in (spread.total.variance, spread.total.low, spread.total.high)
    )
    return f"{_count(best)} ({_count(ends[0])} to {_count(ends[1])})"


def _count(seeds: int | None) -> str:
    return f">{MOST_SEEDS}" if seeds is None else str(seeds)


def left_out(crossed: CrossedRuns, metric: Metric, shots: int) -> list[str]:
    """Return sentences: which draws and seeds are crossed, and which categories of which methods do not count."""
    draws, seeds = crossed.grid(shots)
    lines = [
        f"Draws of seeds {joined(list(map(str, draws)))}, each trained with seeds {joined(list(map(str, seeds)))}."
    ]
    here = crossed.runs[crossed.runs["shots"] == shots]
    for method, tables in crossed.tables(metric, shots).items():
        wanted = set(here.loc[here["method"] == method, "category"])
        if missing := [category for category in crossed.categories if category in wanted - set(tables)]:
            lines.append(f"{crossed.labels[method]} leaves out {joined(missing)}: runs are missing, or none converged.")
    return lines


def as_text(crossed: CrossedRuns, metric: Metric = "iou") -> str:
    """Return the spreads of every K for the terminal."""
    lines = [*wrapped(crossed.title, _WIDTH), ""]
    for shots in crossed.shots:
        lines += [f"Sources of spread, {metric.upper()}, {shots}-shot"]
        lines += [line for sentence in left_out(crossed, metric, shots) for line in wrapped(sentence, _WIDTH)]
        lines += ["", text_table(SPREAD_HEAD, [spread_rows(crossed, metric, shots)], "lrrrrrrrr")]
        lines += [*wrapped(SPREAD_NOTE, _WIDTH), ""]
        if rows := pair_rows(crossed, metric, shots):
            lines += [text_table(PAIR_HEAD, [rows], "lrrrrrrrr"), *wrapped(PAIR_NOTE, _WIDTH), ""]
    return "\n".join(lines)


def as_records(crossed: CrossedRuns, metric: Metric) -> list[dict[str, object]]:
    """Return the spreads as plain data for JSON, one record per method and per pair of methods of each K."""
    records = []
    for shots in crossed.shots:
        found: list[tuple[Sequence[str], Spread]] = [
            *(((method,), spread) for method, spread in crossed.spreads(metric, shots).items()),
            *crossed.differences(metric, shots).items(),
        ]
        for methods, spread in found:
            about = {"results": crossed.title, "metric": metric, "shots": shots, "methods": list(methods)}
            needed = {
                f"{size:g}": seeds_needed(size, math.sqrt(spread.total.variance))
                for size in (*DIFFERENCES, spread.mean)
                if len(methods) > 1
            }
            records.append({**about, **asdict(spread), "shares": spread.shares, "seeds_needed": needed})
    return records
