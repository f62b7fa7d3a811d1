"""Folders with MVTec AD's names and counts; images are of one colour and share their bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image

from benchmark.data.mvtec import PublishedMvtecAD


@cache
def _png(mode: str, side: int, mask: bool = False) -> bytes:
    picture = Image.new(mode, (side, side), 0 if mask else (90, 120, 60) if mode == "RGB" else 100)
    if mask:
        picture.paste(255, (side // 4, side // 4, side // 2, side // 2))
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def tree_files(categories: Sequence[str] = (), side: int | None = None) -> dict[str, bytes]:
    """Return path to bytes, for some categories or all; images have the published size by default."""
    published = PublishedMvtecAD()
    files = {}
    for category in categories or published.categories():
        for record in published.manifest(category).records:
            pixels = side or record.width
            files[f"{category}/{record.name}"] = _png(record.mode, pixels)
            if record.mask:
                files[f"{category}/{record.mask}"] = _png("L", pixels, mask=True)
    return files


def write_tree(root: Path, categories: Sequence[str] = (), side: int | None = None) -> Path:
    """Write these files below a root."""
    for name, data in tree_files(categories, side).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root
