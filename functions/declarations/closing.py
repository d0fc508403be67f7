"""How a declaration ends: the goods leave the gate, and customs closes it (结关).

Gate-out ends the release order only (`domain.md` A.9). While the goods are there customs may take its release back, so
an import closes once they have left under a release and its taxes are settled; an export once it has departed and the
tally or clean manifest is in.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from declarations import lifecycle, tax, two_step
from singlewindow.consignment import Change, Consignment
from singlewindow.events import Event


def gate_out(consignment: Consignment) -> Change | None:
    """The goods have left, as the terminal reports: once a version, whatever else stands in the way by then."""
    events = consignment.of_version()
    told = next((event for event in _reports(events) if "gate_out_at" in event.data["report"]), None)
    if told is None or any(event.type == "GateOut" for event in events):
        return None
    at = told.data["report"]["gate_out_at"]
    data = {
        "agency": told.data["agency"],
        "reply_id": told.data["reply_id"],
        "gate_out_at": at,
        "covered": _covered(events, datetime.fromisoformat(at)),
    }
    return Change("GateOut", data, of_version=consignment.version)


def cleared(consignment: Consignment) -> Change | None:
    """The declaration closes; None where something is still to happen."""
    if consignment.state != lifecycle.RELEASED or two_step.is_summary(consignment):
        return None
    if tax.of(consignment.of_version()).open():
        return None
    direction = consignment.window_no[0]
    at = _left(consignment) if direction == "I" else _departed(consignment)
    if at is None:
        return None
    data: dict[str, Any] = {"ie_flag": direction, "at": at}
    if entry_id := consignment.snapshot.facts.get("entry_id"):
        data["entry_id"] = entry_id
    return Change("DeclarationCleared", data, state=lifecycle.CLEARED)


def _left(consignment: Consignment) -> str | None:
    """When the goods left under a release; in two steps under that of the summary, a version before."""
    left = (event for event in consignment.events if event.type == "GateOut" and event.data["covered"])
    return next((event.data["gate_out_at"] for event in left), None)


def _departed(consignment: Consignment) -> str | None:
    """When the goods departed, once they are tallied, too."""
    reports = [event.data["report"] for event in _reports(consignment.of_version())]
    departed = next((report["departed_at"] for report in reports if "departed_at" in report), None)
    return departed if any(report.get("tallied") for report in reports) else None


def _covered(events: tuple[Event, ...], left_at: datetime) -> bool:
    """Whether a release was in force: relayed, and by customs' own time not taken back before the goods left."""
    relayed = max((event.seq for event in events if event.type == "DeclarationReleased"), default=None)
    if relayed is None:
        return False
    return not any(
        event.seq > relayed
        and event.type == "AgencyReplied"
        and (event.data["outcome"], event.data["effect"]) == ("revoke", "applied")
        and datetime.fromisoformat(event.data["at"]) <= left_at
        for event in events
    )


def _reports(events: tuple[Event, ...]) -> Iterator[Event]:
    """The terminals' reports on this version, as they came."""
    return (
        e
        for e in events
        if e.type == "AgencyReplied" and "report" in e.data and e.data["effect"] == "applied"
    )
