"""Start-up of the command line, and data: new processes against one that imports pandas."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

from benchmark.bench.pairs import Measurement, measure
from benchmark.bench.subject import CATEGORY, Subject
from benchmark.data.image_cache import ImageCache

_COMMANDS = (
    ("--version",),
    ("profile", "list"),
    ("tables", "--published"),
    ("claims", "--published"),
    ("audit",),
    ("plan", "--all", "--profile", "paper"),
)


def measure_startup(subject: Subject) -> Iterator[Measurement]:
    """Yield how long commands take that train nothing; the last plans the paper's 1,650 runs."""
    pandas = partial(_do, ["-c", "import pandas"])
    for words in _COMMANDS:
        command = partial(_do, ["-m", "benchmark", *words])
        yield measure("startup", " ".join(words), command, "python -c 'import pandas'", pandas, subject.pairs)


def measure_data(subject: Subject) -> Iterator[Measurement]:
    """Yield what rendering and resizing a category costs the first time."""
    numbers = count()
    size = subject.profile.image_size
    assert subject.arrays.size == size  # decoded once, so that it is warm

    def cold() -> None:
        ImageCache(subject.folder / f"cold{next(numbers)}").arrays(subject.dataset, CATEGORY, size)

    warm = partial(subject.context.cache.arrays, subject.dataset, CATEGORY, size)
    images = len(subject.arrays.images)
    yield measure("data", f"{images} images of {CATEGORY} at {size} px, cold", cold, "cached", warm, subject.pairs)


def _do(words: Sequence[str]) -> None:
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
