"""Where and when boxes can be looked at: places, bays and slots, from dated data (`catalogue/rules`).

A slot is a bay from one instant to another; its id is `<place>.<bay>.<yyyymmdd>.<hhmm>` in Beijing time. What the
catalogue gives for a date is all the slots there are; the table holds only who has taken one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, Final

from singlewindow import catalogue, clock
from singlewindow.rules import RuleBook

_BOOKING: Final = "INSPECTION-BOOKING"
_NO_SHOW: Final = "INSPECTION-NO-SHOW"
_PLACE: Final = "INSPECTION-PLACE-"
_ID: Final = re.compile(r"([a-z0-9-]{1,40})\.([A-Z0-9]{1,8})\.(\d{8})\.(\d{4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Slot:
    """`starts_at` and `ends_at` are instants; `capacity` is how many inspections the bay takes at once."""

    slot_id: str
    place: str
    bay: str
    starts_at: str
    ends_at: str
    capacity: int
    qualifications: frozenset[str]

    def as_json(self) -> dict[str, Any]:
        """As the event has it."""
        names = ("slot_id", "place", "bay", "starts_at", "ends_at")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in force on a date, with the names that people know it by."""

    id: str
    name_zh: str
    name_en: str
    verified: bool
    values: Any

    def slots(self, day: date) -> Iterator[Slot]:
        """All slots of a day, by time and bay."""
        if day.isoweekday() not in self.values["weekdays"]:
            return
        step = timedelta(minutes=self.values["slot_minutes"])
        begin, closes = _at(day, self.values["opens"]), _at(day, self.values["closes"])
        while begin + step <= closes:
            for one in self.values["bays"]:
                yield Slot(
                    slot_id=f"{self.id}.{one['bay']}.{begin:%Y%m%d.%H%M}",
                    place=self.id,
                    bay=one["bay"],
                    starts_at=clock.stamp(begin),
                    ends_at=clock.stamp(begin + step),
                    capacity=one["capacity"],
                    qualifications=frozenset(one["qualifications"]),
                )
            begin += step


@dataclass(frozen=True, slots=True)
class Booking:
    """How long before it begins a slot may still be taken, how many days ahead, and what a bay may be fit for."""

    notice: timedelta
    horizon_days: int
    qualifications: Any


def places(day: date) -> dict[str, Place]:
    """The places in force on a date, by id."""
    found = {}
    for edition in _book().editions:
        if edition.id.startswith(_PLACE) and edition.span.holds(day) and (values := edition.params_at(day)):
            one = Place(values["place"], edition.name_zh, edition.name_en, edition.verified, values)
            found[one.id] = one
    return found


def booking(day: date) -> Booking:
    values = _book().parameters(_BOOKING, day)
    notice = timedelta(minutes=values["notice_minutes"])
    return Booking(notice, values["horizon_days"], values["qualifications"])


def grace(day: date) -> timedelta:
    """How long after the end of a slot the agencies may still say that they came, before nobody did."""
    return timedelta(minutes=_book().parameters(_NO_SHOW, day)["grace_minutes"])


def find(slot_id: str) -> Slot | None:
    """The slot of an id, where its day has it."""
    match = _ID.fullmatch(slot_id)
    try:
        day = date.fromisoformat(match[3]) if match else None
    except ValueError:
        return None
    place = places(day).get(match[1]) if match and day else None
    return next((one for one in place.slots(day) if one.slot_id == slot_id), None) if place and day else None


def fitting(place: str | None, qualifications: Iterable[str], day: date) -> list[Slot]:
    """The slots of a day, at that place where one is asked for, in a bay that has all the qualifications."""
    wanted = frozenset(qualifications)
    found = (one for id, one in places(day).items() if place in (None, id))
    return [slot for one in found for slot in one.slots(day) if wanted <= slot.qualifications]


def is_open(slot: Slot, now: datetime) -> bool:
    """Whether a slot may be taken now: neither too soon nor too far ahead."""
    limits = booking(clock.business_date(now))
    begins = datetime.fromisoformat(slot.starts_at)
    return now + limits.notice <= begins <= now + timedelta(days=limits.horizon_days)


@cache
def _book() -> RuleBook:
    return RuleBook(catalogue.load("rules/inspection-places.json"), ())


def _at(day: date, text: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(text), clock.BUSINESS_ZONE)
