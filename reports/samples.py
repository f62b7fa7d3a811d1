"""Stored pictures on pages: the qualitative figures (Figs. 6, 8 and 10) and the samples on detail pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from baselines.errors import InputError
from benchmark.data.manifest import GOOD
from benchmark.results.records import SampleRecord
from reports.page.stored import FinishedRun
from reports.pictures import data_uri, paint_outcome

_QUALITY = 80
PictureKind = Literal["image", "truth", "normal"]


@dataclass(frozen=True)
class Picture:
    """An image on the page: a ``data:`` URI ("" where it cannot be read), a description, and a caption."""

    uri: str
    description: str
    caption: str = ""


@dataclass(frozen=True)
class Annotated:
    """An image with its mask, its label and its name."""

    label: str
    name: str
    image: Picture
    truth: Picture


@dataclass(frozen=True)
class GridLine:
    """One test image, a training image (None where that is shown elsewhere), and the prediction of each method.

    A prediction is None where the method has no such run or did not store the image.
    """

    category: str
    seed: int
    test: Annotated
    training: Annotated | None
    predictions: tuple[Picture | None, ...]


@dataclass(frozen=True)
class PastedLine:
    """A defective training image, and pairs of a normal image and the same with the defect pasted (Fig. 10)."""

    category: str
    seed: int
    label: str
    original: Annotated
    pairs: tuple[tuple[Picture, Picture], ...]


class Gallery:
    """Pictures of stored runs of one result set, each read and encoded once.

    Attributes
    ----------
    problems : list of str
        A line for each picture that cannot be read.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._uris: dict[tuple[str, ...], str] = {}

    def stored(
        self, run: FinishedRun, sample: SampleRecord, kind: PictureKind, description: str, caption: str = ""
    ) -> Picture:
        """Return a picture as it was stored: photographs are encoded with loss, masks without."""
        path = run.folder / "samples" / str(getattr(sample.files, kind))
        # Every method stores the same inputs, but a pasted image is the run's own.
        shared = sample.role != "pasted"
        key = (run.category, sample.role, sample.name, kind) if shared else (str(path),)
        return Picture(self._uri(key, path, None if kind == "truth" else _QUALITY), description, caption)

    def annotated(self, run: FinishedRun, sample: SampleRecord) -> Annotated:
        """Return an image of a run and its mask."""
        name, role = sample.name, "test" if sample.role == "test" else "training"
        image = self.stored(run, sample, "image", f"{role} image {name}")
        return Annotated(sample.label, name, image, self.stored(run, sample, "truth", f"annotated mask of {name}"))

    def prediction(self, run: FinishedRun, sample: SampleRecord) -> Picture:
        """Return true positives, false positives and false negatives, painted over the image."""
        description = f"prediction of {run.label} for {sample.name}"
        caption = "" if sample.iou is None else f"IOU {sample.iou:.2f}"
        folder, files = run.folder / "samples", sample.files
        key = (str(folder / str(files.prediction)),)
        if key not in self._uris:
            try:
                painted = paint_outcome(
                    folder / files.image, folder / files.truth, folder / str(files.prediction), run.protocol.threshold
                )
                self._uris[key] = data_uri(painted, _QUALITY)
            except InputError as error:
                self.problems.append(str(error))
                self._uris[key] = ""
        return Picture(self._uris[key], description, caption)

    def _uri(self, key: tuple[str, ...], path: Path, quality: int | None) -> str:
        if not self._uris.get(key):
            try:
                self._uris[key] = data_uri(path, quality)
            except InputError as error:
                # Not remembered: another method's copy of it may be readable.
                self.problems.append(str(error))
                return ""
        return self._uris[key]


def sample_grid(runs: Iterable[FinishedRun], methods: Sequence[str], gallery: Gallery) -> list[GridLine]:
    """Return the first test image of each label under every method, for the seed that most methods have.

    Parameters
    ----------
    runs : iterable of FinishedRun
        Of one category and K.
    methods : sequence of str
        In the order of the predictions.
    gallery : Gallery
    """
    by_method = _of_one_seed(runs, methods)
    return [_grid_line(by_method, methods, sample, None, gallery) for sample in _first_samples(by_method)]


def figure_lines(
    runs: Sequence[FinishedRun], categories: Sequence[str], methods: Sequence[str], gallery: Gallery
) -> list[GridLine]:
    """Return one defective test image per category, with the training image of its defect type (Figs. 6 and 8).

    Parameters are those of ``sample_grid``; ``runs`` are of one K and several categories.
    """
    lines = []
    for category in categories:
        by_method = _of_one_seed((run for run in runs if run.category == category), methods)
        defective = [sample for sample in _first_samples(by_method) if sample.label != GOOD]
        if defective:
            run = next(iter(by_method.values()))
            training = sorted(run.samples("train"), key=lambda sample: sample.label != defective[0].label)
            lines.append(_grid_line(by_method, methods, defective[0], training[0] if training else None, gallery))
    return lines


def choose_categories(available: Sequence[str], preferred: Sequence[str]) -> list[str]:
    """Return the preferred categories if all are available, else the same number of others.

    Examples
    --------
    >>> choose_categories(["carpet", "tile", "wood"], ["tile", "zipper"])
    ['carpet', 'tile']
    """
    return list(preferred) if set(preferred) <= set(available) else list(available[: len(preferred)])


def pasted_lines(
    runs: Sequence[FinishedRun], categories: Sequence[str], methods: Sequence[str], gallery: Gallery
) -> list[PastedLine]:
    """Return pasted images with their lambda, of the run with the lowest seed that stored any (Fig. 10).

    Parameters
    ----------
    runs : sequence of FinishedRun
        Of one K.
    categories : sequence of str
    methods : sequence of str
        Preferred over others that paste.
    gallery : Gallery
    """
    lines = []
    for category in categories:
        candidates = [run for run in runs if run.category == category and run.samples("pasted")]
        if not candidates:
            continue
        run = min(candidates, key=lambda run: (run.method not in methods, run.method, run.seed))
        pasted = run.samples("pasted")
        source = run.record.draw.shots[0]
        original = next((sample for sample in run.samples("train") if sample.name == source), pasted[0])
        pairs = tuple(
            (
                gallery.stored(run, sample, "normal", f"normal image {sample.name}"),
                gallery.stored(
                    run, sample, "image", f"the defect pasted onto {sample.name}", f"λ = {sample.realism:.4f}"
                ),
            )
            for sample in pasted
        )
        lines.append(PastedLine(category, run.seed, run.label, gallery.annotated(run, original), pairs))
    return lines


def find_extreme(
    runs: Iterable[FinishedRun], reason: Literal["worst", "best"]
) -> tuple[FinishedRun, SampleRecord] | None:
    """Return the run and the stored test image with the worst or the best IOU over a method's seeds; None without any.

    Parameters
    ----------
    runs : iterable of FinishedRun
        Of one category, K and method.
    reason : {"worst", "best"}
    """
    candidates = [
        (run, sample)
        for run in runs
        for sample in run.samples("test")
        if reason in sample.reasons and sample.iou is not None
    ]
    choose = min if reason == "worst" else max
    return choose(candidates, key=lambda pair: pair[1].iou or 0.0, default=None)


def _of_one_seed(runs: Iterable[FinishedRun], methods: Sequence[str]) -> dict[str, FinishedRun]:
    """Return the runs by method, in the order given, of the lowest seed that most of the methods have."""
    seeds: dict[int, dict[str, FinishedRun]] = {}
    for run in runs:
        if run.method in methods:
            # A method whose recipe was changed may have two runs here.
            seeds.setdefault(run.seed, {}).setdefault(run.method, run)
    chosen = min(seeds.items(), key=lambda item: (-len(item[1]), item[0]), default=(0, {}))[1]
    return {method: chosen[method] for method in methods if method in chosen}


def _first_samples(by_method: dict[str, FinishedRun]) -> list[SampleRecord]:
    """Return the first test image of each label; all methods store the same."""
    return [sample for run in [*by_method.values()][:1] for sample in run.samples("test") if "first" in sample.reasons]


def _grid_line(
    by_method: dict[str, FinishedRun],
    methods: Sequence[str],
    sample: SampleRecord,
    training: SampleRecord | None,
    gallery: Gallery,
) -> GridLine:
    predictions: list[Picture | None] = []
    for method in methods:
        run = by_method.get(method)
        own = [item for item in run.samples("test") if item.name == sample.name] if run else []
        predictions.append(gallery.prediction(run, own[0]) if run and own else None)
    run = next(iter(by_method.values()))
    shown = gallery.annotated(run, training) if training else None
    return GridLine(run.category, run.seed, gallery.annotated(run, sample), shown, tuple(predictions))
