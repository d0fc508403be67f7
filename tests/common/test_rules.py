"""The rule book: metadata bound to functions, judged as at a date."""

from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from singlewindow.catalogue import Element
from singlewindow.rules import Params, RuleBook, Violation, place, rule

AMOUNT = Element("SCSW-0001", "amount", "金额", "Amount", "N19,5", "internal", "a book", True)
DATA_SETS = {"tariff": {"zh": "无税则", "en": "no tariff"}}


def metadata(id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "version": 1,
        "severity": "error",
        "effective_from": None,
        "effective_to": None,
        "scope": {},
        "agency": "customs",
        "source": "a book",
        "legal_basis": None,
        "verified": True,
        "params": [],
        "needs": [],
        "message_zh": "{name_zh} {given} 应为 {expected}",
        "message_en": "{given} should be {expected}",
    } | changes


@rule("LIMIT")
def limit(subject: dict[str, Any], params: Params) -> Iterator[Violation]:
    if subject["amount"] > params["most"]:
        yield Violation("/lines/3/amount", given=subject["amount"], expected=params["most"])
        yield Violation("/lines/3/amount", given=subject["amount"], expected="said twice")


def book(*rules: dict[str, Any], **options: Any) -> RuleBook:
    found = {"data_sets": DATA_SETS, "tables": {"limits": 7}, "rules": list(rules)}
    return RuleBook(found, (SimpleNamespace(limit=limit),), **options)


def params(*dated: tuple[str | None, str | None, Any]) -> list[dict[str, Any]]:
    return [
        {"effective_from": first, "effective_to": last, "values": {"most": most}}
        for first, last, most in dated
    ]


def findings(of: RuleBook, day: date, amount: int = 10, **facts: str | None) -> list[Any]:
    return of.evaluate({"amount": amount}, day, facts)[0]


def test_a_finding_carries_the_metadata_and_names_its_element() -> None:
    elements = {"/lines/*/amount": AMOUNT}
    (found,) = findings(
        book(metadata("LIMIT", params=params((None, None, 5))), elements=elements), date(2026, 1, 1)
    )
    assert (found.rule, found.severity, found.source, found.verified) == ("LIMIT", "error", "a book", True)
    assert (found.message_zh, found.message_en) == ("金额 10 应为 5", "10 should be 5")
    assert found.element == "SCSW-0001"
    assert place("/lines/3/amount") == "/lines/*/amount"


def test_parameters_change_on_their_day() -> None:
    of = book(metadata("LIMIT", params=params((None, "2018-12-31", 5), ("2019-01-01", None, 20))))
    assert findings(of, date(2018, 12, 31))
    assert not findings(of, date(2019, 1, 1))


def test_a_rule_is_in_force_from_its_first_day_to_its_last() -> None:
    of = book(
        metadata(
            "LIMIT", effective_from="2018-08-01", effective_to="2019-07-31", params=params((None, None, 5))
        )
    )
    days = (date(2018, 7, 31), date(2018, 8, 1), date(2019, 7, 31), date(2019, 8, 1))
    assert [bool(findings(of, day)) for day in days] == [False, True, True, False]


def test_versions_of_a_rule_follow_each_other() -> None:
    of = book(
        metadata("LIMIT", effective_to="2018-07-31", params=params((None, None, 5))),
        metadata(
            "LIMIT", version=2, effective_from="2018-08-01", severity="warn", params=params((None, None, 5))
        ),
    )
    assert [(f.rule_version, f.severity) for f in findings(of, date(2018, 7, 31))] == [(1, "error")]
    assert [(f.rule_version, f.severity) for f in findings(of, date(2018, 8, 1))] == [(2, "warn")]


def test_a_scope_that_asks_for_an_unknown_fact_keeps_the_rule_silent() -> None:
    of = book(metadata("LIMIT", scope={"ie_flag": ["I"]}, params=params((None, None, 5))))
    assert findings(of, date(2026, 1, 1), ie_flag="I")
    for other in ("E", None, "nonsense"):
        assert not findings(of, date(2026, 1, 1), ie_flag=other)
    assert not findings(of, date(2026, 1, 1))


def test_plans_do_not_grow_with_what_senders_write() -> None:
    of = book(metadata("LIMIT", scope={"ie_flag": ["I"]}, params=params((None, None, 5))))
    for number in range(100):
        findings(of, date(2000 + number, 1, 1), ie_flag=f"fact {number}")
    assert len(of._plans) == 1


def test_a_rule_without_its_data_is_asleep_and_needs_no_function_yet() -> None:
    of = book(
        metadata("LIMIT", params=params((None, None, 5))),
        metadata("HS", needs=["tariff"], message_en="HS in force"),
    )
    _, asleep = of.evaluate({"amount": 1}, date(2026, 1, 1), {})
    assert [(one.rule, one.needs, one.reason_en) for one in asleep] == [
        ("HS", ("tariff",), "HS in force; no tariff")
    ]
    with pytest.raises(ValueError, match="HS"):
        book(metadata("LIMIT"), metadata("HS", needs=["tariff"]), data_sets=["tariff"])


def test_rules_share_a_table() -> None:
    of = book(metadata("LIMIT", params=params((None, None, {"table": "limits"}))))
    assert [found.expected for found in findings(of, date(2026, 1, 1))] == [7]
    assert not findings(of, date(2026, 1, 1), amount=7)


def test_a_function_without_metadata_and_unknown_members_are_refused() -> None:
    with pytest.raises(ValueError, match="LIMIT"):
        book()
    with pytest.raises(ValueError, match="colour"):
        book(metadata("LIMIT", colour="red"))
    with pytest.raises(KeyError, match="source"):
        book({name: value for name, value in metadata("LIMIT").items() if name != "source"})
