"""Names of categories and methods come from folders and packages: made harmless for a terminal, UTF-8 and LaTeX."""

from __future__ import annotations

import unicodedata

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # A bracket after \\ would be read as the line break's optional argument.
    "[": "{[}", "]": "{]}",
    # In LaTeX's own encoding these have no single code to decompose.
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}", "œ": r"\oe{}",
    "Œ": r"\OE{}", "λ": r"$\lambda$", "µ": r"$\mu$", "μ": r"$\mu$", "±": r"$\pm$", "°": r"$^\circ$", "\u2013": "--",
}  # fmt: skip
# Combining marks, by what Unicode puts behind a letter and LaTeX before it.
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u ", "\u0307": ".",
    "\u0308": '"', "\u030a": "r ", "\u030b": "H ", "\u030c": "v ", "\u0327": "c ",
}  # fmt: skip


def for_utf8(text: str) -> str:
    r"""Return a text that can be written as UTF-8: half a surrogate pair, e.g. of a file's name, becomes ``\udc80``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def for_terminal(text: str) -> str:
    r"""Return a text without line breaks or control codes, which become ``\n``, ``\x1b`` and the like."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide letters two, combining marks none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def for_latex(text: str) -> str:
    """Return a text as LaTeX sets it with its standard fonts; what these lack is named by its code, e.g. (U+4E2D)."""
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
