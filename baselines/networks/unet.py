"""U-Net (reference [3] of the paper) with batch norm and bilinear upsampling; 7.9 M parameters at width 1."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from baselines.networks.base import IMAGE_CHANNELS, SegmentationNetwork, scaled

STAGE_CHANNELS = (32, 64, 128, 256, 512)


class DoubleConv(nn.Sequential):
    """Twice: 3x3 convolution with bias, batch norm, ReLU. Maps (N, inputs, H, W) to (N, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class UNet(SegmentationNetwork):
    """U-Net of five stages; each up step is a ``DoubleConv`` over [skip, upsampled].

    The paper calls U-Net the network with fewer parameters than TernausNet and AlbuNet (Section IV-F); the
    widths 32 to 512 make that true, the original's 64 to 1024 would not.

    Parameters
    ----------
    width : float
        Multiplier of every channel count.
    """

    size_multiple = 16

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [scaled(count, width) for count in STAGE_CHANNELS]
        self.down = nn.ModuleList(
            DoubleConv(inputs, outputs) for inputs, outputs in zip([IMAGE_CHANNELS, *channels], channels, strict=False)
        )
        self.up = nn.ModuleList(DoubleConv(skip + deeper, skip) for skip, deeper in itertools.pairwise(channels))
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.head = nn.Conv2d(channels[0], 1, 1)

    def _encode(self, images: Tensor) -> list[Tensor]:
        features = [self.down[0](images)]
        for stage in list(self.down)[1:]:
            features.append(stage(self.pool(features[-1])))
        return features

    def decode(self, features: list[Tensor]) -> Tensor:
        x = features[-1]
        for skip, unit in zip(features[-2::-1], reversed(self.up), strict=True):
            x = unit(torch.cat([skip, self.upsample(x)], dim=1))
        return self.head(x)
