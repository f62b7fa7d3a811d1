"""Generated folders of any layout, format, mode and orientation: every file is used or named, and masks fit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.manifest import Oddity
from tests.data.test_own_images import STORED, rotated, save_turned

FORMATS = (".png", ".tif", ".jpg", ".webp", ".bmp")
# Where a file may lie, and why it is left out there; a copy of a used image, or of its mask, is put there.
ODD_PLACES = {
    "train/good/lot/{stem}.png": Oddity.SUBFOLDER,
    "test/hole/lot/{stem}.png": Oddity.SUBFOLDER,
    "train/hole/{stem}.png": Oddity.TRAIN_DEFECT,
    "test/{stem}.png": Oddity.PLACE,
    "more/{stem}.png": Oddity.PLACE,
    "test/good/{stem}.gif": Oddity.FILE_TYPE,
    "train/good/{stem}.jfif": Oddity.FILE_TYPE,
    "ground_truth/hole/{stem}_mask.png": Oddity.LONE_MASK,
    "ground_truth/cut/{stem}.png": Oddity.LONE_MASK,
}
MASK_KINDS = ("grey", "1-bit", "16-bit", "palette", "colour", "grey and opacity")


def mask_image(marked: np.ndarray, kind: str) -> Image.Image:
    """Return a mask of one kind."""
    grey = Image.fromarray((255 * marked).astype(np.uint8))
    if kind == "16-bit":
        return Image.fromarray((65535 * marked.astype(np.int64)).astype(np.uint16))
    if kind == "palette":
        image = Image.fromarray(marked.astype(np.uint8), "P")
        image.putpalette([0, 0, 0, 0, 200, 0])
        return image
    return grey.convert({"grey": "L", "1-bit": "1", "colour": "RGB", "grey and opacity": "LA"}[kind])


@st.composite
def defects(draw: st.DrawFn) -> tuple[str, str, int, str, str, bool]:
    """Draw a photo's format, mode and orientation, and how its mask is drawn, of what kind and named."""
    extension = draw(st.sampled_from(FORMATS))
    mode = draw(st.sampled_from(("L", "RGB")))
    orientation = 1 if extension == ".bmp" else draw(st.integers(1, 8))
    drawings = ["upright", "as stored"] if orientation >= 5 else ["upright"]
    return (
        extension,
        mode,
        orientation,
        draw(st.sampled_from(drawings)),
        draw(st.sampled_from(MASK_KINDS)),
        draw(st.booleans()),
    )


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),  # shrinking takes long where files are written
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(defects(), min_size=1, max_size=3), st.sets(st.sampled_from(sorted(ODD_PLACES))), st.booleans())
def test_every_file_is_used_or_named_and_every_blob_lies_under_its_mask(
    photos: list[tuple[str, str, int, str, str, bool]], places: set[str], is_root: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "data"
        folder = root if is_root else root / "widget"
        save_turned(folder / "train/good/0.png", np.zeros((8, 8), dtype=np.uint8), 1)
        for number, (extension, mode, orientation, drawn, kind, plain_name) in enumerate(photos):
            pixels = STORED if mode == "L" else np.stack([STORED] * 3, axis=2)
            save_turned(folder / f"test/hole/{number}{extension}", pixels, orientation)
            marked = (rotated(STORED, orientation) if drawn == "upright" else STORED) > 0
            mask_path = folder / f"ground_truth/hole/{number}{'' if plain_name else '_mask'}.png"
            mask_path.parent.mkdir(parents=True, exist_ok=True)
            mask_image(marked, kind).save(mask_path)
        expected = {}
        for place in places:
            path = folder / place.format(stem="odd")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((folder / "train/good/0.png").read_bytes())
            expected[path.relative_to(folder).as_posix()] = ODD_PLACES[place]
        dataset = FolderDataSet(root, ImageCache(Path(name) / "cache"))
        (category,) = dataset.categories()
        manifest = dataset.manifest(category)

        left_out = {f.file: f.oddity for f in manifest.findings if f.oddity is not Oddity.UNTURNED_MASK}
        assert left_out == expected
        used = {file for record in manifest.records for file in (record.name, record.mask) if file}
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert used | set(left_out) == files
        assert not used & set(left_out)

        untold = {f.file for f in manifest.findings if f.oddity is Oddity.UNTURNED_MASK}
        for number, (_, _, orientation, *_) in enumerate(photos):
            record = next(
                record for record in manifest.records if Path(record.name).stem == str(number) and record.mask
            )
            assert (record.mask in untold) == (orientation in (2, 3, 4))
            image, mask = dataset.read(category, record, 120)
            assert mask.any()
            assert image[mask].mean() > 215
            assert image[~mask].mean() < 20
