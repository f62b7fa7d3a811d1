"""U-Net (reference [3] of the paper) with batch norm and bilinear upsampling; 7.9 M parameters at width 1."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from baselines.networks.blocks import BilinearUpsample, DoubleConv, DownPath, FiveStageNetwork
from baselines.networks.scaling import scaled

STAGE_CHANNELS = (32, 64, 128, 256, 512)


class UNet(FiveStageNetwork):
    """U-Net of five stages; each up step is a ``DoubleConv`` over [skip, upsampled].

    According to the paper U-Net has fewer parameters than TernausNet and AlbuNet (Section IV-F); this holds for stages
    of 32 to 512 channels, but not for the original's 64 to 1024.

    Parameters
    ----------
    width : float
        Multiplier of every channel count.
    """

    stage_channels: tuple[int, ...] = STAGE_CHANNELS
    batch_norm = True

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [scaled(count, width) for count in self.stage_channels]
        self.down = DownPath(channels, self.batch_norm)
        self.up = nn.ModuleList(
            DoubleConv(skip + deeper, skip, self.batch_norm) for skip, deeper in itertools.pairwise(channels)
        )
        self.upsample = BilinearUpsample(align_corners=True)
        self.head = nn.Conv2d(channels[0], 1, 1)

    def decode(self, features: list[Tensor]) -> Tensor:
        x = features[-1]
        for skip, unit in zip(features[-2::-1], reversed(self.up), strict=True):
            x = unit(torch.cat([skip, self.upsample(x)], dim=1))
        logits: Tensor = self.head(x)
        return logits


class UNetWide(UNet):
    """U-Net with the widths of the original, 64 to 1024; 31.4 M parameters."""

    stage_channels = (64, 128, 256, 512, 1024)


class UNetWithoutBatchNorm(UNet):
    """U-Net without batch norm, which the original did not have."""

    batch_norm = False
