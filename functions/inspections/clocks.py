"""Time release study: how long an inspection stood in each state, and whose time that was (`domain.md` C0)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inspections import lifecycle
from inspections.order import Order, advanced
from singlewindow import clock


@dataclass(frozen=True, slots=True)
class Stay:
    """A time in one state; `until` is None while it lasts."""

    state: str
    in_charge: str
    since: str
    until: str | None

    def seconds(self, now: datetime) -> int:
        end = datetime.fromisoformat(self.until) if self.until else now
        return max(round((end - datetime.fromisoformat(self.since)).total_seconds()), 0)


def stays(order: Order) -> list[Stay]:
    """The states that an inspection went through while its time ran, the oldest first."""
    found: list[Stay] = []
    standing = Order(order.id, order.number)
    for event in order.events:
        before, standing = standing.state, advanced(standing, event.type, event.data)
        if standing.state == before:
            continue
        if found and found[-1].until is None:
            last = found.pop()
            found.append(Stay(last.state, last.in_charge, last.since, event.at))
        if charge := lifecycle.IN_CHARGE.get(standing.state):
            found.append(Stay(standing.state, charge, event.at, None))
    return found


def instants(order: Order) -> dict[str, str]:
    """When each clock last started: `ordered`, `booked`, `started`, `done`."""
    found: dict[str, str] = {}
    standing = Order(order.id, order.number)
    for event in order.events:
        before, standing = standing.state, advanced(standing, event.type, event.data)
        if name := lifecycle.clock_of(before, event.type, standing.state):
            found[name] = event.at
    return found


def shown(order: Order) -> Mapping[str, Any]:
    """The clocks of an inspection, with the seconds that each party has had it."""
    now, total = clock.now(), dict.fromkeys((lifecycle.TRADER, lifecycle.TERMINAL, lifecycle.AGENCY), 0)
    spans = []
    for stay in stays(order):
        seconds = stay.seconds(now)
        total[stay.in_charge] += seconds
        spans.append(
            {
                "state": stay.state,
                "in_charge": stay.in_charge,
                "since": stay.since,
                "until": stay.until,
                "seconds": seconds,
            }
        )
    return {"instants": instants(order), "stays": spans, "seconds": total}
