"""Completing a study: prepare and execute those of its runs that are not stored yet."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.datasets import DataSet
from benchmark.data.image_cache import ImageCache
from benchmark.execution.budget import Budget, describe_blocks
from benchmark.execution.cost import known_rate, model_bytes
from benchmark.execution.execute import execute
from benchmark.execution.prepare import prepare
from benchmark.execution.progress import show_progress
from benchmark.execution.run_task import RunTask
from benchmark.execution.workers import LocalWorkers, Workers
from benchmark.protocol.blocks import order_blocks
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.results.store import RecordedFailure, ResultStore
from benchmark.training.one_run import RunContext
from benchmark.units import format_bytes

RETRY_ADVICE = "add --retry-failed to try them again"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyRunner:
    """Does the runs of a study that are not stored yet.

    Attributes
    ----------
    profile : Profile
    workers : Workers
    cache : ImageCache
    cache_limit : int
        Bytes.
    weights_dir : Path or None
        Folder of pretrained weights.
    timeout : float or None
        Seconds after which a run fails.
    retry_failed : bool
        Whether runs that failed earlier are tried again.
    keep_models : bool
        Whether trained networks are stored; runs stored without one are done again and replaced.
    budget : float or None
        Seconds after which no further runs are begun, so that those begun end in time.
    """

    profile: Profile
    workers: Workers
    cache: ImageCache
    cache_limit: int
    weights_dir: Path | None = None
    timeout: float | None = None
    retry_failed: bool = False
    keep_models: bool = False
    budget: float | None = None

    def __call__(self, specs: Sequence[RunSpec], dataset: DataSet, results: Path) -> None:
        """Do the runs and show the progress.

        Raises
        ------
        InputError
            If images, weights or the results folder cannot be used.
        KeyboardInterrupt
            With the number of finished runs as its message.
        """
        store = ResultStore(results, with_models=self.keep_models)
        store.check(spec.id for spec in specs)
        with show_progress() as display:
            to_do, earlier = self._find_to_do(specs, store)
            budget = self._make_budget(specs, to_do, results)
            prepare(specs, dataset, self.profile, self.cache, self.cache_limit, self.weights_dir, display.decode)
            self._announce(specs, to_do, earlier, store)
            try:
                display.start([spec for block in budget.expected() for spec in block.specs] if budget else to_do)
                context = RunContext(dataset, self.cache, weights_dir=self.weights_dir, keep_model=self.keep_models)
                task = RunTask(context, results, self.timeout, earlier, display.step)
                pool, task = self.workers.assign(task, to_do)
                with closing(execute(budget.runs() if budget else to_do, task, pool)) as outcomes:
                    for outcome in outcomes:
                        display.finish(outcome)
                        if budget:
                            budget.finish(outcome.spec)
            except KeyboardInterrupt:
                kept = sum(store.has(spec.id) for spec in specs)
                raise KeyboardInterrupt(f"{kept} finished runs are kept") from None
        if budget and (left := budget.left()):
            runs = sum(len(block.specs) for block in left)
            logger.info(f"--budget is spent: {runs} runs are left; the same command does more of them, in this order:")
            for line in describe_blocks(left):
                logger.info(f"  {line}")

    def _make_budget(self, specs: Sequence[RunSpec], to_do: Sequence[RunSpec], results: Path) -> Budget | None:
        """Return what decides which runs are begun; None if all of them are."""
        if self.budget is None:
            return None
        seconds_per_cost = None
        if to_do and isinstance(self.workers, LocalWorkers):  # how many workers a cluster has is not known here
            with suppress(Exception):  # the FLOPs of a plug-in's network cannot be counted
                rate = known_rate(specs, results, self.workers.devices[0])
                seconds_per_cost = 1 / rate.middle / self.workers.jobs
        return Budget(self.budget, order_blocks(to_do), seconds_per_cost)

    def _find_to_do(
        self, specs: Sequence[RunSpec], store: ResultStore
    ) -> tuple[list[RunSpec], dict[str, RecordedFailure]]:
        """Return the runs to do, and the earlier failures among all runs that are not stored."""
        missing = [spec for spec in specs if not store.has(spec.id)]
        earlier = store.read_failures(missing)
        return missing if self.retry_failed else [spec for spec in missing if spec.id not in earlier], earlier

    def _announce(
        self, specs: Sequence[RunSpec], to_do: Sequence[RunSpec], earlier: Collection[str], store: ResultStore
    ) -> None:
        """Log how many runs are stored and to do, and, with models, what they replace and take."""
        if self.keep_models and to_do:
            stored = ResultStore(store.root)
            if again := sum(stored.has(spec.id) for spec in to_do):
                logger.info(f"{again} stored runs have no model: they are trained again, and replaced")
            with suppress(Exception):  # the parameters of a plug-in's network may not be countable before it is built
                size = sum(map(model_bytes, to_do))
                logger.info(f"{len(to_do)} models will take about {format_bytes(size)} on disk")
        failed = f", {len(earlier)} failed earlier" if earlier else ""
        advice = f": {RETRY_ADVICE}" if earlier and not self.retry_failed else ""
        kept = " with a model" if self.keep_models else ""
        done = len(specs) - len({spec.id for spec in to_do} | set(earlier))
        logger.info(f"{len(specs)} runs: {done} stored{kept}, {len(to_do)} to do{failed}{advice}")
