"""ImageNet encoders from torchvision's own files, checked by hash; never a silent random start."""

from __future__ import annotations

import hashlib
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

# A server that says nothing for so long is taken as not there.
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class PretrainedWeights:
    """A weights file of torchvision; its name ends in the first eight characters of its SHA-256."""

    url: str

    @property
    def file(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def sha256_prefix(self) -> str:
        return PurePosixPath(self.file).stem.rsplit("-", 1)[1]


@dataclass(frozen=True)
class FoundWeights:
    """A weights file on this machine whose hash is right.

    Attributes
    ----------
    path : Path
    record : dict
        ``encoder``, ``file``, ``sha256`` (whole) and ``source`` (where torchvision publishes it), as stored
        with a run.
    """

    path: Path
    record: dict[str, str]


WEIGHTS = {
    "vgg11": PretrainedWeights(VGG11_Weights.IMAGENET1K_V1.url),
    "vgg16": PretrainedWeights(VGG16_Weights.IMAGENET1K_V1.url),
    "resnet34": PretrainedWeights(ResNet34_Weights.IMAGENET1K_V1.url),
}


def find_weights(encoder: str, weights_dir: Path | None = None) -> FoundWeights:
    """Return an encoder's weights file, after checking that its hash is right.

    A missing file is downloaded into torch's own cache; a folder that was named is only read. torchvision
    trusts whatever file already has the name; a truncated one would load or fail obscurely.

    Raises
    ------
    InputError
        If the file is missing and cannot be downloaded, or is another file than its name says.
    """
    wanted = WEIGHTS[encoder]
    folder = Path(weights_dir) if weights_dir else Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / wanted.file
    if not path.is_file():
        if weights_dir:
            raise _not_found(wanted, path)
        _download(wanted, path)
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"pretrained weights {path} cannot be read: {error.strerror}") from None
    if not found.startswith(wanted.sha256_prefix):
        raise InputError(
            f"pretrained weights {path} are damaged: their SHA-256 starts with {found[:8]}, not "
            f"{wanted.sha256_prefix}; delete the file and fetch torchvision's {wanted.file} again"
        )
    return FoundWeights(path, {"encoder": encoder, "file": wanted.file, "sha256": found, "source": wanted.url})


def _download(wanted: PretrainedWeights, path: Path) -> None:
    """Fetch a file from torchvision; it gets its name only when it is whole and its hash is right."""
    print(f"downloading {wanted.url} to {path.parent}", file=sys.stderr)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _socket_timeout(TIMEOUT_SECONDS):
            torch.hub.download_url_to_file(
                wanted.url, str(path), hash_prefix=wanted.sha256_prefix, progress=sys.stderr.isatty()
            )
    # torch reports a wrong hash as RuntimeError; what urllib raises is an OSError, but for broken answers.
    except (OSError, HTTPException, RuntimeError) as error:
        reason = " ".join(str(error).strip("<>").split()) or type(error).__name__
        raise _not_found(wanted, path, f"downloading {wanted.url} failed ({reason}); ") from None


def _not_found(wanted: PretrainedWeights, path: Path, why: str = "") -> InputError:
    return InputError(
        f"pretrained weights not found: {why}put torchvision's {wanted.file} at {path}, "
        "name its folder with --weights-dir, or start at random with --set weights=none"
    )


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Give new sockets a timeout: torch's download takes none, and waits for ever on a silent server."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
