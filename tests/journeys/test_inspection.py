"""Two agencies want to see the goods: one inspection, one slot, one sheet, one release."""

import hashlib
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from infra.stage import Stage
from singlewindow import clock
from tests.journeys.test_release import happened, journey, waits
from tests.journeys.window import Client, Desk, Trader, quiet, sample, until

At = Callable[[str], Desk]
PHOTO = b"\x89PNG\r\n\x1a\n a seal, before and after"


def wanted(desk: At, window_no: str, agency: str, **asks: Any) -> None:
    asks = {"hold_id": f"{agency}-1", "kind": "inspection", "qualifications": ["quarantine"], **asks}
    desk(agency).reply(window_no, "hold", hold=asks)


def ordered(client: Client, window_no: str, agencies: list[str]) -> str:
    """The inspection of a shipment, once these agencies have joined it."""

    def look() -> Any:
        items = client.get("/inspections").json["items"]
        return next((one for one in items if one["window_no"] == window_no), {})

    found = until(look, lambda one: one.get("agencies") == agencies)
    return str(found["inspection_id"])


def free(client: Client, id: str) -> list[str]:
    """The slots of the first day that has any."""
    day = clock.business_date() + timedelta(days=1)
    for _ in range(3):
        if items := client.get(f"/inspections/{id}/slots?date={day}").json["items"]:
            return [one["slot_id"] for one in items]
        day += timedelta(days=1)
    raise AssertionError("no slot in three days")


def upload(client: Client, id: str) -> str:
    """A photo, announced, put where the window says, and taken in."""
    told: dict[str, Any] = {"kind": "photo", "media_type": "image/png", "bytes": len(PHOTO)}
    told |= {"sha256": hashlib.sha256(PHOTO).hexdigest()}
    place = client.call("POST", f"/inspections/{id}/evidence", told).json
    headers = place["headers"] | {"Content-Type": told["media_type"]}
    request = urllib.request.Request(place["url"], PHOTO, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    assert client.call("POST", place["then"]).status == 200
    return str(place["evidence_id"])


def test_two_holds_one_inspection_one_release(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    customs, ciq = desk("customs").client, desk("ciq").client
    wanted(desk, window_no, "customs", place="qbj-rail", instructions=["开箱核对唛头"])
    wanted(desk, window_no, "ciq", kind="quarantine", instructions=["开箱核对唛头", "木质包装查验"])
    id = ordered(trader, window_no, ["ciq", "customs"])
    for agency in waits(trader, window_no):
        if agency not in ("customs", "ciq"):
            desk(agency).agree(window_no)
    trader.wait(window_no, "HELD")

    slot, other, *_ = free(trader, id)
    with ThreadPoolExecutor(4) as pool:
        bookings = pool.map(
            lambda _: trader.call(
                "POST", f"/inspections/{id}/booking", {"slot_id": slot}, Idempotency_Key="b-1"
            ),
            range(4),
        )
        assert {(one.status, one.json["slot"]["slot_id"]) for one in bookings} == {(200, slot)}
    moved = trader.call("POST", f"/inspections/{id}/booking", {"slot_id": other}, Idempotency_Key="b-2")
    assert moved.json["slot"]["slot_id"] == other
    assert slot in free(trader, id)

    assert customs.call("POST", f"/inspections/{id}/start", {}).json["state"] == "STARTED"
    sheet = {"result": "pass", "evidence": [upload(customs, id)], "note": "李工在场"}
    assert customs.call("POST", f"/inspections/{id}/result", sheet).json["state"] == "STARTED"
    assert trader.show(window_no)["state"] == "HELD"
    assert ciq.call("POST", f"/inspections/{id}/result", {"result": "pass"}).json["state"] == "DONE"

    desk("customs").agree(window_no)
    trader.wait(window_no, "RELEASED")
    quiet(stage)
    shown = trader.get(f"/inspections/{id}").json
    assert [one["agency"] for one in shown["sheet"]] == ["customs", "ciq"]
    assert shown["instructions"] == ["开箱核对唛头", "木质包装查验"]
    assert {one["cleared_by"] for one in shown["holds"]} == {"pass"}
    assert shown["clocks"]["seconds"].keys() == {"trader", "terminal", "agency"}
    assert happened(trader, window_no, "DeclarationReleased") == 1
    assert (
        happened(trader, window_no, "InspectionOrdered") == happened(trader, window_no, "InspectionDone") == 1
    )
    entries = journey(trader, window_no)
    assert {one["lane"] for one in entries if one["event"] == "InspectionBooked"} == {"logistics"}
    assert "李工" not in str(entries)


def test_a_hold_for_the_place_of_use_follows_released_goods(trader: Trader, desk: At) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no)
    trader.wait(window_no, "RELEASED")

    wanted(desk, window_no, "ciq", gate="use", place="收货人仓库", qualifications=[])
    id = ordered(trader, window_no, ["ciq"])

    assert trader.get(f"/inspections/{id}/slots").json["unknown_place"] == "收货人仓库"
    ciq = desk("ciq").client
    assert ciq.call("POST", f"/inspections/{id}/start", {}).status == 200
    found = {"result": "defect", "follow_up": "supplement"}
    assert ciq.call("POST", f"/inspections/{id}/result", found).json["state"] == "DONE"
    assert ciq.call("POST", f"/inspections/{id}/follow-up", {"follow_up": "supplement"}).status == 200
    assert trader.get(f"/inspections/{id}").json["holds"][0]["cleared_by"] == "supplement"
    assert trader.show(window_no)["state"] == "RELEASED"
    assert happened(trader, window_no, "DeclarationReleased") == 1


def test_a_returned_declaration_is_not_inspected(trader: Trader, desk: At) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    wanted(desk, window_no, "ciq")
    id = ordered(trader, window_no, ["ciq"])
    for agency in waits(trader, window_no):
        desk(agency).reply(window_no, "return")
    trader.wait(window_no, "RETURNED")

    shown = until(lambda: trader.get(f"/inspections/{id}").json, lambda one: one["state"] == "CANCELLED")
    assert (shown["reason"], shown["allowed"]) == ("declaration-returned", [])


def test_nobody_comes_and_the_slot_is_given_up_by_itself(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    wanted(desk, window_no, "customs", place="qbj-rail")
    id = ordered(trader, window_no, ["customs"])
    slot = free(trader, id)[0]
    booked = trader.call("POST", f"/inspections/{id}/booking", {"slot_id": slot}, Idempotency_Key="no-show")
    ends = datetime.fromisoformat(booked.json["slot"]["ends_at"])
    quiet(stage)
    assert trader.get(f"/inspections/{id}").json["state"] == "BOOKED"

    with stage.at(ends + timedelta(minutes=31)):
        quiet(stage)

    assert trader.get(f"/inspections/{id}").json["state"] == "NO_SHOW"
    assert happened(trader, window_no, "InspectionUnbooked") == 1
    assert slot in free(trader, id)
