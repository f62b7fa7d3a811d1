"""What is kept of predicted maps: histograms of logits, for normal pixels and for each defect region.

Probabilities saturate: nearly all those of normal pixels fall into the lowest of 256 even bins. Logits do not, so bins
are even in the logit up to 2 and -2, and widen with it beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

BINS_PER_DOUBLING = 128
_EVEN_TO, _LARGEST = 2.0, 8192.0
# Defective pixels that touch by a side or a corner are one region, as in MVTec AD's own evaluation.
CONNECTIVITY = 8


def _logit_edges() -> np.ndarray:
    steps = [np.arange(0, _EVEN_TO, _EVEN_TO / BINS_PER_DOUBLING)]
    start = _EVEN_TO
    while start < _LARGEST:
        steps.append(np.arange(start, 2 * start, start / BINS_PER_DOUBLING))
        start *= 2
    positive = np.concatenate([*steps, [_LARGEST]])
    return np.concatenate([-positive[:0:-1], positive])


# 3329 edges, each exact in float32: every 1/64 in [-4, 4], every 1/32 from there to 8, and so on to 8192. Chosen on
# real predictions (docs/metrics.md): one network put most pixels between -5 and -3, another its lowest at -1078.
LOGIT_EDGES = _logit_edges()
# Those of runs stored before format 3: multiples of 1/256 in probability.
_STEPS = np.arange(1, 256) / 256
LINEAR_EDGES = np.log(_STEPS) - np.log1p(-_STEPS)


def to_probability(logit: np.ndarray) -> np.ndarray:
    """Return the probability of a logit, float64.

    Examples
    --------
    >>> to_probability(np.array([0.0, -2.0])).round(3).tolist()
    [0.5, 0.119]
    """
    return np.exp(-np.logaddexp(0, -np.asarray(logit, dtype=np.float64)))


@dataclass(frozen=True)
class Regions:
    """Histograms of the connected defect regions of some images, without the bins that a region does not have.

    Attributes
    ----------
    image : np.ndarray, int64, shape (R,)
        Row of the image that each region is part of, increasing.
    starts : np.ndarray, int64, shape (R + 1,)
        Region r has the entries from ``starts[r]`` to ``starts[r + 1]``.
    bins, counts : np.ndarray, int64, shape (entries,)
        A bin, and how many of the region's pixels are in it, at least 1.

    Examples
    --------
    >>> Regions(np.array([0, 0]), np.array([0, 2, 3]), np.array([5, 9, 5]), np.array([3, 1, 2])).area.tolist()
    [4, 2]
    """

    image: np.ndarray
    starts: np.ndarray
    bins: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    @property
    def of_entry(self) -> np.ndarray:
        """The region of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @cached_property
    def area(self) -> np.ndarray:
        """Pixels of each region, int64."""
        return np.bincount(self.of_entry, self.counts, minlength=len(self)).astype(np.int64)


@dataclass(frozen=True)
class Histograms:
    """How often logits occur on normal and on defective pixels of some images.

    Attributes
    ----------
    edges : np.ndarray, float64, shape (B - 1,)
        Increasing. Bin 0 is below all; bin b holds logits from ``edges[b - 1]`` on and below ``edges[b]``.
    normal, defective : np.ndarray, int64, shape (images, B)
        Numbers of pixels.
    regions : Regions or None
        None for runs stored before format 3.

    Examples
    --------
    >>> one = histograms([np.array([[-3.0, 0.0, 4.0]])], [np.array([[False, True, True]])])
    >>> one.above()[1][0, np.searchsorted(one.edges, [-1.0, 0.0, 1.0])].tolist()  # defective pixels at or above each
    [2, 2, 1]
    """

    edges: np.ndarray
    normal: np.ndarray
    defective: np.ndarray
    regions: Regions | None = None

    @cached_property
    def marked(self) -> np.ndarray:
        """Which images have a defective pixel, bool, shape (images,)."""
        marked: np.ndarray = self.defective.sum(axis=1) > 0
        return marked

    def above(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the normal and the defective pixels at or above each edge, int64, shape (images, B - 1)."""
        normal, defective = (_from_above(counts)[:, 1:] for counts in (self.normal, self.defective))
        return normal, defective

    def found(self) -> np.ndarray | None:
        """Return the mean share of a region at or above each edge, float64, shape (B - 1,); None without regions."""
        regions = self.regions
        if regions is None or not len(regions):
            return None
        shares = regions.counts / regions.area[regions.of_entry]
        binned = np.bincount(regions.bins, shares, minlength=len(self.edges) + 1) / len(regions)
        return _from_above(binned)[1:]

    def select(self, rows: np.ndarray) -> Histograms:
        """Return the histograms of some images, given as a mask, bool, shape (images,)."""
        if rows.all():
            return self
        regions = self.regions
        if regions is not None:
            kept = rows[regions.image]
            entries = kept[regions.of_entry]
            starts = np.concatenate([[0], np.cumsum(np.diff(regions.starts)[kept])])
            image = (np.cumsum(rows) - 1)[regions.image[kept]]
            regions = Regions(image, starts, regions.bins[entries], regions.counts[entries])
        return Histograms(self.edges, self.normal[rows], self.defective[rows], regions)


def _from_above(counts: np.ndarray) -> np.ndarray:
    """Return the sums of each bin and all bins above it."""
    return np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]


@dataclass(frozen=True)
class ImageHistogram:
    """The histograms of one image: of its normal pixels, and the bins and counts of each of its regions."""

    normal: np.ndarray
    regions: tuple[tuple[np.ndarray, np.ndarray], ...]


def image_histogram(logit: np.ndarray, truth: np.ndarray) -> ImageHistogram:
    """Count the logits of one image in ``LOGIT_EDGES``.

    Parameters
    ----------
    logit : np.ndarray, float32, shape (H, W)
        Finite.
    truth : np.ndarray, bool, shape (H, W)

    Examples
    --------
    >>> counted = image_histogram(np.array([[-9.0, 0.5, 7.0]]), np.array([[False, True, True]]))
    >>> int(counted.normal.sum()), [counts.tolist() for _, counts in counted.regions]
    (1, [[1, 1]])
    """
    size = len(LOGIT_EDGES) + 1
    bins = np.searchsorted(LOGIT_EDGES.astype(np.float32), logit.astype(np.float32, copy=False), side="right")
    normal = np.bincount(bins[~truth], minlength=size)
    regions = []
    if truth.any():
        from scipy.ndimage import label  # slow to import, and reading results does not need it

        labels, count = label(truth, np.ones((3, 3)))
        marked = labels[truth]
        flat = np.bincount((marked - 1) * size + bins[truth], minlength=count * size).reshape(count, size)
        regions = [(found, counts[found]) for counts in flat for found in [np.flatnonzero(counts)]]
    return ImageHistogram(normal, tuple(regions))


def stack(images: Sequence[ImageHistogram]) -> Histograms:
    """Return the histograms of several images as one value."""
    regions = [(row, *region) for row, image in enumerate(images) for region in image.regions]
    empty = np.zeros(0, dtype=np.int64)
    return from_regions(
        np.stack([image.normal for image in images]),
        Regions(
            np.array([row for row, _, _ in regions], dtype=np.int64),
            np.concatenate([[0], np.cumsum([len(bins) for _, bins, _ in regions], dtype=np.int64)]),
            np.concatenate([empty, *(bins for _, bins, _ in regions)]),
            np.concatenate([empty, *(counts for _, _, counts in regions)]),
        ),
    )


def histograms(logits: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> Histograms:
    """Count the logits of several images; arguments as of ``image_histogram``, one per image."""
    return stack([image_histogram(*image) for image in zip(logits, truths, strict=True)])


def from_regions(normal: np.ndarray, regions: Regions) -> Histograms:
    """Return the histograms of which the normal pixels, int (images, B), and the regions are known."""
    places = regions.image[regions.of_entry] * normal.shape[1] + regions.bins
    defective = np.bincount(places, regions.counts, minlength=normal.size).astype(np.int64).reshape(normal.shape)
    return Histograms(LOGIT_EDGES, normal.astype(np.int64, copy=False), defective, regions)
