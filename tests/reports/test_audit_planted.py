"""The audit of a clean paper, which finds nothing, and of one with a planted contradiction, which finds just that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import msgspec
import pandas as pd
import pytest

from reports.audit import Paper, find_contradictions
from reports.paper.ledger import Claim, Statement
from tests.reports.clean_paper import (
    EASE,
    LAMBDA1,
    OURS,
    SKILL,
    change,
    clean_paper,
    in_ledger,
    in_table,
    with_means,
)


def test_a_clean_paper_has_no_findings() -> None:
    assert find_contradictions(clean_paper()) == []


def cell_of(number: str, column: str, value: object, method: str = "attention_unet") -> Callable[[Paper], Paper]:
    """Change the cell of carpet, 1-shot, and the row of means with it."""
    return in_table(
        number,
        lambda table: with_means(change(table, column, value, shots=1, category="carpet", method=method)),
    )


def mean_of(number: str, by: float, method: str, column: str = "mean", **key: object) -> Callable[[Paper], Paper]:
    """Change a printed mean."""
    return in_table(number, lambda table: change(table, column, lambda old: round(old + by, 4), method=method, **key))


def said(name: str, **fields: object) -> Callable[[Paper], Paper]:
    """Change fields of a statement, and of its claim where that has them."""

    def alter(statement: Statement) -> Statement:
        of_claims = {field: value for field, value in fields.items() if field in Claim.__struct_fields__}
        of_statements = {field: value for field, value in fields.items() if field in Statement.__struct_fields__}
        claims = tuple(msgspec.structs.replace(claim, **of_claims) for claim in statement.claims)
        return msgspec.structs.replace(statement, **of_statements, claims=claims)

    return in_ledger(statements=lambda all_: tuple(alter(item) if item.id == name else item for item in all_))


def caption(**fields: object) -> Callable[[Paper], Paper]:
    """Change fields of the only figure."""
    return in_ledger(figures=lambda listed: (msgspec.structs.replace(listed[0], **fields),))


def settings(**fields: object) -> Callable[[Paper], Paper]:
    return in_ledger(settings=lambda value: msgspec.structs.replace(value, **fields))


def blank_tile(paper: Paper) -> Paper:
    for number in ("II", "III"):
        paper = in_table(number, lambda t: with_means(change(t, "mean", float("nan"), shots=1, category="tile")))(paper)
    means = {number: paper.means(number) for number in ("II", "III")}
    for number in ("V", "VI", "VII"):
        for column, source in (("iou", "II"), ("dc", "III")):
            for method in set(paper.tables[number]["method"]) & {OURS, "albunet"}:
                value = means[source][1, method, column] / 10_000
                paper = in_table(number, lambda t, c=column, v=value, m=method: change(t, c, v, shots=1, method=m))(
                    paper
                )
    return said("cap", percent={})(paper)


def runner_up(mean: float, std: float) -> Callable[[Paper], Paper]:
    """Put a method behind the bold 0.6621(0.0133) of carpet, 5-shot; DC stays between its bounds."""
    key = {"shots": 5, "category": "carpet", "method": "attention_unet"}
    return lambda paper: in_table("III", lambda t: with_means(change(t, "mean", 0.6700, **key)))(
        in_table("II", lambda t: with_means(change(change(t, "mean", mean, **key), "std", std, **key)))(paper)
    )


def jumping_deviations(paper: Paper) -> Paper:
    """Give the cells of Table II two deviations in turn, as neither a category nor a method explains."""
    places = {name: index for index, name in enumerate((*EASE, *SKILL[1]))}
    turn = paper.tables["II"].apply(lambda row: places.get(row["category"], 0) + places[row["method"]], axis=1)
    return in_table("II", lambda table: table.assign(std=table["std"].notna().map({True: 0.0015}) + turn % 2 * 0.0185))(
        paper
    )


def gaps_apart(paper: Paper) -> Paper:
    """Move the DC of one method close to its bound in a category, and far below it in another one."""
    for category, by in {"carpet": 0.045, "hazelnut": -0.045}.items():
        key = {"shots": 1, "category": category, "method": "attention_unet"}
        paper = in_table(
            "III", lambda t, k=key, d=by: with_means(change(t, "mean", lambda old: round(old + d, 4), **k))
        )(paper)
    return paper


ROW = {"shots": 1, "category": "mean"}
PLANTED = {
    "a mean far off": (
        mean_of("II", 0.002, "attention_unet", **ROW), {"row-of-means-ii-1-attention-unet": "contradiction"}
    ),
    "a repeated mean far off": (
        mean_of("VII", 0.02, OURS, "dc", shots=5), {"repeated-mean-5-albunet-nbr-cap": "contradiction"}
    ),
    "a repeated mean off by its last digit": (
        mean_of("VII", 0.0001, OURS, "dc", shots=5), {"repeated-mean-5-albunet-nbr-cap": "rounding"}
    ),
    "one training with two numbers": (
        mean_of("VI", 0.01, LAMBDA1, "iou", shots=1), {"same-training-same": "contradiction"}
    ),
    "dc above its bound": (cell_of("III", "mean", 0.4262), {"dice-above-1-carpet-attention-unet": "contradiction"}),
    "dc above its bound by less than rounding": (
        cell_of("III", "mean", 0.4261), {"dice-above-1-carpet-attention-unet": "rounding"}
    ),
    "dc below iou": (cell_of("III", "mean", 0.2705), {"dice-below-1-carpet-attention-unet": "contradiction"}),
    "dc below iou by less than rounding": (
        cell_of("III", "mean", 0.2706), {"dice-below-1-carpet-attention-unet": "rounding"}
    ),
    "bold in the wrong place": (
        lambda paper: replace(paper, bold=change(paper.bold, "method", "unet", table="II", shots=5, category="tile")),
        {"bold-ii-5-tile": "contradiction", "bold-not-shown-ii": "remark"},
    ),
    "a wrong order": (
        said("first", against=(OURS,), methods=("unet",), shots=(5,)),
        {"order-first-5-albunet-nbr-cap": "contradiction"},
    ),
    "a number repeated wrongly": (
        said("said", value=0.9126), {"quoted-said-acc": "contradiction"}
    ),
    "a gain that grows": (
        said("less", shots=(5, 1)),
        {f"shrinking-less-{name}": "contradiction" for name in ("unet", "attention-unet", "albunet")},
    ),
    "a gain in points": (said("cap", percent={1: Decimal(3), 5: Decimal(3)}), {"gain-cap": "remark"}),
    "a gain in nothing": (said("cap", percent={1: Decimal(9), 5: Decimal(9)}), {"gain-cap": "contradiction"}),
    "images missing": (settings(images=138), {"images-in-all": "contradiction"}),
    "defect types missing": (settings(more_types_than=6), {"defect-types-in-all": "contradiction"}),
    "normal images missing": (
        in_table("I", lambda table: change(table, "test_normal", 8, category="tile")),
        {"normal-images": "contradiction"},
    ),
    "a test image missing": (
        in_table("I", lambda table: change(table, "test_defect_5shot", 11, category="tile")),
        {"table-of-images-5": "contradiction"},
    ),
    "other kinds in a figure": (caption(kinds={"object": 2}), {"figure-6-kinds": "contradiction"}),
    "a defect type that is not there": (
        caption(categories=("carpet",), kinds={}, defect_types=("cut", "oil")),
        {"figure-6-types": "contradiction"},
    ),
    "more training images than said": (
        caption(training_images=1), {"figure-6-training-images": "contradiction"}
    ),
    "panels unannounced": (caption(panels_listed="c-g"), {"figure-6-panels": "remark"}),
    "a batch too large": (settings(batch_size={1: 2, 5: 4}), {"batch-1": "remark"}),
    "a category without numbers": (blank_tile, {"categories-behind-means": "remark"}),
    "a method on the other side": (said("unet-5", leaning="ahead"), {"comparable-unet-5": "remark"}),
    "a network that is larger": (
        in_ledger(unet_channels=(64, 128, 256, 512, 1024, 2048)), {"capacity-small": "remark"}
    ),
    "a deviation that cannot be": (
        cell_of("II", "std", 0.6),
        {
            "deviation-above-ii-1-carpet-attention-unet": "contradiction",
            "deviation-ratio-1-carpet-attention-unet": "remark",
            "bold-not-shown-ii": "remark",
            "deviations-scatter-ii": "remark",
        },
    ),
    "deviations next to nothing": (
        lambda paper: cell_of("III", "std", 0.0004)(cell_of("II", "std", 0.0005)(paper)),
        {f"deviations-{what}-{number}": "remark" for what in ("small", "scatter") for number in ("ii", "iii")},
    ),
    "the same number twice": (
        lambda paper: cell_of("III", "mean", 0.4114)(cell_of("II", "mean", 0.3114)(paper)),
        {"equal-means-ii": "remark", "equal-means-iii": "remark"},
    ),
    "the same cell twice": (
        lambda paper: cell_of("II", "std", 0.0122)(cell_of("II", "mean", 0.3114)(paper)),
        {"equal-ii-1-carpet-attention-unet-1-carpet-albunet": "remark"},
    ),
    "a runner-up next to the bold cell": (
        runner_up(0.6600, 0.0123), {"bold-not-shown-ii": "remark", "bold-lead-ii-5-carpet": "remark"}
    ),
    "a runner-up too close for its deviation": (runner_up(0.6500, 0.0123), {"bold-not-shown-ii": "remark"}),
    "deviations that jump": (jumping_deviations, {"deviations-scatter-ii": "remark"}),
    "a method with gaps of its own": (gaps_apart, {"dice-gaps-1-attention-unet": "remark"}),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_contradiction_is_found_and_nothing_else(name: str) -> None:
    plant, expected = PLANTED[name]
    assert {finding.id: finding.severity for finding in find_contradictions(plant(clean_paper()))} == expected


def test_a_mean_off_by_its_last_digit_is_rounding() -> None:
    paper = clean_paper()
    table = paper.tables["II"]
    column = table[(table["shots"] == 1) & (table["method"] == "unet")]
    exact = column[column["category"] != "mean"]["mean"].mean()
    printed = column[column["category"] == "mean"]["mean"].item()
    step = 0.0001 if exact > printed else -0.0001
    (finding,) = find_contradictions(mean_of("II", step, "unet", **ROW)(paper))
    assert (finding.id, finding.severity) == ("row-of-means-rounding-ii", "rounding")
    assert abs(exact - (printed + step)) < 0.0001


def test_equal_means_leave_an_order_open() -> None:
    tied = with_means(clean_paper().tables["II"])
    wanted = tied[(tied["shots"] == 1) & (tied["method"] == "albunet")].set_index("category")["mean"]
    tied.loc[(tied["shots"] == 1) & (tied["method"] == "unet"), "mean"] = wanted.to_numpy()
    findings = find_contradictions(in_table("II", lambda _: tied)(clean_paper()))
    assert ("order-unet-1-albunet", "rounding") in {(finding.id, finding.severity) for finding in findings}


def test_the_most_serious_findings_come_first() -> None:
    serious = mean_of("II", 0.002, "unet", **ROW)
    slight = caption(panels_listed="c-g")
    assert [f.severity for f in find_contradictions(serious(slight(clean_paper())))] == ["contradiction", "remark"]


def test_the_audit_does_not_change_its_input() -> None:
    paper = clean_paper()
    before = {number: table.copy() for number, table in paper.tables.items()}
    find_contradictions(paper)
    for number, table in before.items():
        pd.testing.assert_frame_equal(paper.tables[number], table)
