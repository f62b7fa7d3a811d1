"""Convert images to MVTec AD's folder layout: one module per source layout, shared code in ``layout``."""

from __future__ import annotations

from benchmark.data.choices import IMPORTERS, PAIRS
from benchmark.data.importers.btad import BTAD
from benchmark.data.importers.kolektor_sdd import KOLEKTOR_SDD
from benchmark.data.importers.layout import Layout
from benchmark.data.importers.magnetic_tile import MAGNETIC_TILE
from benchmark.data.importers.mpdd import MPDD
from benchmark.data.importers.visa import VISA

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (MAGNETIC_TILE, VISA, BTAD, MPDD, KOLEKTOR_SDD)}
__all__ = ["IMPORTERS", "LAYOUTS", "PAIRS"]
