"""Where decoded images are kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(given: Path | None) -> Path:
    """Return the folder that was given, or else this user's on this machine: ``$XDG_CACHE_HOME``, or ``~/.cache``."""
    if given is not None:
        return given
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "fewshot-defect-benchmark"
