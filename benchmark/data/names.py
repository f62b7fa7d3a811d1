"""Valid names of files, categories and defect types."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

from baselines.errors import InputError
from benchmark.data.manifest import GOOD


def check_path(path: Path) -> None:
    """Refuse a path that is not valid UTF-8 or contains control characters, and so cannot be stored or shown.

    Where the locale's encoding is not UTF-8, Python reads any other than ASCII names as other characters.

    Raises
    ------
    InputError
        If the path is one of these.

    Examples
    --------
    >>> check_path(Path("a\\tb.png"))
    Traceback (most recent call last):
    ...
    baselines.errors.InputError: the name of 'a\\tb.png' contains a line break or another control character: rename it
    """
    try:
        os.fsencode(path).decode()
    except UnicodeDecodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise InputError(f"the name of {shown} is not valid UTF-8: rename it") from error
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and not os.fsencode(path).isascii():
        raise InputError(
            f"the name of {os.fsencode(path).decode()} cannot be read in this locale, whose encoding is "
            f"{encoding}: set PYTHONUTF8=1, or a UTF-8 locale such as LC_ALL=C.UTF-8"
        )
    if any(unicodedata.category(letter) == "Cc" for letter in str(path)):
        raise InputError(f"the name of {str(path)!r} contains a line break or another control character: rename it")


def find_near(name: str, known: Collection[str], typos: bool = False) -> str | None:
    """Return the known name that a name differs from only in case, blanks or punctuation.

    Parameters
    ----------
    typos : bool
        Also accept a name with a few other letters.

    Examples
    --------
    >>> find_near("Good ", ["good"]), find_near("hood", ["good"]), find_near("goood", ["good"], typos=True)
    ('good', None, 'good')
    """
    plain = {_plain(other): other for other in known}
    near = get_close_matches(_plain(name), plain, n=1, cutoff=0.8 if typos else 1.0)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def check_folder_name(what: str, name: str) -> None:
    """Refuse a name that is not valid for a visible folder.

    Parameters
    ----------
    what : str
        The thing named, for the message.

    Raises
    ------
    InputError
        If it is empty, hidden, a path, or not printable.

    Examples
    --------
    >>> check_folder_name("category", "a/b")
    Traceback (most recent call last):
    ...
    baselines.errors.InputError: category 'a/b' is not a valid folder name: use no / and no leading dot
    """
    if not name or name.startswith(".") or "/" in name or "\\" in name or not name.isprintable():
        raise InputError(f"{what} {name!r} is not a valid folder name: use no / and no leading dot")


def check_defect_name(name: str) -> None:
    """Refuse a name that is not valid for a defect type.

    Raises
    ------
    InputError
        As ``check_folder_name``, or if it is the label of normal images.

    Examples
    --------
    >>> check_defect_name("good")
    Traceback (most recent call last):
    ...
    baselines.errors.InputError: a defect type cannot be named good, the label of normal images
    """
    check_folder_name("defect type", name)
    if name == GOOD:
        raise InputError(f"a defect type cannot be named {GOOD}, the label of normal images")
