"""``tables`` on the command line: printing, writing, refusals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.results.table import load_results
from reports.collect import result_sets
from reports.formats import FORMATS, as_one
from reports.published import Published
from reports.tables import TABLES, all_tables, build_table
from tests.conftest import CommandLine
from tests.factories import store_run

Output = pytest.CaptureFixture[str]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two methods on carpet, and one on a data set of its own."""
    root = tmp_path / "results"
    for method in ("unet", "albunet"):
        store_run(root, 0.5, method=method)
    store_run(root, 0.7, dataset="folder:mine/../x", data_digest="a" * 64)
    return root


def tables(capsys: Output, root: Path, *words: object) -> str:
    assert main(["tables", "--results", str(root), *map(str, words)]) == 0
    return capsys.readouterr().out


def test_without_options_every_table_of_every_set_is_printed(study: Path, capsys: Output) -> None:
    sets = result_sets(load_results(study))
    expected = as_one([(table, found.title) for found in sets for table in all_tables(found)], "text")
    assert tables(capsys, study) == expected
    assert expected.count("Table II: Mean IOU (synthetic, profile quick)") == 1
    assert expected.count("Table II: Mean IOU (folder:mine/../x, profile quick)") == 1


def test_tables_and_sets_are_chosen_by_number_data_set_and_profile(study: Path, capsys: Output) -> None:
    printed = tables(capsys, study, "--table", "iv", "II", "--dataset", "synthetic", "--profile", "quick")
    heads = [line for line in printed.splitlines() if line.startswith("Table ")]
    assert [head.split(":")[0] for head in heads] == ["Table IV", "Table II"]
    assert "folder:mine" not in printed
    listed = json.loads(tables(capsys, study, "--table", "II", "--format", "json", "--dataset", "synthetic"))
    assert {cell["column"] for cell in listed["cells"]} == {"U-Net", "B (AlbuNet)"}


def test_an_ablation_is_shown_for_those_sets_that_have_it(study: Path, capsys: Output) -> None:
    printed = tables(capsys, study, "--table", "V")
    assert printed.count("Table V:") == 1
    assert "folder:mine" not in printed


def test_runs_that_did_not_converge_are_left_out_on_request(study: Path, capsys: Output) -> None:
    store_run(study, 0.1, method="unet", seed=1, status="not_converged")
    words = ("--table", "II", "--dataset", "synthetic")
    printed = {option: tables(capsys, study, *words, *option) for option in ((), ("--converged-only",))}
    rows = [next(line for line in text.splitlines() if " carpet " in line) for text in printed.values()]
    assert "0.3000(0.2828)" in rows[0]
    assert rows[1].split()[2:5] == ["0.5000*", "[1/2", "seeds]"]
    assert ["not converged" in text.partition("Expected")[0] for text in printed.values()] == [False, True]
    assert "(synthetic, profile quick, converged runs only)" in printed["--converged-only",]


def test_the_papers_numbers_are_shown_beside_ours(study: Path, capsys: Output) -> None:
    printed = tables(capsys, study, "--table", "II", "--paper", "--dataset", "synthetic")
    (paper,) = [line.split() for line in printed.splitlines() if "0.4995" in line and "(" in line]
    assert paper == ["paper", "0.4995(0.0035)", "0.3461(0.0757)"]
    assert "the differences compare different images" in printed
    lines = csv.DictReader(io.StringIO(tables(capsys, study, "--table", "II", "--paper", "--format", "csv")))
    found = {(line["results"], line["row"], line["column"]): line for line in lines}
    line = found["synthetic, profile quick", "carpet", "U-Net"]
    assert float(line["difference"]) == pytest.approx(float(line["value"]) - float(line["published"]))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_papers_own_numbers_need_no_results(kind: str, tmp_path: Path, capsys: Output) -> None:
    printed = tables(capsys, tmp_path / "nowhere", "--published", "--format", kind)
    paper = Published()
    assert printed == as_one([(build_table(number, paper), paper.title) for number in TABLES], kind)


def test_each_table_is_written_to_its_own_file(study: Path, tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "out"
    words = ["--dataset", "synthetic", "--format", "csv", "--out", out]
    named = tables(capsys, study, *words).splitlines()
    assert sorted(named) == sorted(str(path) for path in out.iterdir())
    assert sorted(path.name for path in out.iterdir()) == [f"table_{number}.csv" for number in (1, 2, 3, 4)]
    assert (out / "table_2.csv").read_text() == tables(
        capsys, study, "--dataset", "synthetic", "--format", "csv", "--table", "II"
    )
    (out / "table_2.csv").write_text("old")
    tables(capsys, study, *words)
    assert (out / "table_2.csv").read_text().startswith("table,results,")


def test_several_sets_get_a_subfolder_each(study: Path, tmp_path: Path, capsys: Output) -> None:
    tables(capsys, study, "--table", "II", "--format", "latex", "--out", tmp_path / "out")
    found = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.tex")]
    assert sorted(map(str, found)) == [
        "folder-mine-..-x-profile-quick/table_2.tex",
        "synthetic-profile-quick/table_2.tex",
    ]


def test_an_unwritable_folder_is_one_line_and_nothing_changes(study: Path, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "out").write_text("a file is in the way")
    assert main(["tables", "--results", str(study), "--dataset", "synthetic", "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "out") in line
    assert (tmp_path / "out").read_text() == "a file is in the way"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "results"]


def images_per_category(text: str) -> dict[str, dict[str, dict[str, tuple[int, int]]]]:
    """Return section, category and column to the count and the paper's."""
    found: dict[str, dict[str, dict[str, tuple[int, int]]]] = {}
    for cell in json.loads(text)["cells"]:
        counts = found.setdefault(cell["section"], {}).setdefault(cell["row"], {})
        counts[cell["column"]] = (cell["value"], cell["published"])
    return found


def test_table_1_of_mvtec_ad_needs_neither_runs_nor_images(command_line: CommandLine, tmp_path: Path) -> None:
    words = ("tables", "--table", "I", "--dataset", "mvtec-ad", "--format", "json")
    done = command_line(*words)
    assert (done.returncode, done.stderr) == (0, "")
    found = images_per_category(done.stdout)
    assert set(found) == {"As drawn", "K per category"}
    assert all(ours == paper for row in found["K per category"].values() for ours, paper in row.values())
    assert found["As drawn"]["zipper"]["Train defective 5-shot"] == (35, 5)
    assert found["As drawn"]["zipper"]["Test defective 5-shot"] == (84, 114)
    # What was run is shown where there is any of it.
    store_run(tmp_path / "results", 0.5, category="tile", dataset="mvtec-ad", data_digest="a" * 64)
    assert {cell["row"] for cell in json.loads(command_line(*words).stdout)["cells"]} == {"tile"}


REFUSED = {
    "unknown table": (["--table", "VIII"], "'VIII'"),
    "unknown table of the paper": (["--published", "--table", "0"], "'0'"),
    "no runs of it": (["--table", "VI", "VII"], "VI VII"),
    "no such data set": (["--dataset", "mvtec-ad"], "synthetic, profile quick"),
    "no such profile": (["--profile", "paper"], "synthetic, profile quick"),
    "both": (["--published", "--paper"], "--paper"),
    "the paper's data set": (["--published", "--dataset", "x"], "--dataset"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_one_line(case: str, study: Path, capsys: Output) -> None:
    words, problem = REFUSED[case]
    assert main(["tables", "--results", str(study), *words]) == 2
    output = capsys.readouterr()
    (line,) = output.err.splitlines()
    assert line.startswith("error: ")
    assert problem in line
    assert output.out == ""


def test_no_results_are_one_line(tmp_path: Path, capsys: Output) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert main(["tables", "--results", str(folder)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(folder) in line


def test_it_runs_from_any_folder(command_line: CommandLine) -> None:
    done = command_line("tables", "--published", "--table", "II")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0.6296" in done.stdout
