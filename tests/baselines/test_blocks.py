"""Building blocks of networks."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from baselines.networks.blocks import BilinearUpsample, upsample_by_products


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (1, 1, 1, 5), (2, 1, 7, 1)])
def test_products_upsample_and_differentiate_as_interpolation_does(shape: tuple[int, ...], align_corners: bool) -> None:
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=align_corners)
    found = upsample_by_products(x, align_corners)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)  # torch computes the weights in single precision
    weights = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (slope,) = torch.autograd.grad((found * weights).sum(), x)
    (wanted,) = torch.autograd.grad((expected * weights).sum(), x)
    torch.testing.assert_close(slope, wanted, rtol=1e-6, atol=1e-6)


def test_the_block_interpolates_on_a_processor_and_keeps_channels_last() -> None:
    x = torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    assert torch.equal(BilinearUpsample(False)(x), F.interpolate(x, scale_factor=2, mode="bilinear"))
    assert upsample_by_products(x, False).is_contiguous(memory_format=torch.channels_last)
