"""The payments table, which only this capability writes. By `key` / `item`, each row a value as JSON; none is altered.

`bill#<id>`: `bill` its content, `receipt#<bank ref>#…` what the treasury said, `stray#<bank>#<ref>` money that
came for it and was not wanted, `reversed#<bank>#<ref>` what the bank took back by itself · `order#<id>`: `order`,
`spared` where it was not sent · `due#<date>` / `<bill>` · `party#<uscc>` / `<instant>#<bill>` · `day#<date>`:
`ours#<kind>#<bill>#<ref>` what we booked, `stray#…`, `unlike#…` receipts that do not agree, `resolution#<break>` ·
`statement#<date>` / `<party>#<page>` · `guarantee#<id>`: `guarantee`, `entry#<number>` · `guaranteed#<uscc>` /
`<id>` · `fx#<uscc>` / `<date>#<instant>`.

What belongs to an event of a consignment is a `Row` of the ledger's transaction; the rest is put once by `put`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from payments.guarantee import Balance, Entry, Guarantee
from payments.money import NOUGHT
from singlewindow import canonical, settings
from singlewindow.aws.clients import client
from singlewindow.aws.pages import queried
from singlewindow.consignment import Row

_TABLE = "PAYMENTS_TABLE"
_WORTH_PACKING = 1024  # bytes
Value = Mapping[str, Any]


def row(key: str, item: str, value: Value) -> Row:
    """A row that is written with an event, or not at all; refused where it is there already."""
    return Row(_TABLE, "key", _item(key, item, value))


def put(key: str, item: str, value: Value) -> bool:
    """Write a row once; False where it is there already."""
    return put_row(row(key, item, value))


def put_row(one: Row) -> bool:
    """The same of a row that is made already."""
    dynamodb = client("dynamodb")
    try:
        dynamodb.put_item(
            TableName=settings.get(_TABLE),
            Item=one.item,
            ConditionExpression="attribute_not_exists(#k)",
            ExpressionAttributeNames={"#k": "key"},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def get(key: str, item: str) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(
        TableName=settings.get(_TABLE), Key={"key": {"S": key}, "item": {"S": item}}, ConsistentRead=True
    )
    return _value(answer["Item"]) if "Item" in answer else None


def among(
    key: str, prefix: str = "", *, newest_first: bool = False, before: str = "", limit: int = 0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(item, value) of a partition's rows whose item begins so, in order; those before an item, at most `limit`."""
    names, values = {"#k": "key"}, {":k": {"S": key}}
    condition = "#k = :k"
    if before:
        names["#i"], values[":b"] = "item", {"S": before}
        condition += " AND #i < :b"
    elif prefix:
        names["#i"], values[":p"] = "item", {"S": prefix}
        condition += " AND begins_with(#i, :p)"
    request: dict[str, Any] = {
        "TableName": settings.get(_TABLE),
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        "ScanIndexForward": not newest_first,
    }
    if limit:
        request["Limit"] = limit
    found = islice(queried(**request), limit or None)
    yield from ((one["item"]["S"], _value(one)) for one in found)


def bill(bill_id: str) -> dict[str, Any] | None:
    return get(f"bill#{bill_id}", "bill")


def order(order_id: str) -> dict[str, Any] | None:
    return get(f"order#{order_id}", "order")


def due_on(days: Iterable[date]) -> Iterator[tuple[str, str]]:
    """(bill, window number) of what falls due on these days."""
    for day in days:
        for bill_id, pointer in among(f"due#{day.isoformat()}"):
            yield bill_id, pointer["window_no"]


def booked(kind: str, day: date, bill_id: str, ref: str, value: Value) -> Row:
    """What a day's books of ours say: `sent`, `deducted`, `reversed` or `confirmed`."""
    return row(
        f"day#{day.isoformat()}", f"ours#{kind}#{bill_id}#{ref}", {"bill_id": bill_id, "ref": ref, **value}
    )


# --- guarantees ---------------------------------------------------------------------------------------------


def balance(guarantee_id: str) -> Balance | None:
    """A guarantee as its last entry leaves it."""
    key = f"guarantee#{guarantee_id}"
    given = get(key, "guarantee")
    if given is None:
        return None
    last = next(among(key, "entry#", newest_first=True, limit=1), None)
    number, occupied = (last[1]["number"], Decimal(last[1]["occupied"])) if last else (0, NOUGHT)
    members = given | {"limit": Decimal(given["limit"]), "agents": tuple(given.get("agents", ()))}
    return Balance(Guarantee(**members), occupied, number)


def balances(party: str) -> list[Balance]:
    found = (balance(id) for id, _ in among(f"guaranteed#{party}"))
    return [one for one in found if one]


def last_of(guarantee_id: str, bill_id: str) -> str | None:
    """What a guarantee's ledger says of a bill last: `occupy` or `release`; None where it has no entry."""
    entries = among(f"guarantee#{guarantee_id}", "entry#", newest_first=True)
    return next((one["kind"] for _, one in entries if one["bill_id"] == bill_id), None)


def entry(guarantee_id: str, one: Entry) -> Row:
    value = {
        "number": one.number,
        "kind": one.kind,
        "bill_id": one.bill_id,
        "amount": str(one.amount),
        "occupied": str(one.occupied),
        "at": one.at,
        "by": one.by,
    }
    return row(f"guarantee#{guarantee_id}", f"entry#{one.number:08d}", value)


def _item(key: str, item: str, value: Value) -> dict[str, Any]:
    """Packed where that spares anything: a kilobyte costs two units, and a bill of 22 lines has 13, packed one."""
    text = canonical.dumps(dict(value))
    kept = {"B": canonical.pack(text)} if len(text) > _WORTH_PACKING else {"S": text.decode()}
    return {"key": {"S": key}, "item": {"S": item}, "value": kept}


def _value(item: Mapping[str, Any]) -> dict[str, Any]:
    kept = item["value"]
    value: dict[str, Any] = canonical.load(canonical.unpack(kept["B"]) if "B" in kept else kept["S"])
    return value
