"""What the tests of LaTeX share: reading it as TeX would, and setting it where pdflatex is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PDFLATEX = shutil.which("pdflatex")
needs_latex = pytest.mark.skipif(PDFLATEX is None, reason="no pdflatex here")
_TOKEN = re.compile(r"\\begin\{([a-z*]+)\}|\\end\{([a-z*]+)\}|\\.|[{}]", re.DOTALL)


def check_syntax(text: str) -> None:
    """Check that braces and environments close in order, and that every row has as many cells as there are columns."""
    open_now: list[str] = []
    for token in _TOKEN.finditer(text):
        begun, ended = token.groups()
        if begun or token[0] == "{":
            open_now.append(begun or "{")
        elif ended or token[0] == "}":
            assert open_now, f"nothing to close at {text[: token.end()][-40:]!r}"
            assert open_now.pop() == (ended or "{")
    assert not open_now
    (columns,) = re.findall(r"\\begin\{tabular\}\{(l?c*)\}", text)
    body = text.partition(r"\toprule")[2].partition(r"\bottomrule")[0]
    for row in re.split(r"\\\\\n", body.strip() + "\n")[:-1]:
        spans = sum(int(count) - 1 for count in re.findall(r"\\multicolumn\{([0-9]+)\}", row))
        assert len(re.findall(r"(?<!\\)&", row)) + 1 + spans == len(columns), row
    assert text.isascii()
    assert not re.search(r"[^\n -~]", text)


def cells_of(text: str, label: str) -> list[str]:
    """The cells of the first row with that label."""
    (line, *_) = [line for line in text.splitlines() if line.startswith(f"{label} & ")]
    return line.removesuffix(r" \\").split(" & ")[1:]


def set_pages(texts: list[str], folder: Path, packages: str) -> str:
    """Set the tables with pdflatex, stop at the first error, and return the log."""
    document = "\n".join(
        [r"\documentclass{article}", rf"\usepackage{{{packages}}}", r"\begin{document}"]
        + [text + r"\clearpage" for text in texts]
        + [r"\end{document}"]
    )
    (folder / "tables.tex").write_text(document, encoding="utf-8")
    command = [PDFLATEX or "", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-2000:]
    return log
