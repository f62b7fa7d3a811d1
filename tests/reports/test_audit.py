"""The audit of the paper as printed, against plain sums that share no code with it; the command and its page."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from dataclasses import asdict, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from jinja2 import Environment, PackageLoader
from scipy import stats
from scipy.special import polygamma

from benchmark.cli import main
from reports.audit import Finding, Severity, find_contradictions
from reports.audit.deviations import expected_scatter, expected_square, welch_p
from reports.audit.statements import unet_parameters
from tests.conftest import REPOSITORY
from tests.reports.pages import Outline, browse, needs_browser

TABLES = REPOSITORY / "reports" / "paper"
HALF = Decimal("0.00005")


@pytest.fixture(scope="module")
def found() -> dict[str, Finding]:
    """The findings on the paper as printed, by id."""
    findings = find_contradictions()
    assert len({finding.id for finding in findings}) == len(findings)
    return {finding.id: finding for finding in findings}


def ids(found: dict[str, Finding], prefix: str, severity: str) -> set[str]:
    return {name for name, finding in found.items() if name.startswith(prefix) and finding.severity == severity}


def rows(name: str) -> list[dict[str, str]]:
    """Read a CSV of the paper as strings."""
    with (TABLES / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cells(name: str) -> dict[tuple[str, str, str], tuple[Decimal, str]]:
    """Return the printed cells of Table II or III, the row of means among them."""
    return {
        (row["shots"], row["category"], row["method"]): (Decimal(row["mean"]), row["std"])
        for row in rows(f"tables/{name}.csv")
        if row["mean"]
    }


IOU, DICE = cells("table_2_iou"), cells("table_3_dc")


def test_rows_of_means_that_are_not_the_means_of_their_cells(found: dict[str, Finding]) -> None:
    wrong, rounded = set(), set()
    for number, table in (("ii", IOU), ("iii", DICE)):
        for (shots, category, method), (printed, _) in table.items():
            if category == "mean":
                above = [value for key, (value, _) in table.items() if (key[0], key[2]) == (shots, method)][:-1]
                mean = Fraction(sum(above)) / len(above)
                assert len(above) == (14 if shots == "1" else 15)
                if abs(mean - Fraction(printed)) > Fraction(2 * HALF):
                    wrong.add(f"row-of-means-{number}-{shots}-{method.replace('_', '-')}")
                elif abs(mean - Fraction(printed)) > Fraction(HALF):
                    rounded.add((number, method, shots))
    assert wrong == ids(found, "row-of-means", "contradiction")
    lines = {number: found[f"row-of-means-rounding-{number}"].steps for number in ("ii", "iii")}
    assert sum(map(len, lines.values())) == len(rounded) == 6
    assert found["row-of-means-ii-5-albunet-nbr-cap"].printed == "0.6296"
    assert found["row-of-means-ii-5-albunet-nbr-cap"].recomputed == "0.6387"
    assert found["row-of-means-iii-5-albunet-nbr-cap"].recomputed == "0.7395"


def test_cells_whose_dc_is_more_than_their_iou_allows(found: dict[str, Finding]) -> None:
    wrong = set()
    for (shots, category, method), (iou, _) in IOU.items():
        dice = DICE[shots, category, method][0]
        assert dice + HALF >= iou - HALF
        if (dice - HALF) * (1 + iou + HALF) > 2 * (iou + HALF):
            wrong.add(f"dice-above-{shots}-{category}-{method.replace('_', '-')}")
    assert wrong == ids(found, "dice-", "contradiction")
    assert wrong == {"dice-above-1-leather-ternausnet16", "dice-above-1-wood-ternausnet16", "dice-above-1-screw-unet"}


def test_means_that_tables_print_differently(found: dict[str, Finding]) -> None:
    printed = defaultdict(set)
    for metric, table in (("iou", IOU), ("dc", DICE)):
        for (shots, category, method), (value, _) in table.items():
            if category == "mean":
                printed[shots, method, metric].add(value)
    for name in ("table_5_ablation", "table_6_lambda", "table_7_nbr_similarity"):
        for row in rows(f"tables/{name}.csv"):
            for metric in ("iou", "dc"):
                printed[row["shots"], row["method"], metric].add(Decimal(row[metric]))
    apart = {key[:2] for key, values in printed.items() if max(values) - min(values) > 2 * HALF}
    wrong = {f"repeated-mean-{shots}-{method.replace('_', '-')}" for shots, method in apart}
    assert wrong == ids(found, "repeated-mean", "contradiction")
    assert ids(found, "repeated-mean", "rounding") == set()
    assert "0.6296 (II), 0.6445 (V, VI, VII)" in found["repeated-mean-5-albunet-nbr-cap"].printed


def test_dc_of_b_in_table_v_is_its_mean_with_0_for_toothbrush(found: dict[str, Finding]) -> None:
    dice = [value for key, (value, _) in DICE.items() if key[0] == "1" and key[2] == "albunet" and key[1] != "mean"]
    assert round(sum(dice) / 15, 4) == Decimal("0.3936")
    (line,) = [step for step in found["repeated-mean-1-albunet"].steps if "0.3936, which" in step]
    assert line.endswith("which is the number of Table V.")


def test_bold_numbers_that_are_not_the_best_of_their_row(found: dict[str, Finding]) -> None:
    wrong = set()
    for mark in rows("bold.csv"):
        table = IOU if mark["table"] == "II" else DICE
        row = {key[2]: value for key, (value, _) in table.items() if key[:2] == (mark["shots"], mark["category"])}
        if row[mark["method"]] < max(row.values()):
            wrong.add(f"bold-{mark['table'].lower()}-{mark['shots']}-{mark['category']}")
    assert wrong == ids(found, "bold", "contradiction") == {"bold-iii-5-grid"}
    assert found["bold-iii-5-grid"].recomputed == "higher: U-Net 0.6922 and U-Net++ 0.6968"


def test_u_net_does_not_beat_all_three_at_1_shot_as_the_text_states(found: dict[str, Finding]) -> None:
    ahead = {
        other: [table["1", "mean", "unet"][0] > table["1", "mean", other][0] for table in (IOU, DICE)]
        for other in ("ternausnet11", "ternausnet16", "albunet")
    }
    assert ahead == {"ternausnet11": [False, False], "ternausnet16": [True, True], "albunet": [False, False]}
    assert ids(found, "order-", "contradiction") == {
        f"order-unet-first-at-1-shot-1-{other}" for other, wins in ahead.items() if not all(wins)
    }
    assert ids(found, "order-", "rounding") == set()


def test_images_of_table_i_are_not_counted_per_defect_type(found: dict[str, Finding]) -> None:
    images, types = defaultdict(int), defaultdict(set)
    for row in rows("../../data_manifests/mvtec_ad/counts.csv"):
        if row["label"] != "good":
            images[row["category"]] += int(row["images"])
            types[row["category"]].add(row["label"])
    for shots in (1, 5):
        differing, left = 0, 0
        for row in rows("tables/table_1_image_counts.csv"):
            expected = images[row["category"]] - shots * len(types[row["category"]])
            left += expected
            differing += int(row[f"test_defect_{shots}shot"]) != expected
        finding = found[f"table-of-images-{shots}"]
        assert finding.severity == "contradiction"
        assert finding.recomputed.startswith(f"{left}, ")
        assert finding.recomputed.endswith(f"{differing} of 15 rows differ")
    assert not {"images-in-all", "defect-types-in-all", "normal-images"} & set(found)


def test_gains_in_percent_are_points(found: dict[str, Finding]) -> None:
    assert ids(found, "gain-", "contradiction") == set()
    assert round(100 * (Decimal("0.4919") / Decimal("0.4241") - 1), 1) == Decimal("16.0")
    assert "0.4919 - 0.4241 = 6.78 points; 0.4919 / 0.4241 - 1 = 16.0%" in found["gain-cap-over-nbr"].arithmetic
    assert found["gain-cosine-over-euclidean"].recomputed == "2.59 and 2.56 points"


def test_b_with_nbr_trains_as_the_lambda_1_method_by_the_text_but_not_by_the_numbers(found: dict[str, Finding]) -> None:
    finding = found["same-training-nbr-and-lambda-1"]
    assert finding.severity == "contradiction"
    assert finding.recomputed == "they differ by up to 0.0504"
    assert round(0.4745 - 0.4241, 4) == 0.0504
    assert "5-shot IOU: 0.5078 (Table II) - 0.5507 (Table V) = -0.0429" in finding.steps


def test_figure_6_shows_three_objects_and_one_texture(found: dict[str, Finding]) -> None:
    kinds = {row["category"]: row["kind"] for row in rows("tables/table_1_image_counts.csv")}
    assert [kinds[name] for name in ("bottle", "hazelnut", "tile", "zipper")].count("object") == 3
    assert found["figure-6-kinds"].recomputed == "3 object and 1 texture"
    assert found["figure-6-training-images"].recomputed == "3 (bottle), 4 (hazelnut), 5 (tile) and 7 (zipper)"
    assert {name for name in found if name.startswith("figure")} == {
        "figure-6-kinds", "figure-6-training-images", "figure-6-panels"
    }  # fmt: skip


def test_cells_printed_twice(found: dict[str, Finding]) -> None:
    pairs = defaultdict(list)
    for key, cell in IOU.items():
        if key[1] != "mean":
            pairs[cell].append(key)
    assert [keys for keys in pairs.values() if len(keys) > 1] == [
        [("1", "capsule", "ternausnet11"), ("1", "capsule", "ternausnet16")]
    ]
    (name,) = [name for name in found if name.startswith("equal-ii-")]
    assert found[name].printed == "0.1316(0.0024), 2 times"
    assert not [name for name in found if name.startswith("equal-iii-")]


def test_the_u_net_of_its_publication_has_more_parameters_than_ternausnet_11(found: dict[str, Finding]) -> None:
    assert unet_parameters((1,)) == (27 + 1) + (9 + 1) + (1 + 1)
    assert unet_parameters((2, 3)) == (56 + 38) + (57 + 84) + (26 + 74 + 38) + 3
    assert found["capacity-unet-capacity"].recomputed == "31,031,745 parameters; TernausNet-11 25,364,513"


def row(
    table: dict[tuple[str, str, str], tuple[Decimal, str]], shots: str, category: str
) -> dict[str, tuple[float, float]]:
    """Return the means and deviations of a row of cells by method."""
    return {key[2]: (float(mean), float(std)) for key, (mean, std) in table.items() if key[:2] == (shots, category)}


def welch(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return SciPy's p-value for the means and deviations of five seeds each."""
    return float(stats.ttest_ind_from_stats(*first, 5, *second, 5, equal_var=False).pvalue)


def test_welchs_p_values_are_scipys() -> None:
    means = np.array([0.0, 1e-4, 0.01, 0.1, 0.5, 0.9])
    first, second = np.array([0.01, 0.0001, 0.02, 0.02, 0.001, 0.0003]), np.array([0.02, 0.03, 0.02, 0.0001, 0.03, 0.2])
    for n in (2, 5, 9):
        expected = stats.ttest_ind_from_stats(means, first, n, 0, second, n, equal_var=False).pvalue
        np.testing.assert_allclose(welch_p(means, first, second, n), expected, rtol=1e-5)


@pytest.mark.parametrize(("number", "table"), [("ii", IOU), ("iii", DICE)])
def test_comparisons_in_which_a_bold_cell_is_not_shown_better(
    number: str, table: dict[tuple[str, str, str], tuple[Decimal, str]], found: dict[str, Finding]
) -> None:
    counts = []
    for shots in ("1", "5"):
        pairs = []
        for category in {key[1] for key in table if key[0] == shots} - {"mean"}:
            methods = row(table, shots, category)
            ours = methods.pop("albunet_nbr_cap")
            pairs += [(welch(ours, other), ours[0] - other[0]) for other in methods.values()]
        pairs.sort()
        shown = 0  # Holm: down to the first p-value above its limit
        while shown < len(pairs) and pairs[shown][0] * (len(pairs) - shown) <= 0.05:
            shown += 1
        worse = sum(lead <= 0 for _, lead in pairs[:shown])
        counts.append(f"{len(pairs) - shown + worse} of {len(pairs)} ({shots}-shot)")
    assert found[f"bold-not-shown-{number}"].recomputed == f"{' and '.join(counts)} comparisons"
    assert (
        counts
        == {"ii": ["16 of 84 (1-shot)", "18 of 90 (5-shot)"], "iii": ["24 of 84 (1-shot)", "27 of 90 (5-shot)"]}[number]
    )


def test_a_bold_lead_within_its_error(found: dict[str, Finding]) -> None:
    assert ids(found, "bold-lead", "remark") == {
        "bold-lead-ii-5-grid", "bold-lead-ii-5-wood", "bold-lead-iii-5-wood"
    }  # fmt: skip
    assert found["bold-lead-ii-5-wood"].printed == "bold 0.7367(0.0231); U-Net++ 0.7363(0.0029)"
    error = ((0.0231**2 + 0.0029**2) / 5) ** 0.5
    assert found["bold-lead-ii-5-wood"].recomputed == f"lead 0.0004, standard error {error:.4f}"


@pytest.mark.parametrize(("number", "table"), [("ii", IOU), ("iii", DICE)])
def test_deviations_scatter_like_those_of_two_runs(
    number: str, table: dict[tuple[str, str, str], tuple[Decimal, str]], found: dict[str, Finding]
) -> None:
    scatters = []
    for shots in ("1", "5"):
        categories = list(dict.fromkeys(key[1] for key in table if key[0] == shots and key[1] != "mean"))
        values = np.log([[std for _, std in row(table, shots, category).values()] for category in categories])
        design = np.array([[float(i == r) for i in range(len(values))] + [float(j == c) for j in range(7)]
                           for r in range(len(values)) for c in range(7)])  # fmt: skip
        fitted = design @ np.linalg.lstsq(design, values.ravel(), rcond=None)[0]
        freedom = values.size - np.linalg.matrix_rank(design)
        scatters.append(f"{(((values.ravel() - fitted) ** 2).sum() / freedom) ** 0.5:.2f} ({shots}-shot)")
    assert found[f"deviations-scatter-{number}"].recomputed == f"{' and '.join(scatters)}; 5 seeds: 0.31 to 0.52"


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_scatter_of_simulated_deviations_has_its_known_variance(n: int) -> None:
    low, high = expected_scatter((15, 7), n)
    known = polygamma(1, (n - 1) / 2) / 4
    assert expected_square(n) == pytest.approx(known)
    assert low < known**0.5 < high
    runs = np.random.default_rng(1).normal(size=(300, 15, 7, n))
    values = np.log(runs.std(axis=3, ddof=1))
    rest = values - values.mean(1, keepdims=True) - values.mean(2, keepdims=True) + values.mean((1, 2), keepdims=True)
    scatter = np.sqrt((rest**2).sum((1, 2)) / (14 * 6))
    assert 0.97 <= ((scatter > low) & (scatter < high)).mean() <= 1


def test_the_gaps_below_the_bound_of_dc_single_out_ternausnet_16_at_1_shot(found: dict[str, Finding]) -> None:
    (name,) = [name for name in found if name.startswith("dice-gaps")]
    assert name == "dice-gaps-1-ternausnet16"
    iou, dice = (row(table, "1", "leather") for table in (IOU, DICE))
    gaps = {method: 2 * iou[method][0] / (1 + iou[method][0]) - dice[method][0] for method in iou}
    own = gaps.pop("ternausnet16")
    assert f"leather: {own / np.median(list(gaps.values())):.2f}" in found[name].steps


def test_findings_on_b_of_table_v_are_worded_for_both_readings(found: dict[str, Finding]) -> None:
    for name, effects in {
        "repeated-mean-1-albunet": "0.0137 (IOU) and 0.0281 (DC)",
        "repeated-mean-5-albunet": "-0.0429 (IOU) and -0.0427 (DC)",
    }.items():
        assert "if B (AlbuNet) of Table V pastes as in Tables II and III" in found[name].recomputed
        assert found[name].steps[-2].startswith("If B (AlbuNet) of Table V pastes")
        assert found[name].steps[-1].endswith(f"pasting changes the mean by {effects}.")
    readings = [step for step in found["same-training-nbr-and-lambda-1"].steps if step.startswith("If B (AlbuNet)")]
    assert [("pastes, as" in step, "without pasting" in step) for step in readings] == [(True, False), (False, True)]


def test_the_known_contradictions_are_found_and_every_finding_shows_its_arithmetic(found: dict[str, Finding]) -> None:
    known = {
        "row-of-means-ii-5-albunet-nbr-cap", "row-of-means-iii-5-albunet-nbr-cap", "repeated-mean-5-albunet-nbr-cap",
        "repeated-mean-1-albunet", "repeated-mean-5-albunet", "dice-above-1-leather-ternausnet16",
        "dice-above-1-wood-ternausnet16", "dice-above-1-screw-unet", "order-unet-first-at-1-shot-1-ternausnet11",
        "order-unet-first-at-1-shot-1-albunet", "bold-iii-5-grid", "table-of-images-1", "table-of-images-5",
    }  # fmt: skip
    assert known <= ids(found, "", "contradiction")
    for finding in found.values():
        assert all(asdict(finding).values())
        assert all(step.strip() for step in finding.steps)
        assert any(digit.isdigit() for digit in finding.arithmetic)


def test_the_documentation_counts_the_findings(found: dict[str, Finding]) -> None:
    text = " ".join((REPOSITORY / "docs" / "audit.md").read_text(encoding="utf-8").split())
    counts = [len(ids(found, "", severity)) for severity in Severity]
    wanted = "{} contradictions, {} groups of differences that rounding explains, {} remarks. The contradictions:"
    assert wanted.format(*counts) in text
    # It names every number of a mean that two tables print differently.
    for name in ids(found, "repeated-mean", "contradiction"):
        assert all(number in text for number in re.findall(r"0\.\d{4}", found[name].printed))
    for name in ids(found, "bold-not-shown", "remark"):
        assert all(count in text for count in re.findall(r"\d+ of \d+", found[name].recomputed))
    for name in ids(found, "deviations-scatter", "remark"):
        assert all(number in text for number in re.findall(r"\d\.\d\d", found[name].recomputed))


# The command.


@pytest.mark.parametrize("width", [60, 100])
def test_every_finding_is_printed_within_the_terminal_and_counted(
    width: int, found: dict[str, Finding], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["audit"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= width
    together = " ".join(text.split())
    assert all(finding.title in together for finding in found.values())
    assert all(" ".join(step.split()) in together for finding in found.values() for step in finding.steps)
    counts = [len(ids(found, "", severity)) for severity in Severity]
    assert together.endswith("{} contradictions, {} differences that rounding explains, {} remarks".format(*counts))


def test_findings_are_printed_as_json(found: dict[str, Finding], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [asdict(finding) for finding in found.values()]


def test_a_page_must_have_the_suffix_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--out", str(tmp_path / "audit.pdf")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "audit.pdf" in line
    assert not list(tmp_path.iterdir())


def test_the_page_is_one_file_that_shows_every_finding_once(
    tmp_path: Path, found: dict[str, Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "audit.html"
    assert main(["audit", "--out", str(page)]) == 0
    assert str(page) in capsys.readouterr().out
    outline = Outline(page.read_text(encoding="utf-8"))
    assert len(outline.ids) == len(set(outline.ids))
    assert {f"finding-{name}" for name in found} <= set(outline.ids)
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert all(link.startswith(("#", "data:")) for link in outline.links)
    assert (outline.scripts, outline.sources) == (0, [])


@needs_browser
def test_a_browser_shows_the_whole_page_in_a_narrow_window(tmp_path: Path) -> None:
    assert main(["audit", "--out", str(tmp_path / "audit.html")]) == 0
    seen = browse(tmp_path / "audit.html", tmp_path, "--window-size=420,800")
    assert (seen["requests"], seen["broken"], seen["headings"]) == (0, 0, [1, 2, 2, 2])
    assert seen["overflow"] <= 0


def test_another_page_can_show_findings_under_its_own_headings(found: dict[str, Finding]) -> None:
    environment = Environment(loader=PackageLoader("reports"), autoescape=True)
    hostile = replace(next(iter(found.values())), title="<script>1</script>")
    page = environment.from_string('{% from "_findings.html" import findings_list %}{{ findings_list(found, 4) }}')
    text = page.render(found=[hostile])
    assert "<h4 id=" in text
    assert "&lt;script&gt;1" in text
