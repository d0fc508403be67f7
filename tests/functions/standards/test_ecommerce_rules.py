"""Orders of e-commerce retail imports as at a date: sums, currency, identity card, and both regimes of limits."""

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from singlewindow import catalogue
from singlewindow.catalogue import in_force
from standards.checks import ecommerce, rules_of
from standards.checks.ecommerce import judge, rulebook

TODAY = date(2026, 11, 23)
OLD, NEW = date(2018, 12, 31), date(2019, 1, 1)
# Computed by GB 11643; nobody's.
CARD = "510104199003070015"


def order(value: str = "3000", pieces: str = "3", **head: Any) -> dict[str, Any]:
    """A sound order: one line, no freight; `value` for all of its pieces."""
    price = f"{(Decimal(value) / Decimal(pieces)).normalize():f}"
    return {
        "head": {
            "goods_value": value, "freight": "0", "discount": "0", "tax_total": "273",
            "actual_paid": f"{(Decimal(value) + 273).normalize():f}", "currency": "CNY",
            "buyer_id_type": "1", "buyer_id_number": CARD,
        } | head,
        "lines": [{"quantity": pieces, "unit_price": price, "total_price": value, "currency": "CNY"}],
    }  # fmt: skip


def rules(document: dict[str, Any], as_at: date = TODAY) -> list[tuple[str, str, str]]:
    return [(finding.rule, finding.pointer, finding.severity) for finding in judge(document, as_at)]


def test_a_sound_order_yields_nothing() -> None:
    assert rules(order()) == []


def test_3000_yuan_were_too_much_in_2018_and_are_not_since_2019() -> None:
    assert rules(order(), OLD) == [("CBE-SINGLE-LIMIT", "/head/goods_value", "error")]
    assert rules(order(), NEW) == []
    (finding,) = judge(order(), OLD)
    assert (finding.given, finding.expected) == ("3000", "2000")
    assert "2000" in finding.message_zh and finding.legal_basis and not finding.verified


@pytest.mark.parametrize(
    ("value", "pieces", "as_at", "found"),
    [
        ("2000", "2", OLD, None),
        ("2000.01", "1", OLD, "CBE-SINGLE-LIMIT"),  # one piece too: general trade until 2018
        ("5000", "2", NEW, None),
        ("5000.02", "2", NEW, "CBE-SINGLE-LIMIT"),
        ("5000.01", "1", NEW, "CBE-SINGLE-ITEM"),
        ("26000", "1", NEW, "CBE-SINGLE-ITEM"),
        ("26000.01", "1", NEW, "CBE-SINGLE-LIMIT"),
        ("3000", "3", date(2016, 4, 7), None),  # before the regime
        ("3000", "3", date(2016, 4, 8), "CBE-SINGLE-LIMIT"),
    ],
)
def test_limits_at_their_edges(value: str, pieces: str, as_at: date, found: str | None) -> None:
    assert [rule for rule, *_ in rules(order(value, pieces), as_at)] == ([found] if found else [])


def test_the_single_piece_is_a_warning_and_two_lines_are_not_one_piece() -> None:
    assert rules(order("6000", "1"))[0][2] == "warn"
    two = order("6000", "1")
    two["lines"] = [two["lines"][0] | {"total_price": "3000", "unit_price": "3000"}] * 2
    assert rules(two) == [("CBE-SINGLE-LIMIT", "/head/goods_value", "error")]


def test_freight_counts_and_a_discount_does_not_help() -> None:
    assert rules(order("5000", "2", freight="0.01", actual_paid="5273.01")) == [
        ("CBE-SINGLE-LIMIT", "/head/goods_value", "error")
    ]
    assert rules(order("5000.02", "2", discount="1000", actual_paid="4273.02"))[0][0] == "CBE-SINGLE-LIMIT"


@pytest.mark.parametrize(
    ("rule", "pointer", "head", "line"),
    [
        ("CBE-CURRENCY", "/head/currency", {"currency": "USD"}, {}),
        ("CBE-CURRENCY", "/lines/0/currency", {}, {"currency": "USD"}),
        ("CBE-LINE-TOTAL", "/lines/0/total_price", {}, {"quantity": "2"}),
        ("CBE-GOODS-VALUE", "/head/goods_value", {"goods_value": "2999", "actual_paid": "3272"}, {}),
        ("CBE-ORDER-SUM", "/head/actual_paid", {"actual_paid": "3272.99"}, {}),
        ("CBE-BUYER-ID", "/head/buyer_id_number", {"buyer_id_number": CARD[:-1] + "1"}, {}),
        ("CBE-BUYER-ID", "/head/buyer_id_number", {"buyer_id_number": CARD[:-1]}, {}),
        ("CBE-BUYER-ID", "/head/buyer_id_number", {"buyer_id_number": "510104199002300018"}, {}),
    ],
)
def test_a_rule_finds_its_fault_and_nothing_else(
    rule: str, pointer: str, head: dict[str, Any], line: dict[str, Any]
) -> None:
    document = order(**head)
    document["lines"][0] |= line
    assert rules(document) == [(rule, pointer, "error")]


def test_every_rule_awake_is_tried_here_and_all_speak_both_languages() -> None:
    tried = {"CBE-CURRENCY", "CBE-LINE-TOTAL", "CBE-GOODS-VALUE", "CBE-ORDER-SUM", "CBE-BUYER-ID",
             "CBE-SINGLE-LIMIT", "CBE-SINGLE-ITEM"}  # fmt: skip
    assert {one.id for one in rulebook().editions if one.kind == "rule" and not one.needs} == tried
    broken = order("5001", "3", currency="USD", actual_paid="1", buyer_id_number="1")
    for finding in judge(broken, TODAY):
        assert finding.message_zh and finding.message_en and finding.element
        assert "{" not in finding.message_zh + finding.message_en


def test_a_finding_does_not_show_an_identity_card() -> None:
    (finding,) = judge(order(buyer_id_number=CARD[:-1] + "1"), TODAY)
    assert finding.given == "510***********0011"
    assert CARD[3:14] not in str(finding.as_json())


def test_another_paper_than_an_identity_card_is_not_judged_as_one() -> None:
    assert rules(order(buyer_id_type="2", buyer_id_number="E12345678")) == []


def test_a_gift_has_no_price() -> None:
    gift = order()
    gift["lines"].append({"quantity": "1", "unit_price": "0", "total_price": "0", "currency": "CNY"})
    assert rules(gift) == []


def test_rounding_hides_what_the_price_hides() -> None:
    third = order("100", "3", actual_paid="373")
    third["lines"][0]["unit_price"] = "33.33333"
    assert rules(third) == []
    third["lines"][0]["unit_price"] = "33.33"
    assert rules(third) == [("CBE-LINE-TOTAL", "/lines/0/total_price", "error")]


def test_the_annual_limit_sleeps_and_its_parameters_are_dated() -> None:
    for day, annual in ((OLD, "20000"), (NEW, "26000")):
        subject = ecommerce.Order(order())
        _, asleep = rulebook().evaluate(subject, day, subject.facts)
        assert [one.rule for one in asleep] == ["CBE-ANNUAL-LIMIT"]
        (edition,) = [one for one in rulebook().editions if one.id == "CBE-ANNUAL-LIMIT"]
        assert edition.params_at(day)["limits"]["annual"] == annual


def test_taxes_within_the_limits_are_parameters() -> None:
    found = rulebook().parameters("CBE-TAX", TODAY)
    assert (found["vat_share"], found["duty_rate"]) == ("0.7", "0")
    raw = catalogue.load("rules/ecommerce-import.json")
    assert all(
        in_force(one, date(2016, 4, 8)) and not in_force(one, date(2016, 4, 7)) for one in raw["rules"]
    )


def test_exports_are_not_judged_by_the_rules_of_imports() -> None:
    assert rules(order("9000", currency="USD", order_type="E")) == []


def test_the_conformance_tester_finds_the_judge() -> None:
    found = rules_of("ecommerce-order")
    assert found is not None and found(order(), OLD)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["1", CARD]),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["head", "lines", *order()["head"], *order()["lines"][0]]), inner, max_size=6),
                    max_leaves=30))  # fmt: skip
def test_whatever_it_is_given_it_never_raises(value: Any) -> None:
    document = deepcopy(order())
    document["head"] = value
    assert isinstance(judge(document, TODAY), list)
    document["lines"] = value
    assert isinstance(judge(document, TODAY), list)
