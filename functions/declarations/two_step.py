"""Declaring in two steps (两步申报): the summary, customs' release for removal, then the full declaration.

Customs says by its release that the goods may be removed on the summary (提货放行). The full declaration is the next
version of the same consignment, due so many days after the conveyance's entry; the goods may have left by then.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from declarations import lifecycle
from singlewindow import clock
from singlewindow.consignment import Change, Consignment

RULE = "TWO-STEP-FULL"
REMINDER = "TWO-STEP-REMINDER"
COMPLETE = "complete"
DUE, OVERDUE = "FullDeclarationDue", "FullDeclarationOverdue"


def is_summary(consignment: Consignment) -> bool:
    """Whether the current version is a summary that was released for removal, and waits for the full declaration."""
    if consignment.state != lifecycle.RELEASED:
        return False
    releases = [event for event in consignment.of_version() if event.type == "DeclarationReleased"]
    return bool(releases and releases[-1].data.get("removal"))


def allowed(consignment: Consignment) -> list[str]:
    """What the trader may do next, by name; only what was released on its summary is completed."""
    moves = lifecycle.allowed_to_trader(consignment.state)
    return [move for move in moves if move != COMPLETE or is_summary(consignment)]


def obligation(entered_on: date, params: Mapping[str, Any], today: date) -> dict[str, Any]:
    """When the full declaration is due, and whether that day is over."""
    due_on = entered_on + timedelta(days=params["days"])
    return {"rule": RULE, "due_on": due_on.isoformat(), "overdue": today > due_on}


def turns(due_on: date, days_before: int) -> dict[str, datetime]:
    """When what is to be told of an obligation comes true, by event: as its days begin in Beijing."""
    days = {DUE: due_on - timedelta(days=days_before), OVERDUE: due_on + timedelta(days=1)}
    return {type: datetime.combine(day, time(), clock.BUSINESS_ZONE) for type, day in days.items()}


def told(consignment: Consignment, due_on: date, days_before: int, now: datetime) -> Change | None:
    """What the parties of a summary are told by now; None where it was told, nothing is due, or the full one came.

    Who learns that it is overdue need not be reminded any more.
    """
    if not is_summary(consignment):
        return None
    true = [type for type, at in turns(due_on, days_before).items() if at <= now]
    if not true or any(event.type == true[-1] for event in consignment.of_version()):
        return None
    return Change(true[-1], {"rule": RULE, "due_on": due_on.isoformat()})
