"""The report: complete, offline, escaped; opened in a real browser where there is one."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from baselines import InputError
from reports.audit import find_contradictions
from reports.collect import PAPER_CATEGORIES
from reports.hierarchical import QUESTION
from reports.html import write_report
from reports.pages import static_text
from reports.paper.ledger import read_ledger
from tests.conftest import CommandLine
from tests.factories import store_complete, store_run
from tests.reports.pages import HOSTILE, Outline, browse, needs_browser, reads_well


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two methods, a hostile category name and label, and a failed run."""
    root = tmp_path_factory.mktemp("written")
    for method in ("unet", "albunet_nbr_cap"):
        store_run(root, 0.5, category="carpet", method=method)
        store_run(root, 0.7, category=HOSTILE, method=method, label=HOSTILE)
    store_run(root, status="failed", category="carpet", method="albunet")
    return write_report(root, ["python", "-m", "benchmark", "run", "--category", HOSTILE])


@pytest.fixture
def page(written: Path, tmp_path: Path) -> Path:
    """A copy that a test may change, with its runs beside it."""
    return shutil.copytree(written.parent, tmp_path, dirs_exist_ok=True) / written.name


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything in it, and one category that needs escaping."""
    root = tmp_path_factory.mktemp("rich")
    store_complete(root, 60, size=32, iterations=100, categories=("hazelnut", "tile"))
    store_run(root, 0.7, category=HOSTILE, label=HOSTILE, settings=["iterations=100"])
    store_run(root, status="failed", category="tile", seed=1, shots=5, settings=["iterations=100"])
    return write_report(root)


def pages_of(report: Path) -> list[Path]:
    return [report, *sorted(report.with_name("report_files").rglob("*.html"))]


def test_each_page_is_one_file_that_requests_nothing(page: Path) -> None:
    for file in pages_of(page):
        text = file.read_text(encoding="utf-8")
        outline = Outline(text)
        assert outline.sources
        assert all(source.startswith("data:image/") for source in outline.sources)
        assert not re.search(r"url\((?!data:|#)|@import|<link(?! rel=\"icon\" href=\"data:,\")", text)
        for link in outline.links:
            if not link.startswith(("#", "data:")):
                assert (file.parent / unquote(link.partition("#")[0])).is_file()


def test_every_link_has_its_target_and_every_image_its_words(page: Path) -> None:
    outline = Outline(page.read_text(encoding="utf-8"))
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert outline.images_without_words == 0


def test_names_from_a_data_set_are_text(page: Path) -> None:
    for file in pages_of(page):
        text = file.read_text(encoding="utf-8")
        # The page's own code, and the numbers of its charts and of other readings.
        assert Outline(text).scripts == (3 if file == page else 2)
        assert "<script>alert" not in text
    text = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "RuntimeError: out of luck" in text


def test_numbers_of_charts_cannot_end_their_script(tmp_path: Path) -> None:
    from reports.pages import embedded_json

    text = embedded_json({"label": "</script><script>alert(1)//<!--", "é": 1})
    assert not re.search(r"[<>&]", text)
    assert text.isascii()


def test_every_page_states_that_other_images_than_mvtec_ad_are_not_comparable(page: Path, tmp_path: Path) -> None:
    for file in pages_of(page):
        assert "not comparable with the paper" in file.read_text(encoding="utf-8")
    store_run(tmp_path / "real", dataset="mvtec-ad")
    for file in pages_of(write_report(tmp_path / "real")):
        text = file.read_text(encoding="utf-8")
        assert "not comparable" not in text
        assert "other images" not in text


def test_claims_findings_and_statistics_are_shown_with_links_of_their_own(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    outline = Outline(text)
    claims = [claim.id for claim in read_ledger().claims]
    shown = [name.partition("-claim-") for name in outline.ids if "-claim-" in name]
    assert sorted(claim for of, _, claim in shown if of.startswith("set-")) == sorted(claims)
    assert sorted(claim for of, _, claim in shown if of == "paper") == sorted(claims)
    findings = find_contradictions()
    assert [name for name in outline.ids if name.startswith("finding-")] == [f"finding-{item.id}" for item in findings]
    for words in (findings[0].steps[0], read_ledger().claims[0].quote, "too few paired categories (2, ", "sign-flip"):
        assert html.escape(words) in text


def test_metrics_beside_the_paper_s_are_those_of_the_command(rich: Path, command_line: CommandLine) -> None:
    content = rich.read_text(encoding="utf-8")
    fold = content.partition("Metrics beside the paper")[2].partition("-figures")[0]
    printed = json.loads(command_line("metrics", "--results", str(rich.parent), "--format", "json").stdout)
    values = [cell["value"] for cell in printed["cells"] if cell["value"] is not None and cell["value"] % 1]
    assert len(set(values)) > 20
    for value in values:
        assert f"{value:.4f}" in fold


def test_a_claim_shows_the_power_of_its_study(rich: Path) -> None:
    assert "<p>Power: 0.00 with " in rich.read_text(encoding="utf-8")


def test_a_claim_shows_its_hierarchical_look(rich: Path) -> None:
    content = rich.read_text(encoding="utf-8")
    shown = content.partition(f"<p>{QUESTION.capitalize()}:</p>")[2].partition("</ul>")[0]
    assert "2 categories, 3 needed to know how categories differ</li>" in shown


def test_a_report_opens_with_the_best_method_and_whether_its_lead_is_shown(tmp_path: Path) -> None:
    for number, category in enumerate(PAPER_CATEGORIES[:8]):
        store_run(tmp_path, 0.3 + number / 100, category=category, method="unet")
        store_run(tmp_path, 0.6 + number / 50, category=category, method="albunet")
    text = write_report(tmp_path).read_text(encoding="utf-8")
    answer = text[: text.index('-tables">')]
    assert "K = 1: B (AlbuNet) is best" in answer
    assert "This difference is shown (p = 0.0078" in answer
    (tmp_path / "few").mkdir()
    for method, iou in (("unet", 0.3), ("albunet", 0.6)):
        store_run(tmp_path / "few", iou, method=method)
    assert "K = 1: B (AlbuNet) has the highest mean" in write_report(tmp_path / "few").read_text(encoding="utf-8")
    # Nothing but the data set and what was run stands above it.
    assert answer.index("K = 1: B") < answer.index("Claims of the paper")
    order = [answer.index(f"{place}. {label}") for place, label in ((1, "B (AlbuNet)"), (2, "U-Net"))]
    assert order == sorted(order)
    assert answer.count('class="interval"') == 2
    # The strip: an image, its mask and the predictions of both.
    strip = answer[answer.index("-strip") :]
    assert Outline(strip).images_without_words == 0
    assert len(Outline(strip).sources) == 4
    assert "claims are not decided" in answer


def test_a_warning_above_the_ablations_names_the_methods_whose_deepest_features_are_dead(tmp_path: Path) -> None:
    for method in ("albunet", "albunet_nbr", "unet"):
        for seed in (0, 1):
            spec = store_run(tmp_path, method=method, seed=seed)
            if (method, seed) in (("albunet_nbr", 1), ("unet", 0)):
                record = tmp_path / "runs" / spec.id / "run.json"
                content = json.loads(record.read_text(encoding="utf-8"))
                content["liveness"] = {"logits": 0.0, "iou": 0.0005}
                record.write_text(json.dumps(content), encoding="utf-8")
    text = write_report(tmp_path).read_text(encoding="utf-8")
    (warning,) = re.findall(r'<p class="warning">(Tables V to VII.*?)</p>', text, re.DOTALL)
    assert "runs of B+NBR (1 of 2 runs):" in warning
    assert text.index("Table IV. ") < text.index(warning) < text.index("Table V. ")


def test_gradient_norms_are_drawn_beside_figure_9_for_methods_with_nbr(rich: Path, tmp_path: Path) -> None:
    text = rich.read_text(encoding="utf-8")
    charts = [chart for chart in re.findall(r'data-chart="([^"]+)"', text) if "-gradients-" in chart]
    assert len(charts) == 2  # one per K
    data = json.loads(re.findall(r'id="charts">(.*?)</script>', text)[0])
    drawn = next(chart for chart in data if chart["key"] == charts[0])
    assert drawn["series"][0]["x"][0] == 1
    assert set(drawn["series"][0]["y"]) == {0.5}
    # Runs of earlier versions have none.
    spec = store_run(tmp_path)
    (tmp_path / "runs" / spec.id / "gradients.csv").unlink()
    record = tmp_path / "runs" / spec.id / "run.json"
    content = json.loads(record.read_text(encoding="utf-8"))
    del content["liveness"]
    record.write_text(json.dumps(content), encoding="utf-8")
    assert "-gradients-" not in write_report(tmp_path).read_text(encoding="utf-8")


def test_links_to_a_result_set_stay_when_another_is_added(tmp_path: Path) -> None:
    store_run(tmp_path)
    before = {
        name for name in Outline(write_report(tmp_path).read_text(encoding="utf-8")).ids if name.startswith("set-")
    }
    store_run(tmp_path, settings=["learning_rate=0.5"])
    store_run(tmp_path, dataset="another")
    after = Outline(write_report(tmp_path).read_text(encoding="utf-8")).ids
    assert before <= set(after)
    assert len(after) == len(set(after))


def test_an_empty_folder_gives_a_page_that_says_so_and_none_an_error(tmp_path: Path) -> None:
    assert "Nothing is stored" in write_report(tmp_path).read_text(encoding="utf-8")
    with pytest.raises(InputError, match="no results in"):
        write_report(tmp_path / "nowhere")


def test_only_failed_runs_still_give_a_page(tmp_path: Path) -> None:
    store_run(tmp_path, status="failed")
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "1 failed run" in text
    assert "No run finished." in pages_of(tmp_path / "report.html")[1].read_text(encoding="utf-8")


def test_pictures_that_cannot_be_read_are_named_and_the_rest_is_shown(page: Path) -> None:
    lost = next((page.parent / "runs").glob("carpet_unet_*/samples/test_*_prediction.png"))
    lost.unlink()
    for path in (page.parent / "runs").glob("carpet_*/samples/train_*_truth.png"):
        corrupted = path
        path.write_bytes(path.read_bytes()[:40])
    with pytest.warns(UserWarning, match=r"\d sample pictures that cannot be read: "):
        write_report(page.parent)
    detail = next(file for file in pages_of(page) if file.name == "carpet_1-shot.html").read_text(encoding="utf-8")
    assert "missing: prediction of U-Net for test/cut/7.png</em>" in detail
    assert "missing: annotated mask of test/cut/0.png</em>" in detail
    for text in (page.read_text(encoding="utf-8"), detail):
        for path in (lost, corrupted):
            assert (
                len(
                    re.findall(
                        rf"<(?:li|p)[^>]*>unreadable image [^<]*{path.parent.parent.name}/samples/{path.name}: ", text
                    )
                )
                == 1
            )
        assert Outline(text).images_without_words == 0


def test_an_input_that_is_corrupted_in_one_run_is_taken_from_another(page: Path) -> None:
    corrupted = next((page.parent / "runs").glob("carpet_albunet_nbr_cap_*/samples/train_*_truth.png"))
    corrupted.write_bytes(b"")
    with pytest.warns(UserWarning, match="1 sample picture "):
        write_report(page.parent)
    assert "missing: annotated mask of test/cut/7.png" not in pages_of(page)[1].read_text(encoding="utf-8")


def test_runs_that_cannot_be_read_are_named(page: Path) -> None:
    broken = next((page.parent / "runs").glob("carpet_unet_*/run.json"))
    broken.write_text("{", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"run\.json cannot be read"):
        text = write_report(page.parent).read_text(encoding="utf-8")
    assert 'id="problems"' in text
    assert str(broken) in text


def test_tables_and_runs_can_be_downloaded(rich: Path) -> None:
    text = rich.read_text(encoding="utf-8")
    found = dict(re.findall(r'<a download="([^"]+)" href="data:text/[^;]+;charset=utf-8;base64,([^"]+)"', text))
    numbers = ("i", "ii", "iii", "iv", "v", "vi", "vii")
    assert [name.split("_")[1] for name in found if name.endswith(".tex")] == list(numbers)
    decoded = {name: base64.b64decode(data).decode() for name, data in found.items()}
    (table,) = (value for name, value in decoded.items() if name.startswith("table_ii_") and name.endswith(".csv"))
    rows = list(csv.DictReader(io.StringIO(table)))
    assert {row["row"] for row in rows} == {"hazelnut", "tile", HOSTILE, "Mean"}
    (runs,) = (value for name, value in decoded.items() if name.startswith("runs_"))
    assert len(list(csv.DictReader(io.StringIO(runs)))) == 62


LOOK = """
const wait = () => new Promise(done => setTimeout(done, 20));
const found = {};
const texts = (table, column) => [...table.tBodies[0].rows].map(row => row.cells[column]?.textContent.trim());
const runs = document.querySelector("table.runs");
const head = runs.tHead.rows[0].cells[5];
const iou = () => texts(runs, 5).map(Number);
found.written = iou();
head.querySelector("button").click(); found.up = [head.getAttribute("aria-sort"), iou()];
head.querySelector("button").click(); found.down = [head.getAttribute("aria-sort"), iou()];
head.querySelector("button").click(); found.again = [head.getAttribute("aria-sort"), iou()];
const table = document.querySelector("[id$=table-ii] + .scroll table");
table.tHead.rows[0].cells[1].querySelector("button").click();
found.first_column = texts(table, 0);
const form = document.querySelector("form.filter");
const shown = () => [...runs.tBodies[0].rows].filter(row => !row.hidden && row.getClientRects().length).length;
form.elements.text.value = "TILE k5"; form.elements.text.dispatchEvent(new Event("input", {bubbles: true}));
found.by_text = [shown(), form.querySelector("output").value];
form.elements.status.value = "failed"; form.elements.status.dispatchEvent(new Event("input", {bubbles: true}));
found.by_status = shown();
const paper = [...document.querySelectorAll(".paper")].find(item => item.textContent.includes("."));
found.paper = [getComputedStyle(paper).display];
document.querySelector(".paper-switch").click();
found.paper.push(getComputedStyle(paper).display, paper.textContent.replace(/\\s+/g, " ").trim());
const figure = document.querySelector("figure.chart");
const slider = figure.querySelector("input");
slider.value = 50; slider.dispatchEvent(new Event("input"));
const last = [figure.querySelector("thead tr"), figure.querySelector("tbody tr")].map(row => row.lastElementChild);
found.chart = last.map(cell => cell.textContent);
const data = JSON.parse(document.getElementById("charts").textContent)[0];
found.tpr = data.series[0].y[50].toFixed(4);
const before = getComputedStyle(document.body).backgroundColor;
document.querySelector(".theme").click();
found.theme = [before, getComputedStyle(document.body).backgroundColor];
try { found.kept = localStorage.getItem("few-shot-report-theme"); } catch { found.kept = "nowhere"; }
return found;
"""


@needs_browser
def test_a_reader_can_sort_filter_compare_and_read_values_off(rich: Path, tmp_path: Path) -> None:
    seen = browse(rich, tmp_path, "--window-size=1300,900", script=LOOK)
    reads_well(seen)
    assert seen["hostile"]
    assert seen["opened"] < 2000
    found = seen["found"]
    # The failed run has no IOU (NaN in JSON is null) and stays last whichever way.
    written = [value for value in found["written"] if value is not None]
    assert found["up"] == ["ascending", [*sorted(written), None]]
    assert found["down"] == ["descending", [*sorted(written, reverse=True), None]]
    assert found["again"] == [None, found["written"]]
    assert (found["first_column"][0], found["first_column"][-1]) == ("1-shot", "Mean")
    assert found["by_text"] == [11, "11 of 62 runs"]
    assert found["by_status"] == 1
    assert found["paper"] == ["none", "block", "in the paper 0.6873 \N{MINUS SIGN}0.4731"]
    assert found["chart"] == ["at FPR 0.50", found["tpr"]]
    assert found["theme"] == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]
    assert found["kept"] == "dark"


@needs_browser
@pytest.mark.parametrize("width", [1400, 800, 420])
def test_a_page_and_its_strip_of_predictions_fit_the_window(rich: Path, tmp_path: Path, width: int) -> None:
    strip = "return [...document.querySelectorAll('.few .scroll')].map(box => box.scrollWidth - box.clientWidth)"
    seen = browse(rich, tmp_path, width=width, script=strip)
    assert (seen["width"], max(seen["found"])) == (width, 0)
    reads_well(seen)


@needs_browser
def test_the_choice_of_colours_is_kept_where_it_may_be_and_works_where_not(rich: Path, tmp_path: Path) -> None:
    early = "<script>try { localStorage.setItem('few-shot-report-theme', 'dark') } catch {}</script><style>"
    page = rich.with_name("dark.html")
    page.write_text(rich.read_text(encoding="utf-8").replace("<style>", early, 1), encoding="utf-8")
    assert browse(page, tmp_path)["background"] == "rgb(20, 23, 27)"
    toggle = "document.querySelector('.theme').click(); return getComputedStyle(document.body).backgroundColor"
    seen = browse(page, tmp_path, "--disable-local-storage", script=toggle)
    assert (seen["background"], seen["found"]) == ("rgb(255, 255, 255)", "rgb(20, 23, 27)")
    assert seen["problems"] == []
    page.unlink()


@needs_browser
def test_a_cell_links_to_its_method_and_back_on_a_phone_in_dark_mode(rich: Path, tmp_path: Path) -> None:
    dark = "--blink-settings=preferredColorScheme=0"
    seen = browse(
        rich, tmp_path, dark, width=420,
        script="return [...document.querySelectorAll('.numbers td a')].map(link => link.getAttribute('href'))",
    )  # fmt: skip
    reads_well(seen)
    assert (seen["width"], seen["background"]) == (420, "rgb(20, 23, 27)")
    hostile = next(link for link in seen["found"] if "alert" in link)
    path, _, anchor = hostile.partition("#")
    seen = browse(
        rich.parent / unquote(path), tmp_path, dark, width=420, fragment=anchor,
        script="return [document.querySelector('section:target h2').textContent,"
        " document.querySelector('header a').href.split('/').pop().split('#')[0]]",
    )  # fmt: skip
    reads_well(seen)
    assert seen["hostile"]
    assert (seen["width"], seen["found"]) == (420, ["U-Net 1/2 seeds", "report.html"])


@needs_browser
def test_without_its_script_the_page_shows_the_same(rich: Path, tmp_path: Path) -> None:
    page = rich.with_name("plain.html")
    text = rich.read_text(encoding="utf-8")
    for script in ("report.js", "readings.js"):
        assert static_text(script) in text
        text = text.replace(static_text(script), "")
    page.write_text(text, encoding="utf-8")
    seen = browse(page, tmp_path, "--window-size=1300,900", script="""
        const box = document.querySelector(".paper-switch"); box.checked = true;
        const count = (what) => document.querySelectorAll(what).length;
        return [count("form.filter:not([hidden])"), count("button:not([hidden] *)"),
                getComputedStyle(document.querySelector(".paper")).display, count(".plot svg path") > 20];
    """)  # fmt: skip
    page.unlink()
    reads_well(seen)
    assert seen["found"] == [0, 0, "block", True]
