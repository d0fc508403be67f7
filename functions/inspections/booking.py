"""Taking a slot and giving it back: what a trader may do, and what an agency says of one who did not come."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from inspections import lifecycle, slots, store
from inspections.lifecycle import CANCELLED_BY_TRADER, MISSED, NO_SHOW, TRADER
from inspections.order import Order, fits, unbooked
from inspections.sheet import may_write
from inspections.slots import Slot
from inspections.view import free
from singlewindow import clock
from singlewindow.consignment import Change, Submission
from singlewindow.errors import WindowError, conflict
from singlewindow.events import Actor


def slot_of(slot_id: str) -> Slot:
    """The slot that a trader names. Raises 422 where there is none."""
    slot = slots.find(slot_id)
    if slot is None:
        raise WindowError(422, "no-such-slot", f"{slot_id!r} is no slot", detail_zh="没有该预约时段")
    return slot


def booked(order: Order, by: Actor, slot: Slot, submission: Submission) -> Change | None:
    """The slot taken, another given back for it in the same write; None where it is taken by this order already.

    Raises 409 where the order cannot be booked now, or the slot does not fit, is not open, or is full.
    """
    _bookable(order, "book")
    if order.slot and order.slot["slot_id"] == slot.slot_id:
        return None
    if not fits(order, slot):
        raise conflict(
            "slot-unfit",
            f"{slot.slot_id} is not at {order.place or 'any place'} or lacks what was asked",
            "该时段的场所或查验条件不符合要求",
            place=order.place,
            qualifications=list(order.qualifications),
        )
    if not slots.is_open(slot, clock.now()):
        raise conflict(
            "slot-closed", f"{slot.slot_id} is too soon or too far ahead", "该时段不在可预约范围内"
        )
    if len(store.holders(slot)) >= slot.capacity:
        raise conflict("slot-taken", f"{slot.slot_id} was taken by others", "该时段已约满，请另选")
    data: dict[str, Any] = {"inspection_id": order.id, "slot": slot.as_json(), "booked_by": by.party}
    if order.slot:
        data["replaces"] = order.slot["slot_id"]
    return Change("InspectionBooked", data, by, of_version=order.version, submission=submission)


def given_back(order: Order, by: Actor) -> Change | None:
    """The trader's slot given back before it begins; None where there is none to give back."""
    if order.state in (lifecycle.ORDERED, NO_SHOW):
        return None
    _bookable(order, "unbook")
    return replace(unbooked(order, CANCELLED_BY_TRADER), actor=by)


def given_up_at(slot: Mapping[str, str]) -> datetime:
    """When a slot that no agency started in is over for whoever booked it: its end, and the grace of that day."""
    ends = datetime.fromisoformat(slot["ends_at"])
    return ends + slots.grace(clock.business_date(ends))


def given_up(order: Order) -> Change | None:
    """Nobody came, and nobody said so; None where it is not that late, or not so any more."""
    late = order.state == lifecycle.BOOKED and order.slot and given_up_at(order.slot) <= clock.now()
    return unbooked(order, MISSED) if late else None


def lapsed(order: Order) -> Change | None:
    """A slot that is over and that nobody came to, where its trader wants another; None where it is not over.

    The agencies may have come and not said so yet: they still may.
    """
    is_over = order.state == lifecycle.BOOKED and _is_past(order.slot, "ends_at")
    return unbooked(order, MISSED) if is_over else None


def missed(order: Order, by: Actor) -> Change | None:
    """Nobody came: the slot has begun and is over for this order; None where it was said before."""
    if order.state == NO_SHOW and order.of(by.party):
        return None
    may_write(order, by.party, "no-show")
    if not _is_past(order.slot, "starts_at"):
        raise conflict("slot-ahead", "the slot has not begun", "预约时段尚未开始")
    return replace(unbooked(order, MISSED), actor=by)


def offered(order: Order, day: date) -> dict[str, Any]:
    """What is free on a day."""
    places = [id for id in slots.places(day) if order.place in (None, id)]
    return free(order, day, {place: store.taken(place, day) for place in places})


def _bookable(order: Order, act: str) -> None:
    if act not in lifecycle.allowed(order.state, TRADER):
        raise lifecycle.refused(order.state, act)
    if _is_past(order.slot, "starts_at"):
        raise conflict(
            "slot-begun",
            "the slot has begun: the agencies start, or say that nobody came",
            "预约时段已开始，不可改约或取消",
        )


def _is_past(slot: Mapping[str, str] | None, end: str) -> bool:
    return slot is not None and slot[end] <= clock.stamp()
