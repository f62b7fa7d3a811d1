"""Ways to compute a training step, side by side, and where its time goes (``tox -e perf``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from benchmark.bench.subject import Subject
from benchmark.environment import prepare_torch
from benchmark.protocol.profile import load_profile
from benchmark.protocol.runs import RunSpec
from benchmark.training.train import train
from tests.perf.test_side_by_side import ratio

pytestmark = pytest.mark.perf
STEPS = 8


def steps(folder: Path, method: str, *settings: str, compiled: bool = False) -> Callable[[], object]:
    """Return work that trains a network of ``quick`` for a few steps, with some settings changed; it is warm."""
    subject = Subject(load_profile("quick", settings), (method,), folder, pairs=1, steps=STEPS)
    spec: RunSpec
    (spec,) = subject.training_specs()
    prepare_torch(spec.protocol.threads, spec.protocol.precision)
    network = subject.network(spec)
    if compiled:
        network._encode = torch.compile(network._encode)  # type: ignore[method-assign]
        network.decode = torch.compile(network.decode)  # type: ignore[method-assign]

    def work() -> None:
        train(network, spec, subject.arrays, subject.device)

    work()
    return work


@pytest.mark.parametrize("width", [0.125, 1])
def test_one_encoder_pass_for_all_groups(tmp_path: Path, width: float) -> None:
    ratio(
        f"{STEPS} steps of B+NBR+CaP, width {width:g}: grouped against separate passes",
        steps(tmp_path, "albunet_nbr_cap", f"width={width}", "batch_norm_passes=grouped"),
        steps(tmp_path, "albunet_nbr_cap", f"width={width}", "batch_norm_passes=separate"),
    )


@pytest.mark.parametrize(("method", "width"), [("albunet_nbr_cap", 0.125), ("unet", 0.125), ("albunet_nbr_cap", 1)])
def test_compiled_encoder_and_decoder(tmp_path: Path, method: str, width: float) -> None:
    ratio(
        f"{STEPS} steps of {method}, width {width:g}: torch.compile against none",
        steps(tmp_path, method, f"width={width}", compiled=True),
        steps(tmp_path, method, f"width={width}"),
    )


@pytest.mark.parametrize("method", ["albunet_nbr_cap", "unet", "ternausnet11"])
def test_where_the_time_of_a_step_goes(tmp_path: Path, method: str) -> None:
    work = steps(tmp_path, method)
    with profile(activities=[ProfilerActivity.CPU]) as measured:
        work()
    events = {event.key: event.self_cpu_time_total for event in measured.key_averages()}
    total = sum(events.values())
    shares = {
        part: sum(time for name, time in events.items() if part in name and "evaluate" not in name) / total
        for part in ("conv", "batch_norm", "upsample", "adam")
    }
    print(f"\n{method}: " + ", ".join(f"{part} {share:.0%}" for part, share in shares.items()))
