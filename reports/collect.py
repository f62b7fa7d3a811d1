"""Sort stored runs into comparable sets: one data set under one protocol."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from baselines.errors import InputError
from baselines.methods import PAPER_METHODS
from benchmark.protocol.draws import draw_seed
from benchmark.protocol.profile import load_profile
from benchmark.results.readings import DEFAULT, Reading, for_one_run
from benchmark.results.records import Status
from benchmark.results.table import asked_settings
from benchmark.score import METRICS, Metric
from reports.averaging import CELL, Averaged, averaged_rows
from reports.cells import Cell, ImageCount, mean_cell
from reports.changes import abridged_changes, describe_recipes
from reports.paper import IMAGE_SCORES_TABLE

# In the order of the paper's tables: textures first.
TEXTURES = ("carpet", "grid", "leather", "tile", "wood")
OBJECTS = (
    "bottle", "cable", "capsule", "hazelnut", "metal_nut", "pill", "screw", "toothbrush", "transistor", "zipper",
)  # fmt: skip
PAPER_CATEGORIES = (*TEXTURES, *OBJECTS)
# What is said of runs that have no metrics, or metrics of a network that learned nothing.
UNSUCCESSFUL = {Status.NOT_CONVERGED: "did not converge", Status.FAILED: "failed"}
_IMAGE_COLUMNS: dict[ImageCount, str] = {
    "train_defective": "training_defective_images",
    "train_normal": "training_normal_images",
    "test_defective": "defective_images",
    "test_normal": "normal_images",
}
# Notes name this many categories.
_MAX_PLACES = 6


@dataclass(frozen=True)
class ResultSet:
    """Runs that may stand in one table; a ``Source`` of tables.

    Attributes
    ----------
    dataset : str
    protocol : str
        Digest of the protocol they share.
    variant : str
        What distinguishes these runs from others of that protocol (another batch size, changed images, a changed
        recipe), or "".
    profiles : tuple of str
        Names under which the protocol was run.
    runs : pd.DataFrame
        Rows of ``load_results``, one per (category, method, shots, seed).
    averaged : {"all", "converged"}
        Which runs count in means, see ``averaged_rows``.
    metrics : tuple of str
        The columns of ``runs`` that ``cell`` can average.
    reading : Reading
        How the runs were scored; its ``runs`` is that of ``averaged``.
    """

    dataset: str
    protocol: str
    variant: str
    profiles: tuple[str, ...]
    runs: pd.DataFrame
    averaged: Averaged = "all"
    metrics: tuple[str, ...] = METRICS
    reading: Reading = DEFAULT

    @property
    def title(self) -> str:
        variant = f", {self.variant}" if self.variant else ""
        profiles = "/".join(
            f"{name} with {abridged_changes(self.changes[name])}" if self.changes[name] else name
            for name in self.profiles
        )
        converged = ", converged runs only" if self.averaged == "converged" else ""
        scored = f", reading {scoring}" if (scoring := str(for_one_run(self.reading))) else ""
        return f"{self.dataset}, profile {profiles}{variant}{scored}{converged}"

    @cached_property
    def changes(self) -> dict[str, str]:
        """For each profile, the settings in which the runs differ from the built-in one of that name."""
        return {name: str(self.runs.loc[self.runs["profile"] == name, "changes"].iloc[0]) for name in self.profiles}

    @property
    def draws(self) -> str | int:
        """The setting of that name: whose draw each seed is trained on."""
        draws: str | int = json.loads(self.runs["asked"].iloc[0])["draws"]
        return draws

    @cached_property
    def follows_paper(self) -> bool:
        """Whether every setting is that of the profile ``paper``, under whatever name the runs were done.

        Encoders that start from a user's own weights do not follow it.
        """
        paper = load_profile("paper")
        sizes = self.runs.groupby("shots")["batch_size"].unique()
        return (
            not self._own_weights
            and set(self.runs["asked"]) == {asked_settings(paper.protocol(1))}
            and all(list(found) == [paper.batch_size.get(str(shots))] for shots, found in sizes.items())
        )

    @cached_property
    def shots(self) -> list[int]:
        return sorted(int(count) for count in self.runs["shots"].unique())

    @cached_property
    def categories(self) -> list[str]:
        """Categories in the paper's order, then others by name."""
        return in_order(self.runs["category"].unique(), PAPER_CATEGORIES)

    @cached_property
    def methods(self) -> list[str]:
        """Methods in the paper's order, then composed ones and those of plug-ins by name."""
        # Not method_names(): a report must look the same where a plug-in is not installed.
        return in_order(self.runs["method"].unique(), tuple(method.name for method in PAPER_METHODS))

    @cached_property
    def threshold(self) -> float:
        """The probability from which on a pixel was predicted defective when the runs were scored."""
        return float(json.loads(self.runs["asked"].iloc[0])["threshold"])

    @property
    def expectation(self) -> str:
        """A sentence: which categories and seeds there should be; runs do not record which others were wanted."""
        return "Expected: every category with a stored run and, for each K, every seed with a stored run."

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
        """Return mean and sample standard deviation over the seeds that count."""
        place = (category, method, shots, metric)
        if place not in self._cells:  # means over categories take the cells of their rows
            self._cells[place] = self._make_cell(*place)
        return self._cells[place]

    @cached_property
    def _cells(self) -> dict[tuple[str, str, int, str], Cell]:
        return {}

    def _make_cell(self, category: str, method: str, shots: int, metric: str) -> Cell:
        key = (category, method, shots)
        statistics = self._statistics.get(key, {})
        done, not_converged, failed = (self._counts.get((*key, status), 0) for status in Status)
        n = int(statistics.get((metric, "count"), 0))
        if self.averaged == "all" and done:
            done, not_converged = done + not_converged, 0
        return Cell(
            float(statistics[metric, "mean"]) if n else None,
            float(statistics[metric, "std"]) if n > 1 else None,
            n,
            len(self.seeds(shots)),
            not_converged=not_converged,
            failed=failed,
            undefined=done - n,
        )

    def mean(self, method: str, shots: int, metric: str, table: str) -> Cell:
        """Return the mean over categories of their means over seeds; the same in every table."""
        return mean_cell([self.cell(category, method, shots, metric) for category in self.categories])

    def stated_mean(self, method: str, shots: int, metric: Metric) -> Cell | None:
        """Return None: runs state no means."""
        return None

    def images(self, category: str, kind: ImageCount, shots: int | None = None) -> Cell:
        """Return an image count if all runs agree on it; those of normal images do not depend on K."""
        runs = self.runs[self.runs["category"] == category]
        runs = runs if shots is None else runs[runs["shots"] == shots]
        counts = runs[_IMAGE_COLUMNS[kind]].dropna().unique()
        return Cell(int(counts[0]) if len(counts) == 1 else None, count=True)

    def notes(self, table: str, methods: Sequence[str]) -> list[str]:
        """Return how many runs failed or did not converge, whether they count in means, and own encoder weights."""
        about = tuple(methods)
        if about not in self._run_notes:  # the same below every table of these methods
            self._run_notes[about] = self._notes_on_runs(about)
        return [*reading_notes(self.reading, self.threshold, table), *self._run_notes[about]]

    @cached_property
    def _run_notes(self) -> dict[tuple[str, ...], list[str]]:
        return {}

    def _notes_on_runs(self, methods: Sequence[str]) -> list[str]:
        runs = self.runs[self.runs["method"].isin(methods)]
        counted = {
            Status.NOT_CONVERGED: "excluded from the means"
            if self.averaged == "converged"
            else "counted in the means, but a dash where no seed converged",
            Status.FAILED: "excluded from the means",
        }
        notes = []
        for status, happened in UNSUCCESSFUL.items():
            count = int((runs["status"] == status).sum())
            if count:
                places = self._places(runs, status)
                notes.append(f"{count} of {len(runs)} runs {happened}; {counted[status]}: {places}.")
        notes += [
            f"{self.label(method)} starts from other encoder weights than the profile's: SHA-256 {digest}."
            for method, digest in self._own_weights.items()
            if method in methods
        ]
        return notes

    def _places(self, runs: pd.DataFrame, status: Status) -> str:
        """List where runs have a status: ``toothbrush 1-shot: U-Net (2 of 5), B (AlbuNet) (5 of 5)``."""
        places = []
        for (category, shots), group in runs.groupby(["category", "shots"], sort=False):
            matches = group["status"] == status
            if not matches.any():
                continue
            counts = matches.groupby(group["method"]).agg(["sum", "size"])
            methods = ", ".join(
                f"{self.label(method)} ({counts.at[method, 'sum']} of {counts.at[method, 'size']})"
                for method in in_order(counts.index[counts["sum"] > 0], tuple(self.methods))
            )
            everywhere = matches.all() and len(counts) > 1
            places.append(f"{category} {shots}-shot: {'all methods' if everywhere else methods}")
        if len(places) > _MAX_PLACES:
            places[_MAX_PLACES:] = [f"and {len(places) - _MAX_PLACES} more"]
        return "; ".join(places)

    @cached_property
    def _own_weights(self) -> dict[str, str]:
        """Map methods whose encoder starts from a user's file to the beginning of its SHA-256."""
        recipes = self.runs.drop_duplicates("method").set_index("method")["recipe"].map(json.loads)
        return {str(method): recipe["weights_file"] for method, recipe in recipes.items() if "weights_file" in recipe}

    @cached_property
    def _labels(self) -> dict[str, str]:
        return dict(self.runs.drop_duplicates("method").set_index("method")["label"].to_dict())

    @cached_property
    def _seeds(self) -> dict[int, list[int]]:
        return {int(shots): sorted(map(int, seeds.unique())) for shots, seeds in self.runs.groupby("shots")["seed"]}

    @cached_property
    def _statistics(self) -> dict[tuple[str, str, int], dict[tuple[str, str], float]]:
        """Map (category, method, K) to mean, deviation and count of each metric over the runs that count."""
        counted = averaged_rows(self.runs, self.averaged)
        return dict(counted.groupby(CELL)[list(self.metrics)].agg(["mean", "std", "count"]).to_dict("index"))

    @cached_property
    def _counts(self) -> dict[tuple[str, str, int, str], int]:
        """Map (category, method, K, status) to the number of runs."""
        return dict(self.runs.groupby([*CELL, "status"]).size().to_dict())


def in_order(names: Iterable[str], order: Sequence[str]) -> list[str]:
    """Return names sorted by their position in ``order``, then the others by name.

    Examples
    --------
    >>> in_order(["b", "a", "z"], ["z"])
    ['z', 'a', 'b']
    """
    position = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (position.get(name, len(position)), name))


def _in_words(values: pd.Series, description: str) -> pd.Series:
    """Return values in words; text even if there are none, whose type pandas cannot infer from the words."""
    return values.map(description.format).astype(str)


def result_sets(results: pd.DataFrame) -> list[ResultSet]:
    """Return the comparable sets of stored runs; runs that differ in what is compared never share one.

    There is a set for each protocol that was asked for: its runs, and those of other protocols that differ only in
    settings that the run does not read. Where runs of one protocol differ in more than that, ``variant`` says in what.
    If a method's recipe or file was changed, there is a set for each version, each with the runs of the methods that
    were not. So a run may be in several sets; in a set (category, method, shots, seed) is unique.
    """
    results = _join(results).assign(variant="")
    for column, per, description in (
        ("batch_size", ["dataset", "protocol", "shots"], "batch size {}, "),
        ("data_digest", ["dataset", "protocol", "category"], "images {:.8}, "),
    ):
        ambiguous = results.groupby(per)[column].transform("nunique") > 1
        results.loc[ambiguous, "variant"] += _in_words(results.loc[ambiguous, column], description)
    results = _with_versions(results)
    # Runs that agree in all of that were drawn by changed code, or edited by hand.
    repeat = results.groupby(["dataset", "protocol", "variant", *CELL, "seed"]).cumcount()
    results.loc[repeat > 0, "variant"] += _in_words(repeat[repeat > 0] + 1, "repeat {}, ")
    sets = []
    for (dataset, protocol, variant), runs in results.groupby(["dataset", "protocol", "variant"], sort=True):
        profiles = tuple(sorted(runs["profile"].unique()))
        sets.append(ResultSet(dataset, protocol, variant.removesuffix(", "), profiles, runs.reset_index(drop=True)))
    return _with_unique_titles(sets)


def _join(results: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of each protocol, with its name and changes, and those that would have been the same under it."""
    joined: list[pd.DataFrame] = []
    for _, runs in results.groupby(["dataset", "training_version"], sort=False):
        read = {settings: frozenset(json.loads(settings).items()) for settings in runs["settings"].unique()}
        found: dict[frozenset[str], pd.DataFrame] = {}
        for protocol, own in runs.groupby("protocol", sort=False):
            asked = frozenset(json.loads(own["asked"].iloc[0]).items())
            fitting = runs["settings"].map({settings: fields <= asked for settings, fields in read.items()})
            draws = dict(asked)["draws"]
            fitting &= runs["draw_seed"] == runs["seed"].map(lambda seed, draws=draws: draw_seed(draws, seed))
            first = own.iloc[0]
            others = runs[fitting & (runs["protocol"] != protocol)]
            others = others.assign(**{name: first[name] for name in ("protocol", "asked", "profile", "changes")})
            found[frozenset(own["id"]) | frozenset(others["id"])] = pd.concat([own, others])
        joined += [item for ids, item in found.items() if not any(ids < other for other in found)]
    return pd.concat(joined, ignore_index=True) if joined else results


def _with_versions(results: pd.DataFrame) -> pd.DataFrame:
    """Divide each variant of a protocol by the versions of its methods; methods with one version stand beside each."""
    version = pd.Series("", index=results.index)
    per = ["dataset", "protocol", "method"]
    changed = results[results.groupby(per)["recipe"].transform("nunique") > 1]
    for _, recipes in changed.groupby(per)["recipe"]:
        version[recipes.index] = recipes.map(describe_recipes(recipes.unique()))
    divided: list[pd.DataFrame] = []
    for _, positions in results.groupby(["dataset", "protocol", "variant"]).groups.items():
        runs, of = results.loc[positions], version[positions]
        unchanged = runs[of == ""]
        # Methods whose versions are described alike, such as those of one file, were changed together.
        for description, own in runs[of != ""].groupby(of[of != ""]):
            added = f"{' and '.join(sorted(own['method'].unique()))} with {description}, "
            divided.append(
                pd.concat([own, unchanged])
                .sort_index()
                .assign(variant=lambda rows, added=added: rows["variant"] + added)
            )
        if (of == "").all():
            divided.append(runs)
    return pd.concat(divided, ignore_index=True) if divided else results


def choose_sets(sets: list[ResultSet], dataset: str | None = None, profile: str | None = None) -> list[ResultSet]:
    """Return the result sets of a data set and a profile; None stands for any.

    Raises
    ------
    InputError
        If none is left.
    """
    chosen = [
        item for item in sets if dataset in (None, item.dataset) and (profile is None or profile in item.profiles)
    ]
    if not chosen:
        stored = "; ".join(item.title for item in sets) or "nothing"
        raise InputError(f"no stored runs of that data set and profile; stored are: {stored}")
    return chosen


def reading_notes(reading: Reading, threshold: float, table: str) -> list[str]:
    """Return what a table of that number is under a reading, in one sentence; none if runs are scored as by default."""
    if for_one_run(reading) == DEFAULT:
        return []
    return [f"Reading: {reading.describe(threshold, of_images=table == IMAGE_SCORES_TABLE)}"]


def finished_ids(sets: Iterable[ResultSet]) -> list[str]:
    """Return the ids of the runs of some sets that ended without an error, each once."""
    return list(dict.fromkeys(run for found in sets for run in found.runs["id"][found.runs["status"] != Status.FAILED]))


def _with_unique_titles(sets: list[ResultSet]) -> list[ResultSet]:
    """Add to equal titles what distinguishes their sets."""
    # A profile that was changed, or run with --set, keeps its name: then only the protocol's digest differs.
    for describe in (
        lambda item: f"training version {item.runs['training_version'].iloc[0]}",
        lambda item: f"protocol {item.protocol}",
    ):
        descriptions: dict[str, set[str]] = defaultdict(set)
        for item in sets:
            descriptions[item.title].add(describe(item))
        sets = [
            replace(item, variant=", ".join(filter(None, (item.variant, describe(item)))))
            if len(descriptions[item.title]) > 1
            else item
            for item in sets
        ]
    return sets
