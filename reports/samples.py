"""The sample grids of a report: for each category the same images under every method (as in Figs. 6 and 8)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines import InputError
from benchmark.store import read_run
from reports.collect import ResultSet
from reports.pictures import data_uri, outcome


@dataclass(frozen=True)
class Picture:
    """An image on the page: a ``data:`` URI ("" where it cannot be read), what it shows in words, and a caption."""

    uri: str
    words: str
    caption: str = ""


@dataclass(frozen=True)
class GridLine:
    """One test image: its name, its picture, and what each method made of it (None where it was not kept)."""

    label: str
    name: str
    image: Picture
    truth: Picture
    outcomes: tuple[Picture | None, ...]


@dataclass(frozen=True)
class SampleGrid:
    """The samples of one (category, K, seed).

    Attributes
    ----------
    category : str
    shots, seed : int
    methods : tuple of str
        Labels of the columns.
    training : tuple of (str, Picture, Picture)
        Of each defect type, its name, the first training image and its mask.
    lines : tuple of GridLine
    missing : tuple of str
        Of each picture that cannot be read, which and why.
    """

    category: str
    shots: int
    seed: int
    methods: tuple[str, ...]
    training: tuple[tuple[str, Picture, Picture], ...]
    lines: tuple[GridLine, ...]
    missing: tuple[str, ...]


def sample_grids(results: ResultSet, root: Path) -> list[SampleGrid]:
    """Return a grid per category and K, of the lowest seed for which most methods have a stored run."""
    grids = []
    for category in results.categories:
        for shots in results.shots:
            runs = results.runs
            here = runs[(runs["category"] == category) & (runs["shots"] == shots) & (runs["status"] != "failed")]
            if here.empty:
                continue
            seed = int(here["seed"].value_counts(sort=False).sort_index().idxmax())
            # A method whose recipe was changed may have two runs here.
            ids = here[here["seed"] == seed].drop_duplicates("method").set_index("method")["id"]
            methods = [method for method in results.methods if method in ids.index]
            stored = {method: root / "runs" / ids[method] for method in methods}
            labels = tuple(results.label(method) for method in methods)
            grids.append(_grid(category, shots, seed, labels, list(stored.values())))
    return grids


def _grid(category: str, shots: int, seed: int, labels: tuple[str, ...], folders: list[Path]) -> SampleGrid:
    runs = [read_run(folder) for folder in folders]
    kept = [{sample["name"]: sample for sample in run["samples"] if sample["role"] == "test"} for run in runs]
    firsts = [sample for sample in kept[0].values() if "first" in sample["reasons"]]
    missing: list[str] = []
    training = [
        (
            sample["label"],
            *(
                _kept(folders[0], sample, kind, f"training {kind} of {sample['label']}", missing)
                for kind in ("image", "truth")
            ),
        )
        for sample in runs[0]["samples"]
        if sample["role"] == "train"
    ]
    lines = [
        GridLine(
            sample["label"],
            sample["name"],
            _kept(folders[0], sample, "image", f"test image {sample['name']}", missing),
            _kept(folders[0], sample, "truth", f"annotated mask of {sample['name']}", missing),
            tuple(
                _outcome(folder, run, samples.get(sample["name"]), label, missing)
                for folder, run, samples, label in zip(folders, runs, kept, labels, strict=True)
            ),
        )
        for sample in firsts
    ]
    return SampleGrid(category, shots, seed, labels, tuple(training), tuple(lines), tuple(dict.fromkeys(missing)))


def _kept(folder: Path, sample: dict[str, Any], kind: str, words: str, missing: list[str]) -> Picture:
    try:
        return Picture(data_uri(folder / "samples" / sample["files"][kind]), words)
    except InputError as error:
        missing.append(str(error))
        return Picture("", words)


def _outcome(
    folder: Path, run: dict[str, Any], sample: dict[str, Any] | None, label: str, missing: list[str]
) -> Picture | None:
    if sample is None:
        return None
    paths = {kind: folder / "samples" / file for kind, file in sample["files"].items()}
    threshold = run["identity"]["protocol"]["threshold"]
    words = f"prediction of {label} for {sample['name']}"
    caption = "" if sample["iou"] is None else f"IOU {sample['iou']:.2f}"
    try:
        picture = outcome(paths["image"], paths["truth"], paths["prediction"], threshold)
    except InputError as error:
        missing.append(str(error))
        return Picture("", words, caption)
    return Picture(data_uri(picture), words, caption)
