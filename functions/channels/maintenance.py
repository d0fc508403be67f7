"""Maintenance windows of a destination: what falls into one waits for its end, and that is no failure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from singlewindow.clock import BUSINESS_ZONE

# Windows that follow each other without a gap: more in a row than this and it is no maintenance.
_MOST = 16


def end(windows: Iterable[Mapping[str, Any]], now: datetime) -> datetime | None:
    """When the maintenance that is on at `now` is over; None where none is.

    A window is absolute (`from`, `to`: RFC 3339) or weekly (`weekday`: 1 Monday to 7 Sunday, `from`, `to`: HH:MM in
    Asia/Shanghai; over midnight where `to` is not after `from`).
    """
    every = list(windows)
    until = now
    for _ in range(_MOST):
        ends = [over for one in every for start, over in _near(one, until) if start <= until < over]
        if not ends:
            break
        until = max(ends)
    return until if until > now else None


def _near(window: Mapping[str, Any], now: datetime) -> list[tuple[datetime, datetime]]:
    """The occurrences of a window that may hold `now`."""
    if "weekday" not in window:
        return [(datetime.fromisoformat(window["from"]), datetime.fromisoformat(window["to"]))]
    local = now.astimezone(BUSINESS_ZONE)
    monday = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=local.weekday())
    day = monday + timedelta(days=window["weekday"] - 1)
    start, over = _on(day, window["from"]), _on(day, window["to"])
    if over <= start:
        over += timedelta(days=1)
    # The week before as well: Sunday's window may reach into Monday.
    return [(start, over), (start - timedelta(days=7), over - timedelta(days=7))]


def _on(day: datetime, time: str) -> datetime:
    hours, minutes = time.split(":")
    return day.replace(hour=int(hours), minute=int(minutes))
