"""ImageNet encoders from torchvision's own files, checked by hash; never a silent random start."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torchvision.models import ResNet34_Weights

from baselines.errors import InputError


@dataclass(frozen=True)
class PretrainedWeights:
    """A torchvision weights file; its name ends in the first eight characters of its SHA-256."""

    file: str

    @property
    def sha256_prefix(self) -> str:
        return Path(self.file).stem.rsplit("-", 1)[1]


WEIGHTS = {"resnet34": PretrainedWeights(Path(ResNet34_Weights.IMAGENET1K_V1.url).name)}


def weights_path(encoder: str, weights_dir: Path | None = None) -> Path:
    """Return where an encoder's weights file lies, after checking that it is there and that its hash is right.

    torchvision trusts whatever file already has the name; a truncated download would load or fail obscurely.

    Raises
    ------
    InputError
        If the file is missing, or is another file than its name says.
    """
    wanted = WEIGHTS[encoder]
    folder = Path(weights_dir) if weights_dir else Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / wanted.file
    if not path.is_file():
        raise InputError(
            f"pretrained weights not found: put torchvision's {wanted.file} at {path}, "
            "name its folder with --weights-dir, or start at random with --set weights=none"
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(wanted.sha256_prefix):
        raise InputError(
            f"pretrained weights {path} are damaged: their SHA-256 starts with {found[:8]}, not "
            f"{wanted.sha256_prefix}; delete the file and fetch torchvision's {wanted.file} again"
        )
    return path
