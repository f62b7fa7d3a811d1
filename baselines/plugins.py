"""Methods of other packages, found by entry point; a broken plug-in is reported and does not affect the others.

An entry point of the group ``fewshot_defect_benchmark.methods`` is a ``Method``, several of them, or a callable that
returns either. Its module registers the networks that its methods need.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GROUP = "fewshot_defect_benchmark.methods"


@dataclass(frozen=True)
class Plugin:
    """One loaded entry point.

    Attributes
    ----------
    name : str
        Package, version and entry, for messages.
    methods : tuple
        What the entry point provides; not checked yet, so it may be anything.
    """

    name: str
    methods: tuple[Any, ...]


_loaded: list[Plugin] | None = None


def discover() -> list[Plugin]:
    """Load every plug-in, once per process; their networks are registered by then, their methods are not."""
    global _loaded
    if _loaded is None:
        # Set first: a plug-in that looks up a network while it is loaded must not load the plug-ins again.
        _loaded = []
        for point in sorted(entry_points(group=GROUP), key=plugin_name):
            try:
                # A worker loads plug-ins after it has seeded a run: loading must not use its random numbers.
                with _random_state_kept():
                    _loaded.append(Plugin(plugin_name(point), _load(point)))
            except (Exception, SystemExit) as error:  # any error of a plug-in is its own
                warn_skipped(plugin_name(point), error)
    return _loaded


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Restore torch's random state; imports torch, which looking up methods does not need otherwise."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield


def plugin_name(point: EntryPoint) -> str:
    """Return the name of a plug-in in messages: package, version and entry."""
    return f"{point.dist.name} {point.dist.version}/{point.name}" if point.dist else point.name


def warn_skipped(plugin: str, error: BaseException) -> None:
    """Warn, in one line, that a plug-in or one of its methods is skipped."""
    message = " ".join(str(error).split())
    warnings.warn(f"plug-in {plugin} is skipped: {type(error).__name__}: {message}", stacklevel=2)


def _load(point: EntryPoint) -> tuple[Any, ...]:
    provided = point.load()
    if callable(provided):
        provided = provided()
    return tuple(provided) if isinstance(provided, Iterable) else (provided,)
