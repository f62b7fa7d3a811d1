"""ImageNet weights of encoders: torchvision's files, checked by hash; never silently replaced by random weights."""

from __future__ import annotations

import hashlib
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import torch
from torchvision.models import ResNet34_Weights, VGG11_Weights, VGG16_Weights

from baselines.errors import InputError

logger = logging.getLogger(__name__)

# A server that does not respond for so long is considered unreachable.
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class PretrainedWeights:
    """A weights file of torchvision; its name ends in the first eight characters of its SHA-256.

    Examples
    --------
    >>> weights = PretrainedWeights("https://host/models/vgg11-8a719046.pth")
    >>> weights.file, weights.sha256_prefix
    ('vgg11-8a719046.pth', '8a719046')
    """

    url: str

    @property
    def file(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def sha256_prefix(self) -> str:
        return PurePosixPath(self.file).stem.rsplit("-", 1)[1]


@dataclass(frozen=True)
class WeightsRecord:
    """The weights an encoder started from, as stored with a run.

    Attributes
    ----------
    encoder : str
        Name of the library encoder.
    file, sha256 : str
        Name and SHA-256 of the file.
    source : str
        The URL at which torchvision publishes it; ``weights_files``, the profile field, for a user's own file.
    """

    encoder: str
    file: str
    sha256: str
    source: str


@dataclass(frozen=True)
class FoundWeights:
    """A weights file on this machine with the expected hash."""

    path: Path
    record: WeightsRecord


WEIGHTS = {
    "vgg11": PretrainedWeights(VGG11_Weights.IMAGENET1K_V1.url),
    "vgg16": PretrainedWeights(VGG16_Weights.IMAGENET1K_V1.url),
    "resnet34": PretrainedWeights(ResNet34_Weights.IMAGENET1K_V1.url),
}


def find_weights(encoder: str, weights_dir: Path | None = None) -> FoundWeights:
    """Return an encoder's weights file after checking its hash, which torchvision does only after a download.

    A missing file is downloaded to torch's cache, unless a folder is given.

    Raises
    ------
    InputError
        If the file is missing and cannot be downloaded, or its hash is wrong.
    """
    weights = WEIGHTS[encoder]
    folder = Path(weights_dir) if weights_dir else Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / weights.file
    if not path.is_file():
        if weights_dir:
            raise _not_found(weights, path)
        _download(weights, path)
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"pretrained weights {path} cannot be read: {error.strerror}") from None
    if not sha256.startswith(weights.sha256_prefix):
        raise InputError(
            f"pretrained weights {path} are corrupted: their SHA-256 starts with {sha256[:8]}, not "
            f"{weights.sha256_prefix}; delete the file and download torchvision's {weights.file} again"
        )
    return FoundWeights(path, WeightsRecord(encoder, weights.file, sha256, weights.url))


def _download(weights: PretrainedWeights, path: Path) -> None:
    """Download a file of torchvision; torch gives it its final name once it is complete and its hash is right."""
    logger.info("downloading %s to %s", weights.url, path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _socket_timeout(TIMEOUT_SECONDS):
            torch.hub.download_url_to_file(
                weights.url, str(path), hash_prefix=weights.sha256_prefix, progress=sys.stderr.isatty()
            )
    # A wrong hash is a RuntimeError of torch; urllib raises OSError, and HTTPException for malformed responses.
    except (OSError, HTTPException, RuntimeError) as error:
        reason = " ".join(str(error).strip("<>").split()) or type(error).__name__
        raise _not_found(weights, path, f"downloading {weights.url} failed ({reason}); ") from None


def _not_found(weights: PretrainedWeights, path: Path, reason: str = "") -> InputError:
    return InputError(
        f"pretrained weights not found: {reason}put torchvision's {weights.file} at {path}, "
        "give its folder with --weights-dir, or start from random weights with --set weights=none"
    )


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Set a timeout for new sockets: torch's download has none and would wait forever for an unresponsive server."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
