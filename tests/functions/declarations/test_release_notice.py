"""The release notice as it is shown: the one that was relayed, what it says, and what became of it."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from declarations import release_notice
from exchange import telling
from exchange.reply import Reply, recorded
from tests.support.clearances import Clearance, instant
from tests.support.inspections import Inspected

KEY = ec.generate_private_key(ec.SECP256R1())
SAYS = {"window_no": "I20240000000000101", "version": 1, "entry_id": "790120241000000851"}
NOTICE = jwt.encode(SAYS, KEY, algorithm="ES256", headers={"kid": "customs-1"})
JWK = {"kty": "EC", "kid": "customs-1", "party": "customs"}


def release(case: Clearance, at: int, notice: str | None = NOTICE) -> None:
    said: dict[str, Any] = {
        "reply_id": f"R-{at}",
        "message_id": "m-1",
        "outcome": "release",
        "at": instant(at),
    }
    if notice:
        said["release"] = {"notice": notice}
    case.apply(
        recorded(case.consignment, Reply.model_validate(said), "customs", 1, False, JWK if notice else None)
    )
    case.settle()
    case.conclude()


def shown(case: Clearance) -> dict[str, Any]:
    notice = release_notice.shown(case.consignment)
    assert notice is not None
    return notice


def told(case: Clearance) -> list[tuple[str, str]]:
    event = case.consignment.events[-1]
    assert telling.concerns_anybody(event) or event.type == "DeclarationReleased"
    return [(agency, pointer["status"]) for agency, pointer in telling.pointers(event, case.consignment)]


def test_what_customs_signed_is_shown_with_its_key_and_relayed_to_who_handles_the_cargo() -> None:
    case = Clearance("customs", "port")
    release(case, 5)
    assert (shown(case)["notice"], shown(case)["says"], shown(case)["key"]) == (NOTICE, SAYS, JWK)
    assert told(case) == [("port", "in-force")]


def test_a_notice_that_waits_for_another_agency_is_nobodys_yet() -> None:
    case = Clearance("customs", "ciq", "port")
    release(case, 5)
    assert case.state == "SUSPENDED"
    assert release_notice.shown(case.consignment) is None
    case.play(("ciq", "accept"))
    assert shown(case)["status"] == "in-force"


def test_a_release_without_a_notice_is_shown_as_such_and_relayed_by_events_alone() -> None:
    case = Clearance("customs", "port")
    release(case, 5, notice=None)
    assert (shown(case)["notice"], shown(case)["says"], shown(case)["key"]) == (None, None, None)
    assert not telling.concerns_anybody(case.consignment.events[-1])
    assert told(case) == []


def test_a_revocation_is_told_to_whom_the_release_was_and_the_next_release_again() -> None:
    case = Clearance("customs", "port")
    release(case, 5)
    case.reply("customs", "revoke", at=7, findings=["误放"])
    case.settle()
    assert (shown(case)["status"], told(case)) == ("revoked", [("port", "revoked")])
    release(case, 9)
    assert (shown(case)["status"], told(case)) == ("in-force", [("port", "in-force")])
    case.reply("port", "accept", report={"gate_out_at": instant(11)})
    case.settle()
    assert shown(case)["status"] == "closed"


@pytest.mark.parametrize("event", ["TaxDeducted", "TaxGuaranteed", "InspectionDone", "InspectionFollowedUp"])
def test_customs_alone_is_told_of_what_it_waits_for_about_its_own_question(event: str) -> None:
    case = Clearance("customs", "ciq", "port")
    case.happens(event, bill_id="B-1", agency="customs", follow_up="supplement", hold_ids=[], at=instant(3))
    happened = case.consignment.events[-1]
    ((agency, pointer),) = telling.pointers(happened, case.consignment)
    asked = next(
        e for e in case.consignment.events if e.type == "AgencyAsked" and e.data["agency"] == "customs"
    )
    assert agency == "customs"
    assert (pointer["type"], pointer["event"]) == ("clearance-notice", event)
    assert (pointer["message_id"], pointer["notice_id"]) == (asked.data["message_id"], happened.event_id)
    assert "body" not in pointer


def test_who_wants_to_see_the_goods_is_told_when_and_where_also_who_joins_later() -> None:
    case = Inspected("customs", "ciq", "port")
    case.hold("ciq", "Q-1", at=1)
    case.join().book()
    ((agency, booked),) = pointers(case)
    assert (agency, booked["type"], booked["event"]) == ("ciq", "inspection-notice", "InspectionBooked")
    assert (booked["inspection"], booked["agencies"]) == (f"/inspections/{case.order.id}", ["ciq"])
    assert booked["slot"] == case.order.slot

    case.hold("customs", "C-1", at=2)
    case.join()
    joined = dict(pointers(case))
    assert joined.keys() == {"ciq", "customs"}
    assert {one["event"] for one in joined.values()} == {"InspectionRevised"}
    assert all(one["slot"] == case.order.slot and len(one["agencies"]) == 2 for one in joined.values())

    case.clear("ciq", "Q-1", at=3)
    case.join()
    left = dict(pointers(case))
    assert left.keys() == {"ciq", "customs"}  # who is no longer needed hears it, too
    assert left["ciq"]["agencies"] == ["customs"]


def pointers(case: Clearance) -> list[tuple[str, dict[str, Any]]]:
    return telling.pointers(case.consignment.events[-1], case.consignment)
