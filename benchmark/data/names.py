"""Names of files and folders: which can be stored, shown and used again."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from baselines import InputError
from benchmark.data.manifest import GOOD


def check_path(path: Path) -> None:
    """Refuse a path that is not valid UTF-8 or holds control characters: it could not be stored or not be shown.

    Raises
    ------
    InputError
        If it is not.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise InputError(f"the name of {shown} is not valid UTF-8: rename it") from error
    if any(unicodedata.category(letter) == "Cc" for letter in str(path)):
        raise InputError(f"the name of {str(path)!r} holds a line break or another control character: rename it")


def check_folder_name(what: str, name: str) -> None:
    """Refuse a name that cannot be a visible folder's, one level deep.

    Parameters
    ----------
    what : str
        What it names, for the message.

    Raises
    ------
    InputError
        If it is empty, hidden, a path, or not printable.
    """
    if not name or name.startswith(".") or "/" in name or "\\" in name or not name.isprintable():
        raise InputError(f"{what} {name!r} cannot be the name of a folder: give one without / that begins with no dot")


def check_defect_name(name: str) -> None:
    """Refuse a name that cannot be a defect type's.

    Raises
    ------
    InputError
        As ``check_folder_name``, and for the name of the normal images.
    """
    check_folder_name("defect type", name)
    if name == GOOD:
        raise InputError(f"a defect type cannot be called {GOOD}: that is what normal images are called")
