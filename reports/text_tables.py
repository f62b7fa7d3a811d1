"""Aligned columns of plain text, for terminals and logs."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence

from rich.box import Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.escapes import for_terminal

# Rules above, below the head, between blocks, and below; ASCII, so that any terminal and log can show them.
_RULES = Box(" -- \n    \n -- \n    \n -- \n -- \n    \n -- \n", ascii=True)
# Nothing is wrapped: a log is searched line by line.
_WIDTH = 100_000


def text_table(head: Sequence[str], blocks: Sequence[Sequence[Sequence[str]]], align: str) -> str:
    """Return a table as lines of text, with a rule between blocks of rows.

    Parameters
    ----------
    head : sequence of str
        One name per column.
    blocks : sequence
        Each a sequence of rows, each a sequence of str.
    align : str
        ``l`` or ``r`` for each column.

    Examples
    --------
    >>> print(text_table(["method", "IOU"], [[["unet", "0.5"]]], "lr"), end="")
    -----------
    method  IOU
    -----------
    unet    0.5
    -----------
    """
    table = Table(box=_RULES, pad_edge=False, padding=(0, 1, 0, 0))
    for name, side in zip(head, align, strict=True):
        table.add_column(Text(for_terminal(name)), justify="right" if side == "r" else "left", no_wrap=True)
    for block in blocks:
        for row in block:
            table.add_row(*(Text(for_terminal(cell)) for cell in row))
        table.add_section()
    output = io.StringIO()
    Console(file=output, width=_WIDTH, color_system=None).print(table)
    return textwrap.dedent("".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines()))
