"""Attention U-Net (reference [30] of the paper): a U-Net with a gate on each skip."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from baselines.networks.blocks import DoubleConv, DownPath, FiveStageNetwork
from baselines.networks.scaling import scaled

STAGE_CHANNELS = (64, 128, 256, 512, 1024)


class AttentionGate(nn.Module):
    """Weight each cell of a skip by a number in (0, 1), computed from the skip and the decoder.

    Maps the gating signal and the skip, both (N, channels, H, W), to the weighted skip of the same shape.

    Parameters
    ----------
    channels : int
        Channels of the gating signal and of the skip.
    middle : int
        Channels of the gate itself.
    """

    def __init__(self, channels: int, middle: int) -> None:
        super().__init__()
        self.from_gating = nn.Sequential(nn.Conv2d(channels, middle, 1), nn.BatchNorm2d(middle))
        self.from_skip = nn.Sequential(nn.Conv2d(channels, middle, 1), nn.BatchNorm2d(middle))
        self.weight = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(middle, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, gating: Tensor, skip: Tensor) -> Tensor:
        weight: Tensor = self.weight(self.from_gating(gating) + self.from_skip(skip))
        return skip * weight


class UpConv(nn.Sequential):
    """Nearest x2, 3x3 convolution, batch norm, ReLU. Maps (N, inputs, H, W) to (N, outputs, 2H, 2W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class AttentionUNet(FiveStageNetwork):
    """Attention U-Net of five stages; each up step is a ``DoubleConv`` over [gated skip, upsampled].

    Parameters
    ----------
    width : float
        Multiplier of every channel count.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [scaled(count, width) for count in STAGE_CHANNELS]
        self.down = DownPath(channels)
        self.upsample = nn.ModuleList(UpConv(deeper, skip) for skip, deeper in itertools.pairwise(channels))
        self.gates = nn.ModuleList(
            AttentionGate(skip, scaled(count // 2, width))
            for skip, count in zip(channels[:-1], STAGE_CHANNELS[:-1], strict=True)
        )
        self.up = nn.ModuleList(DoubleConv(2 * skip, skip) for skip in channels[:-1])
        self.head = nn.Conv2d(channels[0], 1, 1)

    def decode(self, features: list[Tensor]) -> Tensor:
        x = features[-1]
        steps = zip(features[:-1], self.upsample, self.gates, self.up, strict=True)
        for skip, upsample, gate, unit in reversed(list(steps)):
            x = upsample(x)
            x = unit(torch.cat([gate(x, skip), x], dim=1))
        logits: Tensor = self.head(x)
        return logits
