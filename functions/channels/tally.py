"""How many, and how long: rows of the dispatch table, `tally#<of>` / `<date>`, one ADD for what came to an end.

`of`: the channel of an agency; `traders-<protocol>` for the channels of all traders together, of none of whom anything
is kept alone; `accepted` for messages that were routed. The count follows the write that it counts, and is attempted
once: a crash or an answer lost in between loses one, none is ever counted twice. A row is written no oftener than its
channel's list, in the same table.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from channels.channel import PULL, Channel
from channels.dispatch import Delivery
from singlewindow import clock, histogram, settings
from singlewindow.aws import counters
from singlewindow.aws.pages import queried
from singlewindow.deliveries import DELIVERED, FAILED, LOST, SENT
from singlewindow.parties import Role

ACCEPTED: Final = "accepted"


@dataclass(frozen=True, slots=True)
class Tally:
    """`took`: by bucket, from acceptance to delivery, of what was delivered the first time (no replay)."""

    accepted: int = 0
    delivered: int = 0
    lost: int = 0
    failed: int = 0
    took: dict[int, int] = field(default_factory=dict)


def of(channel: Channel) -> str:
    """Where a channel's ends are counted."""
    return channel.id if channel.role == Role.AGENCY else traders(channel.protocol)


def traders(protocol: str) -> str:
    return f"traders-{protocol}"


def end(channel: Channel, one: Delivery, came_to: str) -> None:
    """Count what an attempt came to. In a mailbox is delivered: when it is fetched is its receiver's doing."""
    if one.test:
        return
    if came_to == DELIVERED or (came_to == SENT and channel.protocol == PULL):
        names = ["delivered"]
        if one.round == 0:
            took = clock.now() - datetime.fromisoformat(one.accepted_at)
            names.append(f"b{histogram.bucket(max(took.total_seconds(), 0.0))}")
        add(of(channel), *names)
    elif came_to in LOST:
        add(of(channel), "lost")
    elif came_to == FAILED:
        add(of(channel), "failed")


def add(of: str, *names: str) -> None:
    """One more of each name today. What can't be counted stays uncounted: nothing fails for it."""
    key = {"key": f"tally#{of}", "item": clock.business_date().isoformat()}
    counters.add("DISPATCH_TABLE", key, *names)


def since(of: str, day: date) -> Tally:
    """What was counted from a day on."""
    rows = queried(
        TableName=settings.get("DISPATCH_TABLE"),
        KeyConditionExpression="#k = :key AND #i >= :day",
        ExpressionAttributeNames={"#k": "key", "#i": "item"},
        ExpressionAttributeValues={":key": {"S": f"tally#{of}"}, ":day": {"S": day.isoformat()}},
    )
    counted = [{name: int(value["N"]) for name, value in row.items() if "N" in value} for row in rows]
    return _sum(counted)


def _sum(rows: Iterable[dict[str, int]]) -> Tally:
    held = list(rows)

    def summed(name: str) -> int:
        return sum(row.get(name, 0) for row in held)

    took = [{int(n[1:]): number for n, number in row.items() if n[0] == "b"} for row in held]
    return Tally(
        summed("accepted"), summed("delivered"), summed("lost"), summed("failed"), histogram.total(took)
    )
