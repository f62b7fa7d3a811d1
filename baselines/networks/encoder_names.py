"""The names that weights of library encoders have in files, and which of them an encoder has no place for.

Encoders of segmentation-models-pytorch name their weights as torchvision or timm do, with two exceptions. Those that
wrap a timm model (``tu-...``) rename some of its parts and leave out the deepest ones; and timm's EfficientNets are
also published with the names of the package ``efficientnet_pytorch``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import timm
from segmentation_models_pytorch.encoders import TimmUniversalEncoder, TimmViTEncoder
from torch import nn

from baselines.networks.base import on_meta

# First part of the names of a classifier's last layers, in torchvision, timm and the other sources of the encoders.
HEADS = ("classifier", "fc", "head", "linear", "last_linear", "_fc")

_TIMM_BLOCK = re.compile(r"(blocks\.\d+\.\d+)\.(.+)")
# timm's names of the parts of an EfficientNet's blocks, and efficientnet_pytorch's. Depthwise separable blocks lack the
# first convolution of the inverted residual ones.
_SEPARABLE = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
_INVERTED = {
    "conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1", "conv_pwl": "_project_conv",
    "bn3": "_bn2",
}  # fmt: skip
_SQUEEZE = {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
_OUTSIDE = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}


def file_names(encoder: nn.Module) -> dict[str, str | None]:
    """Map the names that a file may use to the encoder's own.

    Parameters
    ----------
    encoder : nn.Module
        Its values are not read, so it may be on the meta device.

    Returns
    -------
    dict of str to (str or None)
        None for weights of the complete model that the encoder leaves out, such as its classifier.
    """
    own = list(encoder.state_dict())
    names: dict[str, str | None] = {name: name for name in own}
    if isinstance(encoder, TimmUniversalEncoder | TimmViTEncoder):
        timm_names = _names_in_timm(encoder.name, own)
    else:
        timm_names = dict(names)
    for other in (timm_names, _names_in_efficientnet_pytorch(timm_names)):
        names |= {name: mine for name, mine in other.items() if name not in names}
    return names


def is_head(name: str) -> bool:
    """Return whether a weight is of a classifier's last layers, by its name.

    Examples
    --------
    >>> is_head("classifier.6.weight"), is_head("features.0.weight")
    (True, False)
    """
    return name.partition(".")[0] in HEADS


def _names_in_timm(model: str, own: Iterable[str]) -> dict[str, str | None]:
    """Map the names of a complete timm model to those of the encoder that wraps it, whose model may be wrapped again.

    timm's wrappers turn the first dot of some names into an underscore: ``stages.0`` is ``stages_0``.
    """
    wrapped = {_without_wrappers(name).replace("_", "."): name for name in own}
    complete = on_meta(lambda: timm.create_model(model)).state_dict()
    return {name: wrapped.get(name.replace("_", ".")) for name in complete}


def _without_wrappers(name: str) -> str:
    return re.sub(r"^model\.(model\.|body\.)?", "", name)


def _names_in_efficientnet_pytorch(timm_names: Mapping[str, str | None]) -> dict[str, str | None]:
    """Map efficientnet_pytorch's names as ``timm_names`` maps timm's; empty for other networks."""
    if "conv_stem.weight" not in timm_names:
        return {}
    blocks: dict[str, str] = {}  # timm numbers blocks within stages, efficientnet_pytorch throughout
    for name in timm_names:
        if match := _TIMM_BLOCK.match(name):
            blocks.setdefault(match[1], f"_blocks.{len(blocks)}")
    found = {}
    for name, mine in timm_names.items():
        if match := _TIMM_BLOCK.match(name):
            block, rest = match.groups()
            layers = _SQUEEZE | (_INVERTED if f"{block}.conv_pwl.weight" in timm_names else _SEPARABLE)
            prefix = f"{blocks[block]}."
        else:
            rest, layers, prefix = name, _OUTSIDE, ""
        layer, _, kind = rest.rpartition(".")
        if layer in layers:
            found[f"{prefix}{layers[layer]}.{kind}"] = mine
    return found
