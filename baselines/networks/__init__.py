"""Networks by name; each maps images to logits. The module of a network, and torch, are imported on first use."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines import plugins
from baselines.errors import InputError, check_new_name, unknown_name
from baselines.method_files import MethodFile, executing
from baselines.networks.known import KNOWN_PRETRAINED, KNOWN_SIZE_MULTIPLES
from baselines.weights_files import WeightsFile

if TYPE_CHECKING:
    from baselines.networks.base import SegmentationNetwork
    from baselines.networks.pretrained import FoundWeights

SMP_PREFIX = "smp:"

# The class of each network, or its module and name while it has not been imported.
_NETWORKS: dict[str, type[SegmentationNetwork] | tuple[str, str]] = {
    "ternausnet11": ("ternausnet", "TernausNet11"),
    "ternausnet16": ("ternausnet", "TernausNet16"),
    "unet": ("unet", "UNet"),
    "attention_unet": ("attention_unet", "AttentionUNet"),
    "unet_plus_plus": ("unet_plus_plus", "UNetPlusPlus"),
    "albunet": ("albunet", "AlbuNet"),
    # Other readings of the paper's references, see docs/protocol.md.
    "ternausnet11_original": ("ternausnet", "TernausNet11Original"),
    "albunet_transposed": ("albunet", "AlbuNetTransposed"),
    "unet_wide": ("unet", "UNetWide"),
    "unet_without_batch_norm": ("unet", "UNetWithoutBatchNorm"),
}
# The file that registered a network, of those that one did.
_FILES: dict[str, MethodFile] = {}

__all__ = [
    "SMP_PREFIX",
    "SegmentationNetwork",
    "check_network_name",
    "check_pretrained",
    "check_start",
    "check_weights_file",
    "create_network",
    "forget_networks",
    "network_class",
    "network_file",
    "network_names",
    "pretrained_file",
    "register_network",
    "size_multiple",
]


def __getattr__(name: str) -> Any:
    """Import the networks' base class when it is first used (PEP 562)."""
    if name == "SegmentationNetwork":
        return import_module("baselines.networks.base").SegmentationNetwork
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def register_network(name: str, cls: type[SegmentationNetwork]) -> None:
    """Make a network available under a name; ``cls(width=...)`` builds it.

    Raises
    ------
    InputError
        If the name is taken or invalid, the class is not a ``SegmentationNetwork``, or its ``encoder_name`` is not one
        with known torchvision weights.
    """
    from baselines.networks.base import SegmentationNetwork
    from baselines.networks.pretrained import WEIGHTS

    check_new_name("network", name, _NETWORKS)
    if not (isinstance(cls, type) and issubclass(cls, SegmentationNetwork)):
        raise InputError(f"network '{name}' must be a subclass of SegmentationNetwork, got {cls!r}")
    if cls.encoder_name is not None and cls.encoder_name not in WEIGHTS:
        raise unknown_name(f"pretrained encoder of network '{name}'", cls.encoder_name, WEIGHTS)
    _NETWORKS[name] = cls
    if file := executing():
        _FILES[name] = file


def network_file(name: str) -> MethodFile | None:
    """Return the file that registered a network; None if it came from elsewhere."""
    return _FILES.get(name)


def forget_networks(file: MethodFile) -> None:
    """Remove the networks that a file registered."""
    for name in [name for name, of in _FILES.items() if of == file]:
        del _FILES[name], _NETWORKS[name]


def network_names() -> tuple[str, ...]:
    """Return the names that ``create_network`` accepts in addition to every ``smp:<Architecture>/<encoder>``."""
    plugins.discover()  # their modules register their networks
    return tuple(_NETWORKS)


def check_network_name(name: str) -> None:
    """Check that a network of that name exists; imports torch for ``smp:`` names only.

    Raises
    ------
    InputError
        If no network has that name; the error suggests the closest one.
    """
    if name.startswith(SMP_PREFIX):
        network_class(name)
        return
    if name not in _NETWORKS:
        plugins.discover()  # a worker process has not looked up any method yet
    if name not in _NETWORKS:
        raise unknown_name("network", name, _NETWORKS)


def network_class(name: str) -> type[SegmentationNetwork]:
    """Return a network's class; raises as ``check_network_name``."""
    if name.startswith(SMP_PREFIX):
        from baselines.networks.smp import smp_class

        return smp_class(name)
    check_network_name(name)
    found = _NETWORKS[name]
    if isinstance(found, tuple):
        module, cls = found
        found = _NETWORKS[name] = getattr(import_module(f"baselines.networks.{module}"), cls)
    return found


def pretrained_file(name: str) -> str | None:
    """Return the name of a network's file of ImageNet weights; None if it has no pretrained encoder.

    Examples
    --------
    >>> pretrained_file("albunet")
    'resnet34-b627a593.pth'
    """
    if name in KNOWN_PRETRAINED:
        return KNOWN_PRETRAINED[name]
    from baselines.networks.pretrained import WEIGHTS

    encoder = network_class(name).encoder_name
    return WEIGHTS[encoder].file if encoder else None


def size_multiple(name: str) -> int:
    """Return what height and width of a network's input must be multiples of.

    Examples
    --------
    >>> size_multiple("albunet")
    64
    """
    return KNOWN_SIZE_MULTIPLES[name] if name in KNOWN_SIZE_MULTIPLES else network_class(name).size_multiple


def check_start(name: str, weights: str | None, width: float) -> None:
    """Check that a network can start from these weights at this width; reads no file.

    Raises
    ------
    InputError
        If there is no such network, or it does not support the weights or the width.
    """
    if name not in KNOWN_PRETRAINED:  # built-in networks support every width
        network_class(name).check_settings(weights, width)
    if weights and width != 1.0 and pretrained_file(name):
        raise InputError(f"ImageNet weights fit width 1 only, got width {width:g}: set weights=none or width=1")


def check_pretrained(name: str, weights_dir: Path | None = None) -> FoundWeights | None:
    """Return the weights file of a network's ImageNet encoder; None if it has no pretrained encoder.

    Raises
    ------
    InputError
        If the file is missing and cannot be downloaded, or is corrupted.
    """
    from baselines.networks.pretrained import find_weights

    encoder = network_class(name).encoder_name
    return find_weights(encoder, weights_dir) if encoder else None


def check_weights_file(name: str, file: WeightsFile, width: float) -> None:
    """Check that a user's file has the weights of a network's encoder, all of them and no others.

    Raises
    ------
    WeightsFileError
        If the file cannot be used or does not fit, or the network has no encoder for it.
    """
    from baselines.networks.encoder_weights import check_fit

    check_fit(file, name, network_class(name), width)


def create_network(
    name: str,
    weights: str | None = None,
    width: float = 1.0,
    weights_dir: Path | None = None,
    weights_file: WeightsFile | None = None,
) -> SegmentationNetwork:
    """Build a network: (N, 3, H, W) float images to (N, 1, H, W) logits (no sigmoid inside).

    Parameters
    ----------
    name : str
        One of ``network_names()``, or ``smp:<Architecture>/<encoder>``.
    weights : {None, "imagenet"}
        ``"imagenet"`` loads torchvision's ImageNet weights into the encoder, if the network has a pretrained one; a
        network without (U-Net) starts from random weights with both values, as in the paper. The attribute
        ``pretrained`` of the network records the file.
    width : float
        Multiplier of every channel count; must be 1 with pretrained weights.
    weights_dir : Path, optional
        Folder of torchvision's file; by default torch's cache, to which a missing file is downloaded.
    weights_file : WeightsFile, optional
        A file of the user's own, from which the encoder starts instead, whatever ``weights`` is.

    Raises
    ------
    InputError
        If the name or the weights are unknown, the width is not positive, or the file is missing or corrupted or
        does not fit.

    Examples
    --------
    >>> import torch
    >>> create_network("unet", width=0.1)(torch.zeros(1, 3, 64, 32)).shape
    torch.Size([1, 1, 64, 32])
    """
    cls = network_class(name)
    if weights not in (None, "imagenet"):
        raise InputError(f"weights must be None or 'imagenet', got {weights!r}")
    if not width > 0:
        raise InputError(f"width must be positive, got {width}")
    if weights_file:
        weights = None
    check_start(name, weights, width)
    found = check_pretrained(name, weights_dir) if weights else None
    network = cls(width=width)
    if weights_file:
        from baselines.networks.encoder_weights import start_from_file

        network.pretrained = start_from_file(network, name, weights_file, width)
    elif found:
        from baselines.networks.encoder_weights import start_from_found

        network.pretrained = start_from_found(network, found)
    return network
