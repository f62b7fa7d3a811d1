"""Methods by name: a method is a network and a recipe, one column of the paper's tables.

A name is one that was registered, one that a plug-in brings, or composed: ``<network>`` or ``smp:<Architecture>/
<encoder>``, then nothing, ``+nbr``, ``+cap``, ``+nbr+cap`` or ``+bn``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from baselines import plugins
from baselines.errors import InputError, check_new_name, unknown_name
from baselines.losses import Similarity
from baselines.networks import network_class, network_names
from baselines.networks.smp import SMP_PREFIX, SmpNetwork

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


# What can be added to a network, as its label prints it; in the order in which a name holds the additions.
ADDITIONS = {"nbr": "NBR", "cap": "CaP", "bn": "BN (control)"}
_COMPOSED: dict[tuple[str, ...], Recipe] = {
    (): Recipe(crop_paste="augmentation"),
    ("nbr",): Recipe(crop_paste="never", nbr="cosine"),
    ("cap",): Recipe(crop_paste="cap", paste_weight="realism"),
    ("nbr", "cap"): Recipe(crop_paste="cap", paste_weight="realism", nbr="cosine"),
    ("bn",): Recipe(crop_paste="augmentation", normal_statistics=True),
}

_METHODS: dict[str, Method] = {}
_plugins_registered = False


def register_method(method: Method) -> Method:
    """Make a method available by its name.

    Raises
    ------
    InputError
        If the name is taken or not usable, or the network unknown.
    """
    if not isinstance(method, Method):
        raise InputError(f"a method must be a Method, got {method!r}")
    check_new_name("method", method.name, _METHODS)
    network_class(method.network)
    _METHODS[method.name] = method
    return method


def get_method(name: str) -> Method:
    """Return a registered method, or compose one.

    The same additions in another order give the same method, under its one name.

    Raises
    ------
    InputError
        If there is none of that name; the nearest one is suggested.
    """
    _register_plugins()
    if name in _METHODS:
        return _METHODS[name]
    if "+" in name or name.startswith(SMP_PREFIX) or name in network_names():
        return _compose(name)
    raise unknown_name("method", name, _METHODS)


def method_names() -> tuple[str, ...]:
    """Return the registered names: the paper's in the order of its tables, then those of plug-ins by name."""
    _register_plugins()
    return tuple(_METHODS)


def _compose(name: str) -> Method:
    base, *asked = name.split("+")
    network = network_class(base)
    for addition in asked:
        if addition not in ADDITIONS:
            raise unknown_name("addition to a network", addition, ADDITIONS)
    additions = tuple(addition for addition in ADDITIONS if addition in asked)
    if len(additions) < len(asked):
        raise InputError(f"method '{name}' has an addition twice: write {'+'.join((base, *additions))}")
    if additions not in _COMPOSED:
        raise InputError(f"method '{name}' cannot be composed: the control +bn goes with no other addition")
    if issubclass(network, SmpNetwork):
        label, reference = f"SMP {network.architecture} ({network.smp_encoder})", "segmentation-models-pytorch"
    elif base in _METHODS:
        label, reference = _METHODS[base].label, _METHODS[base].reference
    else:
        label, reference = base, "a registered network"
    if additions:
        reference += "; control" if additions == ("bn",) else "; Lin et al., Section III"
    label = "+".join((label, *(ADDITIONS[addition] for addition in additions)))
    return Method("+".join((base, *additions)), label, base, _COMPOSED[additions], reference)


def _register_plugins() -> None:
    """Register what plug-ins bring, once; what clashes or is no method is named and left out."""
    global _plugins_registered
    if _plugins_registered:
        return
    _plugins_registered = True
    brought = [(method, plugin) for plugin, methods in plugins.discover() for method in methods]
    for method, plugin in sorted(brought, key=lambda pair: (str(getattr(pair[0], "name", "")), pair[1])):
        try:
            if _METHODS.get(getattr(method, "name", "")) != method:  # its module may have registered it itself
                register_method(method)
        except (InputError, TypeError) as error:  # a name may be anything, too
            plugins.leave_out(plugin, error)
