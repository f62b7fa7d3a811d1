"""BTAD, the beanTech anomaly detection data set of Mishra et al., "VT-ADL ...", products 01, 02 and 03.

Expected is the unpacked archive ``BTech_Dataset_transformed`` as public code that reads it describes it (anomalib's
``btech`` data module): ``<product>/train/ok``, ``<product>/test/ok``, ``<product>/test/ko`` and
``<product>/ground_truth/ko`` with a mask of the same stem, images and masks as BMP or PNG. Its split is kept; its one
defect type keeps the name ``ko``. The archive states no licence that we could find, and those who mention one do not
agree (CC BY-SA, CC BY-NC-SA 4.0): ask the authors before any use but research.
"""

from __future__ import annotations

from pathlib import Path

from baselines import InputError
from benchmark.data.importers.layout import Layout, Picture, image_files, only_file
from benchmark.data.manifest import GOOD


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures of each product as the source splits them; ``seed`` changes nothing.

    Raises
    ------
    InputError
        If the source is not in that layout.
    """
    products = sorted(path for path in source.iterdir() if (path / "train" / "ok").is_dir())
    if not products:
        raise InputError(f"{source} is not the BTAD layout: expected 01/train/ok, 01/test/ok, 01/test/ko, ...")
    return {product.name: _of_product(product) for product in products}


def _of_product(product: Path) -> list[Picture]:
    train, test, defective = (image_files(product / part) for part in ("train/ok", "test/ok", "test/ko"))
    if not train or not defective:
        raise InputError(f"{product} is half of BTAD's layout: it needs images in train/ok and in test/ko")
    masks = product / "ground_truth" / "ko"
    return [
        *(Picture(path, "train", GOOD) for path in train),
        *(Picture(path, "test", GOOD) for path in test),
        *(Picture(path, "test", "ko", only_file(masks, path.stem, str(path))) for path in defective),
    ]


BTAD = Layout("btad", "btad", find)
