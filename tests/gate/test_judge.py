"""Verdicts: worse, better, changed, missing or not comparable, bit by bit and by tolerances."""

from __future__ import annotations

from dataclasses import replace

import pytest

from baselines.errors import InputError
from benchmark.gate.judge import Gate, Judgement, Line, Mode, Verdict, judge
from benchmark.gate.outcomes import MEASURE_LABELS, TERMS, Outcomes, Term, Terms
from benchmark.score import METRICS, Metrics
from tests.gate.factories import (
    CELLS,
    OTHER_MACHINE,
    changed,
    lowered,
    make_baseline,
    make_outcomes,
    noisy,
    stored,
    with_metrics,
    with_terms,
)

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    return make_outcomes(noisy)


def judged(
    now: Outcomes, machine: dict[str, str] | None = None, gate: Gate = Gate.AUTO, differs: float = 0.0
) -> Judgement:
    runs = stored(now) if machine is None else stored(now, machine)
    return judge(make_baseline(differs=differs), runs, CELLS, SEEDS, gate)


def verdicts(judgement: Judgement) -> list[Verdict]:
    return [line.verdict for line in judgement.lines]


def line_of(judgement: Judgement, category: str = "", method: str = "") -> Line:
    return next(line for line in judgement.lines if (line.category, line.method) == (category, method))


def test_the_same_runs_on_the_same_machine_are_identical(outcomes: Outcomes) -> None:
    judgement = judged(outcomes)
    assert verdicts(judgement) == [Verdict.IDENTICAL] * 4
    assert judgement.passed
    assert list(judgement.why) == [Mode.BIT]
    assert {change.difference for line in judgement.lines for change in line.changes.values()} == {0.0}


def test_bit_by_bit_the_smallest_fall_fails_and_a_rise_does_not(outcomes: Outcomes) -> None:
    judgement = judged(lowered(outcomes, 1e-12, CELLS[:1]))
    assert verdicts(judgement) == [Verdict.WORSE, *[Verdict.IDENTICAL] * 3]
    assert not judgement.passed
    assert judgement.lines[0].reasons[0].startswith("IOU fell by 0.0000, from 0.5")
    judgement = judged(lowered(outcomes, -0.3, CELLS[:1]))
    assert verdicts(judgement) == [Verdict.BETTER, *[Verdict.IDENTICAL] * 3]
    assert judgement.passed


def test_bit_by_bit_a_fall_of_one_metric_outweighs_the_rise_of_another(outcomes: Outcomes) -> None:
    mixed = changed(outcomes)
    run = mixed[CELLS[2]][1]
    mixed[CELLS[2]][1] = with_metrics(run, iou=0.9, acc=0.1)
    judgement = judged(mixed)
    assert verdicts(judgement)[2] == Verdict.WORSE
    assert [name for name, change in judgement.lines[2].changes.items() if change.verdict == Verdict.WORSE] == ["acc"]


def test_bit_by_bit_other_pixels_with_the_same_metrics_are_reported_as_changed(outcomes: Outcomes) -> None:
    judgement = judged(changed(outcomes, pixels="other"))
    assert verdicts(judgement) == [Verdict.CHANGED] * 4
    assert judgement.passed


def test_missing_runs_fail_with_the_reason(outcomes: Outcomes) -> None:
    runs = stored({cell: dict(seeds) for cell, seeds in outcomes.items() if cell != CELLS[3]})
    del runs.outcomes[CELLS[0]][1]
    runs.missing[CELLS[0], 1] = "failed: RuntimeError: out of luck"
    judgement = judge(make_baseline(), runs, CELLS, SEEDS, Gate.AUTO)
    assert verdicts(judgement) == [Verdict.MISSING, Verdict.IDENTICAL, Verdict.IDENTICAL, Verdict.MISSING]
    assert judgement.lines[0].reasons == ("seed 1 failed: RuntimeError: out of luck",)
    assert judgement.lines[3].reasons == ("seed 0 was not run", "seed 1 was not run")
    assert not judgement.passed


@pytest.mark.parametrize("machine", [None, OTHER_MACHINE])
def test_other_images_fail_whatever_the_metrics(outcomes: Outcomes, machine: dict[str, str] | None) -> None:
    judgement = judged(changed(lowered(outcomes, -0.2), draw="another"), machine)
    assert verdicts(judgement) == [Verdict.OTHER_IMAGES] * 4
    assert judgement.lines[0].reasons[0] == "seed 0 was trained on other images than in the baseline"
    judgement = judged(changed(outcomes, metrics=Metrics(1.0, 1.0, 1.0, 1.0, 9, 10, 3)), machine)
    assert verdicts(judgement) == [Verdict.OTHER_IMAGES] * 4
    assert (
        "seed 1 was tested on 9 scored, 10 defective and 3 normal images, in the baseline on 8 scored, 9 d"
        in (judgement.lines[0].reasons[1])
    )


def test_on_another_machine_tolerances_decide_for_cells_methods_and_all(outcomes: Outcomes) -> None:
    judgement = judged(outcomes, OTHER_MACHINE)
    assert verdicts(judgement) == [Verdict.WITHIN] * 7
    assert judgement.passed
    why = "processor is slide rule, in the baseline abacus. Tolerances are those of checks with other seeds"
    assert judgement.why == {Mode.STATISTICAL: why}
    assert verdicts(judged(lowered(outcomes, 0.3), OTHER_MACHINE)) == [Verdict.WORSE] * 7
    assert verdicts(judged(lowered(outcomes, -0.3), OTHER_MACHINE)) == [Verdict.BETTER] * 7
    assert judged(lowered(outcomes, -0.3), OTHER_MACHINE).passed


def test_a_cell_that_falls_far_fails_alone(outcomes: Outcomes) -> None:
    tolerance = line_of(judged(outcomes, OTHER_MACHINE), *CELLS[1][:2]).changes["iou"].tolerance
    assert tolerance is not None
    judgement = judged(lowered(outcomes, 1.6 * tolerance, [CELLS[1]]), OTHER_MACHINE)
    assert line_of(judgement, *CELLS[1][:2]).verdict == Verdict.WORSE
    assert line_of(judgement, *CELLS[0][:2]).verdict == Verdict.WITHIN
    assert "the tolerance is" in line_of(judgement, *CELLS[1][:2]).reasons[0]


def test_a_small_loss_everywhere_is_found_by_the_mean_over_all_cells(outcomes: Outcomes) -> None:
    means = {}
    for seeds in ((0, 1), (2, 3)):
        judgement = judge(make_baseline(), stored(outcomes, OTHER_MACHINE), CELLS, seeds, Gate.AUTO)
        means[seeds] = line_of(judgement).changes["iou"]
    loss = 0.9 * min(
        line.changes["iou"].tolerance or 1.0 for line in judged(outcomes, OTHER_MACHINE).lines if line.category
    )
    judgement = judged(lowered(outcomes, loss), OTHER_MACHINE)
    assert line_of(judgement).verdict == Verdict.WORSE
    assert any(line.verdict == Verdict.WITHIN for line in judgement.lines if line.category)
    assert means[0, 1].before == means[2, 3].before  # other seeds are compared with all of the baseline's


def test_the_same_seeds_on_another_machine_are_compared_seed_by_seed(outcomes: Outcomes) -> None:
    judgement = judged(lowered(outcomes, 0.002), OTHER_MACHINE, differs=0.002)
    assert judgement.why[Mode.STATISTICAL].endswith("checks with same seeds")
    for line, cell in zip(judgement.lines, CELLS, strict=False):
        before = sum(outcomes[cell][seed].metrics.iou or 0 for seed in SEEDS) / 2
        assert line.changes["iou"].before == pytest.approx(before)
        assert line.changes["iou"].difference == pytest.approx(-0.002)
    assert judgement.passed
    assert not judged(lowered(outcomes, 0.02), OTHER_MACHINE, differs=0.002).passed
    assert judged(lowered(outcomes, 0.02), OTHER_MACHINE).passed  # the spread over seeds hides as much


def test_seeds_that_the_baseline_lacks_are_compared_by_tolerances(outcomes: Outcomes) -> None:
    baseline = make_baseline(differs=0.002)
    others = make_outcomes(lambda cell, seed: noisy(cell, seed, salt=1), seeds=(50, 51, 52))
    judgement = judge(baseline, stored(others), CELLS, (50, 51), Gate.AUTO)
    assert verdicts(judgement) == [Verdict.WITHIN] * 7
    assert judgement.why[Mode.STATISTICAL].startswith(
        "seed 50 is not in the baseline. Tolerances are those of checks with other"
    )
    three = judge(baseline, stored(others), CELLS, (50, 51, 52), Gate.AUTO)
    assert (three.lines[0].changes["iou"].tolerance or 0) < (judgement.lines[0].changes["iou"].tolerance or 0)


def test_a_method_whose_recipe_changed_is_compared_by_tolerances_and_the_others_bit_by_bit(outcomes: Outcomes) -> None:
    now = changed(outcomes)
    for cell in (CELLS[1], CELLS[3]):
        now[cell] = {seed: replace(run, id=f"{run.id} changed", pixels="other") for seed, run in now[cell].items()}
    judgement = judged(now)
    assert {line.method: line.mode for line in judgement.lines if line.category} == {
        "unet": Mode.BIT,
        "albunet": Mode.STATISTICAL,
    }
    assert "the definition of albunet runs has changed" in judgement.why[Mode.STATISTICAL]
    assert line_of(judgement, method="albunet").verdict == Verdict.WITHIN
    assert not [line for line in judgement.lines if not line.category and line.method == "unet"]


def test_a_metric_that_is_no_longer_defined_is_worse(outcomes: Outcomes) -> None:
    now = changed(outcomes)
    run = now[CELLS[0]][0]
    now[CELLS[0]][0] = with_metrics(run, auc=None)
    for machine in (None, OTHER_MACHINE):
        judgement = judged(now, machine)
        assert line_of(judgement, *CELLS[0][:2]).reasons == ("AUC is no longer defined",)
        assert line_of(judgement, *CELLS[0][:2]).verdict == Verdict.WORSE


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("term", TERMS)
def test_a_training_term_that_changes_beyond_its_tolerance_fails_in_either_direction(
    outcomes: Outcomes, term: Term, sign: int
) -> None:
    unchanged = line_of(judged(outcomes, OTHER_MACHINE), *CELLS[1][:2]).changes[term]
    assert unchanged.tolerance is not None
    assert unchanged.difference is not None
    slack = unchanged.tolerance - sign * unchanged.difference
    within = judged(with_terms(outcomes, **{term: sign * 0.99 * slack}), OTHER_MACHINE)
    assert line_of(within, *CELLS[1][:2]).changes[term].verdict == Verdict.WITHIN
    beyond = judged(with_terms(outcomes, **{term: sign * 1.01 * slack}), OTHER_MACHINE)
    line = line_of(beyond, *CELLS[1][:2])
    assert line.verdict == Verdict.WORSE
    assert not beyond.passed
    assert {name for name, change in line.changes.items() if change.verdict == Verdict.WORSE} == {term}
    assert f"{MEASURE_LABELS[term]} {'rose' if sign > 0 else 'fell'} by" in line.reasons[0]
    assert line_of(beyond, *CELLS[0][:2]).verdict == Verdict.WITHIN  # U-Net has no such term


@pytest.mark.parametrize("lost", [True, False])
def test_a_training_term_that_is_lost_or_new_fails_by_tolerances(outcomes: Outcomes, lost: bool) -> None:
    cell = CELLS[1] if lost else CELLS[0]
    now = changed(outcomes)
    for seed, run in now[cell].items():
        now[cell][seed] = replace(run, terms=replace(run.terms, nbr=None if lost else -0.5))
    line = line_of(judged(now, OTHER_MACHINE), *cell[:2])
    assert line.verdict == Verdict.WORSE
    assert line.reasons[0] == f"NBR loss is {'no longer' if lost else 'now'} defined"


def test_a_training_term_that_the_baseline_has_for_some_seeds_only_is_not_compared(outcomes: Outcomes) -> None:
    """Lambda is undefined for a run that happens not to paste in the second half of training."""
    cell, seen = CELLS[1], changed(outcomes)
    seen[cell][7] = replace(seen[cell][7], terms=Terms(segmentation=0.5, nbr=-0.5))
    for now in (outcomes, seen | {cell: {seed: seen[cell][7 if seed == 0 else seed] for seed in seen[cell]}}):
        now = {c: {seed: replace(run, draw=f"draw {seed}") for seed, run in runs.items()} for c, runs in now.items()}
        judgement = judge(make_baseline(seen), stored(now, OTHER_MACHINE), CELLS, SEEDS, Gate.AUTO)
        line = line_of(judgement, *cell[:2])
        assert [line.changes[term].verdict for term in TERMS] == [Verdict.WITHIN] * len(TERMS)
        assert line.changes["realism"].tolerance is None
        assert line.changes["nbr"].tolerance is not None


def test_bit_by_bit_a_changed_training_term_is_reported_and_does_not_fail(outcomes: Outcomes) -> None:
    judgement = judged(with_terms(outcomes, nbr=0.4, applied=-0.3))
    assert verdicts(judgement) == [Verdict.IDENTICAL, Verdict.CHANGED, Verdict.IDENTICAL, Verdict.CHANGED]
    assert judgement.passed
    assert set(judgement.lines[1].changes) == set(METRICS)


def test_the_mode_can_be_asked_for(outcomes: Outcomes) -> None:
    assert judged(outcomes, gate=Gate.STATISTICAL).why[Mode.STATISTICAL].startswith("asked for")
    with pytest.raises(InputError, match="cannot be compared bit by bit: processor is slide rule, in the baseline"):
        judged(outcomes, OTHER_MACHINE, gate=Gate.BIT)
    assert judged(outcomes, gate=Gate.BIT).passed


def test_a_narrowed_check_compares_only_what_was_asked_for(outcomes: Outcomes) -> None:
    cells = [cell for cell in CELLS if cell.method == "unet"]
    judgement = judge(make_baseline(), stored(outcomes, OTHER_MACHINE), cells, SEEDS, Gate.AUTO)
    assert [(line.category, line.method) for line in judgement.lines] == [
        ("carpet", "unet"),
        ("tile", "unet"),
        ("", "unet"),
    ]
