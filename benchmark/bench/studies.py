"""Whole runs and studies: scoring, processes against one, dask against loky, and what sharing runs saves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import count

from benchmark.bench.pairs import Measurement, measure
from benchmark.bench.subject import Subject
from benchmark.environment import prepare_torch
from benchmark.execution.cost import run_flops
from benchmark.execution.execute import execute
from benchmark.execution.pools import Pool
from benchmark.execution.run_task import RunTask
from benchmark.execution.workers import DaskWorkers, LocalWorkers
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Request, choose_selections, select_runs
from benchmark.protocol.studies import FIGURE_STUDIES, TABLE_STUDIES
from benchmark.training.one_run import score_images, train_and_score
from benchmark.training.predict import BATCH_SIZE, Predictor
from benchmark.training.train import train

METHOD = "albunet_nbr_cap"
_PARALLEL_RUNS = 4


def measure_runs(subject: Subject) -> Iterator[Measurement]:
    """Yield what a run adds to its training, and scoring to prediction."""
    (spec,) = subject.specs([METHOD])
    prepare_torch(spec.protocol.threads, spec.protocol.precision)
    network = subject.network(spec)
    yield measure(
        "runs",
        f"a run of {METHOD}, from images to a result",
        partial(train_and_score, spec, subject.context),
        "its training, with its learning curve",
        partial(train, network, spec, subject.arrays, subject.device),
        subject.pairs,
    )
    predictor = Predictor(network, spec.protocol, subject.device)
    test = list(spec.draw.test)

    def predict() -> None:
        for start in range(0, len(test), BATCH_SIZE):
            predictor.probabilities(subject.arrays.images[test[start : start + BATCH_SIZE]])

    yield measure(
        "runs",
        f"scoring {len(test)} images: predictions, counts and histograms",
        partial(score_images, predictor, subject.arrays, test),
        "predictions alone",
        predict,
        subject.pairs,
    )


def measure_pools(subject: Subject) -> Iterator[Measurement]:
    """Yield what two processes save, and how dask compares with loky; needs ``distributed`` for the latter."""
    specs = subject.training_specs([METHOD], range(_PARALLEL_RUNS))
    numbers = count()

    def study(workers: LocalWorkers | DaskWorkers) -> None:
        task = RunTask(subject.context, subject.folder / f"results{next(numbers)}")
        pool, task = workers.assign(task, specs)
        _do(specs, task, pool)

    one, two = (partial(study, LocalWorkers([subject.device], jobs)) for jobs in (1, 2))
    what = f"{len(specs)} runs of {METHOD}"
    yield measure("pools", f"{what}, --jobs 2", two, "--jobs 1", one, subject.pairs)
    try:
        from distributed import LocalCluster
    except ImportError:
        return
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        dask = partial(study, DaskWorkers(cluster.scheduler_address, subject.device))
        yield measure("pools", f"{what}, two dask workers", dask, "--jobs 2", two, subject.pairs)


def _do(specs: Sequence[RunSpec], task: RunTask, pool: Pool) -> None:
    with closing(execute(specs, task, pool)) as outcomes:
        if failed := [outcome.error for outcome in outcomes if outcome.error]:
            raise RuntimeError(failed[0])


def measure_sharing(subject: Subject) -> Iterator[Measurement]:
    """Yield the arithmetic of a whole study against training each table and figure on its own; counted, not timed."""
    request = Request(tables=list(TABLE_STUDIES), figures=list(FIGURE_STUDIES))
    chosen = choose_selections(request, subject.profile, subject.dataset)
    costs = [
        sum(map(run_flops, select_runs(subject.dataset, subject.profile, selections)))
        for selections in (chosen.values(), *([selection] for selection in chosen.values()))
    ]
    ratio = costs[0] / sum(costs[1:])
    what = f"FLOPs of Tables II to VII and Figures 6 to 10, profile {subject.profile.name}"
    yield Measurement("sharing", what, "each table and figure trained on its own", ratio, ratio, ratio, 0, 0.0)
