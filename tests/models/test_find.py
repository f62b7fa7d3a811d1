"""Which model and which images a user means."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.models.find import find_model, find_photos
from tests.refusal import assert_refused


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "a/1.png",
        "a/1.jpg",
        "a/2.PNG",
        "a/deep/1.png",
        "b/1.png",
        "b/.hidden.png",
        "b/notes.txt",
        "out/9.png",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


def names(given: list[str]) -> dict[str, str]:
    photos, unusable = find_photos(given, Path("out"))
    assert not unusable
    return {str(photo.path): photo.name for photo in photos}


def test_names_are_paths_below_the_common_folder_and_unique(here: Path) -> None:
    assert names(["a"]) == {"a/1.jpg": "1.jpg", "a/1.png": "1.png", "a/2.PNG": "2", "a/deep/1.png": "deep/1"}
    assert names(["b", "a/2.PNG"]) == {"b/1.png": "b/1", "a/2.PNG": "a/2"}
    assert names(["b/1.png"]) == {"b/1.png": "1"}


def test_an_image_that_is_named_twice_is_found_once_and_the_output_is_not_input(here: Path) -> None:
    assert list(names(["b", "b/1.png", "b/*.png"])) == ["b/1.png"]
    assert "out/9.png" not in names(["."])
    assert list(names(["out/9.png"])) == ["out/9.png"]  # unless it is named itself


def test_patterns_are_expanded_unless_a_file_has_that_name(here: Path) -> None:
    assert list(names(["a/*.[pP]*"])) == ["a/1.png", "a/2.PNG"]
    assert list(names(["**/1.png"])) == ["a/1.png", "a/deep/1.png", "b/1.png"]
    Path("b/1[x].png").touch()
    assert list(names(["b/1[x].png"])) == ["b/1[x].png"]


def test_images_that_are_not_read_are_named(here: Path) -> None:
    Path("b/2.heic").touch()
    Path("b/3\n.png").touch()
    photos, unusable = find_photos(["b"], Path("out"))
    assert [photo.name for photo in photos] == ["1"]
    assert len(unusable) == 2
    assert "b/2.heic is left out" in unusable[0]
    assert "\n" not in "".join(unusable)


def test_what_is_not_there_is_refused(here: Path) -> None:
    assert_refused(lambda: find_photos(["a", "c"], Path("out")), "there is no image or folder c")
    assert_refused(lambda: find_photos(["c/*.png"], Path("out")), "no file matches the pattern 'c/*.png'")
    Path("c").mkdir()
    assert_refused(lambda: find_photos(["c"], Path("out")), "there is no image in c: images end in .png")
    Path("c/1.gif").touch()
    assert_refused(lambda: find_photos(["c"], Path("out")), "there is no image in c: c/1.gif is left out")


def test_a_model_is_found_by_file_by_run_and_by_id(here: Path) -> None:
    results, run = Path("results"), Path("results/runs/carpet_unet_k1_s0_123456789abc")
    assert_refused(lambda: find_model("x", results), "there is no model x, and no run in results")
    run.mkdir(parents=True)
    assert_refused(lambda: find_model(str(run), results), "is not the folder of a run")
    (run / "run.json").touch()
    assert_refused(lambda: find_model(run.name, results), run.name, "stored without its model", "--keep-models")
    (run / "model.safetensors").touch()
    for given in (run.name, str(run), str(run / "model.safetensors")):
        assert find_model(given, results) == run / "model.safetensors"
    assert_refused(lambda: find_model("carpet_unet_k1_s1_123456789abc", results), f"did you mean '{run.name}'?")
