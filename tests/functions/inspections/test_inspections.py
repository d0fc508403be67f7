"""Inspections as their callers see them: answers of agencies in, slots, sheets and clocks out; the app on moto."""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from moto import mock_aws

from infra.stage.moto_faults import mended
from inspections import store
from inspections.app import app, on_event, on_timer
from singlewindow import canonical, clock, settings
from singlewindow.aws import clients, ledger
from singlewindow.consignment import Change
from singlewindow.events import WINDOW, Event
from tests.support.clearances import IMPORTER, ROOT
from tests.support.faults import LOST, THROTTLED, injected
from tests.support.gateway_event import gateway_event
from tests.support.inspections import BOX, OTHER_BOX, SLOT, Inspected
from tests.support.memory_ledger import stands

STRANGER = "913302017532977856"
MONDAY = date(2024, 11, 25)
LATER = "qbj-rail.A2.20241125.1100"
SETTINGS = {
    "LEDGER_TABLE": "ledger",
    "INSPECTIONS_TABLE": "inspections",
    "ARCHIVE_BUCKET": "archive",
    "UPLOADS_BUCKET": "uploads",
    "TIMERS_GROUP": "timers",
    "TIMERS_QUEUE": "arn:aws-cn:sqs:cn-northwest-1:123456789012:timers",
    "TIMERS_ROLE": "arn:aws-cn:iam::123456789012:role/timers",
}
JPEG = b"\xff\xd8\xff\xe0 a photo of an open door"


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
    clients.client.cache_clear()
    clock.travel(datetime.fromisoformat("2024-11-24T01:00:00Z"))
    with mock_aws(), mended(), settings.using(SETTINGS):
        for table, keys in (("ledger", ("consignment", "item")), ("inspections", ("key", "item"))):
            clients.client("dynamodb").create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": k, "KeyType": t} for k, t in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        for bucket in ("archive", "uploads"):
            clients.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "cn-northwest-1"}
            )
        clients.client("scheduler").create_schedule_group(Name="timers")
        yield
    clock.travel(None)
    clients.client.cache_clear()


def ordered(number: str = "I20240000000000101", *agencies: str) -> str:
    """The id of an inspection that these agencies ask for."""
    case = Inspected("customs", "ciq", window_no=number)
    for at, agency in enumerate(agencies or ("customs", "ciq"), 10):
        case.hold(agency, f"{agency}-H", at=at, place="qbj-rail", qualifications=["quarantine"])
    stands(case.consignment)
    assert hear(case.consignment.events[-1]) == []
    return f"{number}-1-1"


def hear(*events: Event) -> list[str]:
    """Deliver events by queue; the ids of the messages that failed."""
    return deliver(on_event, *(event.as_json() for event in events))


def go_off(*timers: Any) -> list[str]:
    """Deliver what these timers tell; the ids of the messages that failed."""
    return deliver(on_timer, *timers)


def timers() -> dict[str, Any]:
    """What is set, by its instant: what it will tell."""
    scheduler, group = clients.client("scheduler"), {"GroupName": "timers"}
    held = [
        scheduler.get_schedule(Name=one["Name"], **group)
        for one in scheduler.list_schedules(**group)["Schedules"]
    ]
    return {one["ScheduleExpression"]: json.loads(one["Target"]["Input"]) for one in held}


def deliver(handler: Callable[..., Any], *bodies: Any) -> list[str]:
    records = [
        {
            "messageId": str(number),
            "receiptHandle": "r",
            "body": canonical.dumps(body).decode(),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws-cn:sqs:cn-northwest-1:123456789012:window-inspections-inbox",
        }
        for number, body in enumerate(bodies)
    ]
    answer = handler({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def call(
    method: str, path: str, body: Any = None, role: str = "enterprise", party: str = IMPORTER,
    key: str | None = None, **query: str,
) -> tuple[int, Any]:  # fmt: skip
    headers = {"idempotency-key": key} if key else {}
    event = gateway_event(
        app, method, path, query=query, headers=headers, body=body, caller=(role, party), subject="li.wei"
    )
    answer = app(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def book(id: str, slot_id: str = SLOT, key: str = "k1", **caller: str) -> tuple[int, Any]:
    return call("POST", f"/inspections/{id}/booking", {"slot_id": slot_id}, key=key, **caller)


def agency(name: str, act: str, id: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
    return call(method, f"/inspections/{id}/{act}", body, role="agency", party=name)


def shown(id: str, role: str = "enterprise", party: str = IMPORTER) -> dict[str, Any]:
    status, body = call("GET", f"/inspections/{id}", role=role, party=party)
    assert status == 200, body
    _schema().validate(body)
    result: dict[str, Any] = body
    return result


@cache
def _schema() -> Draft202012Validator:
    """What the answer of `GET /inspections/{id}` promises."""
    text = (ROOT / "functions/inspections/schemas.json").read_text().replace('"#/', '"#/$defs/')
    return Draft202012Validator({"$ref": "#/$defs/Inspection", "$defs": json.loads(text)})


def events(id: str) -> list[Event]:
    consignment = ledger.read(id.split("-")[0])
    assert consignment is not None
    return [event for event in consignment.events if event.type.startswith("Inspection")]


def test_two_holds_make_one_order_however_often_their_events_come() -> None:
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=10, instructions=["开箱"])
    case.hold("ciq", "Q1", at=11, kind="quarantine", instructions=["开箱", "取样"])
    stands(case.consignment)
    last, first = case.consignment.events[-1], case.consignment.events[-2]

    assert hear(last, first, last) == []

    found = shown(f"{case.consignment.window_no}-1-1")
    assert (found["state"], found["instructions"]) == ("ORDERED", ["开箱", "取样"])
    assert [one["agency"] for one in found["asked"]] == ["customs", "ciq"]
    assert found["allowed"] == ["book"]
    assert [event.type for event in events(found["inspection_id"])] == ["InspectionOrdered"]


def test_two_agencies_at_once_come_to_one_order() -> None:
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=10)
    case.hold("ciq", "Q1", at=11)
    stands(case.consignment)

    def deliver(event: Event) -> list[str]:
        with settings.using(SETTINGS):
            return hear(event)

    with ThreadPoolExecutor(4) as pool:
        failed = list(pool.map(deliver, case.consignment.events[-2:] * 2))

    assert failed == [[], [], [], []]
    assert [event.type for event in events(f"{case.consignment.window_no}-1-1")] == ["InspectionOrdered"]


def test_a_returned_declaration_frees_its_slot() -> None:
    id = ordered()
    assert book(id)[0] == 200
    ledger.amend(id.split("-")[0], lambda c: Change("DeclarationReturned", {}, WINDOW))
    returned = ledger.read(id.split("-")[0])
    assert returned is not None

    assert hear(returned.events[-1], returned.events[-1]) == []

    found = shown(id)
    assert (found["state"], found["slot"], found["reason"]) == ("CANCELLED", None, "declaration-returned")
    assert store.taken("qbj-rail", MONDAY) == {SLOT: 0}
    assert agency("customs", "result", id, {"result": "pass"})[1]["allowed"] == []


def test_only_free_slots_in_a_fitting_bay_are_offered() -> None:
    id = ordered()
    free = call("GET", f"/inspections/{id}/slots", date="2024-11-25")[1]["items"]
    assert {one["bay"] for one in free} == {"A2", "C1"}
    assert not any(one["verified"] for one in free)

    book(id)
    other = ordered("I20240000000000202")
    left = call("GET", f"/inspections/{other}/slots", date="2024-11-25")[1]["items"]
    assert {one["slot_id"] for one in free} - {one["slot_id"] for one in left} == {SLOT}
    assert call("GET", f"/inspections/{id}/slots", date="x")[0] == 400
    assert call("GET", f"/inspections/{id}/slots", date="2024-11-24")[1]["items"] == []  # a Sunday


def test_a_place_that_keeps_no_slots_is_said_and_the_agency_may_start_without_one() -> None:
    case = Inspected("customs")
    case.hold("customs", "C1", at=10, place="收货人仓库", qualifications=["antigravity"])
    stands(case.consignment)
    hear(case.consignment.events[-1])
    id = f"{case.consignment.window_no}-1-1"

    offered = call("GET", f"/inspections/{id}/slots", date="2024-11-25")[1]
    assert offered == {"items": [], "unknown_place": "收货人仓库", "unknown_qualifications": ["antigravity"]}
    assert agency("customs", "start", id, {})[1]["state"] == "STARTED"


def test_a_booking_repeated_is_one_booking() -> None:
    id = ordered()
    first, again = book(id), book(id)
    assert first == again == (200, {"inspection_id": id, "state": "BOOKED", "slot": first[1]["slot"]})
    assert book(id, key="k2")[0] == 200  # the same slot by another key changes nothing either
    assert book(id, LATER, key="k1")[1]["code"] == "idempotency-conflict"
    assert (
        call("POST", f"/inspections/{id}/booking", {"slot_id": SLOT})[1]["code"] == "idempotency-key-missing"
    )
    assert [event.type for event in events(id)] == ["InspectionOrdered", "InspectionBooked"]


def test_another_slot_is_taken_as_the_first_is_given_back() -> None:
    id, other = ordered(), ordered("I20240000000000202")
    book(id)
    assert book(other, key="k0")[1]["code"] == "slot-taken"
    assert book(id, LATER, key="k2")[1]["slot"]["slot_id"] == LATER

    assert events(id)[-1].data["replaces"] == SLOT
    assert book(other, key="k3")[0] == 200
    assert store.taken("qbj-rail", MONDAY) == {SLOT: 1, LATER: 1}


def test_a_slot_that_does_not_do_is_refused() -> None:
    id = ordered()
    refused = {
        "qbj-rail.A1.20241125.1000": "slot-unfit",
        "ctu-air.H2.20241125.1000": "slot-unfit",
        "qbj-rail.A2.20241123.1000": "slot-closed",
        "qbj-rail.A2.20241220.1000": "slot-closed",
        "qbj-rail.A2.20241125.0300": "no-such-slot",
    }
    assert {slot_id: book(id, slot_id)[1]["code"] for slot_id in refused} == refused
    assert store.taken("qbj-rail", MONDAY) == {}


def test_a_bay_is_never_taken_by_more_than_it_holds() -> None:
    ids = [ordered(f"I2024000000000{n:04d}") for n in range(1, 7)]

    def race(id: str) -> int:
        with settings.using(SETTINGS):
            return book(id, key=id)[0]

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(race, ids))

    assert sorted(statuses) == [200, 409, 409, 409, 409, 409]
    assert store.taken("qbj-rail", MONDAY) == {SLOT: 1}
    assert [shown(id)["state"] for id in ids].count("BOOKED") == 1


def test_one_order_that_books_twice_at_once_holds_one_slot() -> None:
    id = ordered()

    def race(slot_id: str) -> int:
        with settings.using(SETTINGS):
            return book(id, slot_id, key=slot_id)[0]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(race, [SLOT, LATER])) == [200, 200]

    held = [slot for slot, number in store.taken("qbj-rail", MONDAY).items() if number]
    assert held == [shown(id)["slot"]["slot_id"]]


def test_a_slot_is_given_back_before_it_begins_and_not_after() -> None:
    id = ordered()
    book(id)
    assert call("DELETE", f"/inspections/{id}/booking")[1]["state"] == "ORDERED"
    assert call("DELETE", f"/inspections/{id}/booking")[0] == 200
    book(id, key="k2")
    assert agency("customs", "no-show", id)[1]["code"] == "slot-ahead"

    clock.travel(datetime.fromisoformat("2024-11-25T02:30:00Z"))
    assert call("DELETE", f"/inspections/{id}/booking")[1]["code"] == "slot-begun"
    assert book(id, LATER, key="k3")[1]["code"] == "slot-begun"
    assert agency("customs", "no-show", id)[1]["state"] == "NO_SHOW"
    assert agency("customs", "no-show", id)[1]["state"] == "NO_SHOW"
    assert [event.data["reason"] for event in events(id) if event.type == "InspectionUnbooked"] == [
        "cancelled",
        "no-show",
    ]
    assert book(id, "qbj-rail.A2.20241126.1000", key="k4")[1]["state"] == "BOOKED"


def test_a_slot_that_passed_unstarted_binds_nobody() -> None:
    id = ordered()
    book(id)
    clock.travel(datetime.fromisoformat("2024-11-25T03:00:00Z"))

    assert book(id, "qbj-rail.A2.20241126.1000", key="k2")[1]["state"] == "BOOKED"

    assert [(event.type, event.data.get("reason")) for event in events(id)[2:]] == [
        ("InspectionUnbooked", "no-show"),
        ("InspectionBooked", None),
    ]
    clock.travel(datetime.fromisoformat("2024-11-26T03:10:00Z"))
    assert agency("customs", "start", id, {})[1]["state"] == "STARTED"  # late, and nobody's no-show
    assert len(events(id)) == 5


def test_a_booking_sets_one_timer_for_its_end_and_the_grace() -> None:
    id = ordered()
    book(id)
    booking = events(id)[-1]
    with injected(lost=1.0, wanted=lambda call: call == "scheduler.CreateSchedule"):
        hear(booking)
    assert hear(booking, booking) == []
    (instant, told), *others = timers().items()
    assert (instant, told["payload"]) == ("at(2024-11-25T03:30:01)", {"inspection_id": id})
    assert others == []


def test_nobody_came_and_nobody_said_so_once_however_often_the_timer_goes_off() -> None:
    id = ordered()
    book(id)
    hear(events(id)[-1])
    told = list(timers().values())
    clock.travel(datetime.fromisoformat("2024-11-25T03:29:59Z"))
    assert (go_off(*told), shown(id)["state"]) == ([], "BOOKED")
    clock.travel(datetime.fromisoformat("2024-11-25T03:30:01Z"))
    assert go_off(*told, *told) == go_off(*told) == []
    assert shown(id)["state"] == "NO_SHOW"
    assert [(one.type, one.actor.role, one.data.get("reason")) for one in events(id)[2:]] == [
        ("InspectionUnbooked", "window", "no-show")
    ]
    assert not store.taken("qbj-rail", MONDAY).get(SLOT)


@pytest.mark.parametrize("fault", [{"throttled": 1.0}, {"lost": 1.0}])
def test_a_timer_that_fails_comes_back_and_is_told_once(fault: Any) -> None:
    id = ordered()
    book(id)
    hear(events(id)[-1])
    told = list(timers().values())
    clock.travel(datetime.fromisoformat("2024-11-25T03:30:01Z"))
    with injected(**fault, wanted=lambda call: call == "dynamodb.TransactWriteItems") as faults:
        go_off(*told)
    assert faults.fired
    assert go_off(*told) == []
    assert [one.type for one in events(id)].count("InspectionUnbooked") == 1


@pytest.mark.parametrize("since", ["booked again", "given back", "started", "no such inspection"])
def test_a_timer_for_what_is_over_does_nothing(since: str) -> None:
    id = ordered()
    book(id)
    hear(events(id)[-1])
    told = list(timers().values())
    if since == "booked again":
        book(id, "qbj-rail.A2.20241126.1000", key="k2")
    elif since == "given back":
        call("DELETE", f"/inspections/{id}/booking")
    elif since == "started":
        agency("customs", "start", id, {})
    else:
        told[0]["payload"]["inspection_id"] = "I20240000000000999-1-1"
    before = events(id)
    clock.travel(datetime.fromisoformat("2024-11-25T03:30:01Z"))
    assert (go_off(*told), events(id)) == ([], before)


def test_each_agency_writes_its_own_part_once_and_the_last_closes_it() -> None:
    id = ordered()
    book(id)
    seals = {"seals_before": [{"container_no": BOX, "seal_no": "CN1"}]}
    assert agency("customs", "start", id, seals)[1]["state"] == "STARTED"
    assert agency("ciq", "start", id, {})[1]["state"] == "STARTED"
    sheet = {"result": "pass", "checklist": [{"item": "唛头", "ok": True}], "note": "王师傅在场"}

    first, again = agency("customs", "result", id, sheet), agency("customs", "result", id, sheet)
    other = agency("customs", "result", id, {"result": "detain"})
    last = call("POST", f"/inspections/{id}/result", {"result": "pass"}, role="officer", party="ciq")

    assert (first[0], again[0], other[1]["code"], last[1]["state"]) == (200, 200, "result-given", "DONE")
    assert [event.type for event in events(id)] == [
        "InspectionOrdered", "InspectionBooked", "InspectionStarted",
        "InspectionResult", "InspectionResult", "InspectionDone",
    ]  # fmt: skip
    told = canonical.dumps([event.as_json() for event in events(id)]).decode()
    assert (
        "li.wei" not in told and "王师傅" not in told
    )  # who looked, and what was jotted down, no event carries
    trader, customs = shown(id), shown(id, "agency", "customs")
    assert trader["sheet"][0]["checklist"] == [{"item": "唛头", "ok": True}]
    assert "inspector" not in trader["sheet"][0]
    assert customs["sheet"][0]["inspector"] == "li.wei"


def test_the_end_follows_from_the_last_result_though_its_writer_died() -> None:
    id = ordered("I20240000000000101", "customs")
    agency("customs", "start", id, {})
    consignment = ledger.read(id.split("-")[0])
    assert consignment is not None
    from inspections import order, sheet
    from singlewindow.events import Actor

    standing = order.find(consignment, id)
    assert standing is not None
    change = sheet.result(
        consignment, standing, Actor("agency", "customs"), {"result": "pass"}, clock.stamp()
    )
    ledger.amend(id.split("-")[0], lambda c: store.settled(c, change))  # and no more

    assert hear(events(id)[-1]) == []

    assert events(id)[-1].type == "InspectionDone"


def test_throttling_and_lost_answers_neither_lose_nor_double() -> None:
    """A third of all calls throttled, one in seven done and never answered; all is asked until it is answered."""
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=10)
    case.hold("ciq", "Q1", at=11, kind="quarantine")
    stands(case.consignment)
    id = f"{case.consignment.window_no}-1-1"

    def persistent(ask: Callable[[], tuple[int, Any]]) -> Any:
        for _ in range(40):
            status, body = ask()
            if status < 500:
                assert status == 200, body
                return body
        raise AssertionError("never answered")

    with injected(throttled=0.33, lost=0.15) as faults:
        for event in case.consignment.events[-2:] * 2:
            for _ in range(40):
                if not hear(event):
                    break
        persistent(lambda: book(id, key="k1"))
        persistent(lambda: book(id, LATER, key="k2"))
        persistent(lambda: agency("customs", "start", id, {}))
        for name in ("customs", "ciq"):
            persistent(lambda name=name: agency(name, "result", id, {"result": "pass"}))  # type: ignore[misc]

    assert faults.of(THROTTLED) > 10 and faults.of(LOST) > 3
    assert [event.type for event in events(id)] == [
        "InspectionOrdered", "InspectionBooked", "InspectionBooked", "InspectionStarted",
        "InspectionResult", "InspectionResult", "InspectionDone",
    ]  # fmt: skip
    assert store.taken("qbj-rail", MONDAY) == {SLOT: 0, LATER: 1}
    assert [one["inspection_id"] for one in call("GET", "/inspections")[1]["items"]] == [id]


def test_who_has_no_part_in_it_writes_nothing() -> None:
    id = ordered()
    agency("customs", "start", id, {})
    assert agency("maritime", "result", id, {"result": "pass"})[0] == 404
    officer = call("POST", f"/inspections/{id}/result", {"result": "pass"}, role="officer", party="maritime")
    assert officer[1]["code"] == "no-hold-of-yours"
    assert call("POST", f"/inspections/{id}/result", {"result": "pass"})[0] == 403
    for path in (f"/inspections/{id}", f"/inspections/{id}/slots"):
        assert call("GET", path, party=STRANGER)[0] == 404
    assert book(id, party=STRANGER)[0] == 404
    assert call("GET", "/inspections/nonsense")[0] == 404
    assert call("GET", f"/inspections/{id[:-1]}2")[0] == 404


def test_a_sheet_that_contradicts_itself_is_refused() -> None:
    id = ordered()
    agency("customs", "start", id, {})
    for wrong in (
        {"result": "pass", "checklist": [{"item": "封志", "ok": False}]},
        {"result": "sample"},
        {"result": "defect"},
        {"result": "pass", "follow_up": "penalty"},
        {"result": "pass", "seals_after": [{"container_no": "CSQU3054384", "seal_no": "X1"}]},
        {"result": "pass", "seals_after": [{"container_no": OTHER_BOX, "seal_no": "X1"}]},
        {"result": "pass", "evidence": ["00000000-0000-0000-0000-000000000000"]},
        {"result": "pass", "inspector": "李伟"},
    ):
        assert agency("customs", "result", id, wrong)[0] == 422, wrong
    assert shown(id)["sheet"] == []


def test_a_defect_is_followed_up_and_then_cleared() -> None:
    id = ordered("I20240000000000101", "customs")
    agency("customs", "start", id, {})
    agency("customs", "result", id, {"result": "defect", "follow_up": "penalty"})
    assert shown(id)["holds"][0]["cleared_by"] is None

    for _ in range(2):
        assert agency("customs", "follow-up", id, {"follow_up": "penalty"})[0] == 200
    assert shown(id)["holds"][0]["cleared_by"] == "penalty"
    assert shown(id)["allowed"] == []
    assert [event.type for event in events(id)].count("InspectionFollowedUp") == 1


def test_a_photo_is_announced_uploaded_and_kept_under_its_hash() -> None:
    id = ordered()
    agency("customs", "start", id, {})
    told = {
        "kind": "photo",
        "media_type": "image/jpeg",
        "bytes": len(JPEG),
        "sha256": hashlib.sha256(JPEG).hexdigest(),
    }
    _, upload = agency("customs", "evidence", id, told)
    file = upload["evidence_id"]
    assert agency("customs", "evidence", id, told)[1]["evidence_id"] == file
    assert agency("customs", f"evidence/{file}", id)[1]["code"] == "not-uploaded"
    assert (
        agency("customs", "result", id, {"result": "pass", "evidence": [file]})[1]["code"]
        == "evidence-missing"
    )

    clients.client("s3").put_object(Bucket="uploads", Key=f"{file[:4]}/inspections/{file}", Body=JPEG)
    assert agency("ciq", f"evidence/{file}", id)[0] == 404
    for _ in range(2):
        assert agency("customs", f"evidence/{file}", id)[0] == 200
    assert agency("customs", "result", id, {"result": "pass", "evidence": [file]})[0] == 200

    link = agency("ciq", f"evidence/{file}", id, method="GET")
    assert link[0] == 303 and told["sha256"] in link[1]["location"]
    assert agency("customs", f"evidence/{file}", id, method="GET")[0] == 303
    assert call("GET", f"/inspections/{id}/evidence/{file}")[0] == 403
    assert shown(id)["evidence"] == []
    assert shown(id, "officer", "customs")["evidence"][0]["arrived"] is True


def test_what_is_not_the_announced_photo_is_not_kept() -> None:
    id = ordered()
    agency("customs", "start", id, {})
    for announced, came, code in (
        (JPEG, b"%PDF-1.7", "upload-altered"),
        (b"GIF89a", b"GIF89a", "not-that-type"),
    ):
        told = {
            "kind": "photo",
            "media_type": "image/jpeg",
            "bytes": len(announced),
            "sha256": hashlib.sha256(announced).hexdigest(),
        }
        file = agency("customs", "evidence", id, told)[1]["evidence_id"]
        clients.client("s3").put_object(Bucket="uploads", Key=f"{file[:4]}/inspections/{file}", Body=came)
        assert agency("customs", f"evidence/{file}", id)[1]["code"] == code


def test_who_stays_is_listed_once_and_who_is_no_party_any_more_not_at_all() -> None:
    id = ordered("I20240000000000101", "customs")
    number = id.split("-")[0]
    joined: dict[str, Any] = {
        "outcome": "hold",
        "effect": "applied",
        "reply_id": "r9",
        "at": "2024-11-23T09:00:00.000Z",
    }
    joined |= {
        "agency": "ciq",
        "final": False,
        "hold": {"hold_id": "Q9", "gate": "use", "kind": "quarantine"},
    }
    parties = frozenset({STRANGER})
    ledger.amend(number, lambda c: Change("AgencyReplied", joined, of_version=1, parties=parties))
    consignment = ledger.read(number)
    assert consignment is not None and hear(consignment.events[-1]) == []

    for name in ("customs", "ciq"):
        assert [
            one["inspection_id"] for one in call("GET", "/inspections", role="agency", party=name)[1]["items"]
        ] == [id]
    assert call("GET", "/inspections")[1]["items"] == []


def test_everybody_lists_their_own_and_staff_those_of_a_day() -> None:
    first, second = ordered(), ordered("I20240000000000202", "customs")
    book(first)

    def listed(role: str, party: str, **query: str) -> list[str]:
        status, body = call("GET", "/inspections", role=role, party=party, **query)
        assert status == 200, body
        return [one["inspection_id"] for one in body["items"]]

    assert listed("enterprise", IMPORTER) == [second, first]
    assert listed("enterprise", IMPORTER, state="BOOKED") == [first]
    assert listed("enterprise", STRANGER) == []
    assert listed("agency", "ciq") == [first]
    assert listed("operator", "window", date="2024-11-24") == [second, first]
    assert listed("operator", "window", date="2024-11-23") == []
    _, page = call("GET", "/inspections", limit="1")
    assert listed("enterprise", IMPORTER, cursor=page["next"]) == [first]
    for wrong in ({"date": "2024-11-24"}, {"state": "x"}, {"limit": "0"}, {"cursor": "x"}):
        assert call("GET", "/inspections", **wrong)[0] == 400
