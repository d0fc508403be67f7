"""DynamoDB's capacity units of a call, from what was asked and answered.

A write unit is 1 KB, a read unit 4 KB read consistently; a transaction takes twice as many, and a condition that
fails is paid for. Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-unit-calculations.html
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import ceil
from typing import Any

from tests.bench.recording import Call

Item = Mapping[str, Mapping[str, Any]]


def units(call: Call) -> tuple[float, float]:
    """(write units, read units) of one DynamoDB call."""
    params, answer = call.params, call.answer
    match call.operation:
        case "PutItem":
            return _written(params["Item"]), 0
        case "UpdateItem":
            return _written(_changed(params)), 0
        case "BatchWriteItem":
            puts = [one["PutRequest"]["Item"] for table in params["RequestItems"].values() for one in table]
            return sum(map(_written, puts)), 0
        case "TransactWriteItems":
            return 2 * sum(_written(_part(one)) for one in params["TransactItems"]), 0
        case "GetItem":
            return 0, _read([answer.get("Item", {})], params.get("ConsistentRead"))
        case "Query":
            return 0, _read(answer["Items"], params.get("ConsistentRead"))
        case "BatchGetItem":
            # Each item is rounded up by itself.
            return 0, sum(
                _read([item], params["RequestItems"][table].get("ConsistentRead"))
                for table, items in answer["Responses"].items()
                for item in items
            )
    raise LookupError(f"what does {call.operation} cost?")


def _part(write: Mapping[str, Any]) -> Item:
    """What one part of a transaction writes."""
    ((kind, params),) = write.items()
    item: Item = params["Item"] if kind == "Put" else _changed(params)
    return item


def _changed(params: Mapping[str, Any]) -> Item:
    """The item itself is not at hand: its key and what is set, at least."""
    changed: Item = params["Key"] | params.get("ExpressionAttributeValues", {})
    return changed


def size(item: Item) -> int:
    """Bytes of an item, as DynamoDB counts them: names and values."""
    return sum(len(name.encode()) + _value(*next(iter(value.items()))) for name, value in item.items())


def _value(kind: str, value: Any) -> int:
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return len(Decimal(value).as_tuple().digits) // 2 + 2
        case "B":
            return len(value)
        case "L":
            return 3 + sum(1 + _value(*next(iter(one.items()))) for one in value)
        case "M":
            return 3 + sum(
                1 + len(name.encode()) + _value(*next(iter(one.items()))) for name, one in value.items()
            )
    return 1


def _written(item: Item) -> int:
    return max(1, ceil(size(item) / 1024))


def _read(items: Iterable[Item], consistent: bool | None) -> float:
    whole = max(1, ceil(sum(map(size, items)) / 4096))
    return whole if consistent else whole / 2
