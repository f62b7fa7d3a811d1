"""TernausNet-11 and -16 (reference [16] of the paper): a U-Net-like decoder on VGG-11 or VGG-16."""

from __future__ import annotations

import torch
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn

from baselines.networks.base import SegmentationNetwork
from baselines.networks.blocks import TransposedBlock
from baselines.networks.scaling import rebuild_channels, scaled


class TernausNet(SegmentationNetwork):
    """torchvision's VGG without batch norm, and five decoder blocks over [previous, skip].

    ``encode`` returns the five stages, each before its pool: (64, H), (128, H/2), (256, H/4), (512, H/8),
    (512, H/16), the channels multiplied by ``width``.

    Parameters
    ----------
    width : float
        Multiplier of every channel count, encoder included.
    """

    size_multiple = 32
    encoder_name: str
    dec4_outputs: int
    transposed_kernel = 4

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        # On the meta device, since the library also builds VGG's classifier, ten times as large, and drops it.
        with torch.device("meta"):
            encoder = get_encoder(self.encoder_name, weights=None, depth=4)
        self.encoder = rebuild_channels(encoder, width)

        def block(inputs: int, middle: int, outputs: int) -> TransposedBlock:
            return TransposedBlock(inputs, scaled(middle, width), scaled(outputs, width), self.transposed_kernel)

        c32, c64, c128, c256, c512 = (scaled(count, width) for count in (32, 64, 128, 256, 512))
        self.pool = nn.MaxPool2d(2)
        self.centre = block(c512, 512, 256)
        self.dec5 = block(c256 + c512, 512, 256)
        self.dec4 = block(c256 + c512, 512, self.dec4_outputs)
        self.dec3 = block(scaled(self.dec4_outputs, width) + c256, 256, 64)
        self.dec2 = block(c64 + c128, 128, 32)
        self.dec1 = nn.Sequential(nn.Conv2d(c32 + c64, c32, 3, padding=1), nn.ReLU(inplace=True))
        self.head = nn.Conv2d(c32, 1, 1)

    def _encode(self, images: Tensor) -> list[Tensor]:
        features: list[Tensor] = self.encoder(images)
        return features

    def decode(self, features: list[Tensor]) -> Tensor:
        x = self.centre(self.pool(features[-1]))
        blocks = (self.dec5, self.dec4, self.dec3, self.dec2, self.dec1)
        for skip, block in zip(reversed(features), blocks, strict=True):
            x = block(torch.cat([x, skip], dim=1))
        logits: Tensor = self.head(x)
        return logits


class TernausNet11(TernausNet):
    """TernausNet on VGG-11."""

    encoder_name = "vgg11"
    dec4_outputs = 128


class TernausNet11Original(TernausNet11):
    """TernausNet on VGG-11 as first published (reference [14]): 3x3 transposed convolutions; 22.9 M parameters."""

    transposed_kernel = 3


class TernausNet16(TernausNet):
    """TernausNet on VGG-16."""

    encoder_name = "vgg16"
    dec4_outputs = 256
