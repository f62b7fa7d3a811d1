"""The magnetic-tile defect images of Huang et al., "Saliency of magnetic tile surface defects".

The source has the layout of the authors' repository (github.com/abin24/Magnetic-tile-defect-datasets.), checked on the
published files: ``MT_<Kind>/Imgs/NAME.jpg`` with the mask ``NAME.png`` beside it, normal images in ``MT_Free``. There
is no split. The repository asks for a citation and names no licence.
"""

from __future__ import annotations

from pathlib import Path

from baselines.errors import InputError
from benchmark.data.importers.layout import Layout, Picture, hold_out


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures: for testing all defective images and a share of the normal ones drawn by ``seed``.

    Raises
    ------
    InputError
        If the source does not have this layout.
    """
    folders = {
        path.name.removeprefix("MT_").lower(): path / "Imgs"
        for path in sorted(source.glob("MT_*"))
        if (path / "Imgs").is_dir()
    }
    normals = sorted(folders.pop("free").glob("*.jpg")) if "free" in folders else []
    defective = [
        Picture(path, "test", kind, path.with_suffix(".png"))
        for kind, folder in folders.items()
        for path in sorted(folder.glob("*.jpg"))
    ]
    if not normals or not defective:
        raise InputError(
            f"{source} is not the magnetic-tile layout: expected MT_Free/Imgs/NAME.jpg, MT_Blowhole/Imgs/NAME.jpg, ..."
        )
    return {"": hold_out(normals, "magnetic-tile", seed) + defective}


MAGNETIC_TILE = Layout("magnetic-tile", "magnetic_tile", find)
