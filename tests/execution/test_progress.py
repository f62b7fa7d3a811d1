"""Progress: lines for logs, bars for terminals, and a time left that weighs runs by what they compute."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmark.execution.plan import run_flops
from benchmark.execution.progress import PlainDisplay, TimeLeft, display
from benchmark.execution.run_task import RunOutcome
from benchmark.results.records import Status
from benchmark.score import Metrics
from tests.factories import make_spec

METRICS = Metrics(0.5, 0.6, 0.7, None, 3, 2, 1)


def test_the_time_left_weighs_runs_by_what_they_compute() -> None:
    cheap, dear = make_spec(method="unet"), make_spec(method="albunet_nbr_cap")
    clock = [0.0]
    left = TimeLeft([cheap, dear], now=lambda: clock[0])
    assert left.words == ""
    clock[0] = 10.0
    left.finished(cheap)
    seconds = 10 * run_flops(dear) / run_flops(cheap)
    assert seconds > 15
    assert left.words == f"about {seconds:.0f} s left"
    left.finished(dear)
    assert left.words == ""


@pytest.mark.parametrize(
    ("elapsed", "words"), [(30, "about 90 s left"), (600, "about 30 min left"), (7200, "about 6.0 h left")]
)
def test_the_time_left_is_told_in_a_fitting_unit(elapsed: float, words: str) -> None:
    specs = [make_spec(seed=seed) for seed in range(4)]
    clock = [0.0]
    left = TimeLeft(specs, now=lambda: clock[0])
    clock[0] = elapsed
    left.finished(specs[0])
    assert left.words == words


def test_a_network_that_cannot_be_counted_weighs_as_much_as_another() -> None:
    specs = [make_spec(seed=seed, settings=["image_size=33"]) for seed in range(2)]  # fits no network
    clock = [0.0]
    left = TimeLeft(specs, now=lambda: clock[0])
    clock[0] = 5.0
    left.finished(specs[1])
    assert left.words == "about 5 s left"


def test_a_log_gets_a_line_per_run() -> None:
    file = io.StringIO()
    screen = PlainDisplay(file)
    specs = [make_spec(seed=seed) for seed in range(2)]
    screen.begin(specs)
    screen.finished(RunOutcome(specs[0], Status.DONE, METRICS, seconds=1.0))
    screen.finished(RunOutcome(specs[1], Status.FAILED, error="RuntimeError: no luck", seconds=2.0))
    first, second = file.getvalue().splitlines()
    assert first.startswith(
        "[1/2] carpet unet 1-shot seed 0: IOU 0.5000 DC 0.6000 AUC 0.7000 ACC - (1.0 s), about 0 s left"
    )
    assert second == "[2/2] carpet unet 1-shot seed 1: FAILED, RuntimeError: no luck"


def test_a_terminal_gets_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(
        "benchmark.execution.progress.Console", lambda file: Console(file=file, force_terminal=True, width=120)
    )
    specs = [make_spec(seed=seed) for seed in range(3)]
    with display(file) as screen:
        screen.decoding("carpet", 1, 2)
        screen.decoding("carpet", 2, 2)
        screen.begin(specs)
        screen.step(specs[0], 3)
        screen.finished(RunOutcome(specs[0], Status.DONE, METRICS, seconds=1.0))
    shown = file.getvalue()
    assert "1/3" in shown
    assert "about 0 s left" in shown
    assert "carpet unet 1-shot seed 0: IOU 0.5000" in shown
