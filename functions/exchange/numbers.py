"""DXP numbers: each is one party's, whoever registers it first, until an operator gives it to whom it belongs.

Items of the certificates table: `dxp#<number>` / `owner`, with every move in the row that it changes.
"""

from typing import Any

from singlewindow import canonical, clock, correlation, settings
from singlewindow.aws.clients import client
from singlewindow.errors import conflict, not_found


def claim(party: str, dxp_id: str) -> None:
    """A number under which one party sends is nobody else's, not even when its certificates end. Raises 409."""
    database = client("dynamodb")
    try:
        database.update_item(
            TableName=settings.get("CERTIFICATES_TABLE"),
            Key=_key(dxp_id),
            UpdateExpression="SET #o = :p, #at = if_not_exists(#at, :at)",
            ConditionExpression="attribute_not_exists(#o) OR #o = :p",
            ExpressionAttributeNames={"#o": "owner", "#at": "at"},
            ExpressionAttributeValues={":p": {"S": party}, ":at": {"S": clock.stamp()}},
        )
    except database.exceptions.ConditionalCheckFailedException:
        raise conflict(
            "dxp-id-taken",
            f"{dxp_id} is registered by another party: tell the operators if it is yours",
            f"编号 {dxp_id} 已由他方登记：如确属贵方，请联系运维",
        ) from None


def owner(dxp_id: str) -> str | None:
    """The party that sends under a number; None where nobody registered it."""
    row = _row(dxp_id)
    return row["owner"]["S"] if row else None


def shown(dxp_id: str) -> dict[str, Any]:
    """Whose a number is, and who moved it, why, from whom to whom. Raises 404 for one that nobody registered."""
    row = _row(dxp_id)
    if row is None:
        raise not_found(dxp_id)
    moves = [canonical.load(one["S"]) for one in row.get("moves", {}).get("L", ())]
    return {"dxp_id": dxp_id, "party": row["owner"]["S"], "since": row["at"]["S"], "moves": moves}


def move(dxp_id: str, holder: str, party: str, reason: str, by: str) -> dict[str, Any]:
    """Give a number to `party`; whose it is then. Said again, it changes nothing. Raises 404; 409 where `holder`, whom
    the operator found it with, has it no more.

    What `holder` sends under it from now on is refused, whatever its certificates say.
    """
    at = clock.stamp()
    told = {"at": at, "from": holder, "to": party, "reason": reason, "by": by}
    told["correlation_id"] = correlation.current()
    database = client("dynamodb")
    try:
        database.update_item(
            TableName=settings.get("CERTIFICATES_TABLE"),
            Key=_key(dxp_id),
            UpdateExpression="SET #o = :party, #at = :at, moves = list_append(if_not_exists(moves, :none), :move)",
            ConditionExpression="#o = :holder AND #o <> :party",
            ExpressionAttributeNames={"#o": "owner", "#at": "at"},
            ExpressionAttributeValues={
                ":party": {"S": party}, ":holder": {"S": holder}, ":at": {"S": at}, ":none": {"L": []},
                ":move": {"L": [{"S": canonical.dumps(told).decode()}]},
            },
        )  # fmt: skip
    except database.exceptions.ConditionalCheckFailedException:
        found = shown(dxp_id)
        if found["party"] != party:
            raise conflict(
                "dxp-id-moved",
                f"{dxp_id} is held by {found['party']}, not by {holder}",
                f"编号 {dxp_id} 现由 {found['party']} 持有",
                holder=found["party"],
            ) from None
        return found
    return shown(dxp_id)


def _row(dxp_id: str) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(
        TableName=settings.get("CERTIFICATES_TABLE"), Key=_key(dxp_id), ConsistentRead=True
    )
    found: dict[str, Any] | None = answer.get("Item")
    return found


def _key(dxp_id: str) -> dict[str, Any]:
    return {"party": {"S": f"dxp#{dxp_id}"}, "item": {"S": "owner"}}
