"""What a method is: a network and a recipe, which says how the network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from baselines.errors import InputError

CropPaste = Literal["never", "augmentation", "cap"]
PasteWeight = Literal["one", "realism"]
Similarity = Literal["cosine", "euclidean"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained (Algorithm 1, Section IV-C).

    Attributes
    ----------
    crop_paste : {"never", "augmentation", "cap"}
        ``augmentation`` pastes before the network sees anything, as the baselines do (profile field
        ``baseline_crop_paste``); ``cap`` is the method's own branch (profile field ``crop_paste``), for
        which the encoder sees the original image too.
    paste_weight : {"one", "realism"}
        Weight of a pasted image's loss under ``cap``: 1 (Table VI's ablation), or Eq. (6).
    nbr : {None, "cosine", "euclidean"}
        Normal background regularization: none, Eq. (3), or Table VII's ablation.
    normal_statistics : bool
        The control of NBR: the normal images pass through the encoder without any loss, so that only its batch
        norms see them. Under NBR they do so anyway.
    """

    crop_paste: CropPaste = "augmentation"
    paste_weight: PasteWeight = "one"
    nbr: Similarity | None = None
    normal_statistics: bool = False

    def __post_init__(self) -> None:
        """Refuse a word that is not among those above: it would silently train something else."""
        for field, words in (
            ("crop_paste", get_args(CropPaste)),
            ("paste_weight", get_args(PasteWeight)),
            ("nbr", (None, *get_args(Similarity))),
            ("normal_statistics", (False, True)),
        ):
            if getattr(self, field) not in words:
                raise InputError(f"{field} of a recipe must be one of {words}, got {getattr(self, field)!r}")

    @property
    def summary(self) -> str:
        """The recipe in a few words."""
        parts = {
            "never": [],
            "augmentation": ["crop-and-paste augmentation"],
            "cap": ["CaP" if self.paste_weight == "realism" else "CaP (lambda = 1)"],
        }[self.crop_paste]
        if self.nbr:
            parts = ["NBR" if self.nbr == "cosine" else f"NBR ({self.nbr})", *parts]
        if self.normal_statistics:
            parts.append("normal images in batch norm only")
        return " + ".join(parts) or "plain BCE"


@dataclass(frozen=True)
class Method:
    """A named pair of network and recipe.

    Attributes
    ----------
    name : str
        As typed on the command line.
    label : str
        As the paper's tables print it.
    network : str
        A name ``create_network`` knows.
    recipe : Recipe
    reference : str
        Where the method was published.
    """

    name: str
    label: str
    network: str
    recipe: Recipe
    reference: str
