"""The training loop: Algorithm 1 with Adam (Section IV-E)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch

from baselines.networks import SegmentationNetwork
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.runs import RunSpec
from benchmark.training.batches import minibatches
from benchmark.training.log import Recorder, TrainingLog
from benchmark.training.predict import Predictor, autocast
from benchmark.training.step import step_losses


def train(
    network: SegmentationNetwork,
    spec: RunSpec,
    arrays: CategoryArrays,
    device: torch.device,
    on_step: Callable[[int], None] = lambda _: None,
) -> TrainingLog:
    """Train a network in place (Algorithm 1, Section IV-E).

    Parameters
    ----------
    network : SegmentationNetwork
        On ``device``.
    spec : RunSpec
    arrays : CategoryArrays
        The images of the spec's category.
    on_step : callable
        Called with the number of finished iterations.

    Raises
    ------
    TrainingDivergedError
        If the loss is not finite.
    """
    protocol = spec.protocol
    recorder = Recorder(Predictor(network, protocol, device), spec, arrays)
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=protocol.learning_rate,
        betas=(protocol.adam_beta1, protocol.adam_beta2),
        fused=True,
    )
    batches = itertools.islice(minibatches(spec, arrays, device), protocol.iterations)
    network.train()
    for iteration, batch in enumerate(batches, start=1):
        with autocast(protocol.precision, device):
            losses = step_losses(network, spec.method.recipe, protocol, batch)
        recorder.before_update(iteration, losses, batch.pasted is not None)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        recorder.after_update(iteration)
        on_step(iteration)
    return recorder.log()
