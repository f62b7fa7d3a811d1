"""The identity of a run: it changes with what the run reads, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from baselines.methods import PAPER_METHODS
from baselines.pasting import pasting_names
from baselines.weights_files import WeightsFile
from benchmark.protocol.profile import Protocol, load_profile
from benchmark.protocol.studies import NBR_GRID
from benchmark.schema import to_builtins
from tests.factories import make_spec

# Two values of each field.
VALUES = {
    "image_size": ("64", "96"),
    "iterations": ("5", "7"),
    "learning_rate": ("0.25", "0.5"),
    "adam_beta1": ("0.25", "0.5"),
    "adam_beta2": ("0.25", "0.5"),
    "crop_paste": ("0.5", "0.25"),
    "nbr_weight": ("1", "2"),
    "threshold": ("0.5", "0.25"),
    "weights": ("none", "imagenet"),
    "width": ("0.25", "0.125"),
    "precision": ("fp32", "bf16"),
    "threads": ("1", "2"),
    "curve_every": ("5", "7"),
    "shots_per": ("category", "defect_type"),
    "draws": ("per_seed", "fixed"),
    "bce_reduction": ("sum", "mean"),
    "mask_downsample": ("max", "area"),
    "background_average": ("all_cells", "background"),
    "lambda_gradient": ("stopped", "flows"),
    "batch_norm_passes": ("separate", "joint"),
    "normal_batches_per_defect_batch": ("1", "3"),
    "baseline_crop_paste": ("0.5", "0.25"),
    "image_normalisation": ("imagenet", "none"),
    "output_prior": ("none", "masks"),
    "batch_size": ("2", "9"),
}
METHODS = {*NBR_GRID.values(), *(method.name for method in PAPER_METHODS)}
NETWORKS = {"ternausnet11", "ternausnet16", "unet", "attention_unet", "unet_plus_plus", "albunet"}
NBR = {"albunet_nbr", "albunet_nbr_cap", "albunet_nbr_cap_lambda1", "albunet_nbr_cap_euclidean"}
LAMBDA = {"albunet_nbr_cap", "albunet_nbr_cap_euclidean", "albunet+cap", "albunet+cap+bn"}
# Which methods read a field, where not all do. As the paper describes them, not as the code decides it.
READ_BY = {
    "curve_every": set(),
    "shots_per": set(),  # it decides the draw, whose digest the identity has
    "draws": set(),
    "nbr_weight": NBR,
    "mask_downsample": NBR,
    "background_average": {"albunet_nbr_cap_euclidean"},
    "lambda_gradient": LAMBDA,
    "crop_paste": LAMBDA | {"albunet_nbr_cap_lambda1"},
    "baseline_crop_paste": NETWORKS | {"albunet+bn"},
    "batch_norm_passes": METHODS - NETWORKS - {"albunet+plain"},
    "weights": METHODS - {"unet", "attention_unet", "unet_plus_plus"},
}


def run_id(method: str, field: str, value: str) -> str:
    return make_spec(method=method, settings=[f"{field}={value}"]).id


def test_every_field_is_tried() -> None:
    assert set(VALUES) == {field.name for field in msgspec.structs.fields(Protocol)}


@pytest.mark.parametrize("field", VALUES)
def test_a_field_changes_the_id_of_those_methods_that_read_it_and_of_no_other(field: str) -> None:
    one, other = VALUES[field]
    assert load_profile("quick", [f"{field}={one}"]) != load_profile("quick", [f"{field}={other}"])
    changed = {method for method in METHODS if run_id(method, field, one) != run_id(method, field, other)}
    assert changed == READ_BY.get(field, METHODS)


def test_a_file_of_weights_takes_the_place_of_the_field_and_only_its_content_counts() -> None:
    files = [WeightsFile(Path("/here/a.pth"), "a" * 64), WeightsFile(Path("/there/b.pt"), "a" * 64)]
    for weights in ("none", "imagenet"):
        assert {
            make_spec(method="albunet", settings=[f"weights={weights}"], weights_file=file).id for file in files
        } == {make_spec(method="albunet", weights_file=files[0]).id}
    ids = {make_spec(method="albunet", weights_file=file).id for file in (None, WeightsFile(Path("/a.pth"), "b" * 64))}
    assert make_spec(method="albunet", weights_file=files[0]).id not in ids
    assert len(ids) == 2
    assert "weights_digest" not in to_builtins(make_spec(method="albunet").identity)
    assert make_spec(method="albunet", settings=["weights_files.unet=a.pth"]).id == make_spec(method="albunet").id


def test_settings_are_the_fields_read_with_their_values() -> None:
    for method in METHODS:
        spec = make_spec(method=method)
        read = {name for name in VALUES if method in READ_BY.get(name, METHODS)}
        assert spec.identity.settings == {name: getattr(spec.protocol, name) for name in read}


def test_lambda_is_not_read_where_nothing_is_pasted() -> None:
    never = ["crop_paste=0"]
    ids = [
        make_spec(method="albunet_nbr_cap", settings=[*never, f"lambda_gradient={g}"]).id for g in ("stopped", "flows")
    ]
    assert ids[0] == ids[1]
    recipes = [make_spec(method=f"albunet_nbr_cap{end}", settings=never).identity.recipe for end in ("", "_lambda1")]
    assert recipes[0] == recipes[1]
    assert make_spec(method="albunet_nbr_cap").identity.recipe["paste_weight"] == "realism"


def test_the_papers_pasting_is_not_named_and_another_only_where_something_is_pasted() -> None:
    for method in METHODS:
        assert make_spec(method=method).identity.recipe.keys() == {
            "crop_paste", "paste_weight", "nbr", "normal_statistics"
        }  # fmt: skip
    others = pasting_names()[1:]
    specs = {name: make_spec(method=f"albunet+nbr+cap-{name}") for name in others}
    assert {name: spec.identity.recipe["pasting"] for name, spec in specs.items()} == {name: name for name in others}
    assert all(
        spec.identity.settings == make_spec(method="albunet_nbr_cap").identity.settings for spec in specs.values()
    )
    never = [make_spec(method=f"albunet+nbr+cap-{name}", settings=["crop_paste=0"]) for name in others]
    assert all("pasting" not in spec.identity.recipe for spec in never)
