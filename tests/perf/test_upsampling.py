"""How fast bilinear upsampling is by matrix products, forward and backward (``tox -e perf``)."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.networks.blocks import upsample_by_products
from benchmark.environment import prepare_torch

pytestmark = pytest.mark.perf
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SHAPES = ((2, 64, 256, 256), (2, 256, 64, 64), (4, 128, 256, 256))
REPEATS = 10


def milliseconds(upsample: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Return the median time of a forward and a backward pass, after three that are not counted."""
    slope = torch.ones_like(upsample(x).detach())
    times = []
    for _ in range(3 + REPEATS):
        x.grad = None
        began = time.perf_counter()
        upsample(x).backward(slope)
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[3:])


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_upsampling_by_products_against_interpolation(shape: tuple[int, ...], precision: str) -> None:
    prepare_torch(1, precision)
    x = torch.randn(shape, device=DEVICE).contiguous(memory_format=torch.channels_last).requires_grad_()

    def interpolate(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear")

    products = milliseconds(lambda x: upsample_by_products(x, False), x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        repeatable = milliseconds(interpolate, x)
    torch.set_deterministic_debug_mode("default")
    free = milliseconds(interpolate, x)
    prepare_torch(1)
    print(
        f"\n{DEVICE.type} {precision} {shape}: products {products:.2f} ms, interpolate {repeatable:.2f} ms "
        f"deterministic and {free:.2f} ms not"
    )
