"""K-shot draws: the defective images a run is trained on, the same for every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeAlias

import numpy as np

from baselines.errors import InputError
from benchmark.data.manifest import GOOD, CategoryManifest, digest_of
from benchmark.data.notes import unread_marks
from benchmark.random_streams import stream

Row: TypeAlias = dict[str, str | int]

DRAW_COLUMNS = ("category", "shots_per", "draws", "shots", "seed", "image")
DIGEST_COLUMNS = ("category", "shots_per", "draws", "shots", "seed", "images", "digest", "impossible")


@dataclass(frozen=True)
class Draw:
    """The split of one category for one (K, seed).

    Attributes
    ----------
    shots : tuple of int
        Positions of the K-shot training images in the manifest.
    normals : tuple of int
        Positions of the normal training images.
    test : tuple of int
        Positions of the test images: test/good and the annotated defective images that were not drawn.
    unannotated : tuple of int
        Positions of the defective images with an empty mask, used for neither training nor testing.
    names : tuple of str
        Names of the K-shot images.

    Examples
    --------
    >>> one, other = (Draw((3,), normals, (2, 4), (), ("test/crack/000.png",)) for normals in [(), (0, 1)])
    >>> one.digest == other.digest  # it depends on the names alone
    True
    """

    shots: tuple[int, ...]
    normals: tuple[int, ...]
    test: tuple[int, ...]
    unannotated: tuple[int, ...]
    names: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        return digest_of(list(self.names))


def draw_seed(draws: str | int, seed: int) -> int:
    """Return the seed whose draw a run trains on.

    Parameters
    ----------
    draws : {"per_seed", "fixed"} or int
        The setting of that name: the run's own seed, 0, or the seed given.
    seed : int
        Of the run.

    Examples
    --------
    >>> [draw_seed(draws, seed=3) for draws in ("per_seed", "fixed", 2)]
    [3, 0, 2]
    """
    if isinstance(draws, int):
        return draws
    return 0 if draws == "fixed" else seed


def draws_of(seed: int) -> str | int:
    """Return the value of ``draws`` with which every run trains on the draw of a seed.

    Examples
    --------
    >>> [draws_of(seed) for seed in (0, 1)]
    ['fixed', 1]
    """
    return seed or "fixed"


def draw_in_words(draws: str | int) -> str:
    """Return what is added to the title of a run that trains on the draw of another seed, as its setting says.

    Examples
    --------
    >>> draw_in_words("per_seed"), draw_in_words(2)
    ('', ', draw of seed 2')
    """
    return f", draw of seed {draws}" if isinstance(draws, int) else ""


def draw_shots(
    manifest: CategoryManifest, shots: int, seed: int, shots_per: str = "defect_type", draws: str | int = "per_seed"
) -> Draw:
    """Draw K annotated images; the result depends on the arguments alone.

    The images of each group are put into one random order per seed and the first K are taken, so the 1-shot image is
    among the 5-shot images of the same seed.

    Parameters
    ----------
    manifest : CategoryManifest
    shots : int
        K >= 1.
    seed : int
    shots_per : {"defect_type", "category"}
        Draw K images of each defect type (Section IV-B) or of the category (Table I).
    draws : {"per_seed", "fixed"} or int
        Draw different images for each seed, or for all those of seed 0 or of the seed given.

    Raises
    ------
    InputError
        If a group has fewer than K annotated images, none would be left for testing, or there are no normal training
        images.

    Examples
    --------
    >>> from benchmark.data.manifest import ImageRecord
    >>> records = [ImageRecord("train", GOOD, "train/good/0.png")]
    >>> records += [ImageRecord("test", "cut", f"test/cut/{i}.png", f"{i}.png") for i in range(3)]
    >>> draw = draw_shots(CategoryManifest("x", "widget", "", tuple(records)), shots=1, seed=0)
    >>> draw.names, draw.test
    (('test/cut/0.png',), (2, 3))
    """
    annotated = [i for i, record in enumerate(manifest.records) if record.defective and not record.unannotated]
    groups = {manifest.category: annotated}
    if shots_per == "defect_type":
        groups = {kind: [i for i in annotated if manifest.records[i].label == kind] for kind in manifest.defect_types}
    drawn: list[int] = []
    for group, members in groups.items():
        if shots > len(members):
            raise InputError(
                f"category {manifest.category}: {shots} shots need {shots} annotated defective images of {group}, "
                f"but there are {len(members)}; "
                + (
                    "; ".join(unread_marks(manifest.findings))
                    or "use fewer --shots" + (" or --set shots_per=category" if shots_per == "defect_type" else "")
                )
            )
        rng = stream("draw", manifest.category, group, draw_seed(draws, seed))
        order = np.argsort(rng.random(len(members)), kind="stable")
        drawn += [members[position] for position in order[:shots]]
    remaining = [i for i in annotated if i not in set(drawn)]
    if not remaining:
        raise InputError(
            f"category {manifest.category}: {shots} shots use all {len(annotated)} annotated defective images and "
            "leave none for testing; use fewer --shots"
        )
    normals = manifest.indices("train", GOOD)
    if not normals:
        raise InputError(f"category {manifest.category} has no normal training images in train/{GOOD}")
    return Draw(
        shots=tuple(drawn),
        normals=tuple(normals),
        test=tuple(sorted(manifest.indices("test", GOOD) + remaining)),
        unannotated=tuple(i for i, record in enumerate(manifest.records) if record.unannotated),
        names=tuple(manifest.records[i].name for i in drawn),
    )


def list_draws(manifests: Sequence[CategoryManifest]) -> tuple[list[Row], list[Row]]:
    """List the draws under both readings of K, for 1 and 5 shots and seeds 0 to 4.

    Returns
    -------
    images : list of dict
        Rows of ``draws.csv`` (``DRAW_COLUMNS``), one per drawn image in the order drawn.
    digests : list of dict
        Rows of ``draw_digests.csv`` (``DIGEST_COLUMNS``), one per draw; an impossible draw has the reason instead of
        a digest.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> images, digests = list_draws([SyntheticDataSet().manifest("tile")])
    >>> len(digests), images[0]["image"].split("/")[0]
    (20, 'test')
    """
    images: list[Row] = []
    digests: list[Row] = []
    for shots_per, manifest, shots, seed in product(("defect_type", "category"), manifests, (1, 5), range(5)):
        key = (manifest.category, shots_per, "per_seed", shots, seed)
        try:
            draw = draw_shots(manifest, shots, seed, shots_per)
        except InputError as error:
            digests.append(dict(zip(DIGEST_COLUMNS, (*key, 0, "", str(error)), strict=True)))
            continue
        images += [dict(zip(DRAW_COLUMNS, (*key, name), strict=True)) for name in draw.names]
        digests.append(dict(zip(DIGEST_COLUMNS, (*key, len(draw.names), draw.digest, ""), strict=True)))
    return images, digests
