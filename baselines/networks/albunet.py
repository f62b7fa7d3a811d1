"""AlbuNet (reference [32] of the paper), the baseline B: a U-Net-like decoder on ResNet-34; Fig. 2."""

from __future__ import annotations

import torch
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn

from baselines.networks.base import SegmentationNetwork
from baselines.networks.blocks import BilinearUpsample, TransposedBlock
from baselines.networks.scaling import scale_channels, scaled


class DecoderBlock(nn.Sequential):
    """Bilinear x2, then two times a 3x3 convolution and ReLU. Maps (N, inputs, H, W) to (N, outputs, 2H, 2W)."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__(
            BilinearUpsample(align_corners=False),
            nn.Conv2d(inputs, middle, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, outputs, 3, padding=1),
            nn.ReLU(inplace=True),
        )


class AlbuNet(SegmentationNetwork):
    """torchvision's ResNet-34, its first pool 2x2 instead of 3x3, and a decoder of six blocks, four of them with skips.

    ``encode`` returns the five stages: (64, H/2), (64, H/4), (128, H/8), (256, H/16), (512, H/32), the channels
    multiplied by ``width``; the first has no skip, as in the published network.

    Parameters
    ----------
    width : float
        Multiplier of every channel count, encoder included.
    """

    size_multiple = 64
    encoder_name = "resnet34"
    decoder_block: type[nn.Module] = DecoderBlock

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.encoder = get_encoder(self.encoder_name, weights=None, depth=5)
        self.encoder.maxpool = nn.MaxPool2d(2)
        scale_channels(self.encoder, width)

        def block(inputs: int, middle: int, outputs: int) -> nn.Module:
            return self.decoder_block(inputs, scaled(middle, width), scaled(outputs, width))

        c64, c128, c256, c512 = (scaled(count, width) for count in (64, 128, 256, 512))
        self.pool = nn.MaxPool2d(2)
        self.centre = block(c512, 512, 256)
        self.dec5 = block(c256 + c512, 512, 256)
        self.dec4 = block(c256 + c256, 512, 256)
        self.dec3 = block(c256 + c128, 256, 64)
        self.dec2 = block(c64 + c64, 128, 128)
        self.dec1 = block(c128, 128, 32)
        c32 = scaled(32, width)
        self.dec0 = nn.Sequential(nn.Conv2d(c32, c32, 3, padding=1), nn.ReLU(inplace=True))
        self.head = nn.Conv2d(c32, 1, 1)

    def _encode(self, images: Tensor) -> list[Tensor]:
        features: list[Tensor] = self.encoder(images)[1:]  # without the image itself, which the encoder puts first
        return features

    def decode(self, features: list[Tensor]) -> Tensor:
        _, stage2, stage3, stage4, stage5 = features
        x = self.centre(self.pool(stage5))
        x = self.dec5(torch.cat([x, stage5], dim=1))
        x = self.dec4(torch.cat([x, stage4], dim=1))
        x = self.dec3(torch.cat([x, stage3], dim=1))
        x = self.dec2(torch.cat([x, stage2], dim=1))
        logits: Tensor = self.head(self.dec0(self.dec1(x)))
        return logits


class AlbuNetTransposed(AlbuNet):
    """AlbuNet with transposed convolutions in its decoder, another reading of Fig. 2; 37.6 M parameters."""

    decoder_block = TransposedBlock
