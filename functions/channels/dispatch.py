"""The dispatch table, which only this capability writes: where each message went, and each delivery on its way.

Items: `message#<id>` / `route` who gets the message and why, written once; `delivery#<id>` / `delivery` one delivery
with its timeline; `channel#<id>` with `q#<instant>#<delivery>` everything that ever went by it, `m#<cursor>` the
mailbox of a channel that is pulled, `head` its last cursor, `dead#<instant>#<delivery>` and `circuit`;
`dead#<day>#<shard>` / `<instant>#<delivery>` the dead letters of a day, `audit#<day>` / `<instant>#<id>` what was
replayed by whom; `tally#…` as `channels.tally` says. What waits for an agency stands in the index `waiting` under its
channel, and under `dead#<channel>` what was given up and nobody has replayed.

The route comes first and is the decision: whoever repeats it goes on from what stands there. A delivery has an id that
follows from its message and its channel, so it is there once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import uniform
from time import sleep
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from channels.bodies import Body
from singlewindow import canonical, clock, settings
from singlewindow.aws.circuits import Breaker
from singlewindow.aws.clients import client
from singlewindow.aws.pages import queried
from singlewindow.deliveries import ACKED, BEFORE, DELIVERED, QUEUED, REPLAYED, SENT
from singlewindow.errors import WindowError
from singlewindow.ids import is_uscc

# As long as the archive keeps the bodies (three years of customs' inspection, and a day).
RETENTION: Final = timedelta(days=1096)
MAILBOX_START: Final = "0" * 16
_MAILBOX_CURSOR = re.compile(r"[0-9]{16}", re.ASCII).fullmatch
_PLACE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z(~[0-9a-z-]{1,64})?", re.ASCII).fullmatch

_ATTEMPTS: Final = 12
_SHARDS: Final = 16
_BATCH_GET: Final = 100
# A public page counts no further.
MOST_COUNTED: Final = 500
# Words that DynamoDB keeps for itself.
_ALIASES: Final = {"#k": "key", "#state": "state", "#round": "round", "#first": "first"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one channel. `due`: no attempt before it, None: none is to come. `first`: patience counts from it.

    `accepted_at`: when the window took the message in. `round` grows with each replay. `timeline`: (instant, state,
    what was said), the oldest first. `test`: by hand.
    """

    id: str
    message_id: str
    channel: str
    party: str
    type: str
    document: str | None
    queued_at: str
    correlation_id: str
    accepted_at: str
    state: str = QUEUED
    due: float | None = None
    first: float = 0.0
    attempts: int = 0
    round: int = 0
    timeline: tuple[tuple[str, str, str], ...] = ()
    body: Body | None = None
    reason: str | None = None
    findings: tuple[dict[str, Any], ...] = ()
    test: bool = False

    @property
    def waits(self) -> bool:
        return self.due is not None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a delivery comes to: its state, when it is due again (None: no more), and what the timeline says."""

    state: str
    due: float | None
    said: str = ""
    reason: str | None = None
    findings: tuple[dict[str, Any], ...] = ()


def delivery_id(message_id: str, channel_id: str) -> str:
    """The same message has the same id by the same channel, however often it is routed."""
    return str(uuid5(NAMESPACE_URL, f"urn:singlewindow:delivery:{message_id}:{channel_id}"))


# --- the route ----------------------------------------------------------------------------------------------


def route(message_id: str) -> dict[str, Any] | None:
    """Who gets a message and why, as it was decided; None before that."""
    item = _get(f"message#{message_id}", "route")
    found: dict[str, Any] | None = canonical.load(item["route"]["S"]) if item else None
    return found


def decide(message_id: str, decision: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Write the decision where there is none yet; the one that stands, and whether it is known to be this one."""
    database = client("dynamodb")
    text = canonical.dumps(dict(decision)).decode()
    try:
        database.put_item(
            TableName=_table(),
            Item=_key(f"message#{message_id}", "route") | {"route": {"S": text}} | _expiry(),
            ConditionExpression="attribute_not_exists(#k)",
            ExpressionAttributeNames={"#k": "key"},
        )
    except database.exceptions.ConditionalCheckFailedException:
        standing = route(message_id)
        assert standing is not None
        return standing, False
    decided: dict[str, Any] = canonical.load(text)
    return decided, True


def widen(message_id: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Write a decision anew in which receivers that had no channel have one; False where somebody else did so."""
    was, now = (_text(canonical.dumps(dict(one)).decode()) for one in (before, after))
    update = {
        "TableName": _table(),
        "Key": _key(f"message#{message_id}", "route"),
        "UpdateExpression": "SET route = :now",
        "ConditionExpression": "route = :was",
        "ExpressionAttributeValues": {":was": was, ":now": now},
    }
    return _written(update)


def add(one: Delivery) -> bool:
    """Write a delivery and its line in the channel's list, once; False where it was there."""
    line = (
        _key(f"channel#{one.channel}", f"q#{one.queued_at}#{one.id}")
        | {"delivery": {"S": one.id}}
        | _expiry()
    )
    return _together(_new(_item(one) | _expiry()), _new(line))


# --- one delivery -------------------------------------------------------------------------------------------


def find(id: str) -> Delivery | None:
    item = _get(f"delivery#{id}", "delivery")
    return _read(item) if item else None


def all_of(ids: Sequence[str]) -> list[Delivery]:
    """The deliveries with these ids, in their order; what is not there is left out."""
    found: dict[str, Delivery] = {}
    for start in range(0, len(ids), _BATCH_GET):
        keys = [_key(f"delivery#{id}", "delivery") for id in dict.fromkeys(ids[start : start + _BATCH_GET])]
        wanted: dict[str, Any] = {_table(): {"Keys": keys, "ConsistentRead": True}}
        for attempt in range(_ATTEMPTS):
            answer = client("dynamodb").batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(_table(), []):
                one = _read(item)
                found[one.id] = one
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                break
            _pause(attempt)
        else:
            raise RuntimeError("the table does not keep up")
    return [found[id] for id in ids if id in found]


def claim(one: Delivery, body: Body, until: float, at: str) -> bool:
    """Take a delivery that is due for one attempt, with the body that was made; nobody else attempts it meanwhile."""
    said = [(at, SENT, f"attempt {one.attempts + 1}")]
    if one.body is None:
        said.insert(0, (at, "TRANSFORMED", f"{body.format} {body.sha256}"))
    moved = {
        "#state = :state": _text(SENT),
        "attempts = :attempts": {"N": str(one.attempts + 1)},
        "body = :body": _text(canonical.dumps(asdict(body)).decode()),
    }
    return _move(one, moved, until, said, SENT)


def conclude(one: Delivery, claimed: float | None, to: Moved, at: str) -> bool:
    """What became of an attempt, or of what can't be attempted (`claimed`: the `due` that is known).

    False, and nothing changes, where the delivery was acknowledged or replayed meanwhile: that counts then.
    """
    return _move(one, _moved(to), to.due, [(at, to.state, to.said)], to.state, due_was=claimed)


def bury(one: Delivery, claimed: float | None, to: Moved, at: str) -> bool:
    """As `conclude`, for an end: with its rows among the dead letters, all or none."""
    change = _moved(to)
    if _is_watched(one):
        change |= {
            "waits_on = :waits_on": _text(f"dead#{one.channel}"),
            "waits_since = :waits_since": _text(at),
        }
    update = _update(one, change, to.due, [(at, to.state, to.said)], to.state, claimed)
    place = f"{at}#{one.id}"
    letter = {
        "delivery": _text(one.id),
        "channel": _text(one.channel),
        "reason": _text(to.reason or ""),
    } | _expiry()
    day = clock.business_date(datetime.fromisoformat(at)).isoformat()
    rows = (
        _key(f"dead#{day}#{int(one.id[:4], 16) % _SHARDS}", place) | letter,
        _key(f"channel#{one.channel}", f"dead#{place}") | letter,
    )
    return _together({"Update": update}, *({"Put": {"TableName": _table(), "Item": row}} for row in rows))


def postpone(one: Delivery, due: float, said: str, at: str) -> bool:
    """Let it wait until `due` without counting that against its patience."""
    spared = due - max(one.due or 0.0, one.first)
    change = {"#first = :first": _number(one.first + max(spared, 0.0))}
    return _move(one, change, due, [(at, one.state, said)], None)


def again(one: Delivery, now: float, at: str, by: str) -> bool:
    """Due anew, whatever became of it; its body is made anew as well, for the mapping may have been mended."""
    change = {
        "#state = :state": _text(REPLAYED),
        "attempts = :attempts": {"N": "0"},
        "#round = :round": {"N": str(one.round + 1)},
        "#first = :first": _number(now),
    }
    if _is_watched(one):
        change |= {"waits_on = :waits_on": _text(one.channel), "waits_since = :waits_since": _text(at)}
    forget = ("reason", "findings") if one.test else ("reason", "findings", "body")
    update = _update(one, change, now, [(at, REPLAYED, by)], REPLAYED, None, forget)
    update["ConditionExpression"] += " AND #round = :was"
    update["ExpressionAttributeValues"][":was"] = {"N": str(one.round)}
    return _written(update)


def fetched(one: Delivery, at: str) -> None:
    """Its receiver came for the body: what was only offered is delivered."""
    if one.state == SENT and not one.waits:
        _move(one, {"#state = :state": _text(DELIVERED)}, None, [(at, DELIVERED, "fetched")], DELIVERED)


def acknowledge(one: Delivery, at: str) -> bool:
    """Its receiver has it; False where it may not say so yet (nothing was sent), or said so before."""
    change = {"#state = :state": _text(ACKED)}
    return _move(one, change, None, [(at, ACKED, "")], ACKED, whatever_due=True)


# --- lists of a channel -------------------------------------------------------------------------------------


def put_into_mailbox(one: Delivery, claimed: float, at: str) -> str | None:
    """Give the delivery the mailbox's next cursor, and conclude it: SENT, until it is fetched; None if overtaken.

    The cursor is given in the transaction that writes its row: rows become visible in the order of their cursors and
    without gaps, so that whoever has read up to one has missed nothing before it.
    """
    for attempt in range(_ATTEMPTS):
        head = _get(f"channel#{one.channel}", "head")
        last = int(head["last"]["N"]) if head else 0
        cursor = f"{last + 1:016d}"
        moved: dict[str, Any] = {
            "TableName": _table(),
            "Item": _key(f"channel#{one.channel}", "head") | {"last": {"N": str(last + 1)}},
            "ConditionExpression": "#last = :last" if head else "attribute_not_exists(#last)",
            "ExpressionAttributeNames": {"#last": "last"},
        }
        if head:
            moved["ExpressionAttributeValues"] = {":last": {"N": str(last)}}
        row = _key(f"channel#{one.channel}", f"m#{cursor}") | {"delivery": _text(one.id)} | _expiry()
        offered = [(at, SENT, f"in the mailbox at {cursor}")]
        update = _update(one, {}, None, offered, SENT, claimed)
        if _together({"Put": moved}, _new(row), {"Update": update}):
            return cursor
        now = find(one.id)
        if now is None or now.due != claimed or now.state != SENT:
            return None
        _pause(attempt)
    raise WindowError(
        503, "contended", f"{one.channel} is being written to by others", detail_zh="并发冲突，请重试"
    )


def mailbox(channel_id: str, after: str, limit: int) -> list[tuple[str, str]]:
    """Up to `limit` (cursor, delivery id) after a cursor, the oldest first."""
    rows = _range(f"channel#{channel_id}", f"m#{after or MAILBOX_START}$", "m#:", limit)
    return [(item["item"]["S"].removeprefix("m#"), item["delivery"]["S"]) for item in rows]


def is_cursor(text: str, of_mailbox: bool) -> bool:
    """Whether a text may be a cursor of a mailbox, or else of what went by a channel (an instant is one)."""
    return (_MAILBOX_CURSOR if of_mailbox else _PLACE)(text) is not None


def sent_by(channel_id: str, after: str, until: str, limit: int) -> list[tuple[str, str]]:
    """Up to `limit` (place, delivery id) of what went by a channel after a place or instant and before an instant."""
    rows = _range(f"channel#{channel_id}", f"q#{_item_at(after)}$", f"q#{until or ':'}", limit)
    return [(_place(item["item"]["S"].removeprefix("q#")), item["delivery"]["S"]) for item in rows]


def oldest_waiting(channel_id: str) -> tuple[str, str] | None:
    """(since when, delivery id) of an agency's delivery that waits the longest; a moment late, for an index is."""
    found = client("dynamodb").query(
        TableName=_table(),
        IndexName="waiting",
        KeyConditionExpression="waits_on = :channel",
        ExpressionAttributeValues={":channel": _text(channel_id)},
        Limit=1,
    )["Items"]
    if not found:
        return None
    return found[0]["waits_since"]["S"], found[0]["key"]["S"].removeprefix("delivery#")


def dead_waiting(channel_id: str) -> int:
    """How many of an agency's deliveries were given up and not replayed since, up to one more than `MOST_COUNTED`; of
    what was given up before the index told of it nothing."""
    counted = client("dynamodb").query(
        TableName=_table(),
        IndexName="waiting",
        KeyConditionExpression="waits_on = :channel",
        ExpressionAttributeValues={":channel": _text(f"dead#{channel_id}")},
        Select="COUNT",
        Limit=MOST_COUNTED + 1,
    )
    number: int = counted["Count"]
    return number


def dead_of_channel(channel_id: str, after: str, until: str, limit: int) -> list[tuple[str, str]]:
    """As `sent_by`, of what ended dead."""
    rows = _range(f"channel#{channel_id}", f"dead#{_item_at(after)}$", f"dead#{until or ':'}", limit)
    return [(_place(item["item"]["S"].removeprefix("dead#")), item["delivery"]["S"]) for item in rows]


def dead_of_day(day: str, after: str, limit: int) -> list[tuple[str, str]]:
    """As `sent_by`, of all that ended dead on a day (Asia/Shanghai): one query a shard."""
    found = [
        (_place(item["item"]["S"]), item["delivery"]["S"])
        for shard in range(_SHARDS)
        for item in _range(f"dead#{day}#{shard}", f"{_item_at(after)}$", ":", limit)
    ]
    return sorted(found)[:limit]


def _place(item: str) -> str:
    """`<instant>~<delivery>`: it goes into a URL as it is, in which a # would end the query."""
    return item.replace("#", "~")


def _item_at(place: str) -> str:
    return place.replace("~", "#")


def breaker(channel_id: str) -> Breaker:
    """The circuit of a channel's destination."""
    return Breaker("DISPATCH_TABLE", {"key": f"channel#{channel_id}", "item": "circuit"})


# --- audit --------------------------------------------------------------------------------------------------


def audit(entry: Mapping[str, Any], id: str) -> None:
    """Write what somebody is about to do, before it is done."""
    day = clock.business_date(datetime.fromisoformat(entry["at"])).isoformat()
    item = _key(f"audit#{day}", f"{entry['at']}#{id}") | {
        "entry": _text(canonical.dumps(dict(entry)).decode())
    }
    client("dynamodb").put_item(TableName=_table(), Item=item)


def audited(day: str) -> list[dict[str, Any]]:
    """What was replayed and redriven on a day, the first first."""
    return [canonical.load(item["entry"]["S"]) for item in _range(f"audit#{day}", "", ":", None)]


# --- DynamoDB -----------------------------------------------------------------------------------------------


def _moved(to: Moved) -> dict[str, Any]:
    change = {"#state = :state": _text(to.state)}
    if to.reason:
        change["reason = :reason"] = _text(to.reason)
    if to.findings:
        change["findings = :findings"] = _text(canonical.dumps(list(to.findings)).decode())
    return change


def _move(
    one: Delivery,
    change: Mapping[str, Any],
    due: float | None,
    said: Sequence[tuple[str, str, str]],
    to: str | None,
    *,
    due_was: float | None = None,
    whatever_due: bool = False,
) -> bool:
    known = None if whatever_due else (one.due if due_was is None else due_was)
    return _written(_update(one, change, due, said, to, known))


def _update(
    one: Delivery,
    change: Mapping[str, Any],
    due: float | None,
    said: Sequence[tuple[str, str, str]],
    to: str | None,
    due_was: float | None,
    forget: Sequence[str] = (),
) -> dict[str, Any]:
    """An update that holds where the state leads to `to` (None: anywhere), and `due` is still what is known of it."""
    values: dict[str, Any] = {":said": {"L": [_text("\t".join(line)) for line in said]}}
    sets = ["timeline = list_append(timeline, :said)", *change]
    values |= {expression.rsplit(" ", 1)[1]: value for expression, value in change.items()}
    gone = [*forget]
    if due is None:
        gone += ["due"] if "waits_on = :waits_on" in change else ["due", "waits_on"]
    else:
        sets.append("due = :due")
        values[":due"] = _number(due)
    conditions = []
    if due_was is not None:
        conditions.append("due = :due_was")
        values[":due_was"] = _number(due_was)
    if to:
        names = [f":from{number}" for number in range(len(BEFORE[to]))]
        conditions.append(f"#state IN ({', '.join(names)})")
        values |= {name: _text(state) for name, state in zip(names, BEFORE[to], strict=True)}
    request: dict[str, Any] = {
        "TableName": _table(),
        "Key": _key(f"delivery#{one.id}", "delivery"),
        "UpdateExpression": f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(gone)}" if gone else ""),
        "ConditionExpression": " AND ".join(conditions or ["attribute_exists(#k)"]),
        "ExpressionAttributeValues": values,
    }
    used = request["UpdateExpression"] + request["ConditionExpression"]
    request["ExpressionAttributeNames"] = {alias: name for alias, name in _ALIASES.items() if alias in used}
    return request


def _written(update: dict[str, Any]) -> bool:
    """Whether the condition held and the change was made."""
    database = client("dynamodb")
    try:
        database.update_item(**update)
    except database.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _together(*writes: dict[str, Any]) -> bool:
    """Whether all conditions held and all was written. Raises for anything but conditions and conflicts."""
    database = client("dynamodb")
    try:
        database.transact_write_items(TransactItems=list(writes))
    except (
        database.exceptions.TransactionCanceledException,
        database.exceptions.TransactionConflictException,
    ) as error:
        reasons = {one.get("Code") for one in error.response.get("CancellationReasons", [])}
        if reasons - {"None", None, "ConditionalCheckFailed", "TransactionConflict"}:
            raise
        return False
    return True


def _new(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": _table(),
            "Item": item,
            "ConditionExpression": "attribute_not_exists(#k)",
            "ExpressionAttributeNames": {"#k": "key"},
        }
    }


def _range(key: str, start: str, end: str, limit: int | None) -> Iterator[dict[str, Any]]:
    """Items of a key between two places; `$` sorts behind a place and before its successors, `:` behind all digits."""
    request: dict[str, Any] = {
        "TableName": _table(),
        "KeyConditionExpression": "#k = :key AND #i BETWEEN :start AND :end",
        "ExpressionAttributeNames": {"#k": "key", "#i": "item"},
        "ExpressionAttributeValues": {":key": _text(key), ":start": _text(start or " "), ":end": _text(end)},
        "ConsistentRead": True,
    }
    if limit:
        request["Limit"] = limit
    return islice(queried(**request), limit)


def _item(one: Delivery) -> dict[str, Any]:
    item = _key(f"delivery#{one.id}", "delivery") | {
        "message": _text(one.message_id),
        "channel": _text(one.channel),
        "party": _text(one.party),
        "type": _text(one.type),
        "queued_at": _text(one.queued_at),
        "correlation_id": _text(one.correlation_id),
        "accepted_at": _text(one.accepted_at),
        "state": _text(one.state),
        "first": _number(one.first),
        "attempts": {"N": str(one.attempts)},
        "round": {"N": str(one.round)},
        "timeline": {"L": [_text("\t".join(line)) for line in one.timeline]},
        "test": {"BOOL": one.test},
    }
    if one.document:
        item["document"] = _text(one.document)
    if one.due is not None:
        item["due"] = _number(one.due)
        if _is_watched(one):
            item |= {"waits_on": _text(one.channel), "waits_since": _text(one.queued_at)}
    if one.body:
        item["body"] = _text(canonical.dumps(asdict(one.body)).decode())
    return item


def _is_watched(one: Delivery) -> bool:
    """Of agencies everybody may see since when something waits; of traders nobody looks, and the index costs."""
    return not one.test and not is_uscc(one.party)


def _read(item: Mapping[str, Any]) -> Delivery:
    body = canonical.load(item["body"]["S"]) if "body" in item else None
    return Delivery(
        id=item["key"]["S"].removeprefix("delivery#"),
        message_id=item["message"]["S"],
        channel=item["channel"]["S"],
        party=item["party"]["S"],
        type=item["type"]["S"],
        document=item.get("document", {}).get("S"),
        queued_at=item["queued_at"]["S"],
        correlation_id=item["correlation_id"]["S"],
        accepted_at=item.get("accepted_at", item["queued_at"])["S"],
        state=item["state"]["S"],
        due=float(item["due"]["N"]) if "due" in item else None,
        first=float(item["first"]["N"]),
        attempts=int(item["attempts"]["N"]),
        round=int(item["round"]["N"]),
        timeline=tuple(_line(one["S"]) for one in item["timeline"]["L"]),
        body=Body(**body | {"bytes": int(body["bytes"])}) if body else None,
        reason=item.get("reason", {}).get("S"),
        findings=tuple(canonical.load(item["findings"]["S"])) if "findings" in item else (),
        test=item["test"]["BOOL"],
    )


def _line(text: str) -> tuple[str, str, str]:
    at, state, said = text.split("\t", 2)
    return at, state, said


def _get(key: str, item: str) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(TableName=_table(), Key=_key(key, item), ConsistentRead=True)
    found: dict[str, Any] | None = answer.get("Item")
    return found


def _expiry() -> dict[str, Any]:
    return {"expires": {"N": str(int((clock.now() + RETENTION).timestamp()))}}


def _key(key: str, item: str) -> dict[str, Any]:
    return {"key": {"S": key}, "item": {"S": item}}


def _text(text: str) -> dict[str, str]:
    return {"S": text}


def _number(seconds: float) -> dict[str, str]:
    return {"N": f"{seconds:.3f}"}


def _pause(attempt: int) -> None:
    sleep(uniform(0, 0.01 * 2 ** min(attempt, 5)))


def _table() -> str:
    return settings.get("DISPATCH_TABLE")
