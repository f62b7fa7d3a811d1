"""A method from one file: python -m benchmark run --method examples/one_file.py unet --category hazelnut --shots 1."""

from baselines.networks.unet import UNet


class LeakyUNet(UNet):
    """U-Net without its zeros."""
