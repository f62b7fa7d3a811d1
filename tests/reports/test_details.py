"""The page of each category and K, the links to it, and its folder."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from baselines import InputError, get_method
from benchmark.atomic import replace_folder
from benchmark.processes import host_name
from benchmark.protocol.studies import FIGURE_STUDIES
from benchmark.results.table import iterate_records
from reports.html import write_report
from reports.page.details import mean_and_deviation
from reports.page.links import slug
from reports.page.stored import FinishedRun, read_curves
from reports.samples import Gallery, figure_lines, find_extreme, pasted_lines, sample_grid
from tests.factories import store_complete, store_run
from tests.reports.pages import HOSTILE, Outline


def folder_of(root: Path) -> Path:
    (folder,) = (path for path in (root / "report_files").iterdir() if path.is_dir())
    return folder


def finished_runs(root: Path) -> list[FinishedRun]:
    runs = read_curves(iterate_records(root, []), root, []).values()
    return [run for run in runs if isinstance(run, FinishedRun)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of every method and K on two categories, with every file."""
    root = tmp_path_factory.mktemp("whole")
    store_complete(root, 80, size=32, iterations=100, categories=("hazelnut", "tile"))
    write_report(root)
    return root


@pytest.fixture(scope="module")
def runs(whole: Path) -> list[FinishedRun]:
    return finished_runs(whole)


def test_slugs_are_safe_different_for_different_names_and_plain_names_stay() -> None:
    names = [
        "carpet", "metal_nut", "Carpet", "carpet ", "ä", "a", "a/b", "a-b", "../up", HOSTILE, "", "smp:Unet/resnet34",
        "x" * 300, "x" * 301, slug("a/b"), "螺丝", "螺母", "CON", "unet+nbr", "unet_nbr", ".", "..",
    ]  # fmt: skip
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,70}", text) for text in slugs)
    assert (slug("carpet"), slug("metal_nut")) == ("carpet", "metal_nut")


def test_each_cell_of_table_2_links_to_its_method_on_its_page_and_back(whole: Path) -> None:
    text = (whole / "report.html").read_text(encoding="utf-8")
    links = {unescape(link) for link in Outline(text).links if link.startswith("report_files/")}
    cells = {link for link in links if "#" in link}
    assert len(cells) == 2 * 2 * 10
    for link in cells:
        path, _, anchor = link.partition("#")
        page = Outline((whole / unquote(path)).read_text(encoding="utf-8"))
        assert anchor in page.ids
        back = next(link for link in page.links if link.startswith("../../"))
        target, _, anchor = back.partition("#")
        assert (whole / unquote(path)).parent.joinpath(target).resolve() == (whole / "report.html").resolve()
        assert f'id="{anchor}"' in text


def test_detail_pages_are_complete_and_request_nothing(whole: Path) -> None:
    pages = sorted(folder_of(whole).iterdir())
    assert [page.name for page in pages] == [f"{c}_{k}-shot.html" for c in ("hazelnut", "tile") for k in (1, 5)]
    for page in pages:
        outline = Outline(page.read_text(encoding="utf-8"))
        assert len(outline.ids) == len(set(outline.ids))
        assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
        assert all(source.startswith("data:image/") for source in outline.sources)
        assert outline.images_without_words == 0


def test_a_page_names_every_seed_of_every_method_and_its_training_images(whole: Path, runs: list[FinishedRun]) -> None:
    text = (folder_of(whole) / "tile_1-shot.html").read_text(encoding="utf-8")
    records = [run.record for run in runs if (run.category, run.shots) == ("tile", 1)]
    assert len(records) == 20
    for record in records:
        assert f"<code>{record.id}</code>" in text
        assert f"{record.metrics.iou:.4f}" in text
    assert text.count("test/cut/0.png; and 2 normal images") == 2
    values = [record.metrics.iou for record in records if record.method == "unet"]
    assert f"{pd.Series(values).mean():.4f}" in text
    assert f"({pd.Series(values).std():.4f})" in text


def test_partial_cells_state_how_many_seeds_they_are_based_on_and_failures_why(tmp_path: Path) -> None:
    store_run(tmp_path, 0.5, seed=0)
    store_run(tmp_path, status="failed", seed=1)
    store_run(tmp_path, 0.3, seed=2, status="not_converged")
    store_run(tmp_path, 0.4, seed=0, method="albunet")
    write_report(tmp_path)
    text = (folder_of(tmp_path) / "carpet_1-shot.html").read_text(encoding="utf-8")
    # The seed that did not converge counts, but in the tables of converged runs.
    assert text.count('<small class="partial">2/3 seeds</small>') == 1
    assert text.count('<small class="partial">1/3 seeds</small>') == 1
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    of_all, of_converged = report.split("The same tables over converged runs only")
    for part, counts in ((of_all, (2, 2)), (of_converged, (4, 0))):  # Tables II and III
        assert tuple(part.count(f'<span class="part">{n}/3 seeds</span>') for n in (1, 2)) == counts
    assert "Seed 1 failed: RuntimeError: out of luck" in text
    assert '<td class="word not_converged">not converged</td>' in text


def test_spread_is_the_sample_deviation() -> None:
    assert mean_and_deviation([0.1, 0.2, 0.6]) == f"0.3000 ({np.sqrt((0.04 + 0.01 + 0.09) / 2):.4f})"
    assert (mean_and_deviation([0.25, None]), mean_and_deviation([]), mean_and_deviation([None])) == (
        "0.2500",
        "\N{EN DASH}",
        "\N{EN DASH}",
    )


def test_worst_and_best_predictions_are_taken_over_all_seeds(tmp_path: Path) -> None:
    for seed, iou in enumerate((0.6, 0.2, 0.9)):
        store_run(tmp_path, iou, seed=seed)
    runs = finished_runs(tmp_path)
    found = [find_extreme(runs, reason) for reason in ("worst", "best")]
    assert [(pair[0].seed, pair[1].iou) for pair in found if pair] == [(1, 0.2), (2, 0.9)]
    assert find_extreme([], "worst") is None


def test_figures_6_and_8_show_a_defective_test_image_and_a_training_image_of_its_defect_type(
    runs: list[FinishedRun],
) -> None:
    one_shot = [run for run in runs if run.shots == 1]
    methods = ["albunet_nbr_cap", "albunet", "no_such"]
    lines = figure_lines(one_shot, ["tile", "hazelnut", "absent"], methods, Gallery())
    assert [(line.category, line.seed, line.test.label) for line in lines] == [
        ("tile", 0, "color"),
        ("hazelnut", 0, "color"),
    ]
    for line in lines:
        assert line.training is not None
        assert line.training.label == line.test.label
        ours, baseline, absent = line.predictions
        assert ours is not None
        assert baseline is not None
        assert ours.uri.startswith("data:image/webp")
        assert absent is None


def test_the_report_shows_what_the_studies_of_the_figures_name(whole: Path) -> None:
    text = (whole / "report.html").read_text(encoding="utf-8")
    for number in ("6", "8"):
        study = FIGURE_STUDIES[number]
        (head,) = re.findall(rf"Figure {number}</caption>\s*<thead>(.*?)</thead>", text, re.DOTALL)
        shown = re.findall(r'<th scope="col">(.*?)</th>', head)
        labels = [get_method(name).label for name in study.methods]
        assert [unescape(name) for name in shown][-len(labels) :] == labels
        assert f"{study.title}, 1-shot" in text


def test_figure_10_shows_lambda_of_each_pasted_image_or_that_there_are_none(
    whole: Path, runs: list[FinishedRun], tmp_path: Path
) -> None:
    lines = pasted_lines([run for run in runs if run.shots == 1], ["hazelnut", "tile"], ["albunet_nbr_cap"], Gallery())
    assert [(line.category, line.label, len(line.pairs)) for line in lines] == [
        ("hazelnut", "B+NBR+CaP (ours)", 4),
        ("tile", "B+NBR+CaP (ours)", 4),
    ]
    assert {pasted.caption for line in lines for _, pasted in line.pairs} == {"λ = 0.9000"}
    assert (whole / "report.html").read_text(encoding="utf-8").count("λ = 0.9000") == 8
    store_run(tmp_path)
    assert "No stored run has pasted images" in write_report(tmp_path).read_text(encoding="utf-8")


def test_a_grid_shows_the_seed_that_most_methods_have(tmp_path: Path) -> None:
    for seed, method in ((0, "unet"), (1, "unet"), (1, "albunet")):
        store_run(tmp_path, 0.5, seed=seed, method=method)
    assert {line.seed for line in sample_grid(finished_runs(tmp_path), ["unet", "albunet"], Gallery())} == {1}


def test_pages_of_an_earlier_report_are_replaced_and_links_stay(tmp_path: Path) -> None:
    store_run(tmp_path, category="carpet")
    gone = store_run(tmp_path, category="tile")
    write_report(tmp_path)
    first = sorted(folder_of(tmp_path).iterdir())
    (tmp_path / "runs" / gone.id).rename(tmp_path / "elsewhere")
    write_report(tmp_path)
    assert sorted(folder_of(tmp_path).iterdir()) == [path for path in first if path.name.startswith("carpet")]
    assert not list(tmp_path.glob(".*"))


def test_stale_files_of_a_killed_report_are_removed(tmp_path: Path) -> None:
    store_run(tmp_path)
    # No process can have that id.
    (tmp_path / f".report_files~{2**31 - 1}~{host_name()}~0123abcd.partial").mkdir()
    write_report(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_no_report_wrote_is_left_alone(tmp_path: Path) -> None:
    store_run(tmp_path)
    precious = tmp_path / "thesis_files" / "chapter.txt"
    precious.parent.mkdir()
    precious.write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match="thesis_files"):
        write_report(tmp_path, path=tmp_path / "thesis.html")
    assert precious.read_text(encoding="utf-8") == "years of work"
    assert not (tmp_path / "thesis.html").exists()


def test_a_folder_is_replaced_atomically(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    with replace_folder(folder) as temporary:
        (temporary / "old").touch()
    with pytest.raises(InputError), replace_folder(folder) as temporary:
        (temporary / "new").rename(temporary / "newer")
    assert [path.name for path in folder.iterdir()] == ["old"]
    with replace_folder(folder) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]


def test_unreadable_pictures_of_every_page_are_reported(tmp_path: Path) -> None:
    runs = [store_run(tmp_path, category=f"product{number}") for number in range(6)]
    lost = [next((tmp_path / "runs" / run.id / "samples").glob("test_*_prediction.png")) for run in runs[1::2]]
    for path in lost:
        path.unlink()
    with pytest.warns(UserWarning, match="3 sample pictures that cannot be read"):
        text = write_report(tmp_path).read_text(encoding="utf-8")
    assert len(list(folder_of(tmp_path).iterdir())) == 6
    assert all(str(path) in text for path in lost)


def test_corrupted_curves_and_missing_files_are_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    intact, corrupted = store_run(tmp_path, seed=0), store_run(tmp_path, seed=1)
    folder = tmp_path / "runs" / corrupted.id
    (folder / "roc.csv").write_text("fpr,tpr\n", encoding="utf-8")
    for name in ("images.csv", "predictions.npz"):
        (folder / name).unlink()
    with pytest.warns(UserWarning, match=r"3 files that cannot be read: .*roc\.csv has"):
        text = write_report(tmp_path).read_text(encoding="utf-8")
    assert f"{corrupted.id}/roc.csv has the columns" in text
    assert f"{corrupted.id}/images.csv cannot be read" in text
    assert f"{corrupted.id}/predictions.npz cannot be read" in text
    assert f"<code>{intact.id}</code>" in text
    assert f"<code>{corrupted.id}</code>" in text


def test_a_detail_page_shows_the_interval_over_seeds_and_what_f_contributes(tmp_path: Path) -> None:
    for seed, iou in enumerate((0.4, 0.5, 0.6)):
        store_run(tmp_path, iou, seed=seed)
    write_report(tmp_path)
    (page,) = (tmp_path / "report_files").rglob("carpet_1-shot.html")
    text = page.read_text(encoding="utf-8")
    assert "<td>0.2516 to 0.7484</td>" in text
    assert "<td>0.0100</td>" in text
