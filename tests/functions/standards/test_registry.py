"""The rules registry: what was in force when, and why some of it sleeps."""

from typing import Any

import pytest

from standards import registry
from tests.functions.standards.asked import body, refused


def asked(**query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = body("/standards/rules", limit="200", **query)["items"]
    return items


def one(id: str, as_at: str) -> dict[str, Any]:
    return next(rule for rule in asked(as_at=as_at, q=id) if rule["id"] == id)


@pytest.mark.parametrize(
    ("as_at", "single", "annual"),
    [("2018-12-31", "2000", "20000"), ("2019-01-01", "5000", "26000"), ("2026-11-23", "5000", "26000")],
)
def test_the_limits_of_purchases_are_those_of_the_day(as_at: str, single: str, annual: str) -> None:
    limits = one("CBE-SINGLE-LIMIT", as_at)["params"]["limits"]
    assert (limits["single"], limits["annual"]) == (single, annual)


def test_all_editions_are_told_with_each() -> None:
    limit = one("CBE-SINGLE-LIMIT", "2018-12-31")
    assert [dated["effective_from"] for dated in limit["dated_params"]] == [None, "2019-01-01"]
    classes = one("CREDIT-CLASSES", "2020-01-01")
    assert (classes["kind"], classes["version"], classes["effective_to"]) == ("parameters", 2, "2021-10-31")
    assert [edition["version"] for edition in classes["editions"]] == [1, 2, 3, 4]


def test_nothing_that_is_not_in_force_is_told() -> None:
    assert "CLEARANCE-FORM" in [rule["id"] for rule in asked(as_at="2018-05-31", pack="declaration")]
    assert "CLEARANCE-FORM" not in [rule["id"] for rule in asked(as_at="2018-06-01", pack="declaration")]
    assert asked(as_at="2014-11-30", pack="enterprise-credit") == []


def test_a_rule_without_its_data_sleeps_and_says_why() -> None:
    rule = one("HS-PROHIBITED", "2026-11-23")
    assert rule["asleep"]["needs"] == ["tariff"]
    assert rule["asleep"]["reason_zh"] and rule["asleep"]["reason_en"]
    assert one("LINE-TOTAL", "2026-11-23")["asleep"] is None


def test_the_decision_table_is_an_edition_too() -> None:
    table = one("CLEARANCE-DECISION", "2026-11-23")
    assert table["kind"] == "decision-table"
    assert table["params"]["rows"][-1] == {"all": "accepted", "then": "RELEASED"}


def test_rules_are_found_by_pack_document_and_words() -> None:
    assert {rule["document"] for rule in asked(document="declaration")} == {"declaration"}
    assert {rule["pack"] for rule in asked(pack="ecommerce-import")} == {"ecommerce-import"}
    assert "WEIGHT-NET-GROSS" in [rule["id"] for rule in asked(q="净重")]


def test_shared_tables_stand_in_their_place() -> None:
    agreements = one("ORIGIN-AGREEMENT", "2026-11-23")["params"]["agreements"]
    assert agreements["22"]["members"]["KOR"] == "2022-02-01"


def test_every_edition_can_be_told_on_its_days() -> None:
    for edition in registry.editions():
        day = edition.raw.get("effective_from") or edition.raw.get("effective_to") or "2026-11-23"
        told = one(edition.id, day)
        assert told["name_zh"] and told["name_en"] and told["source"]


@pytest.mark.parametrize(
    "query", [{"pack": "declaratoin"}, {"document": "decl"}, {"as_at": "2018"}, {"limit": "201"}]
)
def test_a_wrong_parameter_is_refused(query: dict[str, str]) -> None:
    assert refused("/standards/rules", **query)[0] == 400
