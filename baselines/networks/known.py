"""Costs, input sizes and weights files of the built-in networks, listed to import nothing; tests check them."""

from __future__ import annotations

from dataclasses import dataclass

# Height and width of the image for which costs are listed.
COST_SIZE = 512


@dataclass(frozen=True)
class NetworkCost:
    """The size of a network and the work for one image.

    Attributes
    ----------
    parameters : int
        Trainable parameters.
    encode_macs, decode_macs : float
        Multiply-accumulates of encoder and decoder for one image.
    """

    parameters: int
    encode_macs: float
    decode_macs: float

    @property
    def macs(self) -> float:
        return self.encode_macs + self.decode_macs


# At width 1, for one image of COST_SIZE.
KNOWN_COSTS = {
    "ternausnet11": NetworkCost(25_364_513, 39_107_690_496, 70_539_804_672),
    "ternausnet16": NetworkCost(32_202_337, 80_178_315_264, 79_666_610_176),
    "unet": NetworkCost(7_852_545, 17_137_926_144, 38_663_094_272),
    "attention_unet": NetworkCost(34_878_573, 68_098_719_744, 197_601_001_472),
    "unet_plus_plus": NetworkCost(9_163_329, 17_137_926_144, 120_804_343_808),
    "albunet": NetworkCost(34_604_897, 19_138_609_152, 107_214_798_848),
    "ternausnet11_original": NetworkCost(22_927_393, 39_107_690_496, 63_728_254_976),
    "albunet_transposed": NetworkCost(37_615_457, 19_138_609_152, 34_082_914_304),
    "unet_wide": NetworkCost(31_390_721, 68_098_719_744, 154_635_599_872),
    "unet_without_batch_norm": NetworkCost(7_846_657, 17_137_926_144, 38_663_094_272),
}

# Height and width of an input must be multiples of it.
KNOWN_SIZE_MULTIPLES = dict.fromkeys(KNOWN_COSTS, 16) | {
    "ternausnet11": 32,
    "ternausnet11_original": 32,
    "ternausnet16": 32,
    "albunet": 64,
    "albunet_transposed": 64,
}

_VGG11, _VGG16, _RESNET34 = "vgg11-8a719046.pth", "vgg16-397923af.pth", "resnet34-b627a593.pth"
# torchvision's file of the ImageNet encoder, None for a network without one.
KNOWN_PRETRAINED: dict[str, str | None] = dict.fromkeys(KNOWN_COSTS) | {
    "ternausnet11": _VGG11,
    "ternausnet11_original": _VGG11,
    "ternausnet16": _VGG16,
    "albunet": _RESNET34,
    "albunet_transposed": _RESNET34,
}
