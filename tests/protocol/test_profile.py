"""Profiles: settings, refusals, sources; ``paper`` follows Section IV-E exactly."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from baselines.errors import InputError
from baselines.methods import PAPER_METHODS
from benchmark.cli import main
from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.synthetic import category_names
from benchmark.environment import prepare_torch
from benchmark.protocol.profile import BUILT_IN, FIELD_NAMES, Profile, load_profile, resolve_profile
from benchmark.protocol.selection import Request, choose_selections
from benchmark.schema import to_builtins
from reports.claims.power import planned_power
from reports.statistics import smallest_n
from tests.refusal import assert_refused

READINGS = {
    "shots_per": ("defect_type", "category"),
    "draws": ("per_seed", "fixed"),
    "bce_reduction": ("sum", "mean"),
    "mask_downsample": ("max", "nearest", "area"),
    "lambda_gradient": ("stopped", "flows"),
    "batch_norm_passes": ("separate", "grouped", "joint"),
    "image_normalisation": ("imagenet", "none"),
    "output_prior": ("none", "masks"),
}


def test_the_paper_profile_is_section_4e() -> None:
    paper = load_profile("paper")
    assert (paper.image_size, paper.iterations, paper.learning_rate) == (512, 1350, 1e-4)
    assert (paper.adam_beta1, paper.adam_beta2, paper.crop_paste) == (0.9, 0.999, 0.5)
    assert (paper.shots, len(paper.seeds), dict(paper.batch_size)) == ((1, 5), 5, {"1": 2, "5": 4})
    assert (paper.weights, paper.width) == ("imagenet", 1.0)


def test_the_first_reading_is_the_default_and_each_can_be_chosen() -> None:
    for field, values in READINGS.items():
        assert getattr(Profile(), field) == values[0]
        for value in values:
            assert getattr(load_profile("paper", [f"{field}={value}"]).protocol(1), field) == value
        with pytest.raises(InputError, match=f"{field} .*'other'"):
            load_profile("paper", [f"{field}=other"])


def test_built_in_profiles_load_and_the_defaults_are_the_papers() -> None:
    for name in BUILT_IN:
        assert load_profile(name).name == name
    paper = load_profile("paper")
    for field in set(FIELD_NAMES) - {"methods"}:
        assert getattr(paper, field) == getattr(Profile(), field), field


def test_the_protocol_is_hashable_and_holds_every_field_but_name_and_selection() -> None:
    protocol = load_profile("paper").protocol(5)
    assert {protocol: "same"}[load_profile("paper").protocol(5)] == "same"
    assert protocol != load_profile("paper").protocol(1)
    selection = {"methods", "categories", "categories_at", "shots", "seeds", "weights_files"}
    assert set(to_builtins(protocol)) == set(FIELD_NAMES) - selection
    assert protocol.batch_size == 4
    assert load_profile("paper", ["batch_size=3"]).protocol(7).batch_size == 3
    assert load_profile("paper", ["batch_size.7=6"]).protocol(7).batch_size == 6
    with pytest.raises(InputError, match=r"no batch_size for 7 shots: add --set batch_size.7=4"):
        load_profile("paper").protocol(7)


def test_a_file_is_read_and_its_gaps_are_the_papers(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('image_size = 128\nmethods = ["unet"]\n')
    profile = load_profile(str(path), ["seeds=[3, 4]", "iterations=10"])
    assert (profile.name, profile.image_size, profile.methods) == ("mine", 128, ("unet",))
    assert (profile.seeds, profile.iterations, profile.learning_rate) == ((3, 4), 10, 1e-4)


REFUSED = {
    "widht=1": ("widht", "'width'"),
    "name=x": ("name",),
    "width=0": ("width", "> 0 and <= 4", "got 0"),
    "width=wide": ("width", "> 0 and <= 4", "got 'wide'"),
    "width=nan": ("width", "> 0 and <= 4", "got nan"),
    "image_size=8": ("image_size", ">= 16 and <= 4096", "got 8"),
    "iterations=0": ("iterations", "integer >= 1", "got 0"),
    "iterations=1.5": ("iterations", "integer >= 1", "got 1.5"),
    "iterations=2.0": ("iterations", "integer >= 1", "got 2.0"),
    "iterations=true": ("iterations", "integer >= 1", "got True"),
    "learning_rate=-1": ("learning_rate", "> 0 and <= 1", "got -1"),
    "adam_beta1=1": ("adam_beta1", ">= 0 and < 1", "got 1"),
    "seeds=9223372036854775808": ("seeds", "<= 9223372036854775807", "got 9223372036854775808"),
    "iterations=1000000001": ("iterations", "<= 1000000000", "got 1000000001"),
    "seeds=[]": ("seeds", "non-empty list of integers >= 0", "got []"),
    "shots=[0]": ("shots", "integers >= 1", "got [0]"),
    "shots=[[1]]": ("shots", "integers >= 1", "got [[1]]"),
    "methods=[1]": ("methods", "list of strings", "got [1]"),
    "batch_size.x=2": ("batch_size.x", "number of shots"),
    "weights_files=a.pth": ("weights_files", "table", "'a.pth'"),
    "weights_files.unet=[1]": ("weights_files.unet", "a string", "got [1]"),
    "weights=a.safetensors": ("imagenet or none", "weights_files.NETWORK=a.safetensors"),
    "batch_size.5=0": ("batch_size.5", "integer >= 1", "got 0"),
    "batch_size=0": ("batch_size", "integer >= 1", "got 0"),
    "batch_size=[2]": ("batch_size", "integer >= 1", "got [2]"),
    "draws=per_sead": ("draws", "'per_sead'", "'per_seed'"),
    "draws=0": ("draws", "integer >= 1", "'per_seed'", "'fixed'", "got 0"),
    "width": ("'width'", "field=value"),
    "=3": ("'=3'", "field=value"),
}


def test_a_refused_setting_is_one_line_with_the_field_and_its_range() -> None:
    prepare_torch(1)  # as in a process that has trained: denormal numbers are zero then
    for assignment, words in REFUSED.items():
        assert_refused(partial(load_profile, "quick", [assignment]), *words)


def test_an_unusable_profile_is_one_line_with_the_file_and_the_field(tmp_path: Path) -> None:
    missing, file = tmp_path / "none.toml", tmp_path / "broken.toml"
    for name, content, words in (
        ("quik", "", ("'quik'", "'quick'")),
        (str(missing), "", (str(missing),)),
        (str(file), "image_size = \n", (str(file), "TOML", "line 1")),
        (str(file), "image_sise = 64\n", (str(file), "'image_sise'", "'image_size'")),
        (str(file), "iterations = 0\n", (str(file), "iterations", "integer >= 1")),
        (str(file), "[batch_size]\n1 = 2\n5 = 'four'\n", (str(file), "batch_size.5", "integer >= 1", "'four'")),
        (str(file), "[batch_size]\nfive = 4\n", (str(file), "batch_size.five")),
    ):
        file.write_text(content)
        assert_refused(partial(load_profile, name), *words)


def test_a_setting_that_another_one_overrides_is_refused() -> None:
    for first, second in (
        ("image_size=64", "image_size=128"),
        ("batch_size.5=2", "batch_size.5=3"),
        ("batch_size.5=2", "batch_size = 3"),
    ):
        assert_refused(partial(load_profile, "quick", [first, second]), first, second)
    assert load_profile("quick", ["batch_size=3", "batch_size.5=2"]).batch_size == {"any": 3, "5": 2}


def test_a_profile_may_begin_with_a_byte_order_mark_and_utf_16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("iterations = 7\n", encoding="utf-8-sig")
    assert load_profile(str(path)).iterations == 7
    for encoding in ("utf-16", "utf-16-be"):
        path.write_text("\ufeff" * (encoding != "utf-16") + "iterations = 7\n", encoding=encoding)
        assert_refused(lambda: load_profile(str(path)), str(path), "UTF-16", "UTF-8")
    path.write_bytes(b"# \xe4\n")
    assert_refused(lambda: load_profile(str(path)), str(path), "utf-8")


def test_every_field_says_where_its_value_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("iterations = 7\nwidth = 0.5\n")
    resolved = resolve_profile(str(path), ["width=0.25", "batch_size.1=3"])
    assert set(resolved.sources) == set(FIELD_NAMES)
    assert resolved.sources["iterations"] == str(path)
    assert resolved.sources["width"] == "--set width=0.25"
    assert resolved.sources["batch_size"] == "--set batch_size.1=3"
    assert resolved.sources["learning_rate"] == "paper, Section IV-E"
    assert resolved.sources["mask_downsample"] == "default, docs/protocol.md"
    assert not any("built-in" in source for source in resolve_profile("paper").sources.values())


def test_the_output_of_profile_show_can_be_used_as_a_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["width=0.5", "batch_size.5=3", "weights_files.smp:Unet/resnet18=my files/a.pth"]
    for name in BUILT_IN:
        assert main(["profile", "show", "--profile", name, "--set", *settings]) == 0
        path = tmp_path / f"{name}.toml"
        path.write_text(capsys.readouterr().out)
        assert load_profile(str(path)) == load_profile(name, settings)
    assert load_profile("quick", settings).weights_files == {"smp:Unet/resnet18": "my files/a.pth"}


def test_profiles_are_listed_and_shown_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "list"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == list(BUILT_IN)
    assert main(["profile", "show", "--json", "--set", "iterations=9"]) == 0
    shown = {entry["field"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert shown["iterations"] == {"field": "iterations", "value": 9, "source": "--set iterations=9"}
    assert shown["image_size"]["source"] == "built-in profile quick"


def test_the_small_profiles_run_every_method_of_the_paper() -> None:
    for profile in map(load_profile, ("quick", "overnight", "ci")):
        assert set(profile.methods) >= {method.name for method in PAPER_METHODS}
        named = {name for names in (profile.categories, *profile.categories_at.values()) for name in names}
        assert named <= set(category_names())


def test_quick_and_overnight_have_enough_categories_for_every_claim_that_is_tested_over_them() -> None:
    for name in ("quick", "overnight"):
        selections = choose_selections(Request(everything=True), load_profile(name), SyntheticDataSet())
        powers = planned_power(selections.values())
        assert len(powers) >= 14
        assert min(power.categories for power in powers.values()) >= smallest_n()
