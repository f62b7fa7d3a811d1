"""The synthetic data set: reproducible pixels, masks that cover the defects, the same scene at every size."""

from __future__ import annotations

import hashlib
import json
from importlib import resources

import numpy as np
import pytest
from joblib import Parallel, delayed
from scipy import ndimage

from baselines.errors import InputError
from benchmark.data import synthetic
from benchmark.data.datasets import SyntheticDataSet

CATEGORIES = synthetic.category_names()
per_category = pytest.mark.parametrize("category", CATEGORIES)
# Thin defects lose more of their outline on a coarser grid than compact ones.
THIN = {
    *(("carpet", label) for label in ("cut", "thread")),
    *(("hazelnut", label) for label in ("crack", "cut", "print")),
    ("wood", "scratch"),
}
# The defect is the whole product.
WHOLE_PRODUCT = {("metal_nut", "flip"), ("pill", "pill_type"), ("transistor", "misplaced")}
GREY = {"grid", "screw", "zipper"}


def defects_of(category: str) -> dict[str, int]:
    """Return the number of images of each defect type."""
    return {label: count for (_, label), count in synthetic.counts(category).items() if label != "good"}


def _render_all(category: str, split: str, label: str) -> bytes:
    """Return the pixels and masks of one label in order, rendered from last to first."""
    rendered = [
        synthetic.render(category, split, label, i, 64)
        for i in reversed(range(synthetic.counts(category)[split, label]))
    ]
    return b"".join(array.tobytes() for pair in reversed(rendered) for array in pair)


def _halve(field: np.ndarray, times: int) -> np.ndarray:
    side = field.shape[0] // times
    return field.reshape(side, times, side, times, *field.shape[2:]).mean(axis=(1, 3))


def test_pixels_equal_the_recorded_ones_in_any_process_and_order() -> None:
    """One category; test_draws compares the whole manifest."""
    recorded = json.loads((resources.files("data_manifests") / "synthetic" / "dataset.json").read_text())["pixels"]
    parts = Parallel(n_jobs=2)(delayed(_render_all)("screw", *key) for key in synthetic.counts("screw"))
    assert hashlib.sha256(b"".join(parts)).hexdigest() == recorded["screw"] == synthetic.checksum("screw")


def test_categories_and_defect_types_are_those_of_mvtec_ad() -> None:
    assert (
        *("bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut", "pill", "screw", "tile"),
        *("toothbrush", "transistor", "wood", "zipper"),
    ) == CATEGORIES
    assert sum(len(defects_of(category)) for category in CATEGORIES) == 73
    assert {category for category in CATEGORIES if synthetic.category_mode(category) == "L"} == GREY
    for category in CATEGORIES:
        assert list(synthetic._CATEGORIES[category].defects) == list(defects_of(category)), category


def test_counts_are_half_of_those_of_mvtec_ad() -> None:
    assert synthetic.counts("carpet") == {
        ("train", "good"): 140,
        ("test", "good"): 14,
        ("test", "color"): 10,
        ("test", "cut"): 9,
        ("test", "hole"): 9,
        ("test", "metal_contamination"): 9,
        ("test", "thread"): 10,
    }
    assert list(synthetic.counts("bottle").items()) == [
        (("train", "good"), 105),
        (("test", "good"), 10),
        (("test", "broken_large"), 10),
        (("test", "broken_small"), 11),
        (("test", "contamination"), 11),
    ]
    assert synthetic.counts("wood")["test", "color"] == 8


def test_grey_products_have_no_colour() -> None:
    for category in sorted(GREY):
        image, _ = synthetic.render(category, "test", next(iter(defects_of(category))), 0, 64)
        assert (image == image[..., :1]).all(), category


def test_the_validation_edition_has_the_same_products_and_no_image_in_common() -> None:
    main, validation = (SyntheticDataSet(name) for name in synthetic.EDITIONS)
    for category in ("carpet", "screw"):
        ours, theirs = main.manifest(category), validation.manifest(category)
        assert [record.name for record in ours.records] == [record.name for record in theirs.records]
        assert ours.digest != theirs.digest
        images = [
            {dataset.read(category, record, 32)[0].tobytes() for record in manifest.records[::9]}
            for dataset, manifest in ((main, ours), (validation, theirs))
        ]
        assert not images[0] & images[1]
    with pytest.raises(InputError, match="'synthetic-test'"):
        synthetic.render("carpet", "test", "hole", 0, 64, "synthetic-test")


def test_there_are_at_least_eight_images_of_each_label(monkeypatch: pytest.MonkeyPatch) -> None:
    images = {("train", "good"): 33, ("test", "good"): 8, ("test", "thread"): 5}
    rows = [
        {"category": "carpet", "split": split, "label": label, "images": str(count)}
        for (split, label), count in images.items()
    ]
    monkeypatch.setattr(synthetic, "published_counts", lambda: rows)
    assert list(synthetic.counts("carpet").values()) == [17, 8, 8]


def test_pixels_do_not_depend_on_order_or_global_random_state() -> None:
    np.random.seed(1)  # noqa: NPY002
    first = synthetic.render("carpet", "test", "hole", 3, 64)
    synthetic.render("hazelnut", "train", "good", 0, 64)
    np.random.seed(2)  # noqa: NPY002
    untouched = np.random.random()  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    second = synthetic.render("carpet", "test", "hole", 3, 64)
    assert np.random.random() == untouched  # noqa: NPY002
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@per_category
def test_images_differ_and_good_ones_equal_their_twins(category: str) -> None:
    keys = [(split, label, index) for split, label in synthetic.counts(category) for index in range(4)]
    images = {synthetic.render(category, *key, 32)[0].tobytes() for key in keys}
    assert len(images) == len(keys), category
    image, _ = synthetic.render(category, "test", "good", 2, 64)
    assert np.array_equal(image, synthetic.defect_free_twin(category, "test", "good", 2, 64)), category


def test_images_and_masks_have_the_requested_size_and_type() -> None:
    for size in (32, 50, 64, 200, 1024):
        image, mask = synthetic.render("bottle", "test", "good", 0, size)
        assert (image.shape, image.dtype) == ((size, size, 3), np.uint8)
        assert (mask.shape, mask.dtype) == ((size, size), np.bool_)
        assert not mask.any(), size


@per_category
def test_every_mask_is_small_and_the_defect_shows_inside_it_alone(category: str) -> None:
    size = 64
    for label, count in defects_of(category).items():
        largest = 0.5 if (category, label) in WHOLE_PRODUCT else 0.10
        for index in range(count):
            where = f"{category}/{label}/{index}"
            image, mask = synthetic.render(category, "test", label, index, size)
            for some_mask in (mask, synthetic.render(category, "test", label, index, 32)[1]):
                assert some_mask.dtype == np.bool_, where
                assert 0.003 < some_mask.mean() < largest, f"{where} at {len(some_mask)} px"
            twin = synthetic.defect_free_twin(category, "test", label, index, size)
            change = np.abs(image.astype(int) - twin).max(axis=2)
            assert change[mask].mean() > 12, where
            # Shadows and soft edges end within a tenth of the image, up to an invisible rest.
            far = ndimage.distance_transform_edt(~mask) > 0.1 * size
            assert change[far].max() <= 2, where


@per_category
def test_the_scene_is_the_same_at_every_size(category: str) -> None:
    for label in defects_of(category):
        where = f"{category}/{label}"
        small, small_mask = synthetic.render(category, "test", label, 0, 64)
        large, large_mask = synthetic.render(category, "test", label, 0, 256)
        reduced, reduced_mask = _halve(large.astype(float), 4), _halve(large_mask, 4) > 0.5
        assert np.corrcoef(small.ravel(), reduced.ravel())[0, 1] > 0.9, where
        agreement = (small_mask & reduced_mask).sum() / (small_mask | reduced_mask).sum()
        assert agreement > (0.7 if (category, label) in THIN else 0.85), where


def test_the_defects_of_hazelnuts_lie_on_the_nut() -> None:
    for label, count in defects_of("hazelnut").items():
        for index in range(count):
            _, mask = synthetic.render("hazelnut", "test", label, index, 64)
            twin = synthetic.defect_free_twin("hazelnut", "test", label, index, 64)
            # The background is nearly black and neutral; the nut is brown, that is, much redder than blue.
            nut = ndimage.binary_fill_holes(twin[..., 0].astype(int) - twin[..., 2] > 6)
            outside = mask & ~ndimage.binary_dilation(nut, iterations=2)
            assert not outside.any(), f"{label}/{index}"


UNUSABLE: list[tuple[tuple[str, str, str, int, int], tuple[str, ...]]] = [
    (("carpets", "test", "hole", 0, 64), ("'carpets'", "did you mean 'carpet'")),
    (("carpet", "val", "hole", 0, 64), ("carpet 'val'", "train, test")),
    (("carpet", "train", "hole", 0, 64), ("carpet/train 'hole'", "good")),
    (("bottle", "test", "hole", 0, 64), ("bottle/test 'hole'", "good, broken_large")),
    (("carpet", "test", "hole", 9, 64), ("carpet/test/hole", "9", "0..8")),
    (("carpet", "test", "hole", -1, 64), ("carpet/test/hole", "-1", "0..8")),
    (("carpet", "test", "hole", 0, 31), ("31", "32..1024")),
    (("carpet", "test", "hole", 0, 1025), ("1025", "32..1024")),
]


def test_unusable_arguments_are_refused_with_the_valid_ones() -> None:
    for arguments, named in UNUSABLE:
        with pytest.raises(InputError) as error:
            synthetic.render(*arguments)
        assert "\n" not in str(error.value), arguments
        assert all(part in str(error.value) for part in named), str(error.value)
    for function in (synthetic.category_mode, synthetic.counts):
        with pytest.raises(InputError, match="'cable car'"):
            function("cable car")
