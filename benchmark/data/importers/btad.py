"""BTAD, the beanTech anomaly detection data set of Mishra et al., "VT-ADL ...", products 01, 02 and 03.

The source is the unpacked archive ``BTech_Dataset_transformed``, with the layout that public code expects (anomalib's
``btech`` data module): ``<product>/train/ok``, ``<product>/test/ok``, ``<product>/test/ko``, and in
``<product>/ground_truth/ko`` a mask of the same stem; images and masks are BMP or PNG. The split and the name of the
only defect type, ``ko``, are kept. No licence was found with the archive, and third parties disagree (CC BY-SA, CC
BY-NC-SA 4.0): ask the authors before any use except research.
"""

from __future__ import annotations

from pathlib import Path

from baselines.errors import InputError
from benchmark.data.importers.layout import Layout, Picture, find_mask, image_files
from benchmark.data.manifest import GOOD


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures of each product with the split of the source; ``seed`` is not used.

    Raises
    ------
    InputError
        If the source does not have this layout.
    """
    products = sorted(path for path in source.iterdir() if (path / "train" / "ok").is_dir())
    if not products:
        raise InputError(f"{source} is not the BTAD layout: expected 01/train/ok, 01/test/ok, 01/test/ko, ...")
    return {product.name: _of_product(product) for product in products}


def _of_product(product: Path) -> list[Picture]:
    train, test, defective = (image_files(product / part) for part in ("train/ok", "test/ok", "test/ko"))
    if not train or not defective:
        raise InputError(f"{product} is incomplete: expected images in train/ok and in test/ko")
    masks = product / "ground_truth" / "ko"
    return [
        *(Picture(path, "train", GOOD) for path in train),
        *(Picture(path, "test", GOOD) for path in test),
        *(Picture(path, "test", "ko", find_mask(masks, path.stem, path)) for path in defective),
    ]


BTAD = Layout("btad", "btad", find)
