"""Progress: lines in a log, bars in a terminal, and an estimate of the time left from the FLOPs of the runs."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence

import pytest
from rich.console import Console

from benchmark.cli import stderr_messages
from benchmark.execution.cost import run_flops
from benchmark.execution.progress import TimeLeft, show_progress
from benchmark.execution.run_task import RunOutcome
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import Status
from benchmark.score import Metrics
from tests.factories import make_spec

METRICS = Metrics(0.5, 0.6, 0.7, None, 3, 2, 1)


def left_after(seconds: float, specs: Sequence[RunSpec]) -> str:
    """Return the time left when the first run has taken ``seconds``."""
    clock = [0.0]
    left = TimeLeft(specs, now=lambda: clock[0])
    assert str(left) == ""
    clock[0] = seconds
    left.finish(specs[0])
    return str(left)


def test_the_time_left_weights_runs_by_their_flops() -> None:
    cheap, expensive = make_spec(method="unet"), make_spec(method="albunet_nbr_cap")
    seconds = 10 * run_flops(expensive) / run_flops(cheap)
    assert seconds > 15
    assert left_after(10, [cheap, expensive]) == f"about {seconds:.0f} s left"
    assert left_after(10, [cheap]) == ""
    assert left_after(7200, [make_spec(seed=seed) for seed in range(4)]) == "about 6.0 h left"


def test_runs_whose_flops_cannot_be_counted_weigh_the_same() -> None:
    specs = [make_spec(seed=seed, settings=["image_size=33"]) for seed in range(2)]  # fits no network
    assert left_after(5, specs) == "about 5 s left"


def test_a_log_gets_a_line_per_run(capsys: pytest.CaptureFixture[str]) -> None:
    specs = [make_spec(seed=seed) for seed in range(2)]
    with stderr_messages(), show_progress() as display:
        display.start(specs)
        display.step(specs[0], 3)
        display.finish(RunOutcome(specs[0], Status.DONE, METRICS, seconds=1.0))
        display.finish(RunOutcome(specs[1], Status.FAILED, error="RuntimeError: no luck", seconds=2.0))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "[1/2] carpet unet 1-shot seed 0: IOU 0.5000 DC 0.6000 AUC 0.7000 ACC - (1.0 s), about 0 s left"
    assert second == "[2/2] carpet unet 1-shot seed 1: FAILED, RuntimeError: no luck"


def test_a_terminal_gets_bars_below_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    console = Console(file=terminal, force_terminal=True, width=120)
    monkeypatch.setattr("benchmark.execution.progress.Console", lambda stderr: console)
    specs = [make_spec(seed=seed) for seed in range(3)]
    with stderr_messages(), show_progress() as display:
        display.decode("carpet", 1, 2)
        display.decode("carpet", 2, 2)
        display.start(specs)
        display.step(specs[0], 3)
        display.finish(RunOutcome(specs[0], Status.DONE, METRICS, seconds=1.0))
        logging.getLogger("benchmark.anything").warning("a [bold]category[/bold]\nof two lines")
    shown = terminal.getvalue()
    assert "1/3" in shown
    assert "about 0 s left" in shown
    assert "carpet unet 1-shot seed 0: IOU 0.5000" in shown
    assert "warning: a [bold]category[/bold]\\nof two lines" in shown
