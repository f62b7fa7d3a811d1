"""What each table and figure of the paper shows: the one list that ``run`` trains from and reports draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.errors import unknown_name

_BENCHMARKS = ("ternausnet11", "ternausnet16", "unet", "attention_unet", "unet_plus_plus", "albunet")
_COMPARED = (*_BENCHMARKS, "albunet_nbr_cap")
_ABLATION = ("albunet", "albunet_nbr", "albunet_nbr_cap")
_EXAMPLES = ("bottle", "hazelnut", "tile", "zipper")


@dataclass(frozen=True)
class Study:
    """What one table or figure shows, and so which runs it needs.

    Attributes
    ----------
    name : str
        ``table II`` or ``figure 9``.
    title : str
    methods : tuple of str
        In the order shown.
    categories : tuple of str
        Empty for every category.
    shots : tuple of int
        Empty for every K of the profile.
    one_seed : bool
        Whether it shows the first seed only.
    open_ended : bool
        Whether a report adds every other stored method.
    """

    name: str
    title: str
    methods: tuple[str, ...]
    categories: tuple[str, ...] = ()
    shots: tuple[int, ...] = ()
    one_seed: bool = False
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
    "V": Study("table V", "Mean IOU and DC: ablation of the regularization methods", _ABLATION),
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


def find_studies(tables: Sequence[str], figures: Sequence[str]) -> list[Study]:
    """Return the studies of some tables (Roman numerals) and figures, each once.

    Raises
    ------
    InputError
        If there is no such table or figure.

    Examples
    --------
    >>> [study.name for study in find_studies(["ii"], ["9"])]
    ['table II', 'figure 9']
    """
    found = []
    for kind, known, numbers in (("table", TABLE_STUDIES, tables), ("figure", FIGURE_STUDIES, figures)):
        for number in numbers:
            if number.upper() not in known:
                raise unknown_name(kind, number, known)
            found.append(known[number.upper()])
    return list(dict.fromkeys(found))
