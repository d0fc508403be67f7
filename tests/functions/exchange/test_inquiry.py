"""What agencies are asked and told of a wish to change or withdraw, and which of their words count."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from exchange.inquiry import Inquiry, content, inquiries
from exchange.reply import Reply
from exchange.verdict import decided
from infra import ROOT
from singlewindow import catalogue, clock
from singlewindow.consent import requests
from singlewindow.difference import patched
from singlewindow.errors import WindowError
from tests.support.clearances import Clearance, instant

SAMPLE: dict[str, Any] = json.loads((ROOT / "infra/samples/import-chengdu.json").read_text())


@pytest.fixture(autouse=True)
def today() -> Any:
    clock.travel(datetime(2024, 11, 23, 12, 0, tzinfo=UTC))
    yield
    clock.travel(None)


def accepted(*agencies: str) -> Clearance:
    case = Clearance(*agencies)
    case.reply("customs", "accept", entry_id="790120241000000851")
    case.settle()
    return case


def written(case: Clearance, type: str) -> list[tuple[str, str]]:
    """Whom the last event of a type makes the window write to, and what kind of message."""
    event = next(one for one in reversed(case.consignment.events) if one.type == type)
    return [(one.agency, one.type) for one in inquiries(event, case.consignment)]


def says(**members: Any) -> Reply:
    said = {"reply_id": "r-1", "message_id": "m-1", "outcome": "accept", "at": instant(1)}
    return Reply.model_validate(said | members)


def test_who_must_agree_is_asked_as_long_as_it_is_open() -> None:
    case = accepted("customs", "ciq", "port")
    number = case.want("amendment", "customs", "ciq", tells=["port"])
    assert written(case, "AmendmentRequested") == [("customs", "amendment"), ("ciq", "amendment")]
    case.answer("ciq", "reject", number)
    assert written(case, "AmendmentRequested") == []


def test_who_sees_what_changed_is_told_once_it_is_in_force_if_it_was_asked_at_all() -> None:
    case = accepted("customs", "port", "tax")  # tax is asked on release, and was not yet
    case.consignment = type(case.consignment)(
        case.consignment.window_no,
        case.consignment.snapshot,
        tuple(e for e in case.consignment.events if e.data.get("agency") != "tax"),
    )
    number = case.want("amendment", "customs", tells=["port", "tax"])
    case.answer("customs", "accept", number)
    case.follow()
    assert written(case, "DeclarationAmended") == [("port", "amendment-notice")]


def test_of_a_withdrawal_all_are_told_who_have_it_but_those_who_agreed() -> None:
    case = accepted("customs", "ciq", "port")
    number = case.want("withdrawal")
    assert written(case, "WithdrawalRequested") == [("customs", "withdrawal")]
    case.answer("customs", "accept", number)
    case.follow()
    assert written(case, "DeclarationWithdrawn") == [
        ("ciq", "withdrawal-notice"),
        ("port", "withdrawal-notice"),
    ]


def test_an_agency_sees_of_a_change_what_it_sees_of_the_declaration() -> None:
    after = patched(SAMPLE, [
        {"op": "replace", "path": "/head/bill_no", "value": "HLSH2609418736"},
        {"op": "replace", "path": "/lines/0/unit_price", "value": "1"},
        {"op": "remove", "path": "/lines/3"},
    ])  # fmt: skip
    case = accepted("customs", "port")
    case.want("amendment", "customs")
    (asked,) = requests(case.consignment)
    places = {a: catalogue.capacity(a, date(2026, 11, 20))["projection"] for a in ("customs", "port")}
    shown = {
        agency: content(Inquiry(agency, "amendment", 1), asked, "x", SAMPLE, after, wanted)
        for agency, wanted in places.items()
    }
    assert [one["pointer"] for one in shown["port"]["changes"]] == ["/head/bill_no"]
    assert "lines" not in shown["port"]["document"]
    assert [one["pointer"] for one in shown["customs"]["changes"]] == [
        "/head/bill_no", "/lines/0/unit_price", "/lines/3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "members",
    [
        {"outcome": "hold"},
        {"outcome": "clear"},
        {"entry_id": "790120241000000851"},
        {"report": {"pack_no": "1"}},
    ],
    ids=str,
)
def test_a_wish_is_accepted_or_rejected_with_nothing_else(members: dict[str, Any]) -> None:
    case = accepted("customs")
    number = case.want("amendment")
    with pytest.raises(WindowError) as refused:
        decided(case.consignment, says(**members), "customs", "amendment", number)
    assert (refused.value.status, refused.value.code) == (422, "no-answer-to-this")


def test_a_notice_has_no_answer() -> None:
    with pytest.raises(WindowError) as refused:
        decided(accepted("customs").consignment, says(), "customs", "withdrawal-notice", 0)
    assert refused.value.status == 422


def test_a_word_after_the_end_is_kept_and_changes_nothing() -> None:
    case = accepted("customs", "ciq")
    number = case.want("withdrawal")
    case.play(("ciq", "accept"), ("customs", "release"))
    case.conclude()
    assert case.state == "RELEASED"
    change = decided(case.consignment, says(findings=["太迟"]), "customs", "withdrawal", number)
    assert (change.type, change.data["effect"]) == ("WithdrawalDecided", "recorded-after-decision")
    assert change.data["findings"] == [{"message": "太迟"}]
