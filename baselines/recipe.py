"""Methods and recipes as data: a method is a network and a recipe for its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from baselines.errors import InputError
from baselines.method_files import MethodFile
from baselines.pasting import COPY, listed_pasting

CropPaste = Literal["never", "augmentation", "cap"]
PasteWeight = Literal["one", "realism"]
Similarity = Literal["cosine", "euclidean"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained (Algorithm 1, Section IV-C).

    Attributes
    ----------
    crop_paste : {"never", "augmentation", "cap"}
        ``augmentation`` pastes images as the baselines do (profile field ``baseline_crop_paste``); ``cap`` is the
        paper's branch (profile field ``crop_paste``).
    paste_weight : {"one", "realism"}
        Weight of a pasted image's loss under ``cap``: 1 (Table VI's ablation), or lambda of Eq. (6), for which the
        encoder also sees the original image.
    nbr : {None, "cosine", "euclidean"}
        Normal background regularization: none, Eq. (3), or Table VII's ablation.
    normal_statistics : bool
        The control experiment of NBR: normal images pass through the encoder without any loss, so that only batch
        norm sees them. With NBR they pass through it anyway.
    pasting : str
        How a defect gets onto a normal image, where ``crop_paste`` pastes: ``copy`` is Eq. (4); the others are in
        ``baselines.pasting``.

    Examples
    --------
    >>> Recipe(crop_paste="cap", paste_weight="realism", nbr="cosine").summary
    'NBR + CaP'
    """

    crop_paste: CropPaste = "augmentation"
    paste_weight: PasteWeight = "one"
    nbr: Similarity | None = None
    normal_statistics: bool = False
    pasting: str = COPY

    def __post_init__(self) -> None:
        """Refuse any other value: it would silently train something else."""
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
        """Return the recipe in a few words."""
        parts = {
            "never": [],
            "augmentation": ["crop-and-paste augmentation"],
            "cap": ["CaP" if self.paste_weight == "realism" else "CaP (lambda = 1)"],
        }[self.crop_paste]
        if parts and self.pasting != COPY:
            parts = [f"{parts[0]}, {listed_pasting(self.pasting).label}"]
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
        The name on the command line.
    label : str
        The name in the paper's tables.
    network : str
        A name that ``create_network`` accepts.
    recipe : Recipe
    reference : str
        The publication of the method.
    file : MethodFile or None
        The file that registered the method, or the network of a composed one; set by the registry.

    Examples
    --------
    >>> Method("mine", "Mine", "unet", Recipe(nbr="cosine"), "unpublished").recipe.summary
    'NBR + crop-and-paste augmentation'
    """

    name: str
    label: str
    network: str
    recipe: Recipe
    reference: str
    file: MethodFile | None = None
