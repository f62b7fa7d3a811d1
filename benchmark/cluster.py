"""Runs on other machines: what their workers must see as this process does, and results that come back to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from baselines import InputError
from benchmark.atomic import replace_file
from benchmark.claims import Claim, ClaimLostError, Claims
from benchmark.dask_pool import DaskPool
from benchmark.pools import Lost, Pool
from benchmark.runs import RunSpec
from benchmark.store import RunResult
from benchmark.work import Failure, Finished, Work, Workplace


def choose_cluster(address: str, place: Workplace, specs: Sequence[RunSpec], say: Callable[[str], None]) -> Pool:
    """Return a pool on the dask cluster at ``address``: its workers store results themselves where all can.

    That is so where every worker that is there sees the folder of results. Otherwise results come back.

    Parameters
    ----------
    place : Workplace
        As ``seen_elsewhere`` gives it.
    say : callable
        Called with a line on where results go.

    Raises
    ------
    InputError
        If there is no scheduler or no worker, one lacks the device, or the folder cannot be written.
    """
    view = View(place, tuple(dict.fromkeys(spec.category for spec in specs)))
    folder = SharedFolder(place.results, uuid4().hex)
    with folder.marked():
        found = DaskPool(address).ask(_Look(place, folder))
    for worker, (_, lack) in found.items():
        if lack:
            raise InputError(f"dask worker {worker} is refused: {lack} (docs/scaling-out.md)")
    blind = sum(not sees for sees, _ in found.values())
    if not blind:
        say(f"{len(found)} dask workers store their results in {place.results}")
        return StoringPool(DaskPool(address, replace(view, folder=folder)), folder)
    say(f"{blind} of {len(found)} dask workers do not see {place.results}: results come back to this process")
    return ReturningPool(DaskPool(address, view))


def seen_elsewhere(place: Workplace) -> Workplace:
    """Return the same place as other machines name it: by absolute paths."""
    return replace(
        place,
        cache=place.cache and place.cache.resolve(),
        results=place.results.resolve(),
        weights_dir=place.weights_dir and place.weights_dir.resolve(),
    )


@dataclass(frozen=True)
class SharedFolder:
    """A folder that other machines may see or not, told by a file in it."""

    path: Path
    token: str

    @contextmanager
    def marked(self) -> Iterator[None]:
        """Have the file there meanwhile; InputError if it cannot be written."""
        with replace_file(self._mark) as file:
            file.touch()
        try:
            yield
        finally:
            self._mark.unlink(missing_ok=True)

    def __call__(self) -> bool:
        """Return whether this process sees it."""
        return self._mark.exists()

    @property
    def _mark(self) -> Path:
        return self.path / f".shared-{self.token}"


@dataclass(frozen=True)
class _Look:
    """Asks a worker whether it sees the folder of results, and what keeps it from its device ("" if nothing)."""

    place: Workplace
    folder: SharedFolder

    def __call__(self) -> tuple[bool, str]:
        try:
            self.place.choose_device()
        except InputError as error:
            return self.folder(), str(error)
        return self.folder(), ""


@dataclass(frozen=True)
class View:
    """What every worker must see as this process does: the images, and the folder of results if it is shared."""

    place: Workplace
    categories: tuple[str, ...]
    folder: SharedFolder | None = None

    def __call__(self) -> dict[str, str]:
        """Return what this process sees."""
        seen = {f"the content of {name}": self.place.dataset.manifest(name).digest[:12] for name in self.categories}
        if self.folder:
            seen["the folder of results"] = "seen" if self.folder() else f"not to be seen at {self.folder.path}"
        return seen


@dataclass(frozen=True)
class _Attempt:
    """What workers do whose results come back."""

    work: Work

    def __call__(self, spec: RunSpec) -> tuple[RunSpec, RunResult | Failure, float]:
        began = time.perf_counter()
        return spec, self.work.attempt(spec), time.perf_counter() - began


class StoringPool:
    """Workers that store results themselves, in a folder that all of them see.

    Parameters
    ----------
    pool : Pool
    folder : SharedFolder
    """

    def __init__(self, pool: Pool, folder: SharedFolder) -> None:
        self.pool, self.folder = pool, folder

    def map(self, work: Work, items: Iterable[RunSpec]) -> Generator[Any, None, None]:
        """Yield how runs ended, as ``work`` returns it."""
        with self.folder.marked(), closing(self.pool.map(work, items)) as ends:
            yield from ends


class ReturningPool:
    """Workers that see no folder of this machine: this process claims the runs, and stores what comes back.

    Parameters
    ----------
    pool : Pool
        Takes items from an iterator as it goes, so that only runs in work are claimed.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def map(self, work: Work, items: Iterable[RunSpec]) -> Generator[Any, None, None]:
        """Yield how runs ended, as ``work`` would return it."""
        claims = Claims(work.place.results)
        held: dict[str, tuple[ExitStack, Claim]] = {}
        elsewhere: list[Finished] = []

        def claimed() -> Iterator[RunSpec]:
            for spec in items:
                scope = ExitStack()
                claim = scope.enter_context(claims.claim(spec.id))
                ended = work.settled(spec) if claim else Finished.elsewhere(spec)
                if claim and ended is None:
                    held[spec.id] = scope, claim
                    yield spec
                elif ended:
                    elsewhere.append(ended)
                    scope.close()

        attempt = _Attempt(replace(work, earlier={}, on_step=None))
        try:
            with closing(self.pool.map(attempt, claimed())) as ends:
                for end in ends:
                    spec = end.item if isinstance(end, Lost) else end[0]
                    scope, claim = held.pop(spec.id)
                    with scope:
                        yield end if isinstance(end, Lost) else _keep(work, claim, *end)
            yield from elsewhere
        finally:
            for scope, _ in held.values():
                scope.close()


def _keep(work: Work, claim: Claim, spec: RunSpec, outcome: RunResult | Failure, seconds: float) -> Finished:
    try:
        claim.confirm()
    except ClaimLostError:
        return Finished.elsewhere(spec)
    return work.keep(spec, outcome, seconds)
