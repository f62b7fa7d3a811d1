"""``tables --reading`` and ``tables --readings``: other readings of how stored runs are scored."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.results.readings import READINGS, RUN_READINGS, Reading, score_readings
from benchmark.results.stored_run import StoredRun
from benchmark.results.table import load_results
from reports.collect import finished_ids, result_sets
from reports.published import Published
from reports.readings import under_every_reading
from reports.run_numbers import read_numbers, stored_runs
from reports.tables import all_tables
from tests.conftest import CommandLine
from tests.factories import store_run
from tests.results.test_upgrade import to_format_2

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods on two of the paper's categories; two runs did not converge, one failed."""
    root = tmp_path_factory.mktemp("readings") / "results"
    for method, base in (("unet", 0.3), ("albunet", 0.5)):
        for category in ("carpet", "wood"):
            for seed in range(3):
                iou = base + 0.1 * seed
                store_run(root, iou, method=method, category=category, seed=seed)
    store_run(root, 0.0, status="not_converged", method="unet", seed=3)
    store_run(root, 0.01, status="not_converged", method="albunet", seed=3)
    store_run(root, status="failed", method="albunet", category="wood", seed=3)
    return root


def cells(capsys: Output, root: Path, *words: str) -> dict[tuple[str, str, str], dict[str, str]]:
    assert main(["tables", "--results", str(root), "--format", "csv", *words]) == 0
    rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
    return {(row["table"], row["row"], row["column"]): row for row in rows}


def test_the_default_reading_gives_the_tables_of_before(study: Path, capsys: Output) -> None:
    (results,) = result_sets(load_results(study))
    numbers = read_numbers(stored_runs(study, finished_ids([results])), [], readings=RUN_READINGS)
    scored = {run_id: found.scores for run_id, found in numbers.items()}
    sets = under_every_reading(results, scored)
    assert list(sets) == list(READINGS)
    assert all_tables(sets[Reading()]) == all_tables(results)
    # Also where the numbers come from the files rather than from the record.
    for row in results.runs.itertuples():
        if row.id in scored:
            assert tuple(scored[row.id][0]) == (row.iou, row.dc, row.auc, row.acc)


def test_a_table_under_a_reading_has_its_numbers_and_names_it(study: Path, capsys: Output) -> None:
    reading = Reading(threshold="training", images="all", empty_mask="left_out")
    found = cells(capsys, study, "--reading", *str(reading).split())
    runs = [StoredRun(study / "runs" / run) for run in sorted(path.name for path in (study / "runs").iterdir())]
    values = [
        score_readings(run.images, run.predictions, 0.5, [reading])[0]
        for run in runs
        if run.folder.name.startswith("carpet_unet_k1")
    ]
    cell = found["II", "carpet", "U-Net"]
    assert float(cell["value"]) == pytest.approx(np.mean([value[0] for value in values]))
    assert float(cell["std"]) == pytest.approx(np.std([value[0] for value in values], ddof=1))
    assert cell["n"] == "4"
    assert cell["results"] == "synthetic, profile quick, reading threshold=training images=all empty_mask=left_out"
    assert main(["tables", "--results", str(study), "--reading", *str(reading).split(), "--table", "II", "IV"]) == 0
    printed = capsys.readouterr().out
    assert f"Reading: {reading.describe(0.5)}" in printed.splitlines()
    assert f"Reading: {reading.describe(0.5, of_images=True)}" in printed.splitlines()


def test_every_field_changes_what_it_says(study: Path, capsys: Output) -> None:
    plain = cells(capsys, study)
    zero = cells(capsys, study, "--reading", "empty_prediction=left_out")
    assert (plain["II", "carpet", "U-Net"]["n"], zero["II", "carpet", "U-Net"]["n"]) == ("4", "3")
    assert zero["II", "carpet", "U-Net"]["undefined"] == "1"
    assert zero["IV", "U-Net", "1-shot AUC"] == plain["IV", "U-Net", "1-shot AUC"] | {
        "results": zero["IV", "U-Net", "1-shot AUC"]["results"]
    }
    # Of one normal and one defective image, both without false positives.
    every = cells(capsys, study, "--reading", "images=all")
    ours = [float(table["II", "wood", "U-Net"]["value"]) for table in (plain, every)]
    assert ours[1] == pytest.approx((ours[0] + 1) / 2)
    for words in (["--reading", "runs=converged"], ["--converged-only"]):
        converged = cells(capsys, study, *words)
        assert converged["II", "carpet", "B (AlbuNet)"]["n"] == "3"
        assert converged["II", "carpet", "B (AlbuNet)"]["results"].endswith("profile quick, converged runs only")
    # The run without a prediction at 0.5 has its best IOU where every pixel is predicted: 100 of 4096 are defective.
    best = cells(capsys, study, "--reading", "threshold=test")["II", "carpet", "U-Net"]
    assert float(best["value"]) == pytest.approx((0.3 + 0.4 + 0.5 + 100 / 4096) / 4)
    pooled = cells(capsys, study, "--reading", "threshold=test", "reduction=pooled", "images=all")
    assert float(pooled["II", "carpet", "U-Net"]["value"]) == pytest.approx((0.3 + 0.4 + 0.5 + 100 / 8192) / 4)


def test_the_paper_stands_beside_a_reading_too(study: Path, capsys: Output) -> None:
    found = cells(capsys, study, "--paper", "--reading", "images=all")["II", "carpet", "U-Net"]
    paper = Published().cell("carpet", "unet", 1, "iou").value
    assert float(found["difference"]) == pytest.approx(float(found["value"]) - float(paper or 0))


def test_readings_are_ranked_by_their_distance_to_the_paper(study: Path, command_line: CommandLine) -> None:
    done = command_line("tables", "--results", str(study), "--readings", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads(done.stdout)
    rows: dict[str, dict[str, float]] = {}
    for cell in content["cells"]:
        rows.setdefault(cell["row"], {})[cell["column"]] = cell["value"]
    assert len(rows) == len(READINGS)
    both = [row["IOU and DC"] for row in rows.values()]
    assert both == sorted(both)
    paper, (results,) = Published(), result_sets(load_results(study))
    expected = [
        (results.cell(category, method, 1, metric).value or 0) - (paper.cell(category, method, 1, metric).value or 0)
        for metric in ("iou", "dc")
        for category in ("carpet", "wood")
        for method in ("unet", "albunet")
    ]
    default = rows["as the tables (default)"]
    assert default["cells"] == 8
    assert default["IOU"] == pytest.approx(np.mean(np.abs(expected[:4])))
    assert default["IOU and DC"] == pytest.approx(np.mean(np.abs(expected)))
    assert default["difference"] == pytest.approx(np.mean(expected))
    assert {row["cells"] for row in rows.values()} == {8}
    assert "(exploratory)" in content["title"]
    assert content["notes"][0].startswith("Not comparable with the paper: these runs use the data set synthetic")
    assert content["notes"][1].startswith("Exploratory:")


def test_runs_without_logits_have_no_other_threshold(tmp_path: Path, capsys: Output) -> None:
    run = store_run(tmp_path, 0.4)
    to_format_2(tmp_path / "runs" / run.id)
    assert cells(capsys, tmp_path, "--reading", "images=all")["II", "carpet", "U-Net"]["n"] == "1"
    cell = cells(capsys, tmp_path, "--reading", "threshold=test")["II", "carpet", "U-Net"]
    assert (cell["value"], cell["undefined"]) == ("", "1")
    assert main(["tables", "--results", str(tmp_path), "--readings"]) == 0
    printed = capsys.readouterr().out
    assert "40 readings take a threshold that runs stored before logits were do not have." in printed.splitlines()
    assert "threshold=" not in printed.partition("Not comparable")[0]


def test_a_run_whose_files_cannot_be_read_is_named_and_has_no_value(
    tmp_path: Path, capsys: Output, caplog: pytest.LogCaptureFixture
) -> None:
    run = store_run(tmp_path, 0.4)
    path = tmp_path / "runs" / run.id / "predictions.npz"
    path.write_bytes(b"")
    cell = cells(capsys, tmp_path, "--reading", "reduction=pooled")["II", "carpet", "U-Net"]
    assert f"{path} cannot be read" in caplog.text
    assert (cell["value"], cell["undefined"]) == ("", "1")
    assert cells(capsys, tmp_path)["II", "carpet", "U-Net"]["value"] == "0.4"
