"""A method from one file: run --method unet examples/unet_small.py --category hazelnut --shots 1 --seed 0."""

from baselines import Method, Recipe, register_method, register_network
from baselines.networks.unet import UNet


class SmallUNet(UNet):
    """U-Net with half the channels."""

    stage_channels = (16, 32, 64, 128, 256)


register_network("unet_small", SmallUNet)
register_method(Method("unet_small", "U-Net (small)", "unet_small", Recipe(crop_paste="augmentation"), "this file"))
