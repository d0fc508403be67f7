"""An agency's reply: what is read of it, and what it does to the consignment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import exchange.app as exchange
from exchange.reply import Reply, earlier, is_final, recorded
from singlewindow import canonical, catalogue, clock, commands
from singlewindow.errors import WindowError
from singlewindow.events import Actor
from tests.support.bills import bill
from tests.support.clearances import Clearance, instant

SOUND: dict[str, Any] = {
    "reply_id": "CUS-2024-1",
    "message_id": "4b5f0f8e-0000-5000-8000-000000000001",
    "outcome": "accept",
    "findings": [],
    "at": instant(0),
}


BILL = bill()


def read(**members: Any) -> Reply:
    return commands.parse(Reply, canonical.parse_json(canonical.dumps(SOUND | members)))


@pytest.fixture(autouse=True)
def today() -> Any:
    clock.travel(datetime(2024, 11, 23, 12, 0, tzinfo=UTC))
    yield
    clock.travel(None)


def test_a_sound_reply_is_read() -> None:
    reply = read(
        findings=["箱号不符", {"code": "C1", "pointer": "/head/bill_no"}], entry_id="790120241000000851"
    )
    assert (reply.reply_id, reply.outcome, reply.entry_id) == ("CUS-2024-1", "accept", "790120241000000851")
    assert reply.findings == ["箱号不符", {"code": "C1", "pointer": "/head/bill_no"}]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"reply_id": ""}, "/reply_id"),
        ({"reply_id": "a b"}, "/reply_id"),
        ({"reply_id": "x" * 129}, "/reply_id"),
        ({"reply_id": 7}, "/reply_id"),
        ({"message_id": "../etc"}, "/message_id"),
        ({"outcome": "approve"}, "/outcome"),
        ({"outcome": "tax"}, ""),
        ({"outcome": "revoke"}, ""),
        ({"hold": {"gate": "use"}}, ""),
        ({"hold_id": "H-1"}, ""),
        ({"outcome": "hold", "hold": {"gate": "sea"}}, "/hold/gate"),
        ({"outcome": "tax", "tax": BILL | {"total": "1.00"}}, "/tax"),
        ({"outcome": "tax", "tax": BILL | {"total": "1"}}, "/tax/total"),
        ({"outcome": "tax", "tax": BILL | {"supersedes": "B-1"}}, "/tax"),
        ({"outcome": None}, "/outcome"),
        ({"at": "2024-11-23T09:00:00"}, "/at"),
        ({"at": "yesterday"}, "/at"),
        ({"at": "2024-11-23T12:06:00Z"}, "/at"),
        ({"entry_id": "79012024X000000851"}, "/entry_id"),
        ({"entry_id": "123"}, "/entry_id"),
        ({"findings": "no"}, "/findings"),
        ({"findings": ["x"] * 501}, "/findings"),
        ({"report": {"pack_no": "-1"}}, "/report/pack_no"),
        ({"report": {"pieces": "1"}}, "/report/pieces"),
        ({"agency": "customs"}, "/agency"),
        ({"final": True}, "/final"),
    ],
)
def test_a_reply_that_is_wrong_is_refused_by_the_name_of_its_field(
    members: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(WindowError) as refused:
        read(**members)
    assert refused.value.status == 422
    assert [finding.pointer for finding in refused.value.findings] == [pointer]


@pytest.mark.parametrize("value", [[], "accept", None, 7])
def test_what_is_no_object_is_no_reply(value: Any) -> None:
    with pytest.raises(WindowError) as refused:
        commands.parse(Reply, value)
    assert refused.value.status == 422


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(WindowError) as refused:
        read(reply_id="", outcome="maybe", at="x")
    assert {finding.pointer for finding in refused.value.findings} == {"/reply_id", "/outcome", "/at"}


def test_an_agencys_clock_may_be_a_little_ahead() -> None:
    assert read(at="2024-11-23T12:04:59Z").at == datetime(2024, 11, 23, 12, 4, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("outcome", "desk", "customs"),
    [
        ("accept", True, False),
        ("reject", True, True),
        ("return", True, True),
        ("hold", False, False),
        ("clear", True, False),
        ("review", False, False),
        ("release", None, True),
        ("revoke", None, False),
        ("tax", None, False),
    ],
)
def test_the_last_word_of_who_releases_is_its_release_and_of_another_its_acceptance(
    outcome: str, desk: bool | None, customs: bool
) -> None:
    said = {"findings": ["理由"]} | ({"tax": BILL} if outcome == "tax" else {})
    reply = read(outcome=outcome, **said)
    assert is_final(reply, clear_is_final=False, releases=True) is customs
    if desk is not None:
        assert is_final(reply, clear_is_final=True, releases=False) is desk


def test_where_a_desk_has_more_to_say_its_clear_is_interim() -> None:
    assert not is_final(read(outcome="clear"), clear_is_final=False, releases=False)


@pytest.mark.parametrize(
    ("agency", "reply"),
    [
        ("ciq", {"outcome": "release"}),
        ("ciq", {"outcome": "revoke", "findings": ["误放"]}),
        ("ciq", {"outcome": "tax", "tax": BILL}),
        ("mofcom", {"outcome": "review"}),
        ("port", {"outcome": "review"}),
        ("customs", {"report": {"pack_no": "1"}}),
    ],
)
def test_who_says_what_is_not_its_own_to_say_is_refused(agency: str, reply: dict[str, Any]) -> None:
    case = Clearance("customs", "ciq", "mofcom", "port")
    with pytest.raises(WindowError) as refused:
        recorded(case.consignment, read(**reply), agency, 1, False)
    assert refused.value.status == 422


def test_a_hold_has_a_name_and_a_gate_even_where_its_agency_gave_none() -> None:
    case = Clearance("customs")
    plain = recorded(case.consignment, read(outcome="hold"), "customs", 1, False)
    assert plain.data["hold"] == {"hold_id": "CUS-2024-1", "gate": "port", "kind": "other"}
    said = {"hold_id": "H-1", "gate": "use", "kind": "quarantine", "containers": ["CSQU3054383"]}
    assert (
        recorded(case.consignment, read(outcome="hold", hold=said), "customs", 1, False).data["hold"] == said
    )


def test_a_reply_is_recorded_as_the_agencys_own_word() -> None:
    case = Clearance("customs")
    change = recorded(
        case.consignment, read(findings=["箱号不符"], at="2024-11-23T09:00:00+08:00"), "customs", 1, False
    )
    assert (change.type, change.actor, change.of_version) == ("AgencyReplied", Actor("agency", "customs"), 1)
    assert change.state is None
    assert change.data == {
        "agency": "customs",
        "reply_id": "CUS-2024-1",
        "message_id": SOUND["message_id"],
        "outcome": "accept",
        "final": False,
        "effect": "applied",
        "findings": [{"message": "箱号不符"}],
        "at": "2024-11-23T01:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("1234.50", "1234.5"),
        ("0.00001", "0.00001"),
        (Decimal("1e2"), "100"),
        (120, "120"),
        ("-0", "0"),
        (0.5, "0.5"),
    ],
)
def test_a_terminals_report_is_kept_in_canonical_form_to_the_last_digit(given: Any, kept: str) -> None:
    case = Clearance("customs", "port")
    report = {"bill_no": "B-1", "pack_no": "120", "gross_weight": given, "arrived_at": instant(-60)}
    change = recorded(case.consignment, read(report=report), "port", 1, False)
    assert change.data["report"]["gross_weight"] == kept
    assert change.data["report"]["arrived_at"] == "2024-11-23T00:00:00Z"


@pytest.mark.parametrize("given", ["1e999999999", "1e-999999999", "NaN", "Infinity", "0.000001"])
def test_a_number_that_no_terminal_weighs_is_refused(given: str) -> None:
    with pytest.raises(WindowError) as refused:
        read(report={"gross_weight": given})
    assert [finding.pointer for finding in refused.value.findings] == ["/report/gross_weight"]


@pytest.mark.parametrize(
    ("before", "now", "effect"),
    [
        ([], "release", "applied"),
        (["hold"], "release", "applied"),
        (["release"], "release", "applied"),
        (["release"], "hold", "applied"),
        (["release"], "clear", "applied"),
        (["accept"], "return", "applied"),
        (["release"], "reject", "recorded-second-final"),
        (["release"], "return", "recorded-second-final"),
        (["reject"], "release", "recorded-second-final"),
        (["release", "reject"], "reject", "recorded-second-final"),
    ],
)
def test_a_final_answer_that_contradicts_the_first_is_recorded_only(
    before: list[str], now: str, effect: str
) -> None:
    case = Clearance("customs", "ciq")
    for outcome in before:
        case.reply("customs", outcome)
    assert recorded(case.consignment, read(outcome=now), "customs", 1, False).data["effect"] == effect


def test_where_a_clear_is_final_it_is_a_yes_among_the_final_answers() -> None:
    case = Clearance("customs", "ciq")
    case.reply("ciq", "clear")
    assert recorded(case.consignment, read(outcome="accept"), "ciq", 1, True).data["effect"] == "applied"
    assert (
        recorded(case.consignment, read(outcome="reject"), "ciq", 1, True).data["effect"]
        == "recorded-second-final"
    )


def test_one_agencys_answer_is_not_anothers() -> None:
    case = Clearance("customs", "ciq")
    case.reply("ciq", "accept", reply_id="R-1")
    assert recorded(case.consignment, read(outcome="reject"), "customs", 1, False).data["effect"] == "applied"
    assert earlier(case.consignment, "customs", "R-1") is None
    found = earlier(case.consignment, "ciq", "R-1")
    assert found is not None
    assert found.data["outcome"] == "accept"


def test_a_reply_to_a_version_that_was_replaced_is_recorded_for_that_version() -> None:
    case = Clearance("customs", "ciq").play(("customs", "accept"), ("ciq", "return"))
    case.conclude()
    case.submit()
    change = recorded(case.consignment, read(outcome="accept"), "ciq", 1, False)
    assert (change.of_version, change.data["effect"]) == (1, "recorded-late")
    fresh = recorded(case.consignment, read(outcome="accept"), "ciq", 2, False)
    assert (fresh.of_version, fresh.data["effect"]) == (2, "applied")


def test_an_old_reply_may_be_as_old_as_it_likes() -> None:
    old = (clock.now() - timedelta(days=400)).isoformat()
    assert read(at=old).outcome == "accept"


@pytest.mark.parametrize("signs", [True, False])
def test_where_the_catalogue_says_so_a_release_without_a_notice_is_refused(
    signs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "capacity", lambda *_: {"signed_release": signs})
    release = read(outcome="release")
    if not signs:
        assert exchange._signed_release(release, "customs") == (release, None, None)
        return
    with pytest.raises(WindowError) as refused:
        exchange._signed_release(release, "customs")
    assert (refused.value.status, refused.value.code) == (422, "notice-missing")
    assert exchange._signed_release(read(outcome="accept"), "customs")[1] is None
