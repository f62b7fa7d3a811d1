"""The sample images of a run."""

from __future__ import annotations

import numpy as np

from baselines.pasting import get_pasting
from benchmark.data.image_cache import CategoryArrays
from benchmark.data.manifest import CategoryManifest, ImageRecord
from benchmark.protocol.draws import Draw
from benchmark.training.samples import pasted_samples


def test_the_first_shot_is_pasted_onto_a_few_normal_images_chosen_by_the_seed() -> None:
    labels = ["good"] * 9 + ["cut", "hole"]
    records = tuple(ImageRecord("train", label, f"{i}.png") for i, label in enumerate(labels))
    images = np.arange(11, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2).repeat(3, 3)
    masks = np.zeros((11, 8, 8), dtype=bool)
    masks[10, 2:4] = True
    arrays = CategoryArrays(CategoryManifest("test", "x", "", records), images, masks)
    draw = Draw(shots=(10, 9), normals=tuple(range(9)), test=(), unannotated=(), names=())

    def realism(defective: np.ndarray, pasted: np.ndarray) -> np.ndarray:
        assert (defective == 10).all()
        return pasted[:, 0, 0, 0] / 10

    copy = get_pasting("copy")
    found = {seed: list(pasted_samples(arrays, draw, seed, copy, realism)) for seed in range(5)}
    for samples in found.values():
        assert len(samples) == 4
        for sample in samples:
            number = int(sample.name.split("/")[-1].split(".")[0])
            assert (sample.role, sample.label, sample.iou, sample.realism) == ("pasted", "hole", None, number / 10)
            assert np.asarray(sample.pictures["normal"]).max() == number
            assert sorted(np.unique(sample.pictures["image"])) == [number, 10]
            assert np.array_equal(np.asarray(sample.pictures["truth"]) > 0, masks[10])
    assert len({tuple(sample.name for sample in samples) for samples in found.values()}) > 1
    assert [s.name for s in pasted_samples(arrays, draw, 3, copy, realism)] == [s.name for s in found[3]]
