"""What each table, figure and study shows: the one list that ``run`` trains from and reports draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from baselines.errors import unknown_name
from baselines.pasting import BUILT_IN_PASTINGS, COPY

_BENCHMARKS = ("ternausnet11", "ternausnet16", "unet", "attention_unet", "unet_plus_plus", "albunet")
_COMPARED = (*_BENCHMARKS, "albunet_nbr_cap")
_ABLATION = ("albunet", "albunet_nbr", "albunet_nbr_cap")
_EXAMPLES = ("bottle", "hazelnut", "tile", "zipper")


@dataclass(frozen=True)
class Study:
    """What one table, figure or study shows, and so which runs it needs.

    Attributes
    ----------
    name : str
        ``table II``, ``figure 9`` or ``study nbr``.
    title : str
    methods : tuple of str
        In the order shown.
    categories : tuple of str
        Empty for every category.
    shots : tuple of int
        Empty for every K of the profile.
    one_seed : bool
        Whether it shows the first seed only.
    seeds : tuple of int
        Empty for every seed of the profile.
    crossed : bool
        Whether each seed is trained on the draw of each.
    open_ended : bool
        Whether a report adds every other stored method.

    Examples
    --------
    >>> TABLE_STUDIES["II"].title, TABLE_STUDIES["II"].categories
    ('Mean IOU', ())
    """

    name: str
    title: str
    methods: tuple[str, ...]
    categories: tuple[str, ...] = ()
    shots: tuple[int, ...] = ()
    one_seed: bool = False
    seeds: tuple[int, ...] = ()
    crossed: bool = False
    open_ended: bool = False


TABLE_STUDIES = {
    "II": Study("table II", "Mean IOU", _COMPARED, open_ended=True),
    "III": Study("table III", "Mean DC", _COMPARED, open_ended=True),
    "IV": Study(
        "table IV",
        "Classification accuracy (ACC) and area under the ROC curve (AUC)",
        _COMPARED,
        open_ended=True,
    ),
    # B under both readings: as Section IV-C trains the baselines, and without pasting, as B+NBR is trained.
    "V": Study("table V", "Mean IOU and DC: ablation of the regularization methods", ("albunet+plain", *_ABLATION)),
    "VI": Study("table VI", "Mean IOU and DC: ablation of lambda", ("albunet_nbr_cap_lambda1", "albunet_nbr_cap")),
    "VII": Study(
        "table VII",
        "Mean IOU and DC: ablation of the NBR similarity",
        ("albunet_nbr_cap_euclidean", "albunet_nbr_cap"),
    ),
}
FIGURE_STUDIES = {
    "6": Study(
        "figure 6",
        "Predictions of the compared methods",
        ("albunet_nbr_cap", "albunet", *_BENCHMARKS[:-1]),  # panels (e) to (k)
        _EXAMPLES,
        (1,),
        one_seed=True,
    ),
    "7": Study("figure 7", "ROC curves over test images", _COMPARED, open_ended=True),
    "8": Study("figure 8", "Predictions of the ablation models", _ABLATION, _EXAMPLES, (1,), one_seed=True),
    "9": Study("figure 9", "Test IOU during training", _ABLATION, ("carpet",)),
    "10": Study("figure 10", "Pasted images and their λ", ("albunet_nbr_cap",), ("hazelnut", "tile"), one_seed=True),
}


# How normal images and pasting are used, and the method of each pair. Those that the paper names keep its names.
NORMALS = ("unseen", "batch norm", "NBR")
PASTING = ("never", "augmentation", "CaP")
NBR_GRID = dict(
    zip(
        product(NORMALS, PASTING),
        (
            *("albunet+plain", "albunet", "albunet+cap"),
            *("albunet+plain+bn", "albunet+bn", "albunet+cap+bn"),
            *("albunet_nbr", "albunet_nbr_cap_lambda1", "albunet_nbr_cap"),
        ),
        strict=True,
    )
)
# The paper's method with each pasting, and without any.
PASTING_STUDY = {
    "none": "albunet_nbr",
    COPY: "albunet_nbr_cap",
    **{name: f"albunet+nbr+cap-{name}" for name in BUILT_IN_PASTINGS if name != COPY},
}
OTHER_STUDIES = {
    "nbr": Study("study nbr", "What NBR, pasting, λ and batch-norm statistics each do", tuple(NBR_GRID.values())),
    "pasting": Study("study pasting", "The paper's method with each pasting", tuple(PASTING_STUDY.values())),
    "variance": Study(
        "study variance",
        "How much of the spread comes from the images drawn and from training",
        ("unet", "albunet", "albunet_nbr_cap"),
        ("carpet", "hazelnut", "tile"),
        (1,),
        seeds=(0, 1, 2),
        crossed=True,
    ),
}


def find_studies(tables: Sequence[str], figures: Sequence[str], others: Sequence[str] = ()) -> list[Study]:
    """Return the studies of some tables (Roman numerals) and figures, and others by name, each once.

    Raises
    ------
    InputError
        If there is no such table, figure or study.

    Examples
    --------
    >>> [study.name for study in find_studies(["ii"], ["9"], ["nbr"])]
    ['table II', 'figure 9', 'study nbr']
    """
    numbered = [
        *(("table", TABLE_STUDIES, number.upper()) for number in tables),
        *(("figure", FIGURE_STUDIES, number) for number in figures),
        *(("study", OTHER_STUDIES, name) for name in others),
    ]
    found = []
    for kind, known, name in numbered:
        if name not in known:
            raise unknown_name(kind, name, known)
        found.append(known[name])
    return list(dict.fromkeys(found))
