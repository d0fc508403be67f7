"""Where a message went: read from the table of the capability that carries it there."""

from collections.abc import Mapping, Sequence
from typing import Any

from singlewindow import canonical, settings
from singlewindow.aws.clients import client
from singlewindow.deliveries import holder

Json = Mapping[str, Any]


def of(message_id: str) -> list[dict[str, Any]] | None:
    """Every receiver, why it is one, and who holds the message now; None before it is routed."""
    table = settings.get("DISPATCH_TABLE")
    key = {"key": {"S": f"message#{message_id}"}, "item": {"S": "route"}}
    item = client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    if item is None:
        return None
    receivers = canonical.load(item["route"]["S"])["receivers"]
    keys = [
        {"key": {"S": f"delivery#{one['delivery_id']}"}, "item": {"S": "delivery"}}
        for one in receivers
        if one["delivery_id"]
    ]
    rows: list[dict[str, Any]] = []
    for start in range(0, len(keys), 100):
        wanted = {table: {"Keys": keys[start : start + 100], "ConsistentRead": True}}
        rows += client("dynamodb").batch_get_item(RequestItems=wanted)["Responses"].get(table, [])
    return shown(receivers, rows)


def shown(receivers: Sequence[Json], rows: Sequence[Json]) -> list[dict[str, Any]]:
    """What a sender sees: per receiver its state and who holds it. Addresses and attempts are the receiver's own."""
    deliveries = {row["key"]["S"].removeprefix("delivery#"): row for row in rows}
    return [_shown(one, deliveries.get(one["delivery_id"] or "")) for one in receivers]


def _shown(receiver: Json, row: Json | None) -> dict[str, Any]:
    told = {name: receiver[name] for name in ("party", "because", "delivery_id")}
    if row is None:
        state = "QUEUED" if receiver["delivery_id"] else "NO_CHANNEL"
        return told | {"state": state, "since": None, "held_by": "window", "timeline": []}
    lines = [one["S"].split("\t", 2) for one in row["timeline"]["L"]]
    return told | {
        "state": row["state"]["S"],
        "since": lines[-1][0],
        "held_by": holder(row["state"]["S"], "due" in row),
        "timeline": [{"at": at, "state": state} for at, state, _ in lines],
    }
