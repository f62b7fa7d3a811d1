"""Letters and digits as pen strokes, for print on products."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array
from benchmark.data.synthetic._paths import rotation

# Pen paths on a box 4 wide and 6 high, y down; "|" lifts the pen.
_PATHS = {
    "A": "06 20 46|14 34",
    "B": "06 00 30 41 42 33 03|33 44 45 36 06",
    "C": "41 30 10 01 05 16 36 45",
    "E": "40 00 06 46|03 33",
    "F": "40 00 06|03 33",
    "H": "00 06|40 46|03 43",
    "K": "00 06|40 03 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "P": "06 00 30 41 42 33 03",
    "R": "06 00 30 41 42 33 03|23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40|20 26",
    "V": "00 26 40",
    "X": "00 46|40 06",
    "Z": "00 40 06 46",
    "2": "01 10 30 41 42 06 46",
    "3": "01 10 30 41 42 33 44 45 36 16 05|33 13",
    "4": "36 30 04 44",
    "5": "40 00 03 33 44 45 36 06",
    "7": "00 40 16",
    "8": "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33",
}


def random_text(rng: Generator, length: int) -> str:
    """Return random letters and digits."""
    return "".join(rng.choice(sorted(_PATHS)) for _ in range(length))


def text_paths(text: str, centre: tuple[float, float], height: float, angle: float) -> list[Array]:
    """Pen paths, each (k, 2) in image units, of one line of text around `centre`, turned by `angle`."""
    advance = 5.6
    width = advance * len(text) - (advance - 4)
    turn = rotation(angle)
    paths = []
    for position, letter in enumerate(text):
        for pen in _PATHS[letter].split("|"):
            nodes = [(int(node[0]) + advance * position, int(node[1])) for node in pen.split()]
            box = np.array(nodes, dtype=np.float64)
            paths.append((box - (width / 2, 3.0)) * (height / 6) @ turn + centre)
    return paths
