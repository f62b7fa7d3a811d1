"""Methods that other packages bring, found by entry point; one that is broken is named and does not stop the others.

An entry point of the group ``fewshot_defect_benchmark.methods`` is a ``Method``, several of them, or a callable that
returns either. Its module registers the networks its methods need.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GROUP = "fewshot_defect_benchmark.methods"

_found: list[tuple[str, list[Any]]] | None = None


def discover() -> list[tuple[str, list[Any]]]:
    """Load every plug-in, once per process, and return for each what it is called and what it brings.

    Networks are registered by then; the methods are not, and may be anything.
    """
    global _found
    if _found is None:
        found: list[tuple[str, list[Any]]] = []
        _found = found  # a plug-in that looks something up while it is loaded must not load them all again
        for point in sorted(entry_points(group=GROUP), key=origin):
            try:
                # Workers meet plug-ins after they seeded a run: loading must not draw from its random numbers.
                with _random_numbers_kept():
                    found.append((origin(point), _load(point)))
            except (Exception, SystemExit) as error:  # whatever a plug-in does wrong is its own failure
                leave_out(origin(point), error)
    return _found


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Restore torch's random state; torch is imported only where there is a plug-in."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield


def origin(point: EntryPoint) -> str:
    """Return what people call a plug-in: its package and its entry."""
    return f"{point.dist.name} {point.dist.version}/{point.name}" if point.dist else point.name


def leave_out(plugin: str, error: BaseException) -> None:
    """Warn, in one line, that a plug-in or one of its methods is not used."""
    said = " ".join(str(error).split())
    warnings.warn(f"plug-in {plugin} is left out: {type(error).__name__}: {said}", stacklevel=2)


def _load(point: EntryPoint) -> list[Any]:
    brought = point.load()
    if callable(brought):
        brought = brought()
    return list(brought) if isinstance(brought, Iterable) else [brought]
