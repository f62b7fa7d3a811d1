"""Changes of a folder of images that make it unusable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.conftest import write_image

Change = Callable[[Path], object]


def unchanged(_: Path) -> None:
    """Change no file: the command line itself is wrong."""


def cut(path: Path) -> Change:
    return lambda t: (t / path).write_bytes((t / path).read_bytes()[: (t / path).stat().st_size // 2])


def text(path: Path, words: str = "hello") -> Change:
    def change(t: Path) -> None:
        (t / path).parent.mkdir(parents=True, exist_ok=True)
        (t / path).write_text(words)

    return change


def black(path: Path, height: int, width: int) -> Change:
    return lambda t: write_image(t / path, np.zeros((height, width), dtype=np.uint8))


def copy(path: Path, to: Path) -> Change:
    return lambda t: shutil.copy(t / path, t / to)


def remove(path: Path) -> Change:
    return lambda t: shutil.rmtree(t / path) if (t / path).is_dir() else (t / path).unlink()


def all_of(*changes: Change) -> Change:
    return lambda t: [change(t) for change in changes]


def not_utf8(path: Path) -> Change:
    return lambda t: os.rename(os.fsencode(t / path), os.fsencode((t / path).parent) + b"/caf\xe9")
