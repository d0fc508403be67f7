"""Declaring in two steps (两步申报): the summary, customs' release for removal, then the full declaration.

Customs says by its release that the goods may be removed on the summary (提货放行). The full declaration is the next
version of the same consignment, due so many days after the conveyance's entry; the goods may have left by then.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from declarations import lifecycle
from singlewindow.consignment import Consignment

RULE = "TWO-STEP-FULL"
COMPLETE = "complete"


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
    """When the full declaration is due, and whether that day is over; judged when it is asked, by no timer."""
    due_on = entered_on + timedelta(days=params["days"])
    return {"rule": RULE, "due_on": due_on.isoformat(), "overdue": today > due_on}
