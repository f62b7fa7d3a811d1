"""Table I of MVTec AD from the published list of its images: no runs, and no image files."""

from __future__ import annotations

from functools import cache

from benchmark.data.manifest import GOOD
from benchmark.data.mvtec import PublishedMvtecAD
from benchmark.protocol.draws import draw_shots
from reports.cells import Cell, ImageCount
from reports.collect import PAPER_CATEGORIES


class ListedImages:
    """How many images the draws of the paper's K take from MVTec AD; an ``ImageSource``.

    Examples
    --------
    >>> ListedImages().images("carpet", "train_defective", shots=1).value
    5
    """

    title = "mvtec-ad, the published list of images"
    dataset = PublishedMvtecAD.name
    categories = PAPER_CATEGORIES
    shots = (1, 5)

    def images(self, category: str, kind: ImageCount, shots: int | None = None) -> Cell:
        """Return a count with K images drawn of each defect type; it is the same for every seed."""
        return Cell(_counts(category, self.shots[0] if shots is None else shots)[kind], count=True)


@cache
def _counts(category: str, shots: int) -> dict[ImageCount, int]:
    manifest = PublishedMvtecAD().manifest(category)
    draw = draw_shots(manifest, shots, seed=0)
    test_normal = len(manifest.indices("test", GOOD))
    return {
        "train_defective": len(draw.shots),
        "train_normal": len(draw.normals),
        "test_defective": len(draw.test) - test_normal,
        "test_normal": test_normal,
    }
