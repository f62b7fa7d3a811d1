"""The embedded data set: reproducible pixels, honest masks, the same scene at every size."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from importlib import resources

import numpy as np
import pytest
from joblib import Parallel, delayed
from scipy import ndimage

from baselines import InputError
from benchmark.data import synthetic
from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.synthetic._product import Defect

CATEGORIES = synthetic.category_names()
DEFECTS = [(category, label) for category in CATEGORIES for _, label in synthetic.counts(category) if label != "good"]
# Thin defects lose more of their outline to a coarser grid than compact ones.
THIN = {
    *(("carpet", label) for label in ("cut", "thread")),
    *(("hazelnut", label) for label in ("crack", "cut", "print")),
    ("wood", "scratch"),
}
# Here the whole product is what is wrong.
WHOLE = {("metal_nut", "flip"), ("pill", "pill_type"), ("transistor", "misplaced")}
TEXTURES, GREY = {"carpet", "grid", "leather", "tile", "wood"}, {"grid", "screw", "zipper"}


@cache
def _render(category: str, label: str, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    return synthetic.render(category, "test", label, index, size)


def _render_all(category: str, split: str, label: str) -> bytes:
    """Pixels and masks of one label, drawn last to first, put in order again."""
    drawn = [
        synthetic.render(category, split, label, i, 64)
        for i in reversed(range(synthetic.counts(category)[split, label]))
    ]
    return b"".join(array.tobytes() for pair in reversed(drawn) for array in pair)


def _halve(field: np.ndarray, times: int) -> np.ndarray:
    side = field.shape[0] // times
    return field.reshape(side, times, side, times, *field.shape[2:]).mean(axis=(1, 3))


def test_pixels_are_the_recorded_ones_in_any_process_and_order() -> None:
    """Of all categories: test_draws compares the whole manifest."""
    recorded = json.loads((resources.files("data_manifests") / "synthetic" / "dataset.json").read_text())["pixels"]
    parts = Parallel(n_jobs=2)(delayed(_render_all)("screw", *key) for key in synthetic.counts("screw"))
    assert hashlib.sha256(b"".join(parts)).hexdigest() == recorded["screw"] == synthetic.checksum("screw")


def test_categories_and_defect_types_are_those_of_mvtec_ad() -> None:
    assert (
        *("bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut", "pill", "screw", "tile"),
        *("toothbrush", "transistor", "wood", "zipper"),
    ) == CATEGORIES
    assert len(DEFECTS) == 73
    assert {category for category in CATEGORIES if synthetic.category_kind(category) == "texture"} == TEXTURES
    assert {category for category in CATEGORIES if synthetic.category_mode(category) == "L"} == GREY
    modules = synthetic._CATEGORIES.values()
    assert sum(category.mvtec_train_good for category in modules) == 3629
    assert sum(category.mvtec_test_good for category in modules) == 467
    assert sum(defect.mvtec_images for category in modules for defect in category.defects.values()) == 1258


def test_counts_are_half_of_mvtec_ads() -> None:
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


@pytest.mark.parametrize("category", sorted(GREY))
def test_grey_products_have_no_colour(category: str) -> None:
    label = next(label for found, label in DEFECTS if found == category)
    image, _ = _render(category, label, 0, 64)
    assert (image == image[..., :1]).all()


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
    with pytest.raises(InputError, match="unknown edition of the synthetic data 'synthetic-test'"):
        synthetic.render("carpet", "test", "hole", 0, 64, "synthetic-test")


def test_few_images_in_mvtec_still_give_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    original = synthetic._CATEGORIES["carpet"]
    rare = {"thread": Defect(5, original.defects["thread"].paint)}
    small = replace(original, mvtec_train_good=33, mvtec_test_good=8, defects=rare)
    monkeypatch.setitem(synthetic._CATEGORIES, "carpet", small)
    assert list(synthetic.counts("carpet").values()) == [17, 8, 8]


def test_pixels_ignore_order_and_global_state() -> None:
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


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_image_is_its_own(category: str) -> None:
    keys = [(split, label, index) for split, label in synthetic.counts(category) for index in range(4)]
    images = {synthetic.render(category, *key, 32)[0].tobytes() for key in keys}
    assert len(images) == len(keys)


@pytest.mark.parametrize("size", [32, 50, 64, 200, 1024])
def test_shapes_and_types(size: int) -> None:
    image, mask = synthetic.render("bottle", "test", "good", 0, size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert mask.shape == (size, size)
    assert mask.dtype == np.bool_
    assert not mask.any()


@pytest.mark.parametrize(("category", "label"), DEFECTS)
def test_every_mask_is_small_but_there(category: str, label: str) -> None:
    for index in range(synthetic.counts(category)["test", label]):
        for size in (32, 64):
            _, mask = _render(category, label, index, size)
            assert mask.dtype == np.bool_
            assert 0.003 < mask.mean() < (0.5 if (category, label) in WHOLE else 0.10), (index, size)


@pytest.mark.parametrize(("category", "label"), DEFECTS)
def test_the_defect_shows_inside_its_mask_and_nowhere_far_from_it(category: str, label: str) -> None:
    size = 64
    for index in range(synthetic.counts(category)["test", label]):
        image, mask = _render(category, label, index, size)
        twin = synthetic.defect_free_twin(category, "test", label, index, size)
        change = np.abs(image.astype(int) - twin).max(axis=2)
        assert change[mask].mean() > 12, index
        # Shadows and soft edges stay within a tenth of the image, but for what nobody can see.
        far = ndimage.distance_transform_edt(~mask) > 0.1 * size
        assert change[far].max() <= 2, index


@pytest.mark.parametrize("category", CATEGORIES)
def test_good_images_are_their_own_twins(category: str) -> None:
    image, _ = synthetic.render(category, "test", "good", 2, 64)
    assert np.array_equal(image, synthetic.defect_free_twin(category, "test", "good", 2, 64))


@pytest.mark.parametrize(("category", "label"), DEFECTS)
def test_the_scene_is_the_same_at_every_size(category: str, label: str) -> None:
    small, small_mask = _render(category, label, 0, 64)
    large, large_mask = synthetic.render(category, "test", label, 0, 256)
    reduced, reduced_mask = _halve(large.astype(float), 4), _halve(large_mask, 4) > 0.5
    assert np.corrcoef(small.ravel(), reduced.ravel())[0, 1] > 0.9
    agreement = (small_mask & reduced_mask).sum() / (small_mask | reduced_mask).sum()
    assert agreement > (0.7 if (category, label) in THIN else 0.85)


@pytest.mark.parametrize("label", ["crack", "cut", "hole", "print"])
def test_defects_lie_on_the_nut(label: str) -> None:
    for index in range(synthetic.counts("hazelnut")["test", label]):
        _, mask = synthetic.render("hazelnut", "test", label, index, 64)
        twin = synthetic.defect_free_twin("hazelnut", "test", label, index, 64)
        # The ground is nearly black and neutral, the nut is brown: much redder than blue.
        nut = ndimage.binary_fill_holes(twin[..., 0].astype(int) - twin[..., 2] > 6)
        assert (mask & ndimage.binary_dilation(nut, iterations=2)).sum() == mask.sum(), index


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("carpets", "test", "hole", 0, 64),
            "unknown synthetic category 'carpets': did you mean 'carpet'?",
        ),
        (
            ("carpet", "val", "hole", 0, 64),
            "unknown split of synthetic carpet 'val': known: train, test",
        ),
        (
            ("carpet", "train", "hole", 0, 64),
            "unknown label of synthetic carpet/train 'hole': known: good",
        ),
        (
            ("bottle", "test", "hole", 0, 64),
            "unknown label of synthetic bottle/test 'hole': known: good, broken_large",
        ),
        (("carpet", "test", "hole", 9, 64), "index 9 of synthetic carpet/test/hole is not in 0..8"),
        (("carpet", "test", "hole", -1, 64), "index -1 of synthetic carpet/test/hole is not in 0..8"),
        (("carpet", "test", "hole", 0, 31), "image size 31 is not in 32..1024 pixels"),
        (("carpet", "test", "hole", 0, 1025), "image size 1025 is not in 32..1024 pixels"),
    ],
)
def test_errors_name_what_is_wrong_and_what_there_is(arguments: tuple[str, str, str, int, int], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        synthetic.render(*arguments)
    assert "\n" not in str(error.value)


def test_unknown_category_everywhere() -> None:
    for function in (synthetic.category_kind, synthetic.counts):
        with pytest.raises(InputError, match="unknown synthetic category 'cable car'"):
            function("cable car")
