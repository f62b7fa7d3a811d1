"""Escape names of categories and methods, which come from folders and packages, for terminals, UTF-8 and LaTeX."""

from __future__ import annotations

import unicodedata

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # A bracket after \\ would be read as the line break's optional argument.
    "[": "{[}", "]": "{]}",
    # These do not decompose into a letter and an accent.
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}", "œ": r"\oe{}",
    "Œ": r"\OE{}", "λ": r"$\lambda$", "µ": r"$\mu$", "μ": r"$\mu$", "±": r"$\pm$", "°": r"$^\circ$", "\u2013": "--",
}  # fmt: skip
# Combining marks: Unicode puts them after a letter, LaTeX before it.
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u ", "\u0307": ".",
    "\u0308": '"', "\u030a": "r ", "\u030b": "H ", "\u030c": "v ", "\u0327": "c ",
}  # fmt: skip


def for_utf8(text: str) -> str:
    r"""Return a string that can be encoded as UTF-8: a lone surrogate, e.g. in a file name, becomes ``\udc80``.

    Examples
    --------
    >>> print(for_utf8("caf" + chr(0xDCE9)))
    caf\udce9
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def for_terminal(text: str) -> str:
    r"""Return a string whose line breaks and control codes are escaped as ``\n``, ``\x1b`` and the like.

    Examples
    --------
    >>> for_terminal("a" + chr(27))
    'a\\x1b'
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def for_latex(text: str) -> str:
    r"""Return a string escaped for LaTeX's standard fonts; a letter they lack becomes its code, e.g. (U+4E2D).

    Examples
    --------
    >>> print(for_latex("50% ü"))
    50\% \"{u}
    """
    return "".join(map(_latex_letter, unicodedata.normalize("NFC", text)))


def _latex_letter(letter: str) -> str:
    if letter in _LATEX:
        return _LATEX[letter]
    if letter.isspace():
        return " "
    if letter.isascii() and letter.isprintable():
        return letter
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if len(marks) == 1 and base.isascii() and base.isalpha() and marks[0] in _ACCENTS:
        return rf"\{_ACCENTS[marks[0]]}{{{base}}}".replace(" {", "{")
    return f"(U+{ord(letter):04X})"
