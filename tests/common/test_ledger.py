"""The ledger: one conditional write, however often and by however many."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.stage.moto_faults import mended
from singlewindow import clock, settings
from singlewindow.aws import clients, ledger
from singlewindow.consignment import Body, Change, Consignment, Row, Submission, Update
from singlewindow.errors import WindowError
from singlewindow.events import broken_link

NO = "I20260000000000101"
IMPORTER, BROKER = "91510100569680768F", "91310107132231740K"


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
    clients.client.cache_clear()
    with mock_aws(), mended(), settings.using({"LEDGER_TABLE": "ledger", "MESSAGES_TABLE": "messages"}):
        database = boto3.client("dynamodb")
        for table, keys in (("ledger", ("consignment", "item")), ("messages", ("message_id",))):
            database.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        yield
    clients.client.cache_clear()


def submitted(key: str = "S-1", sha256: str = "a" * 64) -> Change:
    return Change(
        "DeclarationSubmitted",
        {"lines": 20},
        state="SUBMITTED",
        version=1,
        body=Body(b'{"head":{}}', "<原文/>".encode("gb18030"), "application/xml"),
        submission=Submission(IMPORTER, "declaration", key, sha256, {"window_no": NO}),
    )


def opened() -> Consignment:
    return ledger.open_consignment(NO, submitted(), frozenset({IMPORTER, BROKER}))


def note(text: str, times: int = 1) -> Callable[[Consignment], Change | None]:
    def decide(consignment: Consignment) -> Change | None:
        count = sum(event.data.get("text") == text for event in consignment.events)
        return Change("Noted", {"text": text}) if count < times else None

    return decide


def test_what_is_opened_reads_back_with_its_body_to_the_byte() -> None:
    opened()

    found = ledger.read(NO)
    body = ledger.body(NO, 1)

    assert found is not None and body is not None
    assert (found.state, found.version, found.snapshot.seq) == ("SUBMITTED", 1, 1)
    assert found.snapshot.parties == {IMPORTER, BROKER}
    assert body.raw == "<原文/>".encode("gb18030")
    assert broken_link(found.events) is None


def test_the_same_key_and_content_gives_the_first_answer_again() -> None:
    opened()

    with pytest.raises(ledger.Duplicate) as duplicate:
        ledger.open_consignment("I20260000000000202", submitted(), frozenset({IMPORTER}))

    assert duplicate.value.answer == {"window_no": NO}
    assert ledger.read("I20260000000000202") is None


def test_the_same_key_with_other_content_is_a_conflict() -> None:
    opened()

    with pytest.raises(WindowError) as error:
        ledger.open_consignment("I20260000000000202", submitted(sha256="b" * 64), frozenset({IMPORTER}))

    assert error.value.status == 409


def test_a_window_number_in_use_is_taken() -> None:
    opened()

    with pytest.raises(ledger.Taken):
        ledger.open_consignment(NO, submitted(key="S-2"), frozenset({IMPORTER}))


def test_concurrent_changes_all_get_in_one_after_the_other() -> None:
    opened()
    environment = {"LEDGER_TABLE": "ledger"}

    def write(text: str) -> None:
        with settings.using(environment):
            ledger.amend(NO, note(text))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [f"note {i}" for i in range(8)]))

    found = ledger.read(NO)
    assert found is not None
    assert [event.seq for event in found.events] == list(range(1, 10))
    assert {event.data.get("text") for event in found.events[1:]} == {f"note {i}" for i in range(8)}
    assert broken_link(found.events) is None


def test_a_decision_without_a_change_writes_nothing() -> None:
    opened()

    assert ledger.amend(NO, lambda _: None).snapshot.seq == 1


def test_settle_writes_until_nothing_more_follows() -> None:
    opened()

    assert ledger.settle(NO, note("again", times=3)).snapshot.seq == 4


def test_a_row_of_another_table_exists_exactly_when_its_event_does() -> None:
    opened()
    row = Row("MESSAGES_TABLE", "message_id", {"message_id": {"S": "m-1"}})
    ledger.amend(NO, lambda c: Change("AgencyAsked", {}, rows=(row,)) if len(c.events) == 1 else None)

    with pytest.raises(WindowError) as error:
        ledger.amend(NO, lambda _: Change("AgencyAsked", {}, rows=(row,)))

    assert error.value.code == "contended"
    found = ledger.read(NO)
    assert found is not None and len(found.events) == 2


def test_a_row_elsewhere_changes_with_the_event_or_neither_does() -> None:
    opened()
    last = Update(
        "MESSAGES_TABLE",
        {"message_id": {"S": "counter"}},
        "ADD #n :one",
        "attribute_not_exists(#n) OR #n < :most",
        {":one": {"N": "1"}, ":most": {"N": "1"}},
        {"#n": "number"},
    )
    unconditional = Update("MESSAGES_TABLE", last.key, "SET touched = :yes", values={":yes": {"BOOL": True}})
    ledger.amend(NO, lambda c: Change("Counted", {}, rows=(last,)) if len(c.events) == 1 else None)

    with pytest.raises(WindowError) as error:  # decided anew, and anew refused
        ledger.amend(NO, lambda _: Change("Counted", {}, rows=(last,)))
    ledger.amend(NO, lambda c: Change("Touched", {}, rows=(unconditional,)) if len(c.events) == 2 else None)

    item = boto3.client("dynamodb").get_item(TableName="messages", Key=last.key)["Item"]
    assert (error.value.code, item["number"], item["touched"]) == ("contended", {"N": "1"}, {"BOOL": True})
    found = ledger.read(NO)
    assert found is not None and [event.type for event in found.events[1:]] == ["Counted", "Touched"]


def test_an_altered_event_breaks_the_chain_where_it_stands() -> None:
    opened()
    ledger.settle(NO, note("again", times=3))
    found = ledger.read(NO)
    assert found is not None
    events = list(found.events)

    events[2] = type(events[2]).from_json(events[2].as_json() | {"data": {"text": "forged"}})

    assert broken_link(events) == 3
    assert broken_link(events[:1] + events[2:]) == 2


def test_listings_come_newest_first_and_page_by_page() -> None:
    numbers = [f"I2026000000000{i:02d}00" for i in range(5)]
    for i, number in enumerate(numbers):
        clock.travel(clock.now() + timedelta(minutes=i))
        ledger.open_consignment(number, submitted(key=f"S-{i}"), frozenset({IMPORTER}))
    clock.travel(None)

    first = ledger.listed(ledger.party_listing(IMPORTER), "2000", "9999", None, 3)
    rest = ledger.listed(ledger.party_listing(IMPORTER), "2000", "9999", first[-1][0], 3)

    assert [number for _, number in first + rest] == numbers[::-1]
    assert ledger.listed(ledger.party_listing(BROKER), "2000", "9999", None, 3) == []


def test_a_read_that_a_write_came_between_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A query sees committed items, not one moment: here events of before a write, and the state after it."""
    opened()
    genuine, reads = ledger._query, []

    def torn(partition: str, condition: str, values: dict[str, Any], **more: Any) -> Iterator[dict[str, Any]]:
        items = list(genuine(partition, condition, values, **more))
        reads.append(partition)
        if len(reads) == 1:
            monkeypatch.setattr(ledger, "_query", genuine)
            ledger.amend(NO, lambda _: Change("Moved", {}, state="MOVED"))
            monkeypatch.setattr(ledger, "_query", torn)
            items = items[:-1] + [
                one for one in genuine(partition, condition, values) if one["item"]["S"] == "state"
            ]
        return iter(items)

    monkeypatch.setattr(ledger, "_query", torn)

    found = ledger.read(NO)

    assert found is not None
    assert [event.seq for event in found.events] == list(range(1, found.snapshot.seq + 1))
    assert len(reads) == 2


def items() -> dict[str, dict[str, Any]]:
    found = boto3.client("dynamodb").query(
        TableName="ledger",
        KeyConditionExpression="consignment = :c",
        ExpressionAttributeValues={":c": {"S": NO}},
    )
    return {item["item"]["S"]: item for item in found["Items"]}


def test_an_event_that_makes_nothing_of_the_state_is_written_alone() -> None:
    opened()
    before = items()

    after = ledger.amend(NO, note("said"))

    assert items().keys() - before.keys() == {"event#00000002"}
    assert items()["state"] == before["state"]
    assert after == ledger.read(NO)
    assert (after.snapshot.seq, after.snapshot.head) == (2, after.events[-1].hash)


def test_the_events_say_where_it_stands_also_when_the_writer_dies_before_the_copy_for_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened()
    parties = frozenset({IMPORTER})

    def moves(consignment: Consignment) -> Change | None:
        made = {"state": "MOVED", "facts": {"entry_id": "1"}, "parties": parties}
        return Change("Moved", {}, **made) if consignment.state == "SUBMITTED" else None  # type: ignore[arg-type]

    def dies(_: Consignment) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_file", dies)
        with pytest.raises(ConnectionError):
            ledger.amend(NO, moves)
    ledger.amend(NO, note("said"))

    for found in (ledger.standing(NO), ledger.read(NO).snapshot):  # type: ignore[union-attr]
        assert found is not None
        assert (found.state, found.seq, found.facts, found.parties) == (
            "MOVED",
            3,
            {"entry_id": "1"},
            parties,
        )
    assert ledger.snapshots([NO])[NO].state == "SUBMITTED"
    ledger.amend(NO, moves)  # its message comes again
    assert ledger.snapshots([NO])[NO].state == "MOVED"


def test_a_later_copy_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    genuine = ledger._file

    def overtaken(consignment: Consignment) -> None:
        monkeypatch.setattr(ledger, "_file", genuine)
        ledger.amend(NO, lambda _: Change("Moved", {}, state="LATER"))
        genuine(consignment)

    monkeypatch.setattr(ledger, "_file", overtaken)
    ledger.amend(NO, lambda _: Change("Moved", {}, state="MOVED"))

    assert ledger.snapshots([NO])[NO].state == "LATER"


def test_a_cheap_read_that_is_too_late_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has heard of an event finds it, though a read at half the price may not know it yet."""
    opened()
    before = list(items().values())
    ledger.amend(NO, note("said"))
    genuine, late = ledger._query, []

    def behind(*asked: Any, **more: Any) -> Iterator[dict[str, Any]]:
        late.append(more["late"])
        known = [item for item in before if not item["item"]["S"].startswith("body")]
        return iter(known) if more["late"] else genuine(*asked, **more)

    monkeypatch.setattr(ledger, "_query", behind)

    first, second = ledger.read(NO, seen=1), ledger.read(NO, seen=2)

    assert first is not None and second is not None
    assert (len(first.events), len(second.events), late) == (1, 2, [True, True, False])
    assert (
        ledger.amend(NO, note("again"), seen=1).snapshot.seq == 3
    )  # decided on the late one, refused, decided anew


def test_a_listing_that_ends_before_it_begins_is_empty() -> None:
    assert ledger.listed(ledger.party_listing(IMPORTER), "2026-02", "2026-03", "2026-01", 3) == []


@pytest.mark.parametrize("message", [b"{not json", b"[]", b"7", b"{}", b'{"data":{}}', b"\xff"])
def test_a_notice_that_nobody_can_read_is_refused_for_good(message: bytes) -> None:
    with pytest.raises(WindowError) as error:
        ledger.noticed(message)

    assert error.value.status == 400  # the queue wrapper sends what is below 500 to the dead letters at once
