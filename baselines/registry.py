"""Methods by name: a method is a network and a recipe, one column of the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from baselines.errors import InputError, unknown_name
from baselines.losses import Similarity
from baselines.networks import network_class

CropPaste = Literal["never", "augmentation", "cap"]
PasteWeight = Literal["one", "realism"]


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
    """

    crop_paste: CropPaste = "augmentation"
    paste_weight: PasteWeight = "one"
    nbr: Similarity | None = None

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


_METHODS: dict[str, Method] = {}


def register_method(method: Method) -> Method:
    """Make a method available by its name.

    Raises
    ------
    InputError
        If the name is taken, or the network unknown.
    """
    if method.name in _METHODS:
        raise InputError(f"method '{method.name}' is registered already")
    network_class(method.network)
    _METHODS[method.name] = method
    return method


def get_method(name: str) -> Method:
    """Return a registered method.

    Raises
    ------
    InputError
        If there is none of that name; the nearest one is suggested.
    """
    if name not in _METHODS:
        raise unknown_name("method", name, _METHODS)
    return _METHODS[name]


def method_names() -> tuple[str, ...]:
    """Return the registered names in the order of the paper's tables."""
    return tuple(_METHODS)
