"""What the panorama has counted and heard, read from its table; nothing is written there."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from singlewindow import histogram, settings
from singlewindow.aws.pages import queried


def durations(agency: str, since: date) -> dict[int, int]:
    """How often an agency answered after how long, by bucket, in what was decided from `since` on."""
    days = _query(f"segment#answer:{agency}", since.isoformat())
    return histogram.total(
        {int(name[1:]): int(value["N"]) for name, value in day.items() if "N" in value} for day in days
    )


def feeds() -> dict[str, str]:
    """When each source was last heard, by source; up to a minute old."""
    return {one["item"]["S"]: one["at"]["S"] for one in _query("feed")}


def _query(key: str, start: str = " ") -> Iterator[dict[str, Any]]:
    return queried(
        TableName=settings.get("JOURNEYS_TABLE"),
        KeyConditionExpression="#k = :key AND #i >= :start",
        ExpressionAttributeNames={"#k": "key", "#i": "item"},
        ExpressionAttributeValues={":key": {"S": key}, ":start": {"S": start}},
    )
