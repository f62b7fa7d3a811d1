"""Methods by name: a method is a network and a recipe, one column of the paper's tables.

A name is registered, here, by a plug-in or by a file, or composed: ``<network>`` or ``smp:<Architecture>/<encoder>``,
followed by how defects are pasted (``+plain``, ``+paste``, ``+cap``, ``+cap1``, or ``+cap-<pasting>`` for CaP with
another pasting than the paper's) and how normal images are used (``+bn``, ``+nbr``, ``+nbr_euclidean``). Any pair of
the two is a recipe; the default for each is the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal

from baselines import plugins
from baselines.errors import InputError, check_new_name, unknown_name
from baselines.method_files import MethodFile, execute, executing, read_method_file, split_choice
from baselines.networks import SMP_PREFIX, check_network_name, forget_networks, network_file, network_names
from baselines.pasting import COPY, forget_pastings, listed_pasting, pasting_names, pastings_of
from baselines.recipe import Method, Recipe


@dataclass(frozen=True)
class Addition:
    """One part of a composed name.

    Attributes
    ----------
    kind : {"pasting", "normals"}
        The half of the recipe that it sets.
    label : str
        The name of the addition in labels.
    settings : dict
        Fields of the ``Recipe``.
    """

    kind: Literal["pasting", "normals"]
    label: str
    settings: dict[str, Any]


# In the order of a composed name; that of another pasting comes after them.
ADDITIONS = {
    "plain": Addition("pasting", "no pasting", {"crop_paste": "never"}),
    "paste": Addition("pasting", "pasting", {"crop_paste": "augmentation"}),
    "nbr": Addition("normals", "NBR", {"nbr": "cosine"}),
    "nbr_euclidean": Addition("normals", "NBR (Euclidean)", {"nbr": "euclidean"}),
    "cap": Addition("pasting", "CaP", {"crop_paste": "cap", "paste_weight": "realism"}),
    "cap1": Addition("pasting", "CaP (lambda = 1)", {"crop_paste": "cap"}),
    "bn": Addition("normals", "BN (control)", {"normal_statistics": True}),
}


_CAP = {"crop_paste": "cap", "paste_weight": "realism"}


def additions() -> dict[str, Addition]:
    """Return every addition to a network by name, those of registered pastings included.

    Examples
    --------
    >>> additions()["cap-place"].label
    'CaP (random place)'
    """
    return ADDITIONS | {
        f"cap-{name}": Addition("pasting", f"CaP ({listed_pasting(name).label})", _CAP | {"pasting": name})
        for name in pasting_names()
        if name != COPY
    }


def default_pasting(normals: str | None) -> str:
    """Return the pasting of a name without one: that of the paper's baselines or, with NBR, none."""
    return "plain" if normals in ("nbr", "nbr_euclidean") else "paste"


# The publications of networks that are no method of the paper.
_VARIANTS = {
    "ternausnet11_original": "Iglovikov and Shvets, arXiv:1801.05746, 2018",
    "albunet_transposed": "Buslaev et al., CVPR Workshops 2018; decoder as in Fig. 2 of Lin et al.",
    "unet_wide": "Ronneberger et al., MICCAI 2015",
    "unet_without_batch_norm": "Ronneberger et al., MICCAI 2015",
}
_METHODS: dict[str, Method] = {}
_FILES: set[MethodFile] = set()  # whose methods are registered
_plugins_registered = False


def register_method(method: Method) -> Method:
    """Make a method available under its name.

    Raises
    ------
    InputError
        If the name is taken or invalid, or the network or the pasting is unknown.
    """
    if not isinstance(method, Method):
        raise InputError(f"a method must be a Method, got {method!r}")
    check_new_name("method", method.name, _METHODS)
    check_network_name(method.network)
    pasting = listed_pasting(method.recipe.pasting)
    if file := executing():
        if network_file(method.network) not in (None, file):
            raise InputError(f"network '{method.network}' of method '{method.name}' is registered by another file")
        if pasting.file not in (None, file):
            raise InputError(
                f"pasting '{method.recipe.pasting}' of method '{method.name}' is registered by another file"
            )
        method = replace(method, file=file)
    _METHODS[method.name] = method
    return method


def select_methods(text: str) -> list[str]:
    """Return the names of the methods that one word of a command line selects; a file's are registered by then.

    Parameters
    ----------
    text : str
        A method's name, which is returned unchanged, known or not; ``path/to/file.py`` for every method that the file
        registers; ``path/to/file.py:name`` for one of them, or composed with one of its networks or pastings.

    Raises
    ------
    InputError
        If the file cannot be used, or has no such method.

    Examples
    --------
    >>> select_methods("unet+nbr")
    ['unet+nbr']
    """
    choice = split_choice(text)
    if choice is None:
        return [text]
    path, name = choice
    names = register_file(file := read_method_file(path))
    if name is None:
        return names
    base, *added = name.split("+")
    own = network_file(base) == file or any(f"cap-{pasting}" in added for pasting in pastings_of(file))
    if name not in names and not own:
        raise unknown_name(f"method of {path}", name, names)
    return [get_method(name).name]


def register_file(file: MethodFile) -> list[str]:
    """Execute a file, unless that was done, and return the names of the methods that it registers.

    Raises
    ------
    InputError
        If it is not Python, raises, registers no method, or one whose name is taken; then nothing is registered.
    """
    _register_plugins()
    if file not in _FILES:
        try:
            execute(file)
            if not any(method.file == file for method in _METHODS.values()):
                raise InputError(f"{file.name} registers no method: call register_method(Method(...)) in it")
        except InputError:
            _forget(file)
            raise
        _FILES.add(file)
    return [method.name for method in _METHODS.values() if method.file == file]


def provide(method: Method) -> None:
    """Make a method that came from another process available here, by its file, in place of all other files.

    A worker of a cluster outlives a command, and may be asked for a method whose file has changed since.

    Raises
    ------
    InputError
        As ``register_file``.
    """
    if method.file is None or method.file in _FILES:
        return
    for file in list(_FILES):
        _forget(file)
    register_file(method.file)


def _forget(file: MethodFile) -> None:
    for name in [method.name for method in _METHODS.values() if method.file == file]:
        del _METHODS[name]
    forget_networks(file)
    forget_pastings(file)
    _FILES.discard(file)


def get_method(name: str) -> Method:
    """Return a registered or composed method.

    The same additions in another order give the same method, with the same name.

    Raises
    ------
    InputError
        If the name is unknown; the error suggests the closest one.

    Examples
    --------
    >>> get_method("unet+cap+nbr").name
    'unet+nbr+cap'
    """
    _register_plugins()
    if name in _METHODS:
        return _METHODS[name]
    if "+" in name or name.startswith(SMP_PREFIX) or name in network_names():
        return _compose(name)
    raise unknown_name("method", name, _METHODS)


def method_names() -> tuple[str, ...]:
    """Return the registered names: the paper's in its tables' order, then those of plug-ins, sorted, and of files."""
    _register_plugins()
    return tuple(_METHODS)


def _compose(name: str) -> Method:
    base, *asked = name.split("+")
    check_network_name(base)
    known = additions()
    for addition in asked:
        if addition not in known:
            raise unknown_name("addition to a network", addition, known)
    chosen: dict[str, str] = {}
    for addition in asked:
        kind = known[addition].kind
        if kind in chosen:
            raise InputError(
                f"method '{name}' has {chosen[kind]} and {addition}: a name takes one of "
                + ", ".join(other for other in known if known[other].kind == kind)
            )
        chosen[kind] = addition
    normals = chosen.get("normals")
    pasting = chosen.get("pasting", default_pasting(normals))
    parts = {normals, None if pasting == default_pasting(normals) else pasting}
    added = [addition for addition in known if addition in parts]
    recipe = Recipe(**known[pasting].settings | (known[normals].settings if normals else {}))
    if base.startswith(SMP_PREFIX):
        architecture, encoder = base.removeprefix(SMP_PREFIX).split("/")
        label, reference = f"SMP {architecture} ({encoder})", "segmentation-models-pytorch"
    elif base in _METHODS:
        label, reference = _METHODS[base].label, _METHODS[base].reference
    else:
        label, reference = base, _VARIANTS.get(base, "a registered network")
    if recipe.nbr or recipe.crop_paste == "cap":
        reference += "; Lin et al., Section III"
    elif added:
        reference += "; control"
    if not added and base in _METHODS:
        return _METHODS[base]
    listed = listed_pasting(recipe.pasting)
    if recipe.pasting != COPY:
        reference += f"; {listed.reference}"
    label = "+".join((label, *(known[addition].label for addition in added)))
    file = network_file(base) or listed.file
    if listed.file not in (None, file):
        raise InputError(f"method '{name}' has its network and its pasting from two files: put them into one")
    return Method("+".join((base, *added)), label, base, recipe, reference, file)


def _register_plugins() -> None:
    """Register the methods of plug-ins, once; warn about a name clash or anything that is not a method, and skip it."""
    global _plugins_registered
    if _plugins_registered:
        return
    _plugins_registered = True
    import_module("baselines.methods")  # registers the paper's methods, which come first
    offered = [(method, plugin.name) for plugin in plugins.discover() for method in plugin.methods]
    for method, plugin_name in sorted(offered, key=lambda pair: (str(getattr(pair[0], "name", "")), pair[1])):
        try:
            if _METHODS.get(getattr(method, "name", "")) != method:  # its module may have registered it itself
                register_method(method)
        except (InputError, TypeError) as error:  # TypeError: the name of a method may be anything
            plugins.warn_skipped(plugin_name, error)
