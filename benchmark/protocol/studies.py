"""Studies: which runs each table and figure of the paper stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.errors import unknown_name

_COMPARED = (
    *("ternausnet11", "ternausnet16", "unet", "attention_unet", "unet_plus_plus", "albunet", "albunet_nbr_cap"),
)
_ABLATION = ("albunet", "albunet_nbr", "albunet_nbr_cap")
_SHOWN = ("bottle", "hazelnut", "tile", "zipper")


@dataclass(frozen=True)
class Study:
    """What one table or figure needs.

    Attributes
    ----------
    name : str
        ``table II`` or ``figure 9``.
    title : str
    methods : tuple of str
    categories : tuple of str
        Empty for every category.
    shots : tuple of int
        Empty for every K of the profile.
    one_seed : bool
        Whether it shows the first seed only.
    """

    name: str
    title: str
    methods: tuple[str, ...]
    categories: tuple[str, ...] = ()
    shots: tuple[int, ...] = ()
    one_seed: bool = False


TABLE_STUDIES = {
    "II": Study("table II", "Mean IOU", _COMPARED),
    "III": Study("table III", "Mean DC", _COMPARED),
    "IV": Study("table IV", "Classification accuracy and area under the ROC curve", _COMPARED),
    "V": Study("table V", "Ablation of the regularization methods", _ABLATION),
    "VI": Study("table VI", "Ablation of lambda", ("albunet_nbr_cap_lambda1", "albunet_nbr_cap")),
    "VII": Study("table VII", "Ablation of the NBR similarity", ("albunet_nbr_cap_euclidean", "albunet_nbr_cap")),
}
FIGURE_STUDIES = {
    "6": Study(
        "figure 6",
        "Predictions of the compared methods",
        ("ternausnet11", "ternausnet16", "unet", "albunet", "albunet_nbr_cap"),
        _SHOWN,
        (1,),
        one_seed=True,
    ),
    "7": Study("figure 7", "ROC curves", _COMPARED),
    "8": Study("figure 8", "Predictions of the ablation", _ABLATION, _SHOWN, (1,), one_seed=True),
    "9": Study("figure 9", "IOU during training", _ABLATION, ("carpet",)),
    "10": Study("figure 10", "Lambda of pasted images", ("albunet_nbr_cap",), ("hazelnut", "tile"), one_seed=True),
}


def find_studies(tables: Sequence[str], figures: Sequence[str]) -> list[Study]:
    """Return the studies of some tables (roman numbers) and figures, each once.

    Raises
    ------
    InputError
        If there is no such table or figure.
    """
    found = []
    for kind, known, asked in (("table", TABLE_STUDIES, tables), ("figure", FIGURE_STUDIES, figures)):
        for number in asked:
            if number.upper() not in known:
                raise unknown_name(kind, number, known)
            found.append(known[number.upper()])
    return list(dict.fromkeys(found))
