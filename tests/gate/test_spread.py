"""Tolerances against independent implementations: every split of few seeds, known noise."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from baselines.errors import InputError
from benchmark.gate import assess
from benchmark.gate.assess import find_losses, rate_false_alarms
from benchmark.gate.outcomes import TERMS, Cell, Measure, Scores, scores_of
from benchmark.gate.spread import FALSE_ALARMS, Comparison, Level, Spread, calibrate, list_comparisons, measure_spread
from benchmark.score import METRICS
from tests.gate.factories import CELLS, make_outcomes, noisy

ONE = Cell("carpet", "unet", 1)
VALUES = (0.31, 0.28, 0.35, 0.30, 0.33, 0.12)


def metrics_only(value: float) -> dict[Measure, float | None]:
    return dict.fromkeys(TERMS) | dict.fromkeys(METRICS, value)


def one_cell(values: tuple[float, ...]) -> Scores:
    return {ONE: {seed: metrics_only(value) for seed, value in enumerate(values)}}


def normal_scores(n: int, spread: float = 0.05, seed: int = 0) -> Scores:
    """Independent normal noise about 0.5 in every cell; the metrics of a run are equal."""
    rng = np.random.default_rng(seed)
    return {cell: {s: metrics_only(float(0.5 + spread * rng.standard_normal())) for s in range(n)} for cell in CELLS}


def comparison(cell: Cell, measure: Measure = "iou") -> Comparison:
    return Comparison(measure, (cell,), *cell)


def test_what_is_compared_is_each_cell_each_method_and_everything() -> None:
    scores = scores_of(make_outcomes(noisy))
    of_iou = [each for each in list_comparisons(scores) if each.measure == "iou"]
    assert [each.level for each in of_iou] == [Level.CELL] * 4 + [Level.METHOD] * 2 + [Level.ALL]
    assert of_iou[4].cells == (CELLS[0], CELLS[2])
    assert set(of_iou[-1].cells) == set(CELLS)
    scores[CELLS[0]][3]["auc"] = None  # e.g. no normal test image
    assert comparison(CELLS[0], "auc") not in list_comparisons(scores)
    assert comparison(CELLS[0], "iou") in list_comparisons(scores)


def test_terms_are_compared_where_a_recipe_has_them() -> None:
    scores = scores_of(make_outcomes(noisy))
    of_lambda = [each for each in list_comparisons(scores) if each.measure == "realism"]
    assert [each.place for each in of_lambda] == [("carpet", "albunet", 1), ("tile", "albunet", 1), ("", "albunet", 0)]
    assert all(each.two_sided for each in of_lambda)
    assert not any(each.two_sided for each in list_comparisons(scores) if each.measure in METRICS)


def test_a_term_is_allowed_the_worst_split_in_either_direction() -> None:
    """The sign is that with which the outlier of VALUES is a rise: a metric's tolerance does not depend on it."""
    worst = 0.0
    for pair in itertools.combinations(VALUES, 2):
        left = [value for value in VALUES if value not in pair]
        error = np.std(left, ddof=1) * np.sqrt(1 / 2 + 1 / 4)
        worst = max(worst, abs(np.mean(left) - np.mean(pair)) / error)
    assert worst > norm.isf(FALSE_ALARMS / 6)  # the least that is allowed
    scores: Scores = {
        ONE: {seed: dict.fromkeys(TERMS, -value) | dict.fromkeys(METRICS) for seed, value in enumerate(VALUES)}
    }
    calibration = calibrate(measure_spread(scores), 2)
    assert calibration.critical == pytest.approx({"cell_terms": worst})
    assert set(calibration.tolerances) == {comparison(ONE, term) for term in TERMS}


def test_with_other_seeds_the_tolerance_is_the_worst_split_of_few_seeds() -> None:
    """Six seeds have fifteen splits, so the quantile is their maximum."""
    worst = 0.0
    for pair in itertools.combinations(VALUES, 2):
        left = [value for value in VALUES if value not in pair]
        error = np.std(left, ddof=1) * np.sqrt(1 / 2 + 1 / 4)
        worst = max(worst, (np.mean(left) - np.mean(pair)) / error)
    calibration = calibrate(measure_spread(one_cell(VALUES)), 2)
    assert calibration.critical == pytest.approx({"cell": worst})
    tolerance = calibration.tolerances[comparison(ONE)]
    assert tolerance.spread == pytest.approx(np.std(VALUES, ddof=1))
    assert tolerance.allowed == pytest.approx(worst * np.std(VALUES, ddof=1) * np.sqrt(1 / 2 + 1 / 6))


def test_with_the_same_seeds_the_tolerance_is_the_worst_of_their_differences_with_either_sign() -> None:
    differences = (0.01, -0.02, 0.005, 0.013, -0.004, 0.09)
    worst = 0.0
    for chosen in itertools.combinations(range(6), 2):
        left = [differences[i] for i in range(6) if i not in chosen]
        error = np.sqrt(np.mean(np.square(left))) / np.sqrt(2)
        for signs in itertools.product((-1, 1), repeat=2):
            fall = -np.mean([sign * differences[i] for sign, i in zip(signs, chosen, strict=True)])
            worst = max(worst, fall / error)
    calibration = calibrate(measure_spread(one_cell(differences), paired=True), 2)
    assert calibration.critical == pytest.approx({"cell": worst})
    root = np.sqrt(np.mean(np.square(differences)))
    assert calibration.tolerances[comparison(ONE)].allowed == pytest.approx(worst * root / np.sqrt(2))


def test_a_method_spreads_less_than_its_cells_by_averaging() -> None:
    spread = measure_spread(normal_scores(400))
    deviations = dict(zip(spread.comparisons, spread.deviations, strict=True))
    levels = {level: [value for each, value in deviations.items() if each.level == level] for level in Level}
    assert np.mean(levels[Level.CELL]) == pytest.approx(0.05, rel=0.1)
    assert np.mean(levels[Level.METHOD]) == pytest.approx(0.05 / np.sqrt(2), rel=0.1)
    assert np.mean(levels[Level.ALL]) == pytest.approx(0.05 / 2, rel=0.1)


def test_methods_of_one_category_share_their_seeds() -> None:
    """Where all methods of a category rise and fall together, averaging over them reduces nothing."""
    rng = np.random.default_rng(0)
    shared = {(category, seed): 0.05 * rng.standard_normal() for category in ("carpet", "tile") for seed in range(400)}
    outcomes = make_outcomes(lambda cell, seed: 0.5 + shared[cell.category, seed], seeds=range(400))
    spread = measure_spread(scores_of(outcomes))
    overall = next(i for i, each in enumerate(spread.comparisons) if each.level is Level.ALL)
    assert spread.deviations[overall] == pytest.approx(0.05 / np.sqrt(2), rel=0.1)
    falls, errors = spread.draw_checks(2, 4000, "test")
    assert np.std(falls[:, overall] / errors[:, overall]) == pytest.approx(1, abs=0.1)


def test_seeds_that_happen_to_agree_are_assigned_the_median_spread() -> None:
    scores = normal_scores(12)
    scores[CELLS[0]] = {seed: metrics_only(0.4) for seed in range(12)}
    spread = measure_spread(scores)
    deviations = dict(zip(spread.comparisons, spread.deviations, strict=True))
    own = [np.std([scores[cell][seed]["iou"] for seed in range(12)], ddof=1) for cell in CELLS]  # type: ignore[misc]
    assert deviations[comparison(CELLS[0])] == pytest.approx(np.median(own))
    all_equal = {cell: {seed: metrics_only(0.4) for seed in range(12)} for cell in CELLS}
    assert all(tolerance.allowed > 0 for tolerance in calibrate(measure_spread(all_equal), 2).tolerances.values())


@pytest.mark.parametrize("paired", [False, True])
def test_unchanged_code_seldom_raises_an_alarm(paired: bool) -> None:
    """Checks of seeds that the tolerances do not depend on."""

    def measure(n: int, seed: int) -> Spread:
        scores = normal_scores(n, seed=seed)
        if paired:
            for runs in scores.values():
                for values in runs.values():
                    values |= {metric: (values[metric] or 0.0) - 0.5 for metric in METRICS}
        return measure_spread(scores, paired)

    known = measure(60, 1)
    allowed = np.array([tolerance.allowed for tolerance in calibrate(known, 2).tolerances.values()])
    falls = known.means - measure(600, 2).draw_means(2, 3000, "test")
    assert (falls > allowed).any(axis=1).mean() < 5 * FALSE_ALARMS
    assert (falls > allowed / 2).any(axis=1).mean() > 5 * FALSE_ALARMS  # half the tolerance would not do


def test_false_alarms_are_counted_on_seeds_that_tolerances_do_not_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assess, "_SPLITS", 40)
    share = rate_false_alarms(measure_spread(normal_scores(30)), 2)
    assert share is not None
    assert 0 < share < 0.05
    assert rate_false_alarms(measure_spread(normal_scores(8)), 2) is None


def test_the_smallest_loss_is_detected_in_nine_of_ten_checks() -> None:
    spread = measure_spread(normal_scores(30, spread=0.01))
    calibration = calibrate(spread, 2)
    means = dict(zip(spread.comparisons, spread.means.tolist(), strict=True))
    losses = find_losses(spread, calibration, means)
    falls, errors = spread.draw_checks(2, 20_000, "another purpose")
    critical = np.array([calibration.critical[each.group] for each in spread.comparisons])
    for lost, loss in losses.items():
        assert loss is not None
        fall = np.array(
            [
                sum(0.5 * loss for cell in each.cells if cell in lost.cells) / len(each.cells)
                if each.measure == lost.measure
                else 0.0
                for each in spread.comparisons
            ]
        )
        share = (falls + fall > critical * errors).any(axis=1).mean()
        assert share == pytest.approx(0.9, abs=0.03), lost
    by_level = {level: np.mean([losses[x] or 1 for x in losses if x.level == level]) for level in Level}
    assert by_level[Level.CELL] > by_level[Level.METHOD] > by_level[Level.ALL]


def test_a_total_loss_may_stay_undetected_and_has_no_number() -> None:
    spread = measure_spread(normal_scores(12, spread=0.3))
    means = dict(zip(spread.comparisons, spread.means.tolist(), strict=True))
    assert find_losses(spread, calibrate(spread, 2), means)[comparison(CELLS[0])] is None


def test_tolerances_are_reproducible_and_wider_for_fewer_seeds() -> None:
    scores = normal_scores(12)
    assert calibrate(measure_spread(scores), 2) == calibrate(measure_spread(scores), 2)
    allowed = [calibrate(measure_spread(normal_scores(30)), m).tolerances[comparison(CELLS[0])].allowed for m in (1, 3)]
    assert allowed[0] > allowed[1]


@pytest.mark.parametrize(
    ("scores", "m", "message"),
    [
        (one_cell(VALUES[:4]), 2, "4 seeds are too few"),
        (one_cell(VALUES), 5, "5 seeds are too many for a baseline of 6: check 4 at most"),
        (
            normal_scores(6) | {CELLS[0]: normal_scores(7)[CELLS[0]]},
            2,
            "a baseline has the same seeds for every method",
        ),
    ],
)
def test_too_few_seeds_are_refused(scores: Scores, m: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        calibrate(measure_spread(scores), m)


def test_a_spread_can_be_restricted_to_some_seeds() -> None:
    spread = measure_spread(one_cell(VALUES))
    assert replace(spread, values=spread.values[:, :, [0, 5]]).means == pytest.approx(spread.take([0, 5]).means)
    assert spread.take([0, 5]).means == pytest.approx(np.full(4, (VALUES[0] + VALUES[5]) / 2))
