"""Compare runs with a baseline: bit by bit where hardware, versions and runs are the same, else by tolerances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from baselines.errors import InputError
from benchmark.gate.baseline import Baseline, Pairing
from benchmark.gate.outcomes import (
    MEASURE_LABELS,
    MEASURES,
    Cell,
    Measure,
    Outcome,
    Scores,
    StoredRuns,
    mean_score,
    scores_of,
)
from benchmark.gate.spread import Calibration, Comparison, Level
from benchmark.score import METRICS, Metrics


class Gate(StrEnum):
    """How a cell is to be compared; ``AUTO``: bit by bit wherever that is possible."""

    AUTO = "auto"
    BIT = "bit"
    STATISTICAL = "statistical"


class Mode(StrEnum):
    """How a cell was compared."""

    BIT = "bit-level"
    STATISTICAL = "statistical"


class Verdict(StrEnum):
    """What a comparison found; docs/regression-gate.md defines each.

    Examples
    --------
    >>> Verdict.WORSE.fails, Verdict.BETTER.fails
    (True, False)
    """

    IDENTICAL = "identical"
    CHANGED = "changed"
    WITHIN = "within tolerance"
    BETTER = "better"
    WORSE = "WORSE"
    MISSING = "MISSING"
    OTHER_IMAGES = "OTHER IMAGES"

    @property
    def fails(self) -> bool:
        """Whether the check fails."""
        return self in (Verdict.WORSE, Verdict.MISSING, Verdict.OTHER_IMAGES)


@dataclass(frozen=True)
class Change:
    """One measure, in the baseline and now.

    Attributes
    ----------
    before, now : float or None
        Means over seeds; None where undefined.
    tolerance : float or None
        How much lower, or for a training term how far away, it may be; None bit by bit, where nothing is tolerated.
    verdict : Verdict
    """

    before: float | None
    now: float | None
    tolerance: float | None
    verdict: Verdict

    @property
    def difference(self) -> float | None:
        """Now minus before."""
        return None if self.before is None or self.now is None else self.now - self.before


@dataclass(frozen=True)
class Line:
    """The result for a cell, a method over its cells, or all cells.

    Attributes
    ----------
    category, method : str
        "" if over several.
    shots : int
        0 if over several.
    mode : Mode
    seeds : tuple of int
    verdict : Verdict
    changes : dict
        By measure, bit by bit the metrics only; empty if nothing could be compared.
    reasons : tuple of str
        Why it fails, if it does.
    """

    category: str
    method: str
    shots: int
    mode: Mode
    seeds: tuple[int, ...]
    verdict: Verdict
    changes: dict[Measure, Change]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """The result of a check.

    Attributes
    ----------
    lines : list of Line
        Cells; then methods and all cells, if any of their cells were compared by tolerances.
    why : dict
        For each mode that was used, the reason.
    """

    lines: list[Line]
    why: dict[Mode, str]

    @property
    def passed(self) -> bool:
        """Whether no line fails."""
        return not any(line.verdict.fails for line in self.lines)


def judge(baseline: Baseline, runs: StoredRuns, cells: Sequence[Cell], seeds: Sequence[int], gate: Gate) -> Judgement:
    """Compare runs with a baseline.

    Parameters
    ----------
    cells : sequence of Cell
        Cells of the baseline; those without runs are missing.
    seeds : sequence of int
        Likewise.

    Raises
    ------
    InputError
        If ``Gate.BIT`` is not possible, or the baseline has too few seeds for so many.
    """
    obstacles = {cell: bit_level_obstacle(baseline, runs, cell, seeds) for cell in cells}
    if gate is Gate.STATISTICAL:
        obstacles = dict.fromkeys(cells, "asked for")
    elif gate is Gate.BIT and any(obstacles.values()):
        raise InputError(f"runs cannot be compared bit by bit: {next(filter(None, obstacles.values()))}")
    why: dict[Mode, str] = {}
    if not all(obstacles.values()):
        why[Mode.BIT] = "hardware and versions are the baseline's, so every test image must come out the same"
    by_bits = _by_bits(baseline, runs, seeds)
    lines = [_judge_cell(baseline, runs, cell, seeds, Mode.BIT, by_bits) for cell in cells if not obstacles[cell]]
    if reasons := list(dict.fromkeys(filter(None, obstacles.values()))):
        calibration = baseline.calibration(seeds)
        why[Mode.STATISTICAL] = f"{'; '.join(reasons)}. Tolerances are those of checks with {baseline.pairing(seeds)}"
        compare = _by_tolerance(baseline, runs, seeds, calibration)
        lines += [
            _judge_cell(baseline, runs, cell, seeds, Mode.STATISTICAL, compare) for cell in cells if obstacles[cell]
        ]
        comparable = {Cell(line.category, line.method, line.shots) for line in lines if line.changes}
        for pool in _pools(calibration):
            pooled = {cell for comparison in pool for cell in comparison.cells}
            if pooled <= comparable and any(obstacles[cell] for cell in pooled):
                lines.append(_judge_pool(pool, seeds, compare))
    return Judgement(lines, why)


def bit_level_obstacle(baseline: Baseline, runs: StoredRuns, cell: Cell, seeds: Iterable[int]) -> str:
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
        return f"the definition of {cell.method} runs has changed (its file, its recipe, or TRAINING_VERSION)"
    return ""


Compare = Callable[[Comparison], Change]


def _by_bits(baseline: Baseline, runs: StoredRuns, seeds: Sequence[int]) -> Compare:
    """Return a function that compares means over the same seeds, without tolerance."""
    before, now = scores_of(baseline.outcomes), scores_of(runs.outcomes)

    def compare(comparison: Comparison) -> Change:
        old, new = (mean_score(scores, comparison.cells, comparison.measure, seeds) for scores in (before, now))
        return _change(old, new, None)

    return compare


def _by_tolerance(baseline: Baseline, runs: StoredRuns, seeds: Sequence[int], calibration: Calibration) -> Compare:
    """Return a function that compares means with the baseline's: of the same seeds, or else of all it has."""
    before, now = scores_of(baseline.outcomes), scores_of(runs.outcomes)
    seeds_before = seeds if baseline.pairing(seeds) is Pairing.SAME_SEEDS else baseline.seeds

    def compare(comparison: Comparison) -> Change:
        new = mean_score(now, comparison.cells, comparison.measure, seeds)
        tolerance = calibration.tolerances.get(comparison)
        if tolerance is None:  # undefined for some seed of the baseline
            if comparison.two_sided and _is_ever_defined(before, comparison):  # lambda of a run that seldom pastes
                return Change(None, new, None, Verdict.WITHIN)
            return _change(None, new, None, comparison.two_sided)
        old = mean_score(before, comparison.cells, comparison.measure, seeds_before)
        return _change(old, new, tolerance.allowed, comparison.two_sided)

    return compare


def _is_ever_defined(scores: Scores, comparison: Comparison) -> bool:
    return any(run[comparison.measure] is not None for cell in comparison.cells for run in scores[cell].values())


def _pools(calibration: Calibration) -> list[list[Comparison]]:
    """Return the comparisons over several cells, all measures of each together: methods, then all cells."""
    pools: dict[tuple[Level, str], list[Comparison]] = {}
    for level in (Level.METHOD, Level.ALL):
        for comparison in calibration.tolerances:
            if comparison.level is level:
                pools.setdefault((level, comparison.method), []).append(comparison)
    return list(pools.values())


def _judge_pool(pool: Sequence[Comparison], seeds: Sequence[int], compare: Compare) -> Line:
    changes = {comparison.measure: compare(comparison) for comparison in pool}
    verdict = _verdict(changes, Verdict.WITHIN)
    return Line(*pool[0].place, Mode.STATISTICAL, tuple(seeds), verdict, changes, tuple(_failures(changes)))


def _judge_cell(
    baseline: Baseline, runs: StoredRuns, cell: Cell, seeds: Sequence[int], mode: Mode, compare: Compare
) -> Line:
    before, now = baseline.outcomes[cell], runs.outcomes.get(cell, {})
    absent = [f"seed {seed} {runs.missing.get((cell, seed), 'was not run')}" for seed in seeds if seed not in now]
    if absent:
        return Line(*cell, mode, tuple(seeds), Verdict.MISSING, {}, tuple(absent))
    differing = [_image_difference(before[seed], now[seed], seed) for seed in seeds if seed in before]
    if any(differing):
        return Line(*cell, mode, tuple(seeds), Verdict.OTHER_IMAGES, {}, tuple(filter(None, differing)))
    # Bit by bit any change shows in the outcome; a change of the arithmetic for the better must not fail for its terms.
    measures = METRICS if mode is Mode.BIT else MEASURES
    changes = {measure: compare(Comparison(measure, (cell,), *cell)) for measure in measures}
    if mode is Mode.BIT:
        same = all(now[seed] == before[seed] for seed in seeds)
        verdict = Verdict.IDENTICAL if same else _verdict(changes, Verdict.CHANGED)
    else:
        verdict = _verdict(changes, Verdict.WITHIN)
    return Line(*cell, mode, tuple(seeds), verdict, changes, tuple(_failures(changes)))


def _image_difference(before: Outcome, now: Outcome, seed: int) -> str:
    """Return how the images of a run differ from those of the same run in the baseline; "" if they do not."""
    if before.draw != now.draw:
        return f"seed {seed} was trained on other images than in the baseline"
    old, new = _count_images(before.metrics), _count_images(now.metrics)
    return f"seed {seed} was tested on {new} images, in the baseline on {old}" if old != new else ""


def _count_images(metrics: Metrics) -> str:
    return f"{metrics.scored_images} scored, {metrics.defective_images} defective and {metrics.normal_images} normal"


def _change(before: float | None, now: float | None, tolerance: float | None, two_sided: bool = False) -> Change:
    better = Verdict.WORSE if two_sided else Verdict.BETTER
    unchanged = Verdict.IDENTICAL if tolerance is None else Verdict.WITHIN
    if before is None or now is None:
        verdict = unchanged if before is now else better if before is None else Verdict.WORSE
    elif abs(now - before) <= (tolerance or 0.0):
        verdict = unchanged
    else:
        verdict = better if now > before else Verdict.WORSE
    return Change(before, now, tolerance, verdict)


def _verdict(changes: Mapping[Measure, Change], otherwise: Verdict) -> Verdict:
    verdicts = {change.verdict for change in changes.values()}
    return next((verdict for verdict in (Verdict.WORSE, Verdict.BETTER) if verdict in verdicts), otherwise)


def _failures(changes: Mapping[Measure, Change]) -> Iterable[str]:
    for measure, change in changes.items():
        if change.verdict is not Verdict.WORSE:
            continue
        if change.difference is None:
            yield f"{MEASURE_LABELS[measure]} is {'no longer' if change.now is None else 'now'} defined"
        else:
            tolerated = "" if change.tolerance is None else f"; the tolerance is {change.tolerance:.4f}"
            yield (
                f"{MEASURE_LABELS[measure]} {'fell' if change.difference < 0 else 'rose'} by "
                f"{abs(change.difference):.4f}, from {change.before:.4f} to {change.now:.4f}{tolerated}"
            )
