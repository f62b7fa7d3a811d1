"""Profiles: what can be set, what is refused, and that the paper's is Section IV-E to the letter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from baselines import InputError
from baselines.methods import PAPER_METHODS
from benchmark.cli import main
from benchmark.data.synthetic import category_names
from benchmark.protocol.profile import BUILT_IN, FIELDS, SELECTION_FIELDS, Profile, load_profile, resolve_profile

READINGS = {
    "shots_per": ("defect_type", "category"),
    "draws": ("per_seed", "fixed"),
    "bce_reduction": ("sum", "mean"),
    "mask_downsample": ("max", "nearest", "area"),
    "lambda_gradient": ("stopped", "flows"),
    "batch_norm_passes": ("separate", "joint"),
    "image_normalisation": ("imagenet", "none"),
    "output_prior": ("none", "masks"),
}


def test_the_paper_profile_is_section_4e() -> None:
    paper = load_profile("paper")
    assert (paper.image_size, paper.iterations, paper.learning_rate) == (512, 1350, 1e-4)
    assert (paper.adam_beta1, paper.adam_beta2, paper.crop_paste) == (0.9, 0.999, 0.5)
    assert (paper.shots, len(paper.seeds), dict(paper.batch_size)) == ((1, 5), 5, {"1": 2, "5": 4})
    assert (paper.weights, paper.width) == ("imagenet", 1.0)


@pytest.mark.parametrize("field", READINGS)
def test_the_first_reading_is_the_default_and_each_can_be_chosen(field: str) -> None:
    assert getattr(Profile(), field) == READINGS[field][0]
    for value in READINGS[field]:
        assert load_profile("paper", [f"{field}={value}"]).protocol(1)[field] == value
    with pytest.raises(InputError, match=f"unknown value of profile field {field} 'other'"):
        load_profile("paper", [f"{field}=other"])


def test_built_in_profiles_load_and_the_defaults_are_the_papers() -> None:
    for name in BUILT_IN:
        assert load_profile(name).name == name
    paper = load_profile("paper")
    for field in set(FIELDS) - {"methods"}:
        assert getattr(paper, field) == getattr(Profile(), field), field


def test_the_protocol_holds_every_field_but_names_and_selections() -> None:
    protocol = load_profile("paper").protocol(5)
    assert set(protocol) == set(FIELDS) - set(SELECTION_FIELDS)
    assert protocol.batch_size == 4
    assert load_profile("paper", ["batch_size=3"]).protocol(7)["batch_size"] == 3
    assert load_profile("paper", ["batch_size.7=6"]).protocol(7)["batch_size"] == 6
    with pytest.raises(InputError, match=r"no batch_size for 7 shots: add --set batch_size.7=4"):
        load_profile("paper").protocol(7)


def test_a_file_is_read_and_its_gaps_are_the_papers(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('image_size = 128\nmethods = ["unet"]\n')
    profile = load_profile(str(path), ["seeds=[3, 4]", "iterations=10"])
    assert (profile.name, profile.image_size, profile.methods) == ("mine", 128, ("unet",))
    assert (profile.seeds, profile.iterations, profile.learning_rate) == ((3, 4), 10, 1e-4)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("widht=1", "unknown profile field 'widht': did you mean 'width'?"),
        ("name=x", "unknown profile field 'name'"),
        ("width=0", "profile field width must be a number above 0 and at most 4, got 0"),
        ("width=wide", "profile field width must be a number above 0 and at most 4, got 'wide'"),
        ("width=nan", "profile field width must be a number above 0 and at most 4, got nan"),
        ("iterations=0", "profile field iterations must be a whole number of at least 1, got 0"),
        ("iterations=1.5", "profile field iterations must be a whole number of at least 1, got 1.5"),
        ("iterations=true", "profile field iterations must be a whole number of at least 1, got True"),
        ("learning_rate=-1", "profile field learning_rate must be a number above 0 and at most 1, got -1"),
        ("seeds=[]", "profile field seeds must be a list of whole numbers of at least 0, got []"),
        ("shots=[0]", "profile field shots must be a list of whole numbers of at least 1, got [0]"),
        ("methods=[1]", "profile field methods must be a list of names, got [1]"),
        ("batch_size.x=2", "profile field batch_size: 'x' is no number of shots"),
        ("batch_size=0", "profile field batch_size must be a whole number of at least 1, got 0"),
        ("draws=per_sead", "unknown value of profile field draws 'per_sead': did you mean 'per_seed'?"),
        ("width", "--set takes field=value, got 'width'"),
        ("=3", "--set takes field=value, got '=3'"),
    ],
)
def test_what_cannot_be_set_is_one_clear_line(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        load_profile("quick", [assignment])
    assert "\n" not in str(error.value)


def test_unusable_profiles_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown profile 'quik': did you mean 'quick'"):
        load_profile("quik")
    with pytest.raises(InputError, match=r"profile file .*none.toml cannot be read"):
        load_profile(str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("image_size = \n")
    with pytest.raises(InputError, match=r"broken.toml is no valid TOML"):
        load_profile(str(broken))
    broken.write_text("image_sise = 64\n")
    with pytest.raises(InputError, match=r"broken.toml: unknown profile field 'image_sise': did you mean 'image_size'"):
        load_profile(str(broken))


def test_every_field_says_where_its_value_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("iterations = 7\nwidth = 0.5\n")
    resolved = resolve_profile(str(path), ["width=0.25", "batch_size.1=3"])
    assert set(resolved.sources) == set(FIELDS)
    assert resolved.sources["iterations"] == str(path)
    assert resolved.sources["width"] == "--set width=0.25"
    assert resolved.sources["batch_size"] == "--set batch_size.1=3"
    assert resolved.sources["learning_rate"] == "paper, Section IV-E"
    assert resolved.sources["mask_downsample"] == "default, docs/protocol.md"
    assert not any("built-in" in source for source in resolve_profile("paper").sources.values())


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_shown_is_a_profile_of_its_own(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "show", "--profile", name, "--set", "width=0.5", "batch_size.5=3"]) == 0
    path = tmp_path / f"{name}.toml"
    path.write_text(capsys.readouterr().out)
    assert load_profile(str(path)) == load_profile(name, ["width=0.5", "batch_size.5=3"])


def test_profiles_are_listed_and_shown_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "list"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == list(BUILT_IN)
    assert main(["profile", "show", "--json", "--set", "iterations=9"]) == 0
    shown = {entry["field"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert shown["iterations"] == {"field": "iterations", "value": 9, "source": "--set iterations=9"}
    assert shown["image_size"]["source"] == "built-in profile quick"


@pytest.mark.parametrize("name", ["quick", "ci"])
def test_the_small_profiles_run_every_method_of_the_paper(name: str) -> None:
    profile = load_profile(name)
    assert set(profile.methods) == {method.name for method in PAPER_METHODS}
    assert set(profile.categories) <= set(category_names())
    assert {"carpet", "hazelnut"} <= set(profile.categories)
    assert len(profile.seeds) >= 2


def test_quick_runs_both_k_on_three_categories() -> None:
    quick = load_profile("quick")
    assert (quick.shots, set(quick.categories)) == ((1, 5), {"carpet", "hazelnut", "tile"})
