"""What a training step costs, against the arithmetic of this core and against a plain script."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import torch
from torch.nn.functional import conv2d

from benchmark.bench.pairs import Measurement, measure
from benchmark.bench.plain import train_plainly
from benchmark.bench.subject import Subject
from benchmark.environment import prepare_torch
from benchmark.execution.cost import step_flops
from benchmark.protocol.runs import RunSpec
from benchmark.training.batches import minibatches
from benchmark.training.predict import autocast
from benchmark.training.step import step_losses
from benchmark.training.train import train

PLAIN = "albunet_nbr_cap"
# Images, channels and side of 3 x 3 convolutions: the fastest of them stands for what this core or GPU can do.
_CONVOLUTIONS = {
    "cpu": ((2, 64, 64), (4, 128, 32), (8, 256, 16), (2, 512, 16)),
    "cuda": ((8, 128, 256), (8, 256, 128), (16, 512, 64), (32, 512, 32)),
}
_REPEATS = 5


def measure_steps(subject: Subject) -> Iterator[Measurement]:
    """Yield what a step of each method costs, and what the suite adds to a plain script."""
    specs = subject.training_specs()
    prepare_torch(specs[0].protocol.threads, specs[0].protocol.precision)
    device = subject.device
    convolve, flops = fastest_convolution(subject)
    for spec in specs:
        repeats = max(1, round(spec.protocol.iterations * step_flops(spec) / flops))
        yield measure(
            "steps",
            f"{spec.protocol.iterations} steps of {spec.method.name}",
            subject.awaited(partial(train, subject.network(spec), spec, subject.arrays, device)),
            "as many FLOPs in the fastest convolution",
            subject.awaited(partial(_repeat, convolve, repeats)),
            subject.pairs,
        )
    yield from _against_plain(subject, next((spec for spec in specs if spec.method.name == PLAIN), None))


def _against_plain(subject: Subject, spec: RunSpec | None) -> Iterator[Measurement]:
    if spec is None:
        return
    protocol = spec.protocol
    networks = [subject.network(spec) for _ in range(3)]
    betas = (protocol.adam_beta1, protocol.adam_beta2)
    optimizer = torch.optim.Adam(networks[2].parameters(), lr=protocol.learning_rate, betas=betas, fused=True)
    prepared = list(islice(minibatches(spec, subject.arrays, subject.device), protocol.iterations))

    def plain() -> None:
        batches = islice(minibatches(spec, subject.arrays, subject.device), protocol.iterations)
        train_plainly(networks[1], batches, protocol.learning_rate, betas)

    def bare() -> None:
        for batch in prepared:
            optimizer.zero_grad()
            with autocast(protocol.precision, subject.device):
                losses = step_losses(networks[2], spec.method.recipe, protocol, batch)
            losses.total.backward()
            optimizer.step()

    what = f"{protocol.iterations} steps of {PLAIN}"
    suite = subject.awaited(partial(train, networks[0], spec, subject.arrays, subject.device))
    yield measure("steps", what, suite, "a plain script of the same mathematics", subject.awaited(plain), subject.pairs)
    yield measure(
        "steps", what, suite, "their forward, backward and optimizer alone", subject.awaited(bare), subject.pairs
    )


def fastest_convolution(subject: Subject) -> tuple[Callable[[], object], float]:
    """Return a convolution of the largest rate on this thread or GPU, in the profile's precision, and its FLOPs."""
    device, found = subject.device, []
    dtype = torch.bfloat16 if subject.profile.precision == "bf16" else torch.float32
    random = partial(torch.randn, device=device, dtype=dtype)
    for images, channels, side in _CONVOLUTIONS["cpu" if device.type == "cpu" else "cuda"]:
        shape = (images, channels, side, side)
        data = random(shape).contiguous(memory_format=torch.channels_last)
        weights = random((channels, channels, 3, 3)).contiguous(memory_format=torch.channels_last)
        convolve = partial(conv2d, data, weights, padding=1)
        flops = 2.0 * images * side**2 * channels**2 * 9
        found.append((_least_seconds(subject.awaited(convolve)) / flops, flops, convolve))
    _, flops, convolve = min(found, key=lambda item: item[0])
    return convolve, flops


def _least_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def _repeat(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()
