"""What runs cost: FLOPs are counted; time and disk space are estimated from measurements."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from baselines import Recipe, create_network
from baselines.networks.cost import NetworkCost, network_cost
from benchmark.environment import prepare_torch
from benchmark.protocol.runs import RunSpec
from benchmark.results.table import load_results
from benchmark.training.batches import paste_probability
from benchmark.training.samples import LARGEST_SIDE, PASTED, PASTED_SIDE

# A backward pass costs about twice a forward one: gradients of the inputs and of the weights.
_FORWARD, _TRAINED = 1.0, 3.0
_FLOPS_PER_MAC = 2.0
# For what the measurement does not cover: other networks, other load on the machine, heat.
_MARGIN_LOW, _MARGIN_HIGH = 0.75, 1.6
# Measured on carpet at 64 and 512 px: tables and histograms; sample pictures, more with more defect types; pasted
# images, each with its normal image.
_RUN_BYTES, _BYTES_PER_TYPE_AND_PIXEL, _BYTES_PER_PASTED_PIXEL = 190e3, 3.6, 5.0


@dataclass(frozen=True)
class Rate:
    """The speed of this machine.

    Attributes
    ----------
    low, high : float
        FLOPs per second of the slowest and of the fastest measurement.
    source : str
        What was measured.

    Examples
    --------
    >>> Rate(low=1e12, high=2e12, source="5 stored runs of this study").high
    2000000000000.0
    """

    low: float
    high: float
    source: str

    @property
    def middle(self) -> float:
        """Their geometric mean."""
        return math.sqrt(self.low * self.high)


def training_flops(recipe: Recipe, cost: NetworkCost, batch: int, paste: float) -> float:
    """Return the expected FLOPs of one iteration of Algorithm 1, forward and backward.

    Parameters
    ----------
    cost : NetworkCost
        Of one image at the training size.
    batch : int
        m.
    paste : float
        Probability of a pasted minibatch, in [0, 1].

    Examples
    --------
    >>> training_flops(Recipe("never"), NetworkCost(parameters=0, encode_macs=1.0, decode_macs=1.0), batch=2, paste=0)
    24.0
    """
    trained = 1.0  # the batch that is decoded
    if recipe.nbr:
        trained += 1.0 + paste  # normal images always; with pasted images also the defective ones
    elif recipe.paste_weight == "realism":
        trained += paste
    forward_only = 1.0 if recipe.normal_statistics and not recipe.nbr else 0.0
    macs = (_TRAINED * trained + _FORWARD * forward_only) * cost.encode_macs + _TRAINED * cost.decode_macs
    return _FLOPS_PER_MAC * batch * macs


def run_flops(spec: RunSpec) -> float:
    """Return the FLOPs of a whole run: training, the test curve and scoring."""
    protocol = spec.protocol
    cost = _cost(spec.method.network, protocol.width, protocol.image_size)
    predictions = predicted_images(spec) * _FLOPS_PER_MAC * _FORWARD * cost.macs
    return protocol.iterations * step_flops(spec) + predictions


def predicted_images(spec: RunSpec) -> int:
    """Return how many images a run predicts, for its test curve and its scores."""
    every, draw = spec.protocol.curve_every, spec.draw
    readings = (spec.protocol.iterations - 1) // every if every else 0  # the last one comes from the scored images
    return len(draw.test) * (1 + readings) + 2 * len(draw.shots)


def step_flops(spec: RunSpec) -> float:
    """Return the expected FLOPs of one iteration of a run."""
    protocol, recipe = spec.protocol, spec.method.recipe
    cost = _cost(spec.method.network, protocol.width, protocol.image_size)
    return training_flops(recipe, cost, protocol.batch_size, paste_probability(recipe, protocol))


def relative_costs(specs: Iterable[RunSpec]) -> dict[str, float]:
    """Return the FLOPs of runs by their id; 1 for each where those of a plug-in's network cannot be counted.

    Examples
    --------
    >>> relative_costs([])
    {}
    """
    specs = list(specs)
    try:
        return {spec.id: run_flops(spec) for spec in specs}
    except Exception:  # whatever a plug-in's network raises
        return {spec.id: 1.0 for spec in specs}


@functools.cache
def _cost(network: str, width: float, size: int) -> NetworkCost:
    return network_cost(network, width, size)


def run_bytes(spec: RunSpec) -> float:
    """Return the estimated size of a stored run in bytes."""
    types = len({name.split("/")[1] for name in spec.draw.names})
    side = min(spec.protocol.image_size, LARGEST_SIDE)
    pasted = PASTED * min(side, PASTED_SIDE) ** 2 if spec.method.recipe.paste_weight == "realism" else 0
    return _RUN_BYTES + types * side**2 * _BYTES_PER_TYPE_AND_PIXEL + pasted * _BYTES_PER_PASTED_PIXEL


def model_bytes(spec: RunSpec) -> float:
    """Return the size of a run's trained network in bytes; parameters are stored in 32 bits."""
    return 4.0 * _cost(spec.method.network, spec.protocol.width, spec.protocol.image_size).parameters


def stored_rate(specs: Iterable[RunSpec], results: pd.DataFrame) -> Rate | None:
    """Return the rate of those runs that are stored; None if none are.

    Parameters
    ----------
    results : pd.DataFrame
        As ``load_results`` returns them.
    """
    seconds = results.set_index("id")[["train_seconds", "score_seconds"]].sum(axis=1)
    rates = [run_flops(spec) / seconds[spec.id] for spec in specs if seconds.get(spec.id, 0) > 0]
    if not rates:
        return None
    low, high = np.quantile(rates, [0.1, 0.9])
    return Rate(float(low), float(high), f"{len(rates)} stored runs of this study")


def known_rate(specs: Sequence[RunSpec], results: Path, device: torch.device) -> Rate:
    """Return the rate of those runs that a results folder has, or else that of a measurement here."""
    return (stored_rate(specs, load_results(results)) if results.is_dir() else None) or measured_rate(specs, device)


def measured_rate(specs: Sequence[RunSpec], device: torch.device, budget: float = 0.4) -> Rate:
    """Time a few training steps of the cheapest and the most expensive network among the runs, on small images.

    Parameters
    ----------
    budget : float
        Seconds for each of the two.
    """
    protocol = specs[0].protocol
    prepare_torch(protocol.threads)
    networks = sorted(
        dict.fromkeys(spec.method.network for spec in specs),
        key=lambda name: _cost(name, protocol.width, protocol.image_size).macs,
    )
    size = min(protocol.image_size, 128)
    rates = [_time(name, protocol.width, size, device, budget) for name in dict.fromkeys((networks[0], networks[-1]))]
    return Rate(min(rates), max(rates), f"a calibration of {2 * budget:g} s at {size} px")


def _time(name: str, width: float, size: int, device: torch.device, budget: float) -> float:
    with torch.random.fork_rng(devices=[]):
        network = create_network(name, width=width).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        image = torch.zeros(1, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)

    def step() -> float:  # without an optimizer, which takes little of a step but a second to import torch's compiler
        started = time.perf_counter()
        network.zero_grad()
        network(image).sum().backward()
        if device.type != "cpu":
            torch.accelerator.synchronize(device)
        return time.perf_counter() - started

    seconds = _median_time(step, budget)
    return _TRAINED * _FLOPS_PER_MAC * _cost(name, width, size).macs / seconds


def _median_time(step: Callable[[], float], budget: float) -> float:
    """Return the median time of a step after the first one, repeated for about ``budget`` seconds."""
    times: list[float] = []
    spent = step()
    while not times or spent < budget:
        times.append(step())
        spent += times[-1]
    return float(np.median(times))


def estimate_hours(flops: float, rate: Rate, jobs: int) -> tuple[float, float]:
    """Return the least and the most hours that so many FLOPs should take.

    Examples
    --------
    >>> estimate_hours(3.6e15, Rate(1e12, 1e12, "an example"), jobs=1)
    (0.75, 1.6)
    """
    return flops / rate.high / jobs / 3600 * _MARGIN_LOW, flops / rate.low / jobs / 3600 * _MARGIN_HIGH
