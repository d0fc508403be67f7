"""The whole clearance on the stack: held, inspected, billed, paid, told, released by a signed notice, relayed, revoked,
gone, closed."""

import json
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from infra import issuer
from infra.stage import Stage
from singlewindow import clock
from tests.journeys.conftest import Planted
from tests.journeys.test_inspection import free, ordered, wanted
from tests.journeys.test_paying import bill_is, pay
from tests.journeys.test_release import At, happened, waits
from tests.journeys.window import STRANGER, Client, Trader, quiet, sample, until
from tests.support.bills import bill

ENTRY_ID = "790120261{:09d}"


def signed(window_no: str, entry_id: str, party: str = "customs", **over: Any) -> dict[str, Any]:
    about = {"window_no": window_no, "version": 1, "entry_id": entry_id, "released_at": clock.stamp()}
    return {"notice": issuer.sign(party, about | over)}


def others_agree(trader: Trader, desk: At, window_no: str, but: Collection[str] = ("customs",)) -> None:
    for agency in waits(trader, window_no):
        if agency not in but:
            desk(agency).agree(window_no)


def explained(trader: Trader, window_no: str) -> tuple[str, str, str]:
    """Who holds it, what the trader can do about that, and where."""
    said = trader.show(window_no)["explanation"]
    return said["holder"], said["can"][0]["do"], said["can"][0]["href"]


def inspected(trader: Trader, desk: At, window_no: str) -> str:
    """Booked by the trader, started by customs, passed by both agencies: the inspection's id."""
    id = ordered(trader, window_no, ["ciq", "customs"])
    assert explained(trader, window_no) == ("trader", "book", f"/inspections/{id}/slots")
    slot = {"slot_id": free(trader, id)[0]}
    booked = trader.call("POST", f"/inspections/{id}/booking", slot, Idempotency_Key=f"book-{id}")
    assert booked.json["state"] == "BOOKED", booked.raw
    assert explained(trader, window_no)[:2] == ("customs", "see")
    officers = [desk("customs").client, desk("ciq").client]
    assert officers[0].call("POST", f"/inspections/{id}/start", {}).json["state"] == "STARTED"
    for officer, state in zip(officers, ("STARTED", "DONE"), strict=True):
        assert officer.call("POST", f"/inspections/{id}/result", {"result": "pass"}).json["state"] == state
    return id


@pytest.mark.usefixtures("banks")
def test_two_holds_one_inspection_one_bill_one_signed_release_relayed_revoked_and_closed(
    trader: Trader, desk: At, stage: Stage
) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    customs, port, entry_id = desk("customs"), desk("port"), ENTRY_ID.format(77)
    others_agree(trader, desk, window_no, but=("customs", "ciq"))
    customs.reply(window_no, "accept", entry_id=entry_id)
    wanted(desk, window_no, "customs")
    wanted(desk, window_no, "ciq", kind="quarantine")
    until(lambda: trader.show(window_no)["holds"], lambda holds: len(holds) == 2)
    assert trader.wait(window_no, "HELD")["entry_id"] == entry_id
    inspected(trader, desk, window_no)

    tax = bill(f"{entry_id}-01") | {"issued_at": clock.stamp()}
    customs.reply(window_no, "tax", tax=tax)
    trader.wait(window_no, "TAX_DUE")
    until(
        lambda: trader.get("/payments/bills").json["items"],
        lambda items: tax["bill_id"] in [one["bill_id"] for one in items],
    )
    assert explained(trader, window_no) == ("trader", "pay", f"/payments/bills/{tax['bill_id']}/pay")
    pay(trader, tax["bill_id"])
    trader.wait(window_no, "ACCEPTED")
    assert bill_is(trader, tax["bill_id"], "TREASURY_CONFIRMED")["deducted"] == tax["total"]
    told = until(lambda: customs.told(window_no, "clearance-notice"), lambda seen: len(seen) == 2)
    assert {one["event"] for one in told} == {"InspectionDone", "TaxDeducted"}

    assert trader.get(f"/declarations/{window_no}/release-notice").status == 404
    customs.reply(window_no, "release", release=signed(window_no, entry_id))
    trader.wait(window_no, "RELEASED")
    (relayed,) = port.told(window_no, "release-notice")
    notice = port.client.get(relayed["notice"])
    assert notice.status == 200, notice.raw
    assert (notice.json["status"], notice.json["says"]["entry_id"]) == ("in-force", entry_id)
    assert verified_offline(notice.json)
    assert notice.json["key"]["party"] == "customs"
    for role, party in (
        ("enterprise", STRANGER),
        ("agency", "rail"),
    ):  # neither a party nor ever asked about it
        assert Client(stage.url, issuer.token(role, party)).get(relayed["notice"]).status == 404

    customs.reply(window_no, "revoke", findings=["误放"])
    trader.wait(window_no, "HELD")
    until(lambda: port.told(window_no, "release-notice"), lambda seen: seen[-1]["status"] == "revoked")
    assert trader.get(relayed["notice"]).json["status"] == "revoked"

    customs.reply(window_no, "release", release=signed(window_no, entry_id))
    trader.wait(window_no, "RELEASED")
    port.reply(window_no, "accept", report={"gate_out_at": clock.stamp()})
    trader.wait(window_no, "CLEARED")
    assert trader.get(relayed["notice"]).json["status"] == "closed"
    late = customs.client.call(
        "POST", "/exchange/replies", customs.compose(customs.question(window_no), "revoke", findings=["晚"])
    )
    assert late.json["effect"] == "recorded-after-gate-out"
    quiet(stage)
    assert happened(trader, window_no, "DeclarationReleased") == 2
    assert happened(trader, window_no, "InspectionOrdered") == happened(trader, window_no, "TaxDeducted") == 1
    assert trader.show(window_no)["state"] == "CLEARED"


def test_in_two_steps_the_goods_leave_on_the_summary_and_the_full_declaration_closes_it(
    trader: Trader, desk: At, stage: Stage
) -> None:
    document = sample()
    window_no = trader.submit(document)
    desk("customs").reply(window_no, "release", entry_id=ENTRY_ID.format(66), release={"removal": True})
    others_agree(trader, desk, window_no)
    shown = trader.wait(window_no, "RELEASED")
    entered = date.fromisoformat(document["head"]["ie_date"])
    assert shown["full_declaration"]["due_on"] == (entered + timedelta(days=14)).isoformat()
    assert "complete" in shown["allowed"] and shown["explanation"]["holder"] == "trader"
    desk("port").reply(window_no, "accept", report={"gate_out_at": clock.stamp()})
    quiet(stage)
    assert trader.show(window_no)["state"] == "RELEASED"

    overdue_from = datetime.combine(entered + timedelta(days=15), time(), clock.BUSINESS_ZONE)
    for _ in range(2):  # the timers go off by themselves, and once
        with stage.at(max(overdue_from, clock.now()) + timedelta(minutes=2)):
            quiet(stage)
    assert happened(trader, window_no, "FullDeclarationOverdue") == 1
    assert trader.show(window_no)["state"] == "RELEASED"

    full = trader.call("PUT", f"/declarations/{window_no}", sample(note="完整申报"), If_Match="*")
    assert (full.status, full.json["version"]) == (202, 2), full.raw
    assert trader.get(f"/declarations/{window_no}/release-notice").json["status"] == "closed"
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no, version=2)
    assert trader.wait(window_no, "CLEARED")["full_declaration"] is None


def verified_offline(notice: dict[str, Any]) -> bool:
    """As a terminal at the gate does it: with the key alone."""
    import jwt

    said = jwt.api_jws.decode(notice["notice"], jwt.PyJWK(notice["key"]).key, algorithms=["ES256"])
    return bool(json.loads(said) == notice["says"])


@pytest.mark.parametrize(
    ("release", "status", "code"),
    [
        (lambda no, entry: signed(no, entry, party="sandbox-bank"), 401, "signature-invalid"),
        (lambda no, entry: {"notice": "a.b.c"}, 401, "signature-invalid"),
        (lambda no, entry: signed("I20240000000000001", entry), 422, "notice-unbound"),
        (lambda no, entry: signed(no, entry, version=2, conditional=True), 422, "notice-unbound"),
        (lambda no, entry: signed(no, ENTRY_ID.format(1)), 422, "notice-unbound"),
    ],
)
def test_a_notice_that_is_not_customs_own_about_this_declaration_is_refused_and_nothing_applied(
    trader: Trader, desk: At, release: Callable[[str, str], dict[str, Any]], status: int, code: str
) -> None:
    window_no, entry_id = trader.submit(sample()), ENTRY_ID.format(88)
    customs = desk("customs")
    reply = customs.compose(customs.question(window_no), "release", entry_id=entry_id)
    answer = customs.client.call(
        "POST", "/exchange/replies", reply | {"release": release(window_no, entry_id)}
    )
    assert (answer.status, answer.json["code"]) == (status, code)
    assert trader.agency(window_no, "customs")["state"] == "pending"


def test_a_forged_notice_in_the_queue_dies_alone(
    trader: Trader, desk: At, stage: Stage, planted: Planted
) -> None:
    window_no, customs = trader.submit(sample()), desk("customs")
    before = stage.dead_letters()["CustomsRepliesDlq"]
    forged = {"release": {"notice": issuer.sign("sandbox-bank", {"window_no": window_no})}}
    customs.send(customs.compose(customs.question(window_no), "release", reply_id=str(uuid4()), **forged))
    planted.dead_letter("CustomsRepliesDlq")
    until(lambda: stage.dead_letters()["CustomsRepliesDlq"], lambda depth: depth == before + 1)
    customs.reply(window_no, "release", entry_id=ENTRY_ID.format(99))
    others_agree(trader, desk, window_no)
    trader.wait(window_no, "RELEASED")
    unsigned = trader.get(f"/declarations/{window_no}/release-notice").json
    assert (unsigned["status"], unsigned["notice"], unsigned["key"]) == ("in-force", None, None)
