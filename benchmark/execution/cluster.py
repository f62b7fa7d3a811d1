"""Runs on a dask cluster: what its workers must see as this process does, above all the results folder."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmark.atomic import replace_file
from benchmark.execution.dask_pool import DaskPool
from benchmark.execution.run_task import RunTask
from benchmark.protocol.runs import RunSpec
from benchmark.training.one_run import RunContext


def with_absolute_paths(task: RunTask) -> RunTask:
    """Return the same task with paths as other machines name them."""
    context = task.context
    return replace(
        task,
        results=task.results.resolve(),
        context=replace(
            context,
            cache=context.cache.resolved(),
            weights_dir=context.weights_dir and context.weights_dir.resolve(),
        ),
    )


@dataclass(frozen=True)
class SharedFolder:
    """A folder that every worker must see, recognised by a file in it."""

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

    @property
    def is_visible(self) -> bool:
        """Whether this process sees it."""
        return self._mark.exists()

    @property
    def _mark(self) -> Path:
        return self.path / f".shared-{self.token}"


@dataclass(frozen=True)
class WorkerView:
    """What every worker must see as this process does: its device, the images and the results folder."""

    context: RunContext
    categories: tuple[str, ...]
    folder: SharedFolder

    def __call__(self) -> dict[str, str]:
        """Return what this process sees.

        Raises
        ------
        InputError
            If it cannot read the data, or does not have the device.
        """
        self.context.choose_device()
        dataset = self.context.dataset
        seen = {f"the content of {name}": dataset.manifest(name).digest[:12] for name in self.categories}
        visible = "visible" if self.folder.is_visible else f"not visible at {self.folder.path}"
        return seen | {"the results folder": visible}


class ClusterPool:
    """The workers of a dask cluster, which store results themselves in a folder that all of them see.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://HOST:8786``.
    task : RunTask
        As ``with_absolute_paths`` gives it.
    specs : sequence of RunSpec
        The runs to come.
    """

    def __init__(self, address: str, task: RunTask, specs: Sequence[RunSpec]) -> None:
        self.folder = SharedFolder(task.results, uuid4().hex)
        categories = tuple(dict.fromkeys(spec.category for spec in specs))
        self.pool = DaskPool(address, WorkerView(task.context, categories, self.folder))

    def map(self, work: RunTask, items: Iterable[RunSpec]) -> Generator[Any, None, None]:
        """Yield how runs ended, as ``work`` returns it.

        Raises
        ------
        InputError
            If there is no scheduler or no worker, or a worker sees something else than this process.
        """
        with self.folder.marked(), closing(self.pool.map(work, items)) as ends:
            yield from ends
