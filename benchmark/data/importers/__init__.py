"""Bring images of other layouts into MVTec AD's folder layout: one module per layout, shared parts in ``layout``."""

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
    """Import a published data set; parameters and errors as of ``import_layout``.

    Parameters
    ----------
    name : str
        A key of ``LAYOUTS``.
    """
    return import_layout(LAYOUTS[name], source, destination, seed)
