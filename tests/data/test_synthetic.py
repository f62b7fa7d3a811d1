"""The embedded data set: reproducible pixels, honest masks, the same scene at every size."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from baselines import InputError
from benchmark.data import synthetic
from benchmark.data.synthetic._product import Defect

CATEGORIES = synthetic.category_names()
DEFECTS = [(category, label) for category in CATEGORIES for _, label in synthetic.counts(category) if label != "good"]
# Thin defects lose more of their outline to a coarser grid than compact ones.
THIN = {("carpet", label) for label in ("cut", "thread")} | {("hazelnut", label) for label in ("crack", "cut", "print")}

# A change here means that stored results no longer belong to these images: raise synthetic.VERSION.
GOLDEN = {
    "bottle": "5607139c9be7621505f6c3a43eb3124a37a4b03b9684eabcf4c1cb65aedbc790",
    "carpet": "a66dddaa9156aa09915f23f397850384686c47945f80dcfe57d42adbf9b0f3a2",
    "hazelnut": "226ece2029cd5714caec51835bf8154136f2f3c32d3656d8fc96cd6d34596912",
}


def _digest(category: str) -> str:
    digest = hashlib.sha256(str(synthetic.VERSION).encode())
    for split, label in synthetic.counts(category):
        image, mask = synthetic.render(category, split, label, 1, 64)
        digest.update(image.tobytes() + mask.tobytes())
    return digest.hexdigest()


def _halve(field: np.ndarray, times: int) -> np.ndarray:
    side = field.shape[0] // times
    return field.reshape(side, times, side, times, *field.shape[2:]).mean(axis=(1, 3))


@pytest.mark.parametrize("category", CATEGORIES)
def test_pixels_are_the_recorded_ones(category: str) -> None:
    assert _digest(category) == GOLDEN[category]


def test_names_kinds_and_counts() -> None:
    assert CATEGORIES == ("bottle", "carpet", "hazelnut")
    assert [synthetic.category_kind(category) for category in CATEGORIES] == ["object", "texture", "object"]
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
    assert sum(synthetic.counts("hazelnut").values()) == 196 + 20 + 9 + 9 + 9 + 9


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
            _, mask = synthetic.render(category, "test", label, index, size)
            assert mask.dtype == np.bool_
            assert 0.003 < mask.mean() < 0.10, (index, size)


@pytest.mark.parametrize(("category", "label"), DEFECTS)
def test_the_defect_shows_inside_its_mask_and_nowhere_far_from_it(category: str, label: str) -> None:
    size = 64
    for index in range(synthetic.counts(category)["test", label]):
        image, mask = synthetic.render(category, "test", label, index, size)
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
    small, small_mask = synthetic.render(category, "test", label, 0, 64)
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
