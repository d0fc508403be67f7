"""Time: UTC instants, and business dates in Asia/Shanghai.

Everything that asks for the time asks here, so that a test or a demonstration can travel.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")

_offset = timedelta()


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC) + _offset


def stamp(instant: datetime | None = None) -> str:
    """An instant as RFC 3339 with milliseconds and `Z`: the form of every `at` on the wire."""
    return (instant or now()).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def business_date(instant: datetime | None = None) -> date:
    """The calendar date in Asia/Shanghai, on which limits, rates and lists are judged."""
    return (instant or now()).astimezone(BUSINESS_ZONE).date()


def travel(to: datetime | None) -> None:
    """Let the clock run on from `to`; `None` returns to real time."""
    global _offset
    _offset = to - datetime.now(UTC) if to else timedelta()
