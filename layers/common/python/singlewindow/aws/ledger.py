"""The ledger: append-only events, one partition a consignment; state and event in one conditional write.

Items of a partition (`consignment` = window number): `body#<version>[.<amendment>]`, `event#<seq>`, `state`. An event's
item holds what the event made of the state as well, so that the events alone say where the consignment stands; `state`
is a copy for lists, as at the last event that made anything of it. Beside them stand idempotency rows
(`request#<sender>#<type>#<key>`) and listings (`party#<uscc>`, `day#<date>#<shard>`), written in the transaction of the
event that they belong to; an event that brings none is written alone, which costs a quarter (ADR 0014). The table's
stream is the outbox.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from random import uniform
from time import sleep
from typing import Any

from botocore.exceptions import ClientError

from singlewindow import canonical, clock, correlation, settings
from singlewindow.aws import archive
from singlewindow.aws.clients import client
from singlewindow.aws.pages import queried
from singlewindow.consignment import (
    Body,
    Change,
    Consignment,
    Row,
    Snapshot,
    Submission,
    Update,
    blank,
    follow,
)
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.events import Event
from singlewindow.ids import new_id

SHARDS = 16
_ATTEMPTS = 12


class Duplicate(Exception):
    """The idempotency key was used before, for the same content: `answer` is the one given then."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("idempotent replay")
        self.answer = answer


class Taken(Exception):
    """The key that a write wanted to be the first to use is in use."""


def open_consignment(window_no: str, change: Change, parties: frozenset[str]) -> Consignment:
    """Write the first event of a consignment with its body, listings and idempotency row, all or none.

    Raises `Taken` where the window number is in use, `Duplicate` or 409 where the idempotency key is.
    """
    for attempt in range(_ATTEMPTS):
        at = clock.stamp()
        try:
            return _write(blank(window_no, parties, correlation.current(), at), change, at)
        except _Contended:
            _pause(attempt)
    raise _crowded(window_no)


def amend(
    window_no: str,
    decide: Callable[[Consignment], Change | None],
    *,
    known: Consignment | None = None,
    seen: int | None = None,
) -> Consignment:
    """Read, decide, write; on a concurrent write read and decide again. `decide` is pure and may return None.

    `known`: as the caller has just read it; `seen`: as for `read`. Returns the consignment as it stands afterwards.
    Raises 404 where there is none.
    """
    for attempt in range(_ATTEMPTS):
        consignment, is_filed = (known, True) if known else _look(window_no, seen)
        if consignment is None:
            raise WindowError(404, "not-found", f"{window_no} is not known", detail_zh="未找到该编号")
        try:
            change = decide(consignment)
        except WindowError:
            if seen is None:
                raise
            seen = None  # by what may be late nobody is refused
            continue
        if change is None:
            if not is_filed:  # whoever wrote the event died before this, and its message came again
                _file(consignment)
            return consignment
        try:
            return _write(consignment, change, clock.stamp())
        except _Contended:
            known = seen = None
            _pause(attempt)
    raise _crowded(window_no)


def settle(
    window_no: str,
    decide: Callable[[Consignment], Change | None],
    *,
    known: Consignment | None = None,
    seen: int | None = None,
) -> Consignment:
    """`amend` until `decide` has nothing to add."""
    consignment = amend(window_no, decide, known=known, seen=seen)
    while decide(consignment) is not None:
        consignment = amend(window_no, decide, known=consignment)
    return consignment


def read(window_no: str, seen: int | None = None) -> Consignment | None:
    """The snapshot and all events that led to it; None where there is no such consignment.

    A query sees each item committed, but not all of one moment: where a write came in between, it is read again.
    `seen`: the number of an event that the caller has heard of and must find; what came after it is heard of as well.
    That allows the read at half the price, which may be late, and the other only where it was.
    """
    return _look(window_no, seen)[0]


def of(event: Event) -> Consignment:
    """The consignment that an event is heard of. Raises 404 where there is none."""
    consignment = read(event.window_no, seen=event.seq)
    if consignment is None:
        raise not_found(event.window_no)
    return consignment


def _look(window_no: str, seen: int | None) -> tuple[Consignment | None, bool]:
    """What `read` gives, and whether the copy for lists is of it."""
    for attempt in range(_ATTEMPTS):
        filed: Snapshot | None = None
        items, late = [], seen is not None and attempt == 0
        values = {":from": {"S": "event#"}}
        for item in _query(window_no, "#k = :k AND #i >= :from", values, late=late):
            if item["item"]["S"] == "state":
                filed = _snapshot(item)
            else:
                items.append(item)
        if filed is None and not items and not late:
            return None, True
        if filed and items and max(filed.seq, seen or 0) <= len(items) == _seq(items[-1]):
            consignment = _folded(window_no, filed, items)
            return consignment, consignment.changed_by <= filed.seq
        _pause(attempt)
    raise _crowded(window_no)


def standing(window_no: str) -> Snapshot | None:
    """Where a consignment stands now, without the events that led there."""
    newest = _query(
        window_no, "#k = :k AND #i >= :from", {":from": {"S": "event#"}}, limit=2, newest_first=True
    )
    state, event = next(newest, None), next(newest, None)
    if state is None or event is None:
        return None
    filed = _snapshot(state)
    if int(event["changed"]["N"]) <= filed.seq <= _seq(event):  # nothing since it was filed has changed it
        return filed.after(event_of(event), {})
    consignment = read(window_no)
    return consignment.snapshot if consignment else None


def snapshots(window_nos: list[str]) -> dict[str, Snapshot]:
    """Where each of up to 100 consignments stood when an event last made anything of it; a list may be late by one
    whose writer died, until the next.
    """
    if not window_nos:
        return {}
    table = settings.get("LEDGER_TABLE")
    wanted = {"Keys": [_key(no, "state") for no in window_nos], "ConsistentRead": True}
    found: dict[str, Snapshot] = {}
    request = {table: wanted}
    while request:
        answer = client("dynamodb").batch_get_item(RequestItems=request)
        found |= {item["consignment"]["S"]: _snapshot(item) for item in answer["Responses"][table]}
        request = answer.get("UnprocessedKeys") or {}
        if request:
            _pause(3)
    return found


def event(window_no: str, seq: int) -> Event | None:
    item = _get(window_no, f"event#{seq:08d}")
    return event_of(item) if item else None


def body(window_no: str, version: int, amendment: int = 0) -> Body | None:
    """The document of a version as it was submitted, or as one of its amendments has it."""
    item = _get(window_no, _body_item(version, amendment))
    if item is None:
        return None
    media_type = item["media_type"]["S"]
    if "archived" in item:
        keys = (item["archived"]["L"][0]["S"], item["archived"]["L"][1]["S"])
        return Body(archive.fetch(keys[0]), b"", media_type, keys)
    text = canonical.unpack(item["canonical"]["B"])
    return Body(text, canonical.unpack(item["raw"]["B"], known=text), media_type)


def document(window_no: str, version: int, amendment: int = 0) -> Body:
    """The same where it must be there."""
    found = body(window_no, version, amendment)
    if found is None:
        raise LookupError(f"{window_no} has no version {version}.{amendment}")
    return found


def answered(submission: Submission) -> dict[str, Any] | None:
    """The answer stored under this idempotency key; 409 where it stands for other content."""
    item = _get(submission.partition, "request")
    if item is None:
        return None
    if item["sha256"]["S"] != submission.sha256:
        raise conflict(
            "idempotency-conflict",
            f"the key {submission.key!r} was used for another body: send this one under another key",
            "同一幂等键已用于不同内容的报文：请更换幂等键",
        )
    answer: dict[str, Any] = canonical.load(item["answer"]["S"])
    return answer


def listed(listing: str, since: str, until: str, after: str | None, limit: int) -> list[tuple[str, str]]:
    """Up to `limit` (sort key, window number) of a listing, newest first, opened within [since, until)."""
    until = min(after, until) if after else until
    if until <= since:
        return []
    values = {":from": {"S": since}, ":to": {"S": until}}
    rows = _query(listing, "#k = :k AND #i BETWEEN :from AND :to", values, limit=limit + 1, newest_first=True)
    found = []
    for item in rows:
        if item["item"]["S"] < values[":to"]["S"]:
            found.append((item["item"]["S"], item["window_no"]["S"]))
        if len(found) == limit:
            break
    return found


def day_listings(day: date) -> list[str]:
    return [f"day#{day.isoformat()}#{shard}" for shard in range(SHARDS)]


def party_listing(party: str) -> str:
    return f"party#{party}"


def event_of(item: Mapping[str, Any]) -> Event:
    """An event from its item (or its stream image)."""
    return Event.from_json(canonical.load(item["event"]["S"]))


def noticed(message: bytes) -> Event:
    """The event that a queue message announces; read from the ledger where its data was too large for the notice."""
    try:
        notice = canonical.load(message)
        if notice.get("data") is not None:
            return Event.from_json(notice)
        window_no, seq = notice["window_no"], notice["seq"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WindowError(400, "unreadable-notice", f"no event's notice: {error!r}") from error
    found = event(window_no, seq)
    if found is None:
        raise LookupError(f"{window_no} has no event {seq}")
    return found


def _pause(attempt: int) -> None:
    sleep(uniform(0, 0.01 * 2 ** min(attempt, 5)))


def _crowded(window_no: str) -> WindowError:
    detail = f"{window_no} is being changed by others; try again"
    return WindowError(503, "contended", detail, detail_zh="并发冲突，请重试", headers={"Retry-After": "1"})


class _Contended(Exception):
    """Somebody else wrote first."""


def _write(consignment: Consignment, change: Change, at: str) -> Consignment:
    before = consignment.snapshot
    following = follow(consignment, change, at, new_id(), correlation.current())
    after, event, made = following.snapshot, following.events[-1], change.makes(before)
    writes = [_put_event(event, made, following.changed_by)]
    writes += _put_listings(consignment.window_no, after, before)
    if change.body:
        writes.append(
            _put_body(consignment.window_no, _body_item(after.version, change.amendment), change.body)
        )
    if change.submission:
        writes.append(_put_submission(change.submission))
    writes += [_update(row) if isinstance(row, Update) else _put_row(row) for row in change.rows]
    alone = len(writes) == 1
    try:
        if alone:
            client("dynamodb").put_item(**writes[0]["Put"])
        else:
            filed = [{"Put": _state(consignment.window_no, after)}] if made else []
            client("dynamodb").transact_write_items(TransactItems=writes + filed)
    except ClientError as error:
        raise _refusal(error, before, change) from error
    if alone and made:
        _file(following)
    return following


def _file(consignment: Consignment) -> None:
    """Keep the copy for lists, where no later one is there."""
    put = _state(consignment.window_no, consignment.snapshot)
    values = {":seq": {"N": str(consignment.snapshot.seq)}}
    try:
        client("dynamodb").put_item(**put, ConditionExpression="seq < :seq", ExpressionAttributeValues=values)
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        pass


def _refusal(error: ClientError, before: Snapshot, change: Change) -> Exception:
    """Why the transaction was cancelled, in our words; the error itself where it was none of ours."""
    code = error.response["Error"]["Code"]
    if code in (
        "ConditionalCheckFailedException",
        "TransactionConflictException",
        "TransactionInProgressException",
    ):
        return _Contended()
    if code != "TransactionCanceledException":
        return error
    reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
    if change.submission:
        answer = answered(change.submission)
        if answer is not None:
            return Duplicate(answer)
    if reasons and reasons[0] == "ConditionalCheckFailed":
        return Taken() if before.seq == 0 else _Contended()
    if "TransactionConflict" in reasons:
        return _Contended()
    if "ConditionalCheckFailed" in reasons:
        # A row of another table is there already, or not as an update wants it: whoever decides anew will see why.
        return _Contended()
    return error


def _state(window_no: str, after: Snapshot) -> dict[str, Any]:
    item = _key(window_no, "state") | {
        "seq": {"N": str(after.seq)},
        "head": {"S": after.head},
        "state": {"S": after.state},
        "version": {"N": str(after.version)},
        "parties": {"S": " ".join(sorted(after.parties))},
        "correlation_id": {"S": after.correlation_id},
        "opened_at": {"S": after.opened_at},
        "changed_at": {"S": after.changed_at},
        "facts": {"S": canonical.dumps(after.facts).decode()},
    }
    return {"TableName": settings.get("LEDGER_TABLE"), "Item": item}


def _put_event(event: Event, made: Mapping[str, Any], changed: int) -> dict[str, Any]:
    """`changed`: the last event, this one or one before it, that made anything of the state."""
    item = _key(event.window_no, f"event#{event.seq:08d}") | {
        "event": {"S": canonical.dumps(event.as_json()).decode()},
        "changed": {"N": str(changed)},
    }
    if made:
        item["made"] = {"S": canonical.dumps(made).decode()}
    return _put(item, "attribute_not_exists(consignment)")


def _folded(window_no: str, filed: Snapshot, items: list[dict[str, Any]]) -> Consignment:
    """The consignment by its events; the copy that was filed saves only the way to it."""
    events = tuple(event_of(item) for item in items)
    snapshot = filed
    for event, item in list(zip(events, items, strict=True))[filed.seq :]:
        snapshot = snapshot.after(event, canonical.load(item["made"]["S"]) if "made" in item else {})
    return Consignment(window_no, snapshot, events, int(items[-1]["changed"]["N"]))


def _seq(item: Mapping[str, Any]) -> int:
    return int(item["item"]["S"].removeprefix("event#"))


def _put_listings(window_no: str, after: Snapshot, before: Snapshot) -> list[dict[str, Any]]:
    """The rows under which a consignment is found by its parties and, for staff, by its day."""
    fresh = after.parties if before.seq == 0 else after.parties - before.parties
    keys = [party_listing(party) for party in sorted(fresh)]
    if before.seq == 0:
        shard = zlib.crc32(window_no.encode()) % SHARDS
        keys.append(f"day#{clock.business_date(datetime.fromisoformat(after.opened_at)).isoformat()}#{shard}")
    return [
        _put(_key(key, f"{after.opened_at}#{window_no}") | {"window_no": {"S": window_no}}, None)
        for key in keys
    ]


def _body_item(version: int, amendment: int) -> str:
    return f"body#{version:04d}" + (f".{amendment:04d}" if amendment else "")


def _put_body(window_no: str, name: str, body: Body) -> dict[str, Any]:
    item = _key(window_no, name) | {
        "media_type": {"S": body.media_type},
        "sha256": {"S": body.sha256},
    }
    if body.archived:
        item["archived"] = {"L": [{"S": key} for key in body.archived]}
    else:
        item["canonical"] = {"B": canonical.pack(body.canonical)}
        item["raw"] = {"B": canonical.pack(body.raw, known=body.canonical)}
    return _put(item, "attribute_not_exists(consignment)")


def _put_submission(submission: Submission) -> dict[str, Any]:
    item = _key(submission.partition, "request") | {
        "sha256": {"S": submission.sha256},
        "answer": {"S": canonical.dumps(submission.answer).decode()},
    }
    return _put(item, "attribute_not_exists(consignment)")


def _put_row(row: Row) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": settings.get(row.table),
            "Item": dict(row.item),
            "ConditionExpression": "attribute_not_exists(#k)",
            "ExpressionAttributeNames": {"#k": row.key},
        }
    }


def _update(row: Update) -> dict[str, Any]:
    update: dict[str, Any] = {
        "TableName": settings.get(row.table),
        "Key": dict(row.key),
        "UpdateExpression": row.expression,
    }
    update |= {"ConditionExpression": row.condition} if row.condition else {}
    update |= {"ExpressionAttributeValues": dict(row.values)} if row.values else {}
    update |= {"ExpressionAttributeNames": dict(row.names)} if row.names else {}
    return {"Update": update}


def _put(item: dict[str, Any], condition: str | None) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": settings.get("LEDGER_TABLE"), "Item": item}
    if condition:
        put["ConditionExpression"] = condition
    return {"Put": put}


def _key(consignment: str, item: str) -> dict[str, Any]:
    return {"consignment": {"S": consignment}, "item": {"S": item}}


def _get(consignment: str, item: str) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(
        TableName=settings.get("LEDGER_TABLE"), Key=_key(consignment, item), ConsistentRead=True
    )
    found: dict[str, Any] | None = answer.get("Item")
    return found


def _query(
    partition: str,
    condition: str,
    values: dict[str, Any],
    *,
    limit: int | None = None,
    newest_first: bool = False,
    late: bool = False,
) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {
        "TableName": settings.get("LEDGER_TABLE"),
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {"#k": "consignment", "#i": "item"},
        "ExpressionAttributeValues": {":k": {"S": partition}} | values,
        "ConsistentRead": not late,
        "ScanIndexForward": not newest_first,
    }
    if limit:
        request["Limit"] = limit
    return queried(**request)


def _snapshot(item: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        seq=int(item["seq"]["N"]),
        head=item["head"]["S"],
        state=item["state"]["S"],
        version=int(item["version"]["N"]),
        parties=frozenset(item["parties"]["S"].split()),
        correlation_id=item["correlation_id"]["S"],
        opened_at=item["opened_at"]["S"],
        changed_at=item["changed_at"]["S"],
        facts=canonical.load(item["facts"]["S"]),
    )
