"""Hold runs against a baseline: bit by bit where hardware, versions and runs are the same, else by tolerances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from baselines import InputError
from benchmark.gate.baseline import SAME, Baseline
from benchmark.gate.outcomes import Cell, Outcome, StoredRuns, mean_score, scores_of
from benchmark.gate.spread import Calibration, Comparison
from benchmark.score import METRICS, Metric

BIT, STATISTICAL = "bit-level", "statistical"

IDENTICAL, CHANGED, WITHIN, BETTER = "identical", "changed", "within tolerance", "better"
WORSE, MISSING, UNLIKE = "WORSE", "MISSING", "OTHER IMAGES"
FAILING = (WORSE, MISSING, UNLIKE)


@dataclass(frozen=True)
class Change:
    """One metric, before and now.

    Attributes
    ----------
    before, now : float or None
        Means over seeds; None where undefined.
    tolerance : float or None
        How much lower it may be; None bit by bit, where it is nothing.
    verdict : str
    """

    before: float | None
    now: float | None
    tolerance: float | None
    verdict: str

    @property
    def difference(self) -> float | None:
        """Now less before."""
        return None if self.before is None or self.now is None else self.now - self.before


@dataclass(frozen=True)
class Line:
    """What was found of a cell, of a method over its cells, or of all cells.

    Attributes
    ----------
    category, method : str
        "" where it is over several.
    shots : int
        0 where it is over several.
    mode : {"bit-level", "statistical"}
    seeds : tuple of int
    verdict : str
    changes : dict
        By metric; empty where nothing could be compared.
    reasons : tuple of str
        What is wrong, for a line that fails.
    """

    category: str
    method: str
    shots: int
    mode: str
    seeds: tuple[int, ...]
    verdict: str
    changes: dict[Metric, Change]
    reasons: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        return self.verdict in FAILING


@dataclass(frozen=True)
class Judgement:
    """What was found.

    Attributes
    ----------
    lines : list of Line
        Cells, then methods and all cells where some of their cells were compared by tolerances.
    why : dict
        Of each mode that was used, why.
    """

    lines: list[Line]
    why: dict[str, str]

    @property
    def passed(self) -> bool:
        return not any(line.fails for line in self.lines)


def judge(baseline: Baseline, runs: StoredRuns, cells: Sequence[Cell], seeds: Sequence[int], gate: str) -> Judgement:
    """Judge runs.

    Parameters
    ----------
    cells : sequence of Cell
        Of the baseline, which should be there.
    seeds : sequence of int
        Likewise.
    gate : {"auto", "bit", "statistical"}
        ``auto`` compares a cell bit by bit wherever that can be done.

    Raises
    ------
    InputError
        If ``bit`` is asked for where it cannot be done, or the baseline has too few seeds for so many.
    """
    why_not = {cell: why_not_bits(baseline, runs, cell, seeds) for cell in cells}
    if gate == "statistical":
        why_not = dict.fromkeys(cells, "asked for")
    elif gate == "bit" and (hindrances := [reason for reason in why_not.values() if reason]):
        raise InputError(f"runs cannot be compared bit by bit: {hindrances[0]}")
    why: dict[str, str] = {}
    by_bits = _by_bits(baseline, runs, seeds)
    if not all(why_not.values()):
        why[BIT] = "hardware and versions are the baseline's, so every test image must come out the same"
    lines = [_judge_cell(baseline, runs, cell, seeds, BIT, by_bits) for cell in cells if not why_not[cell]]
    if reasons := list(dict.fromkeys(filter(None, why_not.values()))):
        kind, calibration = baseline.calibration(seeds)
        why[STATISTICAL] = f"{'; '.join(reasons)}. Tolerances are those of checks with {kind}"
        by_tolerance = _by_tolerance(baseline, runs, seeds, kind, calibration)
        lines += [
            _judge_cell(baseline, runs, cell, seeds, STATISTICAL, by_tolerance) for cell in cells if why_not[cell]
        ]
        comparable = {Cell(line.category, line.method, line.shots) for line in lines if line.changes}
        for pool in _pools(calibration):
            pooled = {cell for comparison in pool for cell in comparison.cells}
            if pooled <= comparable and any(why_not[cell] for cell in pooled):
                lines.append(_judge_pool(pool, seeds, by_tolerance))
    return Judgement(lines, why)


def why_not_bits(baseline: Baseline, runs: StoredRuns, cell: Cell, seeds: Iterable[int]) -> str:
    """Return why a cell cannot be compared bit by bit; "" if it can."""
    before, now = baseline.outcomes[cell], runs.outcomes.get(cell, {})
    for seed in seeds:
        if seed not in before:
            return f"seed {seed} is not in the baseline"
    for machine in runs.machines:
        names = [name for name in baseline.machine | machine if baseline.machine.get(name) != machine.get(name)]
        if names:
            more = f", and {len(names) - 1} more differ" if len(names) > 1 else ""
            return f"{names[0]} is {machine.get(names[0])}, in the baseline {baseline.machine.get(names[0])}{more}"
    if any(now[seed].id != before[seed].id and now[seed].draw == before[seed].draw for seed in seeds if seed in now):
        return f"what a run of {cell.method} is was changed (its recipe, or TRAINING_VERSION)"
    return ""


Compare = Callable[[Comparison], Change]


def _by_bits(baseline: Baseline, runs: StoredRuns, seeds: Sequence[int]) -> Compare:
    """Return what compares means over the same seeds, and tolerates nothing."""
    before, now = scores_of(baseline.outcomes), scores_of(runs.outcomes)

    def compare(comparison: Comparison) -> Change:
        was, is_ = (mean_score(scores, comparison.cells, comparison.metric, seeds) for scores in (before, now))
        return _change(was, is_, None)

    return compare


def _by_tolerance(
    baseline: Baseline, runs: StoredRuns, seeds: Sequence[int], kind: str, calibration: Calibration
) -> Compare:
    """Return what compares means with the baseline's: of the same seeds, or, of other ones, of all it has."""
    before, now = scores_of(baseline.outcomes), scores_of(runs.outcomes)

    def compare(comparison: Comparison) -> Change:
        is_ = mean_score(now, comparison.cells, comparison.metric, seeds)
        found = calibration.tolerances.get(comparison)
        if found is None:  # undefined for some seed of the baseline: nothing to fall from
            return _change(None, is_, None)
        was = mean_score(before, comparison.cells, comparison.metric, seeds if kind == SAME else baseline.seeds)
        return _change(was, is_, found.allowed)

    return compare


def _pools(calibration: Calibration) -> list[list[Comparison]]:
    """Return what is compared over several cells, the metrics of each together: methods, then all."""
    pools: dict[tuple[str, str], list[Comparison]] = {}
    for level in ("method", "all"):
        for comparison in calibration.tolerances:
            if comparison.level == level:
                pools.setdefault((level, comparison.method), []).append(comparison)
    return list(pools.values())


def _judge_pool(pool: Sequence[Comparison], seeds: Sequence[int], compare: Compare) -> Line:
    changes = {comparison.metric: compare(comparison) for comparison in pool}
    verdict = _verdict(changes, WITHIN)
    return Line("", pool[0].method, 0, STATISTICAL, tuple(seeds), verdict, changes, tuple(_falls(changes)))


def _judge_cell(
    baseline: Baseline, runs: StoredRuns, cell: Cell, seeds: Sequence[int], mode: str, compare: Compare
) -> Line:
    before, now = baseline.outcomes[cell], runs.outcomes.get(cell, {})
    absent = [f"seed {seed} {runs.missing.get((cell, seed), 'was not run')}" for seed in seeds if seed not in now]
    if absent:
        return Line(*cell, mode, tuple(seeds), MISSING, {}, tuple(absent))
    unlike = [said for seed in seeds if seed in before and (said := _unlike(before[seed], now[seed], seed))]
    if unlike:
        return Line(*cell, mode, tuple(seeds), UNLIKE, {}, tuple(unlike))
    changes = {metric: compare(Comparison(metric, (cell,), *cell)) for metric in METRICS}
    if mode == BIT:
        same = all(now[seed] == before[seed] for seed in seeds)
        verdict = IDENTICAL if same else _verdict(changes, CHANGED)
    else:
        verdict = _verdict(changes, WITHIN)
    return Line(*cell, mode, tuple(seeds), verdict, changes, tuple(_falls(changes)))


def _unlike(before: Outcome, now: Outcome, seed: int) -> str:
    """Return how the images of a run differ from those of the same run in the baseline; "" if they do not."""
    if before.draw != now.draw:
        return f"seed {seed} was trained from other images than in the baseline"
    if before.images != now.images:
        was, is_ = (
            f"{scored} scored, {defective} defective and {normal} normal"
            for scored, defective, normal in (before.images, now.images)
        )
        return f"seed {seed} was tested on {is_} images, in the baseline on {was}"
    return ""


def _change(before: float | None, now: float | None, tolerance: float | None) -> Change:
    unmoved = IDENTICAL if tolerance is None else WITHIN
    if before is None or now is None:
        return Change(before, now, tolerance, unmoved if before is now else BETTER if before is None else WORSE)
    difference = now - before
    if abs(difference) <= (tolerance or 0.0):
        return Change(before, now, tolerance, unmoved)
    return Change(before, now, tolerance, BETTER if difference > 0 else WORSE)


def _verdict(changes: Mapping[Metric, Change], unmoved: str) -> str:
    verdicts = {change.verdict for change in changes.values()}
    return WORSE if WORSE in verdicts else BETTER if BETTER in verdicts else unmoved


def _falls(changes: Mapping[Metric, Change]) -> Iterable[str]:
    for metric, change in changes.items():
        if change.verdict == WORSE and change.difference is None:
            yield f"{metric.upper()} is no longer defined"
        elif change.verdict == WORSE and change.difference is not None:
            allowed = "" if change.tolerance is None else f"; tolerated are {change.tolerance:.4f}"
            yield (
                f"{metric.upper()} fell by {-change.difference:.4f}, "
                f"from {change.before:.4f} to {change.now:.4f}{allowed}"
            )
