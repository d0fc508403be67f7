"""The tables of the notifications, which only this capability writes.

Subscriptions by `party` / `id`. Deliveries by `subscription` / `item`: `d#<cursor>` is one notification, `head` the
last cursor given, `shipment#<window number>` how far a shipment has been told, `circuit` how the destination fares.

A cursor is given in the transaction that writes its row: rows become visible in the order of their cursors and without
gaps, so that whoever has read up to one has missed nothing before it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from random import uniform
from time import sleep
from typing import Any, Final

from notifications.notice import Notice
from notifications.subscription import RETENTION, Subscription
from singlewindow import clock, settings
from singlewindow.aws.circuits import Breaker
from singlewindow.aws.clients import client
from singlewindow.aws.pages import queried
from singlewindow.errors import WindowError

PENDING, DELIVERED, FAILED, KEPT = "pending", "delivered", "failed", "kept"

_ATTEMPTS: Final = 12
# What has been told of a shipment is remembered longer than an event can still be told.
_REMEMBERED: Final = RETENTION + timedelta(days=7)
_FIRST, _LAST = "0" * 16, "9" * 16


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification of one subscription. `due`: no attempt before it; `first`: when it was first due."""

    subscription: str
    cursor: str
    type: str
    at: str
    body: str
    status: str
    due: float
    first: float
    attempts: int = 0
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """How far a shipment has been told: the last event's `seq`, and the cursors that were not queued yet."""

    seq: int = 0
    unsent: tuple[str, ...] = ()


# --- subscriptions ------------------------------------------------------------------------------------------


def add(subscription: Subscription) -> None:
    item = {name: _attribute(value) for name, value in asdict(subscription).items() if value is not None}
    client("dynamodb").put_item(
        TableName=_subscriptions(), Item=item, ConditionExpression="attribute_not_exists(id)"
    )


def find(party: str, id: str) -> Subscription | None:
    key = {"party": {"S": party}, "id": {"S": id}}
    answer = client("dynamodb").get_item(TableName=_subscriptions(), Key=key, ConsistentRead=True)
    return _subscription(answer["Item"]) if "Item" in answer else None


def of_party(party: str) -> list[Subscription]:
    """All of a party's, the deleted ones included, as long as they are remembered."""
    pages = queried(
        TableName=_subscriptions(),
        KeyConditionExpression="party = :party",
        ExpressionAttributeValues={":party": {"S": party}},
        ConsistentRead=True,
    )
    return [_subscription(item) for item in pages]


def delete(subscription: Subscription) -> None:
    """Disabled for good; forgotten with the last of its deliveries."""
    expires = _epoch(clock.now() + RETENTION)
    _change(
        subscription,
        "SET #status = :disabled, reason = :deleted, expires = :expires",
        {":disabled": {"S": "disabled"}, ":deleted": {"S": "deleted"}, ":expires": {"N": str(expires)}},
        "attribute_exists(id)",
        status=True,
    )


def rotate(subscription: Subscription, at: str) -> Subscription | None:
    """The next generation of the secret; None where somebody else rotated meanwhile."""
    values = {
        ":next": {"N": str(subscription.generation + 1)},
        ":now": {"N": str(subscription.generation)},
        ":at": {"S": at},
    }
    done = _change(subscription, "SET generation = :next, rotated_at = :at", values, "generation = :now")
    return replace(subscription, generation=subscription.generation + 1, rotated_at=at) if done else None


def enable(subscription: Subscription) -> None:
    """Undo a disabling that was ours, not the party's."""
    values = {":active": {"S": "active"}, ":deleted": {"S": "deleted"}}
    condition = "attribute_exists(reason) AND reason <> :deleted"
    _change(subscription, "SET #status = :active REMOVE reason", values, condition, status=True)


def disable(subscription: Subscription, reason: str, notice: Notice) -> bool:
    """Disable with a notice, both or neither; False where it was not active any more."""
    update = {
        "TableName": _subscriptions(),
        "Key": _subscription_key(subscription),
        "UpdateExpression": "SET #status = :disabled, reason = :reason",
        "ConditionExpression": "#status = :active",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {
            ":disabled": {"S": "disabled"},
            ":active": {"S": "active"},
            ":reason": {"S": reason},
        },
    }
    for attempt in range(_ATTEMPTS):
        now = find(subscription.party, subscription.id)
        if now is None or now.status != "active":
            return False
        if _append(subscription, [notice], [{"Update": update}]) is not None:
            return True
        pause(attempt)
    raise crowded(subscription)


# --- deliveries ---------------------------------------------------------------------------------------------


def told(subscription: Subscription, window_no: str) -> Told:
    item = _get(subscription.id, f"shipment#{window_no}")
    if item is None:
        return Told()
    return Told(int(item["seq"]["N"]), tuple(item.get("unsent", {}).get("S", "").split()))


def tell(
    subscription: Subscription, window_no: str, before: Told, seq: int, notices: Sequence[Notice]
) -> Told | None:
    """Write the notices up to `seq` of a shipment; None where another did so meanwhile: look again."""

    def marker(cursors: list[str]) -> list[dict[str, Any]]:
        queued = [*before.unsent, *(cursors if subscription.url else ())]
        item = _key(subscription.id, f"shipment#{window_no}") | {
            "seq": {"N": str(seq)},
            "expires": {"N": str(_epoch(clock.now() + _REMEMBERED))},
        }
        if queued:
            item["unsent"] = {"S": " ".join(queued)}
        put: dict[str, Any] = {"TableName": _deliveries(), "Item": item}
        if before.seq:
            put["ConditionExpression"] = "seq = :before"
            put["ExpressionAttributeValues"] = {":before": {"N": str(before.seq)}}
        else:
            put["ConditionExpression"] = "attribute_not_exists(subscription)"
        return [{"Put": put}]

    cursors = _append(subscription, notices, with_cursors=marker)
    if cursors is None:
        return None
    return Told(seq, (*before.unsent, *(cursors if subscription.url else ())))


def queued(subscription: Subscription, window_no: str, told: Told) -> None:
    """All of `unsent` is on its way."""
    _update(
        subscription.id,
        f"shipment#{window_no}",
        "REMOVE unsent",
        {":seq": {"N": str(told.seq)}},
        "seq = :seq",
    )


def append(subscription: Subscription, notice: Notice) -> str:
    """One notice that is of no shipment; its cursor."""
    for attempt in range(_ATTEMPTS):
        cursors = _append(subscription, [notice])
        if cursors is not None:
            return cursors[0]
        pause(attempt)
    raise crowded(subscription)


def delivery(subscription_id: str, cursor: str) -> Delivery | None:
    item = _get(subscription_id, f"d#{cursor}")
    return _delivery(item) if item else None


def after(subscription_id: str, cursor: str, limit: int) -> list[Delivery]:
    """Up to `limit` notifications after a cursor (empty: from the first that is kept)."""
    pages = queried(
        TableName=_deliveries(),
        KeyConditionExpression="subscription = :s AND #i BETWEEN :from AND :to",
        ExpressionAttributeNames={"#i": "item"},
        ExpressionAttributeValues={
            ":s": {"S": subscription_id},
            ":from": {
                "S": f"d#{cursor or _FIRST}$"
            },  # `$` sorts behind the cursor itself, before the next one
            ":to": {"S": f"d#{_LAST}"},
        },
        ConsistentRead=True,
        Limit=limit + 1,
    )
    found = []
    now = _epoch(clock.now())
    for item in pages:
        if int(item["expires"]["N"]) > now:  # DynamoDB takes up to days to remove what has expired
            found.append(_delivery(item))
        if len(found) == limit:
            break
    return found


def again(one: Delivery, now: float) -> bool:
    """Due anew, whatever became of it; False where it is kept no longer."""
    values = {":pending": {"S": PENDING}, ":now": _number(now), ":zero": {"N": "0"}}
    change = "SET #status = :pending, due = :now, #first = :now, attempts = :zero"
    names = {"#status": "status", "#first": "first"}
    return _update(one.subscription, f"d#{one.cursor}", change, values, "attribute_exists(#status)", names)


def claim(one: Delivery, now: float, until: float) -> bool:
    """Take a delivery that is due for one attempt; nobody else attempts it before `until`."""
    values = {":pending": {"S": PENDING}, ":now": _number(now), ":until": _number(until)}
    condition = "#status = :pending AND due <= :now"
    names = {"#status": "status"}
    return _update(one.subscription, f"d#{one.cursor}", "SET due = :until", values, condition, names)


def conclude(one: Delivery, claimed: float, status: str, due: float, attempts: int, said: str | None) -> None:
    """What became of a claimed attempt; nothing where it was asked for anew meanwhile: that one counts then."""
    values = {
        ":status": {"S": status},
        ":due": _number(due),
        ":attempts": {"N": str(attempts)},
        ":said": {"S": said or ""},
        ":claimed": _number(claimed),
        ":pending": {"S": PENDING},
    }
    change = "SET #status = :status, due = :due, attempts = :attempts, said = :said"
    condition = "due = :claimed AND #status = :pending"
    _update(one.subscription, f"d#{one.cursor}", change, values, condition, {"#status": "status"})


def breaker(subscription_id: str) -> Breaker:
    """The circuit of a subscription's address."""
    return Breaker("DELIVERIES_TABLE", {"subscription": subscription_id, "item": "circuit"})


# --- DynamoDB -----------------------------------------------------------------------------------------------


def _append(
    subscription: Subscription,
    notices: Sequence[Notice],
    beside: Sequence[dict[str, Any]] = (),
    with_cursors: Any = None,
) -> list[str] | None:
    """Rows with the next cursors, and what is written with them; None where another was quicker."""
    head = _get(subscription.id, "head")
    last = int(head["last"]["N"]) if head else 0
    cursors = [f"{last + position:016d}" for position in range(1, len(notices) + 1)]
    moved: dict[str, Any] = {
        "TableName": _deliveries(),
        "Item": _key(subscription.id, "head") | {"last": {"N": str(last + len(notices))}},
        "ConditionExpression": "#last = :last" if head else "attribute_not_exists(#last)",
        "ExpressionAttributeNames": {"#last": "last"},
    }
    if head:
        moved["ExpressionAttributeValues"] = {":last": {"N": str(last)}}
    writes = [{"Put": moved}, *beside, *(with_cursors(cursors) if with_cursors else ())]
    now = clock.now()
    for cursor, notice in zip(cursors, notices, strict=True):
        item = _key(subscription.id, f"d#{cursor}") | {
            "type": {"S": notice.type},
            "at": {"S": notice.at},
            "body": {"S": notice.body},
            "status": {"S": PENDING if notice.pushed and subscription.url else KEPT},
            "due": _number(now.timestamp()),
            "first": _number(now.timestamp()),
            "attempts": {"N": "0"},
            "expires": {"N": str(_epoch(now + RETENTION))},
        }
        writes.append({"Put": {"TableName": _deliveries(), "Item": item}})
    dynamodb = client("dynamodb")
    try:
        dynamodb.transact_write_items(TransactItems=writes)
    except (
        dynamodb.exceptions.TransactionCanceledException,
        dynamodb.exceptions.TransactionConflictException,
    ) as error:
        reasons = {one.get("Code") for one in error.response.get("CancellationReasons", [])}
        if reasons - {"None", None, "ConditionalCheckFailed", "TransactionConflict"}:
            raise
        return None
    return cursors


def _change(
    subscription: Subscription, change: str, values: dict[str, Any], condition: str, *, status: bool = False
) -> bool:
    dynamodb = client("dynamodb")
    names = {"ExpressionAttributeNames": {"#status": "status"}} if status else {}
    try:
        dynamodb.update_item(
            TableName=_subscriptions(),
            Key=_subscription_key(subscription),
            UpdateExpression=change,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            **names,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _update(
    subscription_id: str,
    item: str,
    change: str,
    values: dict[str, Any],
    condition: str | None,
    names: dict[str, str] | None = None,
) -> bool:
    """Whether the condition held and the change was made."""
    dynamodb = client("dynamodb")
    request: dict[str, Any] = {
        "TableName": _deliveries(),
        "Key": _key(subscription_id, item),
        "UpdateExpression": change,
    }
    request |= {"ExpressionAttributeValues": values} if values else {}
    request |= {"ConditionExpression": condition} if condition else {}
    request |= {"ExpressionAttributeNames": names} if names else {}
    try:
        dynamodb.update_item(**request)
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _get(subscription_id: str, item: str) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(
        TableName=_deliveries(), Key=_key(subscription_id, item), ConsistentRead=True
    )
    found: dict[str, Any] | None = answer.get("Item")
    return found


def _subscription(item: dict[str, Any]) -> Subscription:
    def text(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    return Subscription(
        id=item["id"]["S"],
        party=item["party"]["S"],
        role=item["role"]["S"],
        url=text("url"),
        events=tuple(item["events"]["S"].split()),
        scope=item["scope"]["S"],
        description=item["description"]["S"],
        created_at=item["created_at"]["S"],
        status=item["status"]["S"],
        reason=text("reason"),
        generation=int(item["generation"]["N"]),
        rotated_at=text("rotated_at"),
    )


def _delivery(item: dict[str, Any]) -> Delivery:
    return Delivery(
        subscription=item["subscription"]["S"],
        cursor=item["item"]["S"].removeprefix("d#"),
        type=item["type"]["S"],
        at=item["at"]["S"],
        body=item["body"]["S"],
        status=item["status"]["S"],
        due=float(item["due"]["N"]),
        first=float(item["first"]["N"]),
        attempts=int(item["attempts"]["N"]),
        said=item.get("said", {}).get("S") or None,
    )


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {"S": " ".join(value)}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _number(seconds: float) -> dict[str, str]:
    return {"N": f"{seconds:.3f}"}


def _key(subscription_id: str, item: str) -> dict[str, Any]:
    return {"subscription": {"S": subscription_id}, "item": {"S": item}}


def _subscription_key(subscription: Subscription) -> dict[str, Any]:
    return {"party": {"S": subscription.party}, "id": {"S": subscription.id}}


def _epoch(instant: datetime) -> int:
    return int(instant.timestamp())


def pause(attempt: int) -> None:
    sleep(uniform(0, 0.01 * 2 ** min(attempt, 5)))


def crowded(subscription: Subscription) -> WindowError:
    detail = f"{subscription.id} is being changed by others; try again"
    return WindowError(503, "contended", detail, detail_zh="并发冲突，请重试", headers={"Retry-After": "1"})


def _subscriptions() -> str:
    return settings.get("SUBSCRIPTIONS_TABLE")


def _deliveries() -> str:
    return settings.get("DELIVERIES_TABLE")
