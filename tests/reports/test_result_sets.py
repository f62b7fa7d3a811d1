"""Which runs share a set, across protocols, and which of them count in means."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from baselines.weights_files import WeightsFile
from benchmark.results.records import Status
from benchmark.results.table import load_results
from reports.averaging import averaged_rows, averaged_runs
from reports.collect import result_sets
from tests.factories import store_run

# What turns the profile of the made-up runs into the paper's.
PAPER = [
    *("image_size=512", "iterations=1350", "learning_rate=1e-4", "weights=imagenet", "width=1", "output_prior=none"),
    "batch_norm_passes=separate",
]


def members(root: Path) -> dict[str, set[tuple[str, int, str]]]:
    """Method, seed and settings that were asked for of the runs of each set, by its title."""
    found = {}
    for item in result_sets(load_results(root)):
        assert not item.runs.duplicated(["category", "method", "shots", "seed"]).any()
        found[item.title] = set(zip(item.runs["method"], item.runs["seed"], item.runs["id"], strict=True))
    return found


def test_a_run_also_stands_in_the_set_of_a_protocol_that_differs_only_in_what_it_does_not_read(tmp_path: Path) -> None:
    plain = store_run(tmp_path, method="albunet").id
    nbr = store_run(tmp_path, method="albunet_nbr").id
    stronger = store_run(tmp_path, method="albunet_nbr", settings=["nbr_weight=2"]).id
    failed = store_run(tmp_path, method="albunet", seed=1, status="failed", settings=["mask_downsample=area"]).id
    assert members(tmp_path) == {
        "synthetic, profile quick": {("albunet", 0, plain), ("albunet_nbr", 0, nbr), ("albunet", 1, failed)},
        "synthetic, profile quick with nbr_weight=2.0": {
            *(("albunet", 0, plain), ("albunet_nbr", 0, stronger), ("albunet", 1, failed))
        },
    }


def test_a_set_that_another_one_contains_is_left_out(tmp_path: Path) -> None:
    plain = store_run(tmp_path, method="albunet").id
    nbr = store_run(tmp_path, method="albunet_nbr", settings=["nbr_weight=2", "background_average=background"]).id
    assert members(tmp_path) == {
        "synthetic, profile quick with nbr_weight=2.0, background_average=background": {
            *(("albunet", 0, plain), ("albunet_nbr", 0, nbr))
        }
    }


def test_a_setting_that_a_run_reads_keeps_it_out(tmp_path: Path) -> None:
    narrow = store_run(tmp_path, method="albunet", settings=["width=0.5"]).id
    nbr = store_run(tmp_path, method="albunet_nbr", settings=["nbr_weight=2"]).id
    assert members(tmp_path) == {
        "synthetic, profile quick with width=0.5": {("albunet", 0, narrow)},
        "synthetic, profile quick with nbr_weight=2.0": {("albunet_nbr", 0, nbr)},
    }


def test_runs_that_start_from_a_users_weights_do_not_follow_the_paper_and_are_noted(tmp_path: Path) -> None:
    store_run(tmp_path / "paper", method="albunet", settings=PAPER)
    store_run(tmp_path / "own", method="unet", settings=PAPER)
    store_run(tmp_path / "own", method="albunet", settings=PAPER, weights_file=WeightsFile(Path("/a.pth"), "ab" * 32))
    (paper,), (own,) = (result_sets(load_results(tmp_path / name)) for name in ("paper", "own"))
    assert (paper.follows_paper, own.follows_paper) == (True, False)
    assert paper.notes("II", ["albunet"]) == own.notes("II", ["unet"]) == []
    assert own.notes("II", ["unet", "albunet"]) == [
        "B (AlbuNet) starts from other encoder weights than the profile's: SHA-256 abababababab."
    ]


def test_how_often_training_is_measured_does_not_divide_runs(tmp_path: Path) -> None:
    runs = {
        ("unet", seed, store_run(tmp_path, seed=seed, settings=[f"curve_every={seed + 1}"]).id) for seed in range(3)
    }
    assert members(tmp_path) == {"synthetic, profile quick": runs}


def test_draws_are_common_to_both_ways_of_drawing_for_seed_0_only(tmp_path: Path) -> None:
    unet = [("unet", seed, store_run(tmp_path, seed=seed).id) for seed in (0, 1)]
    albunet = [
        ("albunet", seed, store_run(tmp_path, method="albunet", seed=seed, settings=["draws=fixed"]).id)
        for seed in (0, 1)
    ]
    assert members(tmp_path) == {
        "synthetic, profile quick": {*unet, albunet[0]},
        "synthetic, profile quick with draws=fixed": {*albunet, unet[0]},
    }


def test_a_joined_run_counts_in_the_means_of_both_sets(tmp_path: Path) -> None:
    store_run(tmp_path, 0.4, method="albunet")
    store_run(tmp_path, 0.5, method="albunet_nbr")
    store_run(tmp_path, 0.6, method="albunet_nbr", settings=["nbr_weight=2"])
    values = {
        found.title: [found.cell("carpet", name, 1, "iou").value for name in ("albunet", "albunet_nbr")]
        for found in result_sets(load_results(tmp_path))
    }
    assert values == {
        "synthetic, profile quick": [0.4, 0.5],
        "synthetic, profile quick with nbr_weight=2.0": [0.4, 0.6],
    }


def test_runs_count_unless_they_failed_or_no_seed_of_their_cell_converged() -> None:
    rng = np.random.default_rng(0)
    places = itertools.product(("carpet", "tile", "wood"), ("unet", "albunet"), (1, 5), range(3))
    runs = pd.DataFrame(places, columns=["category", "method", "shots", "seed"])
    runs["status"] = rng.choice([str(status) for status in Status], len(runs))

    def counts(run: pd.Series) -> bool:
        cell = runs[(runs[["category", "method", "shots"]] == run[["category", "method", "shots"]]).all(axis=1)]
        return run["status"] != "failed" and "done" in cell["status"].tolist()

    expected = [bool(counts(run)) for _, run in runs.iterrows()]
    assert 0 < sum(expected) < (runs["status"] != "failed").sum()
    assert runs.index.isin(averaged_rows(runs).index).tolist() == expected
    assert averaged_rows(runs, "converged")["status"].unique().tolist() == ["done"]
    assert len(averaged_rows(runs, "converged")) == (runs["status"] == "done").sum()
    records = [SimpleNamespace(**row | {"status": Status(row["status"])}) for row in runs.to_dict("records")]
    assert averaged_runs(records) == [record for record, kept in zip(records, expected, strict=True) if kept]
