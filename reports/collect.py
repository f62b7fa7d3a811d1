"""Sort stored runs into sets that may be compared: one data set under one protocol."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pandas as pd

from baselines.methods import PAPER_METHODS

# As the paper's tables list them: textures first.
PAPER_CATEGORIES = (
    "carpet", "grid", "leather", "tile", "wood", "bottle", "cable", "capsule", "hazelnut", "metal_nut",
    "pill", "screw", "toothbrush", "transistor", "zipper",
)  # fmt: skip


@dataclass(frozen=True)
class ResultSet:
    """Runs that may stand in one table.

    Attributes
    ----------
    dataset : str
    protocol : str
        Digest of the protocol they share.
    variant : str
        What sets these runs apart from others of that protocol (another batch size, changed images), or "".
    profiles : tuple of str
        Names under which the protocol was run.
    runs : pd.DataFrame
        Rows of ``load_results``, one per (category, method, shots, seed).
    """

    dataset: str
    protocol: str
    variant: str
    profiles: tuple[str, ...]
    runs: pd.DataFrame

    @property
    def title(self) -> str:
        variant = f", {self.variant}" if self.variant else ""
        return f"{self.dataset}, profile {'/'.join(self.profiles)}{variant}"

    @property
    def shots(self) -> list[int]:
        return sorted(int(count) for count in self.runs["shots"].unique())

    @property
    def categories(self) -> list[str]:
        """Categories as the paper orders them, others after them by name."""
        return in_order(self.runs["category"].unique(), PAPER_CATEGORIES)

    @property
    def methods(self) -> list[str]:
        """Methods as the paper orders them; composed ones and those of plug-ins after them by name."""
        # Not method_names(): a report must look the same where a plug-in is not installed.
        return in_order(self.runs["method"].unique(), tuple(method.name for method in PAPER_METHODS))

    def label(self, method: str) -> str:
        """Return a method's name as the paper prints it."""
        return str(self.runs.loc[self.runs["method"] == method, "label"].iloc[0])

    def seeds(self, shots: int) -> list[int]:
        """Return every seed that any run of this K has; a cell with fewer is partial."""
        return sorted(int(seed) for seed in self.runs.loc[self.runs["shots"] == shots, "seed"].unique())


def in_order(names: object, order: tuple[str, ...]) -> list[str]:
    """Return names sorted by their place in ``order``, the others behind by name."""
    place = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (place.get(name, len(place)), name))  # type: ignore[call-overload]


def result_sets(results: pd.DataFrame) -> list[ResultSet]:
    """Return the comparable sets of stored runs; runs that differ in what is compared never share one."""
    results = results.assign(variant="")
    for column, per, words in (
        ("batch_size", ["dataset", "protocol", "shots"], "batch size {}"),
        ("data_digest", ["dataset", "protocol", "category"], "images {:.8}"),
    ):
        ambiguous = results.groupby(per)[column].transform("nunique") > 1
        said = results[column].map(words.format)
        results.loc[ambiguous, "variant"] += said[ambiguous].map(lambda text: f"{text} ")
    found = []
    for (dataset, protocol, variant), runs in results.groupby(["dataset", "protocol", "variant"], sort=True):
        profiles = tuple(sorted(runs["profile"].unique()))
        found.append(ResultSet(dataset, protocol, variant.strip(), profiles, runs.reset_index(drop=True)))
    # A profile that was changed, or run with --set, keeps its name: then the protocol's digest tells the sets apart.
    titles = Counter(item.title for item in found)
    return [
        replace(item, variant=f"{item.variant} protocol {item.protocol}".strip()) if titles[item.title] > 1 else item
        for item in found
    ]
