"""Pastings by name: how an artificial defect gets onto a normal image. A pasting's module is imported on first use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from baselines import plugins
from baselines.errors import InputError, check_new_name, unknown_name
from baselines.method_files import MethodFile, executing

if TYPE_CHECKING:
    from baselines.pasting.base import Pasting

# The paper's own, Eq. (4).
COPY = "copy"


@dataclass(frozen=True)
class ListedPasting:
    """A pasting as it is listed.

    Attributes
    ----------
    label : str
        What it does, in two or three words.
    reference : str
        Where it is described.
    function : Pasting or None
        None for a built-in pasting, whose module is named like it.
    file : MethodFile or None
        The file that registered it, if one did.

    Examples
    --------
    >>> ListedPasting("a shadow", "unpublished").label
    'a shadow'
    """

    label: str
    reference: str
    function: Pasting | None = None
    file: MethodFile | None = None


_PASTINGS = {
    COPY: ListedPasting("copied", "Lin et al., Eq. (4)"),
    "place": ListedPasting("random place", "Ghiasi et al., Simple Copy-Paste, CVPR 2021"),
    "poisson": ListedPasting("Poisson blending", "Perez et al., Poisson Image Editing, SIGGRAPH 2003"),
    "elastic": ListedPasting("elastic", "Ronneberger et al., MICCAI 2015, Section 3.1"),
    "photometric": ListedPasting("photometric", "color jitter of torchvision"),
    # These do not look at the annotated image.
    "cutpaste": ListedPasting("CutPaste", "Li et al., CutPaste, CVPR 2021"),
    "perlin": ListedPasting("Perlin noise", "Zavrtanik et al., DRAEM, ICCV 2021"),
}
BUILT_IN_PASTINGS = tuple(_PASTINGS)

__all__ = [
    "BUILT_IN_PASTINGS",
    "COPY",
    "ListedPasting",
    "forget_pastings",
    "get_pasting",
    "listed_pasting",
    "pasting_names",
    "pastings_of",
    "register_pasting",
]


def register_pasting(name: str, function: Pasting, label: str = "", reference: str = "a registered pasting") -> None:
    """Make a pasting available to recipes, and composed as ``<network>+cap-<name>``.

    Parameters
    ----------
    name : str
    function : Pasting
        See ``baselines.pasting.base``.
    label : str, optional
        What it does, in two or three words; the name by default.
    reference : str, optional
        Where it is described.

    Raises
    ------
    InputError
        If the name is taken or invalid, or the pasting cannot be called.

    Examples
    --------
    >>> register_pasting("darken", lambda defective, mask, normal, rng: (normal // 2, mask), "a shadow")
    >>> listed_pasting("darken").label
    'a shadow'
    >>> del _PASTINGS["darken"]
    """
    check_new_name("pasting", name, _PASTINGS)
    if not callable(function):
        raise InputError(f"pasting '{name}' must be a function, got {function!r}")
    _PASTINGS[name] = ListedPasting(label or name, reference, function, executing())


def pasting_names() -> tuple[str, ...]:
    """Return the names of all pastings, the paper's first.

    Examples
    --------
    >>> pasting_names()[0]
    'copy'
    """
    plugins.discover()  # their modules register their pastings
    return tuple(_PASTINGS)


def listed_pasting(name: str) -> ListedPasting:
    """Return a pasting's entry; imports torch only to load plug-ins.

    Raises
    ------
    InputError
        If there is no such pasting; the error suggests the closest one.

    Examples
    --------
    >>> listed_pasting("perlin").reference
    'Zavrtanik et al., DRAEM, ICCV 2021'
    """
    if name not in _PASTINGS:
        plugins.discover()  # a worker process has not looked up any method yet
    if name not in _PASTINGS:
        raise unknown_name("pasting", name, _PASTINGS)
    return _PASTINGS[name]


def get_pasting(name: str) -> Pasting:
    """Return a pasting; raises as ``listed_pasting``.

    Examples
    --------
    >>> get_pasting("place").__module__
    'baselines.pasting.place'
    """
    listed = listed_pasting(name)
    if listed.function is not None:
        return listed.function
    pasting: Pasting = import_module(f"baselines.pasting.{name}").make_defect
    return pasting


def pastings_of(file: MethodFile) -> list[str]:
    """Return the names of the pastings that a file registered.

    Examples
    --------
    >>> pastings_of(MethodFile("mine.py", b""))
    []
    """
    return [name for name, listed in _PASTINGS.items() if listed.file == file]


def forget_pastings(file: MethodFile) -> None:
    """Remove the pastings that a file registered.

    Examples
    --------
    >>> forget_pastings(MethodFile("mine.py", b""))  # it registered none
    """
    for name in pastings_of(file):
        del _PASTINGS[name]
