"""Sort stored runs into sets that may be compared: one data set under one protocol."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from baselines.methods import PAPER_METHODS
from benchmark.score import METRICS
from reports.cells import Cell, mean_cell

# As the paper's tables list them: textures first.
PAPER_CATEGORIES = (
    "carpet", "grid", "leather", "tile", "wood", "bottle", "cable", "capsule", "hazelnut", "metal_nut",
    "pill", "screw", "toothbrush", "transistor", "zipper",
)  # fmt: skip
_IMAGES = {
    "train_defective": "training_defective_images",
    "train_normal": "training_normal_images",
    "test_defective": "defective_images",
    "test_normal": "normal_images",
}
_CELL = ["category", "method", "shots"]
# Longest words for a recipe in a title; a note lists this many places.
_LONGEST_WORDS = 60
_MOST_PLACES = 6


@dataclass(frozen=True)
class ResultSet:
    """Runs that may stand in one table; a ``Source`` of tables.

    Attributes
    ----------
    dataset : str
    protocol : str
        Digest of the protocol they share.
    variant : str
        What sets these runs apart from others of that protocol (another batch size, changed images, a changed
        recipe), or "".
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

    @cached_property
    def shots(self) -> list[int]:
        return sorted(int(count) for count in self.runs["shots"].unique())

    @cached_property
    def categories(self) -> list[str]:
        """Categories as the paper orders them, others after them by name."""
        return in_order(self.runs["category"].unique(), PAPER_CATEGORIES)

    @cached_property
    def methods(self) -> list[str]:
        """Methods as the paper orders them; composed ones and those of plug-ins after them by name."""
        # Not method_names(): a report must look the same where a plug-in is not installed.
        return in_order(self.runs["method"].unique(), tuple(method.name for method in PAPER_METHODS))

    @property
    def expected(self) -> str:
        """A sentence: which seeds and categories there should be; runs do not say which others were wanted."""
        return "Expected are the categories, and for each K the seeds, of which any run is stored."

    def label(self, method: str) -> str:
        """Return a method's name as the paper prints it."""
        return self._labels[method]

    def seeds(self, shots: int) -> list[int]:
        """Return every seed that any run of this K has; a cell with fewer is partial."""
        return self._seeds.get(shots, [])

    def has(self, method: str, table: str) -> bool:
        """Return whether there is a run of a method; every table draws on the same runs."""
        return method in self._labels

    def cell(self, category: str, method: str, shots: int, metric: str) -> Cell:
        """Return mean and sample deviation over the seeds that are done."""
        place = (category, method, shots)
        found = self._statistics.get(place, {})
        done, not_converged, failed = (
            self._counts.get((*place, status), 0) for status in ("done", "not_converged", "failed")
        )
        n = int(found.get((metric, "count"), 0))
        return Cell(
            float(found[metric, "mean"]) if n else None,
            float(found[metric, "std"]) if n > 1 else None,
            n,
            len(self.seeds(shots)),
            not_converged=not_converged,
            failed=failed,
            undefined=done - n,
        )

    def mean(self, method: str, shots: int, metric: str, table: str) -> Cell:
        """Return the mean over categories of their means over seeds; the same in every table."""
        return mean_cell([self.cell(category, method, shots, metric) for category in self.categories])

    def stated_mean(self, method: str, shots: int, table: str) -> Cell | None:
        """Return None: runs state no means."""
        return None

    def images(self, category: str, kind: str, shots: int | None = None) -> Cell:
        """Return a count of images that the runs agree on; ``train_normal`` and ``test_normal`` are of any K."""
        lines = [self._images.get((category, number), {}) for number in (self.shots if shots is None else [shots])]
        found = {line[_IMAGES[kind], end] for line in lines if line for end in ("min", "max")}
        known = {count for count in found if pd.notna(count)}
        return Cell(int(known.pop()) if len(known) == 1 else None, count=True)

    def notes(self, table: str, methods: Sequence[str]) -> list[str]:
        """Return which runs of these methods are in no number because they failed or did not converge."""
        runs = self.runs[self.runs["method"].isin(methods)]
        notes = []
        for status, words in (("not_converged", "did not converge"), ("failed", "failed")):
            count = int((runs["status"] == status).sum())
            if count:
                places = self._places(runs, status, len(methods))
                notes.append(f"{count} of {len(runs)} runs {words} and are in no mean: {places}.")
        return notes

    def _places(self, runs: pd.DataFrame, status: str, methods: int) -> str:
        """Say where runs of one status are: ``toothbrush 1-shot: U-Net (2 of 5), B (AlbuNet) (5 of 5)``."""
        found = []
        for (category, shots), here in runs.groupby(["category", "shots"], sort=False):
            hit = here["status"] == status
            if not hit.any():
                continue
            counts = hit.groupby(here["method"]).agg(["sum", "size"])
            words = ", ".join(
                f"{self.label(method)} ({counts.at[method, 'sum']} of {counts.at[method, 'size']})"
                for method in in_order(counts.index[counts["sum"] > 0], tuple(self.methods))
            )
            found.append(f"{category} {shots}-shot: " + ("all methods" if hit.all() and len(counts) > 1 else words))
        if len(found) > _MOST_PLACES:
            found[_MOST_PLACES:] = [f"and {len(found) - _MOST_PLACES} more"]
        return "; ".join(found)

    @cached_property
    def _labels(self) -> dict[str, str]:
        return dict(self.runs.drop_duplicates("method").set_index("method")["label"])

    @cached_property
    def _seeds(self) -> dict[int, list[int]]:
        return {int(shots): sorted(map(int, here.unique())) for shots, here in self.runs.groupby("shots")["seed"]}

    @cached_property
    def _statistics(self) -> dict[Any, dict[Any, float]]:
        """Map (category, method, K) to mean, deviation and count of each metric over the runs that are done."""
        done = self.runs[self.runs["status"] == "done"]
        return done.groupby(_CELL)[list(METRICS)].agg(["mean", "std", "count"]).to_dict("index")

    @cached_property
    def _counts(self) -> dict[Any, int]:
        """Map (category, method, K, status) to how many runs have it."""
        return self.runs.groupby([*_CELL, "status"]).size().to_dict()

    @cached_property
    def _images(self) -> dict[tuple[str, int], dict[Any, Any]]:
        counts = self.runs[list(_IMAGES.values())].apply(pd.to_numeric)
        return counts.groupby([self.runs["category"], self.runs["shots"]]).agg(["min", "max"]).to_dict("index")


def in_order(names: Iterable[str], order: Sequence[str]) -> list[str]:
    """Return names sorted by their place in ``order``, the others behind by name."""
    place = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (place.get(name, len(place)), name))


def result_sets(results: pd.DataFrame) -> list[ResultSet]:
    """Return the comparable sets of stored runs; runs that differ in what is compared never share one.

    Every run is in one set, and in a set (category, method, shots, seed) is unique. Where runs of one protocol differ
    in more than that, e.g. because a method's recipe was changed, ``variant`` says in what.
    """
    results = results.assign(variant="")
    for column, per, words in (
        ("batch_size", ["dataset", "protocol", "shots"], "batch size {}, "),
        ("data_digest", ["dataset", "protocol", "category"], "images {:.8}, "),
    ):
        ambiguous = results.groupby(per)[column].transform("nunique") > 1
        results.loc[ambiguous, "variant"] += results.loc[ambiguous, column].map(words.format)
    per = ["dataset", "protocol", "method"]
    changed = results[results.groupby(per)["recipe"].transform("nunique") > 1]
    for (_, _, method), recipes in changed.groupby(per)["recipe"]:
        words_of = _recipe_words(recipes.unique())
        results.loc[recipes.index, "variant"] += f"{method} with " + recipes.map(words_of) + ", "
    # What is the same in all of that was drawn by changed code, or edited by hand.
    again = results.groupby(["dataset", "protocol", "variant", *_CELL, "seed"]).cumcount()
    results.loc[again > 0, "variant"] += (again[again > 0] + 1).map("repeat {}, ".format)
    found = []
    for (dataset, protocol, variant), runs in results.groupby(["dataset", "protocol", "variant"], sort=True):
        profiles = tuple(sorted(runs["profile"].unique()))
        found.append(ResultSet(dataset, protocol, variant.removesuffix(", "), profiles, runs.reset_index(drop=True)))
    return _told_apart(found)


def _recipe_words(recipes: Iterable[str]) -> dict[str, str]:
    """Return for each recipe of a method what it has and the others have not: ``nbr=cosine, paste_weight=one``."""
    fields = {
        recipe: {key: json.dumps(value).strip('"') for key, value in json.loads(recipe).items()} for recipe in recipes
    }
    names = sorted(set().union(*fields.values()))
    differ = [name for name in names if len({values.get(name) for values in fields.values()}) > 1]
    words = {
        recipe: ", ".join(f"{name}={values.get(name, 'absent')}" for name in differ)
        for recipe, values in fields.items()
    }
    return {
        recipe: said if len(said) <= _LONGEST_WORDS else f"recipe {hashlib.sha256(recipe.encode()).hexdigest()[:8]}"
        for recipe, said in words.items()
    }


def _told_apart(sets: list[ResultSet]) -> list[ResultSet]:
    """Add to titles that are the same what tells their sets apart."""
    # A profile that was changed, or run with --set, keeps its name: then only the protocol's digest differs.
    for words in (
        lambda item: f"training version {item.runs['training_version'].iloc[0]}",
        lambda item: f"protocol {item.protocol}",
    ):
        said: dict[str, set[str]] = defaultdict(set)
        for item in sets:
            said[item.title].add(words(item))
        sets = [
            replace(item, variant=", ".join(filter(None, (item.variant, words(item)))))
            if len(said[item.title]) > 1
            else item
            for item in sets
        ]
    return sets
