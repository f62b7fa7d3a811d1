"""The file of statements and claims, as it is read."""

from __future__ import annotations

import pytest

from benchmark.schema import SchemaError
from reports.paper.ledger import Ledger, read_ledger
from tests.conftest import REPOSITORY


def test_a_claim_has_the_fields_of_its_statement_that_it_does_not_give() -> None:
    (first, second, *_) = read_ledger().statements
    assert [(claim.metrics, claim.shots, claim.tables) for claim in first.claims] == [
        (("iou",), (1,), ("II",)), (("iou",), (5,), ("II",)), (("dc",), (1,), ("III",)), (("dc",), (5,), ("III",))
    ]  # fmt: skip
    assert {(claim.quote, claim.kind, claim.against) for claim in first.claims} == {
        (first.quote, first.kind, first.against)
    }
    assert (second.metrics, second.claims[0].metrics, second.claims[0].shots) == (("iou", "dc"), ("iou",), (1, 5))


def test_a_wrong_field_of_the_ledger_is_named() -> None:
    text = (REPOSITORY / "reports" / "paper" / "claims.toml").read_text(encoding="utf-8")
    for right, wrong, field in (
        ('metrics = ["iou"]', 'metrics = ["dice"]', "statement[0].claim[0].metrics[0]"),
        ("\nmargin_source", "\nmargin_sourc", "statement[4].claim[0].margin_sourc"),
        ('kind = "shrinks"\n', "", "statement[1].claim[0].kind"),
    ):
        with pytest.raises(SchemaError) as caught:
            Ledger.parse(text.replace(right, wrong, 1))
        assert caught.value.path.endswith(field)
