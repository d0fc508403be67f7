"""The journeys table, which only panorama writes.

By `key` / `item`: `<window_no>` / `entry#<seq>` is the record of an event, `id#<identifier>` /
`<window_no>#<version>#<kind>` what a shipment is found by, `feed` / `<source>` when we last heard from a source,
`segment#<name>` / `<date>` how long that segment took on a day's shipments, `<window_no>` / `counted#<seq>` that they
were counted. All writes may be repeated and reordered.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from panorama.identifiers import Identifier
from panorama.record import Record
from panorama.segments import Segment
from singlewindow import canonical, settings
from singlewindow.aws import counters
from singlewindow.aws.clients import client
from singlewindow.aws.pages import queried
from singlewindow.histogram import bucket, total

# One write a minute, source and process says how fresh a feed is; one an event would make its item hot.
FEED_STEP = timedelta(minutes=1)
_heard: dict[tuple[str, str], str] = {}

_BATCH = 25


@dataclass(frozen=True, slots=True)
class Match:
    """A shipment that an identifier leads to, by the version of the declaration that named it."""

    window_no: str
    version: int
    kind: str


def keep(window_no: str, record: Record, found_by: Iterable[Identifier]) -> None:
    """The record, and a row for each identifier: one write unit for an ordinary event."""
    items = [
        _key(window_no, f"entry#{record.seq:08d}")
        | {"record": {"S": canonical.dumps(record.as_json()).decode()}}
    ]
    items += [
        _key(f"id#{one.value}", f"{window_no}#{record.declaration_version:04d}#{one.kind}")
        for one in found_by
    ]
    if len(items) == 1:
        client("dynamodb").put_item(TableName=_table(), Item=items[0])
        return
    for start in range(0, len(items), _BATCH):
        pending = {_table(): [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]]}
        for _ in range(8):
            pending = client("dynamodb").batch_write_item(RequestItems=pending).get("UnprocessedItems") or {}
            if not pending:
                break
        else:
            raise RuntimeError(f"{window_no}: the table is too busy")  # the queue repeats all of it


def records(window_no: str) -> list[Record]:
    """What is known of a shipment, in the order of `seq`."""
    found = _query(window_no, "entry#")
    return [Record(**canonical.parse_json(item["record"]["S"].encode())) for item in found]


def matches(value: str) -> Iterator[Match]:
    """The shipments that a normalised identifier leads to, the newest of a direction first."""
    for item in _query(f"id#{value}", newest_first=True):
        window_no, version, kind = item["item"]["S"].split("#")
        yield Match(window_no, int(version), kind)


def heard(source: str, at: str) -> None:
    """Note that a source was heard at `at`, to the minute."""
    table = _table()
    last = _heard.get((table, source))
    if last and datetime.fromisoformat(at) < datetime.fromisoformat(last) + FEED_STEP:
        return
    dynamodb = client("dynamodb")
    with suppress(dynamodb.exceptions.ConditionalCheckFailedException):  # then another process heard later
        dynamodb.put_item(
            TableName=table,
            Item=_key("feed", source) | {"at": {"S": at}},
            ConditionExpression="attribute_not_exists(#k) OR #at < :at",
            ExpressionAttributeNames={"#k": "key", "#at": "at"},
            ExpressionAttributeValues={":at": {"S": at}},
        )
    _heard[table, source] = max(at, last or "")


def feeds() -> dict[str, str]:
    """When each source was last heard, by source; up to a minute old."""
    return {item["item"]["S"]: item["at"]["S"] for item in _query("feed")}


def measure(window_no: str, seq: int, day: date, durations: Iterable[Segment]) -> bool:
    """Count what the closing event `seq` ended; False where that was done before.

    The mark first, each count once: what dies in between or is lost leaves some uncounted, and none is counted twice.
    """
    dynamodb = client("dynamodb")
    try:
        dynamodb.put_item(
            TableName=_table(),
            Item=_key(window_no, f"counted#{seq:08d}"),
            ConditionExpression="attribute_not_exists(#k)",
            ExpressionAttributeNames={"#k": "key"},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    for one in durations:
        place = {"key": f"segment#{one.name}", "item": day.isoformat()}
        counters.add("JOURNEYS_TABLE", place, f"b{bucket(one.seconds)}")
    return True


def durations(name: str, since: date) -> dict[int, int]:
    """How often a segment took how long, by bucket, on the days from `since` on."""
    days = _query(f"segment#{name}", since=since.isoformat())
    return total(
        {int(place[1:]): int(number["N"]) for place, number in day.items() if place not in ("key", "item")}
        for day in days
    )


def _query(
    partition: str, prefix: str = "", *, since: str = "", newest_first: bool = False
) -> Iterator[dict[str, Any]]:
    values = (
        {":k": partition} | ({":prefix": prefix} if prefix else {}) | ({":since": since} if since else {})
    )
    request: dict[str, Any] = {
        "TableName": _table(),
        "KeyConditionExpression": "#k = :k"
        + (" AND begins_with(#i, :prefix)" if prefix else "")
        + (" AND #i >= :since" if since else ""),
        "ExpressionAttributeNames": {"#k": "key"} | ({"#i": "item"} if prefix or since else {}),
        "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
        "ScanIndexForward": not newest_first,
    }
    return queried(**request)


def _key(key: str, item: str) -> dict[str, Any]:
    return {"key": {"S": key}, "item": {"S": item}}


def _table() -> str:
    return settings.get("JOURNEYS_TABLE")
