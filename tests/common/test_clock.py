"""Time: instants in UTC, days in China, and a clock that can travel."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from singlewindow import clock

LATE = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def back_to_the_present() -> Iterator[None]:
    yield
    clock.travel(None)


def test_now_is_an_aware_instant_in_utc() -> None:
    assert clock.now().utcoffset() == timedelta()


def test_a_stamp_has_milliseconds_and_a_z() -> None:
    east = datetime(2026, 11, 23, 9, 0, 0, 123999, tzinfo=timezone(timedelta(hours=8)))
    assert clock.stamp(east) == "2026-11-23T01:00:00.123Z"


def test_stamps_sort_as_their_instants() -> None:
    moments = [LATE + timedelta(milliseconds=n) for n in (0, 1, 10, 100, 1000, 60_000)]
    stamps = [clock.stamp(moment) for moment in moments]
    assert stamps == sorted(stamps)


def test_a_business_day_begins_at_midnight_in_china() -> None:
    assert clock.business_date(LATE) == date(2026, 11, 23)
    assert clock.business_date(LATE - timedelta(microseconds=1)) == date(2026, 11, 22)


def test_the_clock_travels_runs_on_and_comes_back() -> None:
    clock.travel(datetime(2018, 7, 3, 1, 0, tzinfo=UTC))
    first = clock.now()
    assert clock.business_date() == date(2018, 7, 3)
    assert timedelta() <= clock.now() - first < timedelta(minutes=1)
    clock.travel(None)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
