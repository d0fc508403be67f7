"""Again, and who wanted it: a replay is a new attempt of the same delivery, so that its receiver sees the same id."""

from collections.abc import Iterable
from typing import Any

from channels import delivery, dispatch
from channels.dispatch import Delivery
from singlewindow import clock
from singlewindow.ids import new_id
from singlewindow.parties import Caller

MOST = 200


def replay(chosen: Iterable[Delivery], by: Caller, why: str, what: str) -> dict[str, Any]:
    """Make deliveries due anew and queue them. Written down first: what was begun is known, whatever happens then."""
    found = [one for one in chosen if not one.test]
    at, now = clock.stamp(), clock.now().timestamp()
    entry = note(by, why, what, len(found), [one.id for one in found])
    for one in found:
        dispatch.again(one, now, at, f"{by.role} {by.party}")
    # As they stand, and not as `again` says: an answer may be lost where the change was made.
    due = [one for one in dispatch.all_of([one.id for one in found]) if one.waits]
    delivery.send(due)
    return {"audit": entry, "found": len(found), "queued": len(due)}


def note(by: Caller, why: str, what: str, number: int, ids: list[str]) -> str:
    """Write who does what, why and to how many; the id of the note."""
    id, at = new_id(), clock.stamp()
    entry = {
        "id": id,
        "at": at,
        "by": by.subject,
        "role": by.role,
        "party": by.party,
        "what": what,
        "why": why,
        "number": number,
        "ids": ids[:MOST],
    }
    dispatch.audit(entry, id)
    return id
