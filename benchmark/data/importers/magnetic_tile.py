"""The magnetic-tile defect images of Huang et al., "Saliency of magnetic tile surface defects".

Expected is the layout of the authors' repository (github.com/abin24/Magnetic-tile-defect-datasets.), checked on the
published files: ``MT_<Kind>/Imgs/NAME.jpg`` with its mask ``NAME.png`` beside it, the normal images in ``MT_Free``.
The data set has no split. The repository welcomes use with a citation and names no licence.
"""

from __future__ import annotations

from pathlib import Path

from baselines import InputError
from benchmark.data.importers.layout import Layout, Picture, hold_out


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures: every defective image for testing, and of the normal ones a share drawn by ``seed``.

    Raises
    ------
    InputError
        If the source is not in that layout.
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
