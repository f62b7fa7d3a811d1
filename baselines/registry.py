"""Methods by name: a method is a network and a recipe, one column of the paper's tables.

A name is one that was registered, one that a plug-in brings, or composed: ``<network>`` or ``smp:<Architecture>/
<encoder>``, then nothing, ``+nbr``, ``+cap``, ``+nbr+cap`` or ``+bn``.
"""

from __future__ import annotations

from importlib import import_module

from baselines import plugins
from baselines.errors import InputError, check_new_name, unknown_name
from baselines.networks import SMP_PREFIX, check_network_name, network_names
from baselines.recipe import Method, Recipe

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
    check_network_name(method.network)
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
    check_network_name(base)
    for addition in asked:
        if addition not in ADDITIONS:
            raise unknown_name("addition to a network", addition, ADDITIONS)
    additions = tuple(addition for addition in ADDITIONS if addition in asked)
    if len(additions) < len(asked):
        raise InputError(f"method '{name}' has an addition twice: write {'+'.join((base, *additions))}")
    if additions not in _COMPOSED:
        raise InputError(f"method '{name}' cannot be composed: the control +bn goes with no other addition")
    if base.startswith(SMP_PREFIX):
        architecture, encoder = base.removeprefix(SMP_PREFIX).split("/")
        label, reference = f"SMP {architecture} ({encoder})", "segmentation-models-pytorch"
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
    import_module("baselines.methods")  # registers the paper's, which come first
    brought = [(method, plugin) for plugin, methods in plugins.discover() for method in methods]
    for method, plugin in sorted(brought, key=lambda pair: (str(getattr(pair[0], "name", "")), pair[1])):
        try:
            if _METHODS.get(getattr(method, "name", "")) != method:  # its module may have registered it itself
                register_method(method)
        except (InputError, TypeError) as error:  # a name may be anything, too
            plugins.leave_out(plugin, error)
