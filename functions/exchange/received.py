"""The received table: messages that parties sent, one row each, beside the row of the sender's idempotency key.

Items: `receipt#<id>` with `message` (its insertion is the outbox: the stream tells the ingest queue) or `upload` (an
address that was given out), `request#<party>#<key>` with `request`, and `refused#<party>` with one item a refusal of a
signature. What was answered stands beside them: `answered.py`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from random import uniform
from time import sleep
from typing import Any

from exchange.receipt import Received, Upload
from singlewindow import canonical, clock, correlation, ids, settings
from singlewindow.aws.clients import client
from singlewindow.errors import WindowError, conflict

_ATTEMPTS = 8
_STRUCTURED = ("timeline", "outcome", "receivers", "envelope", "signature")
_NUMBERS = ("size",)


def add(received: Received, key: str) -> Received:
    """Write a message and its idempotency key, both or neither; the message that stands under the key from then on.

    That is an earlier one where the key was used for the same content; 409 where it was used for other content.
    """
    writes = [
        _put(_key(received.receipt_id, "message") | _item(received)),
        _put(
            {"key": {"S": _request(received.sender, key)}, "item": {"S": "request"}}
            | {"receipt_id": {"S": received.receipt_id}, "sha256": {"S": received.sha256}}
        ),
    ]
    database = client("dynamodb")
    for attempt in range(_ATTEMPTS):
        try:
            database.transact_write_items(TransactItems=writes)
            return received
        except (
            database.exceptions.TransactionCanceledException,
            database.exceptions.TransactionConflictException,
            database.exceptions.TransactionInProgressException,
        ):
            # Taken, perhaps by ourselves: an answer that was lost on its way. Or somebody is writing right now.
            if standing := under(received.sender, key, received.sha256):
                return standing
            sleep(uniform(0, 0.01 * 2**attempt))
    raise WindowError(
        503, "contended", "the key is being used by others; try again", detail_zh="并发冲突，请重试",
        headers={"Retry-After": "1"},
    )  # fmt: skip


def under(sender: str, key: str, sha256: str) -> Received | None:
    """The message under a sender's key; None where the key is free. Raises 409 where it stands for other content."""
    row = _get({"key": {"S": _request(sender, key)}, "item": {"S": "request"}})
    if row is None:
        return None
    if row["sha256"]["S"] != sha256:
        raise conflict(
            "idempotency-conflict",
            f"the key {key!r} was used for another body: send this one under another key",
            "同一幂等键已用于不同内容的报文：请更换幂等键",
            receipt_id=row["receipt_id"]["S"],
        )
    return find(row["receipt_id"]["S"])


def find(receipt_id: str) -> Received | None:
    row = _get(_key(receipt_id, "message"))
    if row is None:
        return None
    # A row of before there were receivers has none.
    members = {name: _value(name, row[name]) for name in Received.__dataclass_fields__ if name in row}
    members |= {name: tuple(members[name]) for name in ("receivers",) if name in members}
    return Received(**members | {"timeline": tuple((state, at) for state, at in members["timeline"])})


def settle(received: Received, report: bytes | None) -> bool:
    """Write the state that follows RECEIVED with its outcome; False where it was written before."""
    database = client("dynamodb")
    item = _item(received)
    names = {"#s": "state", "#t": "timeline", "#o": "outcome"}
    values = {":from": {"S": "RECEIVED"}, ":s": item["state"], ":t": item["timeline"], ":o": item["outcome"]}
    change = "SET #s = :s, #t = :t, #o = :o"
    if report is not None:
        names["#r"], values[":r"] = "report", {"B": report}
        change += ", #r = :r"
    try:
        database.update_item(
            TableName=settings.get("RECEIVED_TABLE"),
            Key=_key(received.receipt_id, "message"),
            UpdateExpression=change,
            ConditionExpression="#s = :from",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
    except database.exceptions.ConditionalCheckFailedException:
        return False
    return True


def report(receipt_id: str) -> bytes | None:
    """The packed report, where it is small enough to stand in the row."""
    row = _get(_key(receipt_id, "message"))
    return row["report"]["B"] if row and "report" in row else None


def audit(sender: str, told: Mapping[str, str]) -> None:
    """Remember that something of a party was refused, and why; its content is not kept."""
    at = clock.stamp()
    client("dynamodb").put_item(
        TableName=settings.get("RECEIVED_TABLE"),
        Item={"key": {"S": f"refused#{sender}"}, "item": {"S": f"{at}#{ids.new_id()}"}}
        | {"correlation_id": {"S": correlation.current()}}
        | {name: {"S": value} for name, value in told.items()},
    )


def announce(upload: Upload) -> None:
    """Remember what an address was given out for."""
    client("dynamodb").put_item(
        TableName=settings.get("RECEIVED_TABLE"), Item=_key(upload.receipt_id, "upload") | _item(upload)
    )


def upload(receipt_id: str) -> Upload | None:
    row = _get(_key(receipt_id, "upload"))
    return (
        Upload(**{name: _value(name, row[_renamed(name)]) for name in Upload.__dataclass_fields__})
        if row
        else None
    )


def pointer(image: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What the ingest queue is told of a row (its stream image), and the correlation id."""
    return {"receipt_id": image["key"]["S"].removeprefix("receipt#")}, image["correlation_id"]["S"]


def _item(row: Received | Upload) -> dict[str, Any]:
    # The sender's idempotency key would collide with the table's own.
    return {_renamed(name): _attribute(name, value) for name, value in asdict(row).items() if value != ""}


def _renamed(name: str) -> str:
    return "request_key" if name == "key" else name


def _attribute(name: str, value: Any) -> dict[str, Any]:
    if name in _STRUCTURED:
        return {"S": canonical.dumps(value).decode()}
    return {"N": str(value)} if name in _NUMBERS else {"S": value}


def _value(name: str, attribute: Mapping[str, Any]) -> Any:
    if name in _STRUCTURED:
        return canonical.load(attribute["S"])
    return int(attribute["N"]) if name in _NUMBERS else attribute["S"]


def _put(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": settings.get("RECEIVED_TABLE"),
            "Item": item,
            "ConditionExpression": "attribute_not_exists(#k)",
            "ExpressionAttributeNames": {"#k": "key"},
        }
    }


def _key(receipt_id: str, item: str) -> dict[str, Any]:
    return {"key": {"S": f"receipt#{receipt_id}"}, "item": {"S": item}}


def _request(sender: str, key: str) -> str:
    return f"request#{sender}#{key}"


def _get(key: dict[str, Any]) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(
        TableName=settings.get("RECEIVED_TABLE"), Key=key, ConsistentRead=True
    )
    found: dict[str, Any] | None = answer.get("Item")
    return found
