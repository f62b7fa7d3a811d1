"""Hold runs against a baseline: bit by bit where hardware, versions and runs are the same, else by tolerances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from baselines import InputError
from benchmark.gate.baseline import Baseline
from benchmark.gate.outcomes import METRICS, Cell, Outcome, Outcomes, StoredRuns
from benchmark.gate.spread import Calibration, Comparison, calibrate, measure_spread

BIT, STATISTICAL = "bit-level", "statistical"

IDENTICAL, CHANGED, WITHIN, BETTER, NEW = "identical", "changed", "within tolerance", "better", "new"
WORSE, MISSING, UNLIKE = "WORSE", "MISSING", "OTHER IMAGES"
FAILING = (WORSE, MISSING, UNLIKE)


@dataclass(frozen=True)
class Change:
    """One metric, before and now.

    Attributes
    ----------
    before, now : float or None
        Means: bit by bit over the same seeds, else before is over all of the baseline's; None where undefined.
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
    changes: dict[str, Change]
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
        Cells in the baseline's order, then methods, then all; the latter two for statistical ones only.
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
    cells, seeds
        What should be there.
    gate : {"auto", "bit", "statistical"}
        ``auto`` compares a cell bit by bit wherever that can be done.

    Raises
    ------
    InputError
        If ``bit`` is asked for where it cannot be done, or the baseline has too few seeds for so many.
    """
    reasons = {cell: why_not_bits(baseline, runs, cell, seeds) for cell in cells}
    if gate == "statistical":
        reasons = dict.fromkeys(cells, "asked for")
    elif gate == "bit" and any(reasons.values()):
        raise InputError(f"runs cannot be compared bit by bit: {next(filter(None, reasons.values()))}")
    statistical = [cell for cell in cells if reasons[cell] and cell in baseline.outcomes]
    calibration = baseline.calibration
    if statistical and len(seeds) != calibration.seeds:
        calibration = calibrate(measure_spread(baseline.outcomes), len(seeds))
    lines = [_judge_cell(baseline, runs, cell, seeds, calibration if reasons[cell] else None) for cell in cells]
    whole = {cell for cell, line in zip(cells, lines, strict=True) if line.verdict not in (MISSING, NEW)}
    for pool in _pools(calibration):
        pooled = {cell for comparison in pool for cell in comparison.cells}
        if pooled <= whole and not pooled.isdisjoint(statistical):
            lines.append(_judge_pool(calibration, pool, runs.outcomes, seeds))
    return Judgement(lines, _explain(reasons))


def why_not_bits(baseline: Baseline, runs: StoredRuns, cell: Cell, seeds: Sequence[int]) -> str:
    """Return why a cell cannot be compared bit by bit; "" if it can, or if it has nothing to compare."""
    before, now = baseline.outcomes.get(cell, {}), runs.outcomes.get(cell, {})
    if not before or not now:
        return ""
    other = [seed for seed in seeds if seed not in before]
    if other:
        return f"seed {other[0]} is not in the baseline"
    for machine in runs.machines:
        differing = [name for name in baseline.machine | machine if baseline.machine.get(name) != machine.get(name)]
        if differing:
            name = differing[0]
            more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
            return f"{name} is {machine.get(name)} here, {baseline.machine.get(name)} in the baseline{more}"
    if any(now[seed].id != before[seed].id and now[seed].draw == before[seed].draw for seed in seeds if seed in now):
        return f"what a run of {cell.method} is was changed (its recipe, or TRAINING_VERSION)"
    return ""


def _explain(reasons: Mapping[Cell, str]) -> dict[str, str]:
    found = {}
    bits, others = [c for c, why in reasons.items() if not why], [why for why in reasons.values() if why]
    if bits:
        found[BIT] = "hardware and versions are the baseline's: every test image must come out the same"
    if others:
        found[STATISTICAL] = "; ".join(dict.fromkeys(others))
    return found


def _judge_cell(
    baseline: Baseline, runs: StoredRuns, cell: Cell, seeds: Sequence[int], calibration: Calibration | None
) -> Line:
    """Judge one cell, by tolerances if there is a calibration."""
    mode = STATISTICAL if calibration else BIT
    now, before = runs.outcomes.get(cell, {}), baseline.outcomes.get(cell)

    def line(verdict: str, changes: dict[str, Change], *reasons: str) -> Line:
        return Line(*cell, mode, tuple(seeds), verdict, changes, reasons)

    absent = [f"seed {seed} {runs.missing.get((cell, seed), 'was not run')}" for seed in seeds if seed not in now]
    if absent:
        return line(MISSING, {}, *absent)
    if before is None:
        return line(NEW, {metric: Change(None, _mean(now, seeds, metric), None, NEW) for metric in METRICS})
    if unlike := [said for seed in seeds if seed in before and (said := _unlike(before[seed], now[seed], seed))]:
        return line(UNLIKE, {}, *unlike)
    if calibration is None:
        changes = {metric: _change(_mean(before, seeds, metric), _mean(now, seeds, metric), None) for metric in METRICS}
        same = all(now[seed] == before[seed] for seed in seeds)
        verdict = IDENTICAL if same else _verdict(changes, CHANGED)
    else:
        changes = {
            metric: _tolerated(calibration, Comparison(metric, (cell,), *cell), _mean(now, seeds, metric))
            for metric in METRICS
        }
        verdict = _verdict(changes, WITHIN)
    return line(verdict, changes, *_falls(changes))


def _unlike(before: Outcome, now: Outcome, seed: int) -> str:
    """Return how the images of a run differ from those of the same run in the baseline; "" if they do not."""
    if before.draw != now.draw:
        return f"seed {seed} was trained from other images"
    if before.images != now.images:
        was, is_ = (
            f"{scored} scored, {defective} defective and {normal} normal"
            for scored, defective, normal in (before.images, now.images)
        )
        return f"seed {seed} was tested on {is_} images, in the baseline on {was}"
    return ""


def _mean(runs: Mapping[int, Outcome], seeds: Sequence[int], metric: str) -> float | None:
    values = [runs[seed].metrics[metric] for seed in seeds]
    return None if None in values else float(np.mean([value for value in values if value is not None]))


def _change(before: float | None, now: float | None, tolerance: float | None) -> Change:
    unmoved = IDENTICAL if tolerance is None else WITHIN
    if before is None or now is None:
        return Change(before, now, tolerance, unmoved if before is now else BETTER if before is None else WORSE)
    difference = now - before
    if abs(difference) <= (tolerance or 0.0):
        return Change(before, now, tolerance, unmoved)
    return Change(before, now, tolerance, BETTER if difference > 0 else WORSE)


def _tolerated(calibration: Calibration, comparison: Comparison, now: float | None) -> Change:
    found = calibration.tolerances.get(comparison)
    if found is None:  # undefined for some seed of the baseline: nothing to fall from
        return _change(None, now, None)
    return _change(found.mean, now, found.tolerance)


def _verdict(changes: Mapping[str, Change], unmoved: str) -> str:
    verdicts = {change.verdict for change in changes.values()}
    return WORSE if WORSE in verdicts else BETTER if BETTER in verdicts else unmoved


def _pools(calibration: Calibration) -> list[list[Comparison]]:
    """Return what is compared over several cells, the metrics of each together: methods, then all."""
    pools: dict[tuple[str, str], list[Comparison]] = {}
    for level in ("method", "all"):
        for comparison in calibration.tolerances:
            if comparison.level == level:
                pools.setdefault((level, comparison.method), []).append(comparison)
    return list(pools.values())


def _judge_pool(calibration: Calibration, pool: list[Comparison], now: Outcomes, seeds: Sequence[int]) -> Line:
    changes = {}
    for comparison in pool:
        values = [_mean(now[cell], seeds, comparison.metric) for cell in comparison.cells]
        known = [value for value in values if value is not None]
        changes[comparison.metric] = _tolerated(
            calibration, comparison, float(np.mean(known)) if len(known) == len(values) else None
        )
    verdict = _verdict(changes, WITHIN)
    return Line("", pool[0].method, 0, STATISTICAL, tuple(seeds), verdict, changes, _falls(changes))


def _falls(changes: Mapping[str, Change]) -> tuple[str, ...]:
    said = []
    for metric, change in changes.items():
        if change.verdict == WORSE:
            if change.difference is None:
                said.append(f"{metric.upper()} is no longer defined")
                continue
            allowed = "" if change.tolerance is None else f", {change.tolerance:.4f} is tolerated"
            said.append(
                f"{metric.upper()} fell by {-change.difference:.4f}, "
                f"from {change.before:.4f} to {change.now:.4f}{allowed}"
            )
    return tuple(said)
