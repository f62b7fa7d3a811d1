"""Kept pictures on pages: the qualitative figures (Figs. 6, 8, 10), and what a detail page shows of each run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from baselines import InputError
from benchmark.data.manifest import GOOD
from benchmark.results.records import SampleRecord
from reports.page.stored import FinishedRun
from reports.pictures import data_uri, outcome

_QUALITY = 80
# As Figs. 6, 8 and Fig. 10 choose them.
FIGURE_CATEGORIES = ("bottle", "hazelnut", "tile", "zipper")
PASTED_CATEGORIES = ("hazelnut", "tile")
FIG_6_METHODS = (
    "albunet_nbr_cap", "albunet", "ternausnet11", "ternausnet16", "unet", "attention_unet", "unet_plus_plus",
)  # fmt: skip
ABLATION_METHODS = ("albunet", "albunet_nbr", "albunet_nbr_cap")


@dataclass(frozen=True)
class Picture:
    """An image on the page: a ``data:`` URI ("" where it cannot be read), what it shows in words, and a caption."""

    uri: str
    words: str
    caption: str = ""


@dataclass(frozen=True)
class Annotated:
    """An image with its mask, and what it is called."""

    label: str
    name: str
    image: Picture
    truth: Picture


@dataclass(frozen=True)
class GridLine:
    """One test image, what it was learned from (None where that is shown elsewhere), and what each method made of it.

    An outcome is None where the method has no such run or did not keep the image.
    """

    category: str
    seed: int
    test: Annotated
    training: Annotated | None
    outcomes: tuple[Picture | None, ...]


@dataclass(frozen=True)
class PastedLine:
    """A defective training image, and normal images each with the picture that pasting its defect gave (Fig. 10)."""

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
        Of each picture that cannot be read, which and why.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._uris: dict[tuple[str, ...], str] = {}

    def kept(self, run: FinishedRun, sample: SampleRecord, kind: str, words: str, caption: str = "") -> Picture:
        """Return a picture as it was stored: photographs with loss, masks without."""
        path = run.folder / "samples" / getattr(sample.files, kind)
        # Every method keeps the same inputs, but a pasted image is the run's own.
        shared = kind == "truth" or sample.role != "pasted"
        key = (run.category, sample.role, sample.name, kind) if shared else (str(path),)
        return Picture(self._uri(key, path, None if kind == "truth" else _QUALITY), words, caption)

    def annotated(self, run: FinishedRun, sample: SampleRecord, what: str) -> Annotated:
        """Return an image of a run and its mask."""
        name = sample.name
        image = self.kept(run, sample, "image", f"{what} image {name}")
        return Annotated(sample.label, name, image, self.kept(run, sample, "truth", f"annotated mask of {name}"))

    def outcome(self, run: FinishedRun, sample: SampleRecord) -> Picture:
        """Return hits, false alarms and misses of a prediction, painted over the image."""
        words = f"prediction of {run.label} for {sample.name}"
        caption = "" if sample.iou is None else f"IOU {sample.iou:.2f}"
        folder, files = run.folder / "samples", sample.files
        key = (str(folder / str(files.prediction)),)
        if key not in self._uris:
            try:
                painted = outcome(
                    folder / files.image, folder / files.truth, folder / str(files.prediction), run.protocol.threshold
                )
                self._uris[key] = data_uri(painted, _QUALITY)
            except InputError as error:
                self.problems.append(str(error))
                self._uris[key] = ""
        return Picture(self._uris[key], words, caption)

    def _uri(self, key: tuple[str, ...], path: Path, quality: int | None) -> str:
        if not self._uris.get(key):
            try:
                self._uris[key] = data_uri(path, quality)
            except InputError as error:
                # Not for good: another method's copy of it may be whole.
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
        Of the outcomes, in order.
    gallery : Gallery
    """
    there, seed = _of_one_seed(runs, methods)
    if not there:
        return []
    guide = next(iter(there.values()))
    return [
        GridLine(
            guide.category,
            seed,
            gallery.annotated(guide, sample, "test"),
            None,
            tuple(_outcome(there.get(method), sample.name, gallery) for method in methods),
        )
        for sample in guide.samples("test")
        if "first" in sample.reasons
    ]


def figure_lines(
    runs: Sequence[FinishedRun], categories: Sequence[str], methods: Sequence[str], gallery: Gallery
) -> list[GridLine]:
    """Return one defective test image per category, with the training image of its defect type (Figs. 6 and 8).

    Parameters
    ----------
    runs : sequence of FinishedRun
        Of one K.
    categories, methods : sequence of str
    gallery : Gallery
    """
    lines = []
    for category in categories:
        there, seed = _of_one_seed((run for run in runs if run.category == category), methods)
        if not there:
            continue
        guide = next(iter(there.values()))
        firsts = [s for s in guide.samples("test") if "first" in s.reasons and s.label != GOOD]
        if not firsts:
            continue
        sample = firsts[0]
        training = sorted(guide.samples("train"), key=lambda kept: kept.label != sample.label)
        lines.append(
            GridLine(
                category,
                seed,
                gallery.annotated(guide, sample, "test"),
                gallery.annotated(guide, training[0], "training") if training else None,
                tuple(_outcome(there.get(method), sample.name, gallery) for method in methods),
            )
        )
    return lines


def chosen_categories(there: Sequence[str], paper: Sequence[str]) -> list[str]:
    """Return the paper's categories where all are there, else the first as many that are."""
    return list(paper) if set(paper) <= set(there) else list(there[: len(paper)])


def pasted_lines(runs: Sequence[FinishedRun], categories: Sequence[str], gallery: Gallery) -> list[PastedLine]:
    """Return pasted images with their lambda, of the run with the lowest seed that kept any (Fig. 10).

    ``runs`` are of one K; the paper's own method comes first, where it is there.
    """
    lines = []
    for category in categories:
        kept = [run for run in runs if run.category == category and run.samples("pasted")]
        if not kept:
            continue
        run = min(kept, key=lambda run: (run.method != "albunet_nbr_cap", run.method, run.seed))
        pasted = run.samples("pasted")
        source = run.record.draw.shots[0]
        original = next((sample for sample in run.samples("train") if sample.name == source), pasted[0])
        pairs = tuple(
            (
                gallery.kept(run, sample, "normal", f"normal image {sample.name}"),
                gallery.kept(
                    run, sample, "image", f"the defect pasted upon {sample.name}", f"λ = {sample.realism:.4f}"
                ),
            )
            for sample in pasted
        )
        lines.append(PastedLine(category, run.seed, run.label, gallery.annotated(run, original, "training"), pairs))
    return lines


def extremes(runs: Iterable[FinishedRun], reason: str) -> tuple[FinishedRun, SampleRecord] | None:
    """Return the run and the kept test image with the worst or the best IOU over a method's seeds, None without any.

    Parameters
    ----------
    runs : iterable of FinishedRun
        Of one category, K and method.
    reason : {"worst", "best"}
    """
    found = [
        (run, sample)
        for run in runs
        for sample in run.samples("test")
        if reason in sample.reasons and sample.iou is not None
    ]
    choose = min if reason == "worst" else max
    return choose(found, key=lambda pair: pair[1].iou or 0.0, default=None)


def _of_one_seed(runs: Iterable[FinishedRun], methods: Sequence[str]) -> tuple[dict[str, FinishedRun], int]:
    """Return the runs by method, in their order, of the lowest seed that most of the methods have."""
    seeds: dict[int, dict[str, FinishedRun]] = {}
    for run in runs:
        if run.method in methods:
            # A method whose recipe was changed may have two runs here.
            seeds.setdefault(run.seed, {}).setdefault(run.method, run)
    if not seeds:
        return {}, 0
    seed = min(seeds, key=lambda seed: (-len(seeds[seed]), seed))
    return {method: seeds[seed][method] for method in methods if method in seeds[seed]}, seed


def _outcome(run: FinishedRun | None, name: str, gallery: Gallery) -> Picture | None:
    sample = next((kept for kept in run.samples("test") if kept.name == name), None) if run else None
    return gallery.outcome(run, sample) if run and sample else None
