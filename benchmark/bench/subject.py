"""What is measured: runs of the embedded data under a profile, small enough to be done many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from baselines.networks import SegmentationNetwork
from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.image_cache import CategoryArrays, ImageCache
from benchmark.protocol.profile import Profile, with_settings
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, select_runs
from benchmark.training.one_run import RunContext, build_network

CPU = torch.device("cpu")
CATEGORY = "carpet"


@dataclass(frozen=True)
class Subject:
    """Runs to measure.

    Attributes
    ----------
    profile : Profile
    methods : tuple of str
    folder : Path
        Temporary: for a cache and for results.
    pairs : int
        How often two things are timed in turn.
    steps : int
        Training steps of what is not a whole run.
    device : torch.device

    Examples
    --------
    >>> from benchmark.protocol.profile import load_profile
    >>> subject = Subject(load_profile("quick"), ("unet",), Path("unused"), pairs=5, steps=20)
    >>> [spec.protocol.iterations for spec in (*subject.specs(), *subject.training_specs())]
    [120, 20]
    """

    profile: Profile
    methods: tuple[str, ...]
    folder: Path
    pairs: int
    steps: int
    device: torch.device = CPU

    @cached_property
    def dataset(self) -> SyntheticDataSet:
        return SyntheticDataSet()

    @cached_property
    def context(self) -> RunContext:
        return RunContext(self.dataset, ImageCache(self.folder / "cache"), self.device)

    @cached_property
    def arrays(self) -> CategoryArrays:
        """The decoded images of the category."""
        return self.context.cache.arrays(self.dataset, CATEGORY, self.profile.image_size)

    def specs(self, methods: Sequence[str] = ()) -> list[RunSpec]:
        """Return a whole 1-shot run of each method; by default of all."""
        return self._select(self.profile, methods, [0])

    def training_specs(self, methods: Sequence[str] = (), seeds: Sequence[int] = (0,)) -> list[RunSpec]:
        """Return short runs without a learning curve, so that they train and do little else."""
        profile = with_settings(self.profile, {"iterations": self.steps, "curve_every": 0})
        return self._select(profile, methods, seeds)

    def _select(self, profile: Profile, methods: Sequence[str], seeds: Sequence[int]) -> list[RunSpec]:
        return select_runs(self.dataset, profile, [Selection(methods or self.methods, [CATEGORY], [1], seeds)])

    def awaited(self, work: Callable[[], object]) -> Callable[[], None]:
        """Return work that ends when the device has done it, not when the device has been told to."""

        def do() -> None:
            work()
            if self.device.type != "cpu":
                torch.accelerator.synchronize(self.device)

        return do

    def network(self, spec: RunSpec) -> SegmentationNetwork:
        """Return a run's network as it begins."""
        return build_network(spec, self.context, self.arrays)
