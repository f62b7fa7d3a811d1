"""Convert images to MVTec AD's folder layout: one module per source layout, shared code in ``layout``."""

from __future__ import annotations

from pathlib import Path

from benchmark.data.importers.btad import BTAD
from benchmark.data.importers.kolektor_sdd import KOLEKTOR_SDD
from benchmark.data.importers.layout import Imported, Layout, import_layout
from benchmark.data.importers.magnetic_tile import MAGNETIC_TILE
from benchmark.data.importers.mpdd import MPDD
from benchmark.data.importers.visa import VISA

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (MAGNETIC_TILE, VISA, BTAD, MPDD, KOLEKTOR_SDD)}
PAIRS = "pairs"
IMPORTERS = (*LAYOUTS, PAIRS)


def import_published(name: str, source: Path, destination: Path, seed: int = 0) -> Imported:
    """Import a published data set, with the other parameters and errors of ``import_layout``.

    Parameters
    ----------
    name : str
        A key of ``LAYOUTS``.
    """
    return import_layout(LAYOUTS[name], source, destination, seed)
