"""Runs on a dask cluster, whose workers must see the same data and results folder as this process."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.atomic import temporary_path, writable
from benchmark.data.datasets import DataSet
from benchmark.execution.dask_pool import DaskPool
from benchmark.execution.run_task import RunTask
from benchmark.protocol.runs import RunSpec


@dataclass(frozen=True)
class WorkerView:
    """Describes what a process sees of the data and the results folder.

    Attributes
    ----------
    dataset : DataSet
    categories : tuple of str
    mark : Path
        A file in the results folder.
    """

    dataset: DataSet
    categories: tuple[str, ...]
    mark: Path

    def __call__(self) -> dict[str, str]:
        """Return what must be equal on all workers, by name.

        Raises
        ------
        InputError
            If this process cannot read the data.
        """
        seen = {f"the content of {name}": self.dataset.manifest(name).digest[:12] for name in self.categories}
        visible = "visible" if self.mark.exists() else f"not visible at {self.mark.parent}"
        return seen | {"the results folder": visible}


class ClusterPool:
    """The workers of a dask cluster, which store results themselves in a folder that all of them see.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://HOST:8786``.
    task : RunTask
        With absolute paths.
    specs : sequence of RunSpec
        The runs to come.
    """

    def __init__(self, address: str, task: RunTask, specs: Sequence[RunSpec]) -> None:
        self._mark = temporary_path(task.results / "shared")
        categories = tuple(dict.fromkeys(spec.category for spec in specs))
        view = WorkerView(task.context.dataset, categories, self._mark)
        self._pool = DaskPool(address, view, task.context.choose_device)

    def map(self, work: RunTask, items: Iterable[RunSpec]) -> Generator[Any, None, None]:
        """Yield how runs ended, as ``work`` returns it.

        Raises
        ------
        InputError
            If there is no scheduler or no worker, or a worker does not see the same as this process.
        """
        with writable(self._mark):
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.touch()
        try:
            with closing(self._pool.map(work, items)) as ends:
                yield from ends
        finally:
            self._mark.unlink(missing_ok=True)
