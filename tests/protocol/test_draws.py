"""K-shot draws depend on manifest, K, seed and reading alone; training and test images are disjoint."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.manifest import CategoryManifest, ImageRecord
from benchmark.protocol.draws import DIGEST_COLUMNS, DRAW_COLUMNS, draw_shots, list_draws


def manifest_of(defects: dict[str, int], unannotated: int = 0, normals: int = 3) -> CategoryManifest:
    records = [ImageRecord("train", "good", f"train/good/{i}.png", defect_pixels=0) for i in range(normals)]
    records += [ImageRecord("test", "good", "test/good/0.png", defect_pixels=0)]
    for kind, count in defects.items():
        records += [
            ImageRecord("test", kind, f"test/{kind}/{i}.png", f"g/{kind}/{i}.png", defect_pixels=9)
            for i in range(count)
        ]
    records += [
        ImageRecord("test", "cut", f"test/cut/empty{i}.png", f"g/cut/empty{i}.png", defect_pixels=0)
        for i in range(unannotated)
    ]
    return CategoryManifest("test", "widget", "", tuple(records))


@pytest.mark.parametrize(("shots_per", "expected"), [("defect_type", 6), ("category", 3)])
def test_k_images_of_each_defect_type_or_of_the_category(shots_per: str, expected: int) -> None:
    manifest = manifest_of({"cut": 7, "hole": 5})
    draw = draw_shots(manifest, 3, 0, shots_per)
    assert len(draw.shots) == expected
    if shots_per == "defect_type":
        assert sorted(manifest.records[i].label for i in draw.shots) == ["cut"] * 3 + ["hole"] * 3


def test_training_and_test_images_are_disjoint_and_complete() -> None:
    manifest = manifest_of({"cut": 7, "hole": 5}, unannotated=2)
    for seed in range(20):
        draw = draw_shots(manifest, 2, seed)
        parts = [set(draw.shots), set(draw.normals), set(draw.test), set(draw.unannotated)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == len(manifest.records)
        assert draw.names == tuple(manifest.records[i].name for i in draw.shots)


def test_images_with_empty_masks_are_used_for_neither_training_nor_testing() -> None:
    manifest = manifest_of({"cut": 2}, unannotated=30)
    for seed in range(10):
        draw = draw_shots(manifest, 1, seed)
        assert not {manifest.records[i].unannotated for i in draw.shots + draw.test} - {False}
        assert len(draw.unannotated) == 30


def test_seeds_draw_different_images_unless_the_draw_is_fixed() -> None:
    manifest = manifest_of({"cut": 12, "hole": 12})
    assert len({draw_shots(manifest, 5, seed).digest for seed in range(5)}) == 5
    assert len({draw_shots(manifest, 5, seed, draws="fixed").digest for seed in range(5)}) == 1


def test_the_1_shot_image_is_among_the_5_shot_images_of_its_seed() -> None:
    manifest = manifest_of({"cut": 9, "hole": 9})
    for seed in range(5):
        one, five = (draw_shots(manifest, shots, seed) for shots in (1, 5))
        assert set(one.shots) < set(five.shots)


def test_every_image_can_be_drawn() -> None:
    manifest = manifest_of({"cut": 6})
    assert {draw_shots(manifest, 1, seed).shots[0] for seed in range(100)} == set(manifest.indices("test", "cut"))


def test_the_draw_depends_on_the_listed_images_alone() -> None:
    manifest = manifest_of({"cut": 9, "hole": 9})
    other_place = replace(manifest, dataset="elsewhere")
    assert draw_shots(other_place, 2, 3).names == draw_shots(manifest, 2, 3).names
    # The draw of a defect type does not change when another type gets more images.
    more = manifest_of({"cut": 9, "hole": 15})
    cuts = [[name for name in draw_shots(m, 2, 3).names if "cut" in name] for m in (manifest, more)]
    assert cuts[0] == cuts[1]


def test_the_draw_of_a_seed_is_the_recorded_one() -> None:
    draw = draw_shots(SyntheticDataSet().manifest("carpet"), 1, 0)
    # If this changes, stored results do not belong to the draws any more.
    assert draw.names == (
        "test/color/004.png",
        "test/cut/007.png",
        "test/hole/000.png",
        "test/metal_contamination/004.png",
        "test/thread/008.png",
    )


@pytest.mark.parametrize(
    ("defects", "shots_per", "named"),
    [
        ({"cut": 4, "hole": 9}, "defect_type", "5 annotated .* cut, .* 4"),
        ({"cut": 4}, "category", "5 annotated .* widget, .* 4"),
        ({"cut": 5, "hole": 5}, "defect_type", "all 10 annotated"),
    ],
)
def test_too_many_shots_are_refused(defects: dict[str, int], shots_per: str, named: str) -> None:
    with pytest.raises(InputError, match=f"category widget: 5 shots .*{named}"):
        draw_shots(manifest_of(defects), 5, 0, shots_per)


def test_all_draws_are_listed_and_impossible_ones_have_a_reason() -> None:
    images, digests = list_draws([manifest_of({"cut": 3, "hole": 7})])
    assert {tuple(row) for row in images} == {DRAW_COLUMNS}
    assert {tuple(row) for row in digests} == {DIGEST_COLUMNS}
    # Per defect type 1 shot is 2 images, and 5 shots are impossible; of the category they are 1 and 5 images.
    assert len(images) == 5 * (2 + 1 + 5)
    assert len(digests) == 5 * 4
    impossible = [row for row in digests if not row["digest"]]
    assert {(row["shots_per"], row["shots"], row["images"]) for row in impossible} == {("defect_type", 5, 0)}
    assert all("5 annotated defective images of cut, but there are 3" in str(row["impossible"]) for row in impossible)


def test_generator_and_draws_reproduce_the_committed_manifest(tmp_path: Path) -> None:
    assert main(["data", "manifest", "--out", str(tmp_path / "out"), "--cache", str(tmp_path)]) == 0
    committed = resources.files("data_manifests") / "synthetic"
    for name in ("dataset.json", "images.csv", "draws.csv", "draw_digests.csv"):
        assert (tmp_path / "out" / name).read_text() == committed.joinpath(name).read_text(), name
