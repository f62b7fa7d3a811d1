"""The baseline that runs are compared with: every seed's outcome, the machine, and tolerances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmark.gate.outcomes import Outcomes, Scores, scores_of
from benchmark.gate.spread import Calibration, Spread, calibrate, measure_spread
from benchmark.protocol.profile import Protocol


class Pairing(StrEnum):
    """Whether a check uses seeds of the baseline (on another machine), or other ones."""

    SAME_SEEDS = "same seeds"
    OTHER_SEEDS = "other seeds"


@dataclass(frozen=True)
class Baseline:
    """What runs are compared with.

    Attributes
    ----------
    profile, dataset : str
        Names, for display.
    protocols : dict
        The protocol of each K.
    images : dict
        The digest of the images of each category.
    machine : dict
        Hardware and versions, see ``environment.bit_conditions``: where they are equal, so are the bits of results.
    code : str
        Digest of the code that trained the runs.
    outcomes : dict
    differs : dict
        How far the metrics of the same runs on another machine are from these; empty if not measured.
    elsewhere : dict
        As ``machine``, of that other machine; empty likewise.
    calibrations : dict
        Tolerances by ``Pairing``; with ``SAME_SEEDS`` only if ``differs`` was measured.
    """

    profile: str
    dataset: str
    protocols: dict[int, Protocol]
    images: dict[str, str]
    machine: dict[str, str]
    code: str
    outcomes: Outcomes
    differs: Scores
    elsewhere: dict[str, str]
    calibrations: dict[Pairing, Calibration]

    @property
    def seeds(self) -> list[int]:
        """All seeds, in order."""
        return sorted({seed for runs in self.outcomes.values() for seed in runs})

    def pairing(self, seeds: Sequence[int]) -> Pairing:
        """Return which tolerances apply to a check with these seeds."""
        return Pairing.SAME_SEEDS if self.differs and set(seeds) <= set(self.seeds) else Pairing.OTHER_SEEDS

    def calibration(self, seeds: Sequence[int]) -> Calibration:
        """Return the tolerances of a check with these seeds.

        Raises
        ------
        InputError
            If the baseline has too few seeds for so many.
        """
        pairing = self.pairing(seeds)
        stored = self.calibrations[pairing]
        if len(seeds) == stored.seeds:
            return stored
        return calibrate(spreads_of(self.outcomes, self.differs)[pairing], len(seeds))


def spreads_of(outcomes: Outcomes, differs: Scores) -> dict[Pairing, Spread]:
    """Return how far checks of unchanged code spread; with ``SAME_SEEDS`` only if differences were measured.

    Raises
    ------
    InputError
        As ``measure_spread``.
    """
    spreads = {Pairing.OTHER_SEEDS: measure_spread(scores_of(outcomes))}
    return spreads | ({Pairing.SAME_SEEDS: measure_spread(differs, paired=True)} if differs else {})
