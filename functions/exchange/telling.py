"""Which agency is told of which event by a pointer in its inbox: what customs waits for, its release, an inspection.

A pointer says that something happened and where to read it; it carries no document. Its id follows from the event, so
that whoever gets it twice knows.
"""

from typing import Any, Final

from singlewindow.consignment import Consignment
from singlewindow.events import Event

# For customs: an event that it may be waiting for before it releases (`domain.md` A.7, C9 b).
_AWAITED: Final = (
    *("TaxDeducted", "TaxGuaranteed", "TaxBillRefused"),
    *("InspectionDone", "InspectionFollowedUp"),
)
# For who handles the goods: its release, where customs signed one, and the end of it.
_RELAYED: Final = ("DeclarationReleased", "ReleaseRevoked")
# For who wants to see the goods: when and where that will be, or not.
_ATTENDED: Final = ("InspectionBooked", "InspectionUnbooked", "InspectionRevised", "InspectionCancelled")
EVENTS: Final = (*_AWAITED, *_RELAYED, *_ATTENDED)


def concerns_anybody(event: Event) -> bool:
    """Whether it may be worth looking whom an event of `EVENTS` is told: an unsigned release has no notice to relay."""
    return event.type != "DeclarationReleased" or "notice_sha256" in event.data


def pointers(event: Event, consignment: Consignment) -> list[tuple[str, dict[str, Any]]]:
    """The agencies to tell of an event of `EVENTS`, each with its pointer."""
    asked = [e for e in consignment.of_version(event.declaration_version) if e.type == "AgencyAsked"]
    if event.type in _RELAYED and not _is_signed(event, consignment):
        return []
    concerned = _concerned(event, consignment)
    return [
        (question.data["agency"], _pointer(event, question, consignment))
        for question in asked
        if question.data["agency"] in concerned
    ]


def _concerned(event: Event, consignment: Consignment) -> set[str]:
    """Who releases waits for the one kind; who was told of the cargo acts on the other; who holds attends."""
    if event.type in _ATTENDED:
        now, before = (_inspection(event, consignment, upto) for upto in (event.seq, event.seq - 1))
        return {*now["agencies"], *before["agencies"]}
    assigned = consignment.assignments(event.declaration_version)
    if event.type in _AWAITED:
        return {one["agency"] for one in assigned if one["releases"]}
    return {
        one["agency"]
        for one in assigned
        if one["part"] == "informed" and one["asked_on"] == "DeclarationSubmitted"
    }


def _inspection(event: Event, consignment: Consignment, upto: int) -> dict[str, Any]:
    """The inspection of `event` after so many events: the `agencies` that it is for, its `slot` where it has one."""
    found: dict[str, Any] = {"agencies": []}
    for e in consignment.events[:upto]:
        if e.data.get("inspection_id") != event.data["inspection_id"]:
            continue
        if e.type in ("InspectionOrdered", "InspectionRevised"):
            found["agencies"] = sorted({hold["agency"] for hold in e.data["holds"]})
        elif e.type == "InspectionBooked":
            found["slot"] = e.data["slot"]
        elif e.type in ("InspectionUnbooked", "InspectionCancelled"):
            found.pop("slot", None)
    return found


def _is_signed(event: Event, consignment: Consignment) -> bool:
    """Whether the release, or the one that was taken back, came with customs' notice."""
    relayed = [
        e
        for e in consignment.of_version(event.declaration_version)
        if e.type == "DeclarationReleased" and e.seq <= event.seq
    ]
    return bool(relayed) and "notice_sha256" in relayed[-1].data


def _pointer(event: Event, question: Event, consignment: Consignment) -> dict[str, Any]:
    pointer = {
        "type": "clearance-notice",
        "version": 1,
        "notice_id": event.event_id,
        "message_id": question.data["message_id"],
        "window_no": event.window_no,
        "declaration_version": event.declaration_version,
        "event": event.type,
        "at": event.at,
    }
    if event.type in _RELAYED:
        pointer |= {"type": "release-notice", "notice": f"/declarations/{event.window_no}/release-notice"}
        pointer["status"] = "in-force" if event.type == "DeclarationReleased" else "revoked"
        if "notice_sha256" in event.data:
            pointer["sha256"] = event.data["notice_sha256"]
    if event.type in _ATTENDED:
        id = event.data["inspection_id"]
        pointer |= {"type": "inspection-notice", "inspection_id": id, "inspection": f"/inspections/{id}"}
        pointer |= _inspection(event, consignment, event.seq)
    pointer |= {name: event.data[name] for name in ("reason", "bill_id", "reply_id") if name in event.data}
    return pointer
