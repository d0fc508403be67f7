"""The inspections table, which only inspections writes.

By `key` / `item`: `slots#<place>#<yyyymmdd>` / `<slot id>` holds the ids of the inspections that have taken a slot;
`<inspection id>` / `sheet#<agency>#<sha256>` what an agency wrote, `evidence#<id>` a file; `party#<uscc>`,
`agency#<id>` and `day#<date>` / `<instant>#<inspection id>` are listings. Slots, sheets and listings are written in the
ledger's transaction: they change exactly when their event happens.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from inspections import slots
from inspections.order import Order, find, with_brief
from inspections.slots import Slot
from singlewindow import canonical, clock, settings
from singlewindow.aws.clients import client
from singlewindow.aws.pages import queried
from singlewindow.consignment import Change, Consignment, Row, Update

_TABLE = "INSPECTIONS_TABLE"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file about an inspection; `key` is its place in the archive, None until it has come."""

    id: str
    agency: str
    kind: str
    media_type: str
    bytes: int
    sha256: str
    announced_at: str
    container_no: str | None = None
    key: str | None = None


def settled(consignment: Consignment, change: Change | None) -> Change | None:
    """The change with all that must be written with it: what lists show, listings, slots taken and given back."""
    if change is None:
        return None
    order = find(consignment, change.data["inspection_id"])
    rows = (*change.rows, *_listed(consignment, order, change), *_slots(order, change))
    return with_brief(consignment, replace(change, rows=rows))


def holders(slot: Slot) -> frozenset[str]:
    """The inspections that have taken a slot."""
    item = _get(*_slot_key(slot.slot_id))
    return frozenset(item["holders"]["SS"]) if item and "holders" in item else frozenset()


def taken(place: str, day: date) -> dict[str, int]:
    """How many have taken each slot of a place and date."""
    rows = _query(f"slots#{place}#{day:%Y%m%d}", "")
    return {row["item"]["S"]: len(row["holders"]["SS"]) if "holders" in row else 0 for row in rows}


def sheet_row(order: Order, agency: str, sha256: str, written: Mapping[str, Any], inspector: str) -> Row:
    """What an agency wrote, and who: a name that no event carries."""
    item = _key(order.id, f"sheet#{agency}#{sha256}") | {
        "written": {"S": canonical.dumps(written).decode()},
        "inspector": {"S": inspector},
    }
    return Row(_TABLE, "key", item)


def sheets(inspection_id: str) -> dict[str, tuple[dict[str, Any], str]]:
    """What was written and by which inspector, by its hash."""
    return {
        row["item"]["S"].rsplit("#", 1)[1]: (canonical.load(row["written"]["S"]), row["inspector"]["S"])
        for row in _query(inspection_id, "sheet#")
    }


def announce(inspection_id: str, one: Evidence) -> None:
    """Remember what is to come; what is known already stays as it is."""
    dynamodb = client("dynamodb")
    try:
        dynamodb.put_item(
            TableName=settings.get(_TABLE),
            Item=_evidence_item(inspection_id, one),
            ConditionExpression="attribute_not_exists(#k)",
            ExpressionAttributeNames={"#k": "key"},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return


def arrived(inspection_id: str, one: Evidence) -> None:
    """It is in the archive under `one.key`, which its content names: written twice is written once."""
    client("dynamodb").put_item(TableName=settings.get(_TABLE), Item=_evidence_item(inspection_id, one))


def evidence(inspection_id: str, evidence_id: str = "") -> list[Evidence]:
    """The files about an inspection, or the one of that id."""
    rows = _query(inspection_id, f"evidence#{evidence_id}")
    return [Evidence(**canonical.load(row["file"]["S"])) for row in rows]


def listed(listing: str, before: str | None, limit: int) -> list[tuple[str, str]]:
    """Up to `limit` (sort key, inspection id) of a listing, newest first; `before`: after that one."""
    request: dict[str, Any] = {
        "TableName": settings.get(_TABLE),
        "KeyConditionExpression": "#k = :k" + (" AND #i < :before" if before else ""),
        "ExpressionAttributeNames": {"#k": "key"} | ({"#i": "item"} if before else {}),
        "ExpressionAttributeValues": {":k": {"S": listing}} | ({":before": {"S": before}} if before else {}),
        "ConsistentRead": True,
        "ScanIndexForward": False,
        "Limit": limit,
    }
    rows = client("dynamodb").query(**request)["Items"]
    return [(row["item"]["S"], row["item"]["S"].partition("#")[2]) for row in rows]


def _listed(consignment: Consignment, order: Order | None, change: Change) -> Iterator[Row]:
    """The rows of an order that is new, and of an agency that joins one."""
    if change.type not in ("InspectionOrdered", "InspectionRevised"):
        return
    joining = {one["agency"] for one in change.data["holds"]} - set(order.agencies if order else ())
    listings = [f"agency#{agency}" for agency in sorted(joining)]
    if change.type == "InspectionOrdered":
        listings += [f"party#{party}" for party in sorted(consignment.snapshot.parties)]
        listings.append(f"day#{clock.business_date().isoformat()}")
    at = clock.stamp()
    for listing in listings:
        yield Row(_TABLE, "key", _key(listing, f"{at}#{change.data['inspection_id']}"))


def _slots(order: Order | None, change: Change) -> Iterator[Update]:
    """A slot taken by a booking; the one before given back by it, by unbooking and by cancelling."""
    id = change.data["inspection_id"]
    if change.type == "InspectionBooked" and (slot := slots.find(change.data["slot"]["slot_id"])):
        yield Update(
            _TABLE,
            _key(*_slot_key(slot.slot_id)),
            "ADD holders :me",
            "attribute_not_exists(holders) OR (size(holders) < :capacity AND NOT contains(holders, :id))",
            {":me": {"SS": [id]}, ":id": {"S": id}, ":capacity": {"N": str(slot.capacity)}},
        )
    if order is not None and order.slot and change.type in _FREEING:
        yield Update(
            _TABLE,
            _key(*_slot_key(order.slot["slot_id"])),
            "DELETE holders :me",
            values={":me": {"SS": [id]}},
        )


_FREEING = ("InspectionBooked", "InspectionUnbooked", "InspectionCancelled")


def _slot_key(slot_id: str) -> tuple[str, str]:
    place, _, day, _ = slot_id.split(".")
    return f"slots#{place}#{day}", slot_id


def _evidence_item(inspection_id: str, one: Evidence) -> dict[str, Any]:
    return _key(inspection_id, f"evidence#{one.id}") | {"file": {"S": canonical.dumps(asdict(one)).decode()}}


def _key(key: str, item: str) -> dict[str, Any]:
    return {"key": {"S": key}, "item": {"S": item}}


def _get(key: str, item: str) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(
        TableName=settings.get(_TABLE), Key=_key(key, item), ConsistentRead=True
    )
    found: dict[str, Any] | None = answer.get("Item")
    return found


def _query(key: str, prefix: str) -> Iterator[dict[str, Any]]:
    condition, values = "#k = :k", {":k": {"S": key}}
    names = {"#k": "key"}
    if prefix:
        condition, names, values = (
            f"{condition} AND begins_with(#i, :prefix)",
            names | {"#i": "item"},
            values | {":prefix": {"S": prefix}},
        )
    request: dict[str, Any] = {
        "TableName": settings.get(_TABLE),
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
    }
    return queried(**request)
