"""Clearance: what a declaration comes to by where its agencies stand.

Pure functions over the events of one consignment. The state is a function of what was said and done, so that repetition
and reordering change nothing: `next_change` says what should happen next, and says None when it has happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from declarations import closing, lifecycle
from declarations.positions import OPEN, Position, positions, silenced
from singlewindow.catalogue import in_force
from singlewindow.consignment import Change, Consignment

_EVENT_OF = {
    lifecycle.REJECTED: "DeclarationRejected",
    lifecycle.RETURNED: "DeclarationReturned",
    lifecycle.SUSPENDED: "DeclarationSuspended",
    lifecycle.HELD: "DeclarationHeld",
    lifecycle.IN_REVIEW: "DeclarationInReview",
    lifecycle.TAX_DUE: "TaxDue",
    lifecycle.RELEASED: "DeclarationReleased",
}
# Who brought it about: the member of the event, and the state of their positions.
_NAMED = {
    lifecycle.REJECTED: ("rejected", "rejected"),
    lifecycle.RETURNED: ("returned", "returned"),
    lifecycle.SUSPENDED: ("silent", "silent"),
    lifecycle.HELD: ("held", "held"),
    lifecycle.IN_REVIEW: ("reviewing", "in-review"),
}


def decision(found: Iterable[Position], rows: Iterable[Mapping[str, str]]) -> str | None:
    """The outcome by the decision table, or None while a deciding agency is open or no row fits."""
    answers = [position.answer for position in found if position.decides]
    if any(answer in OPEN for answer in answers):
        return None
    for row in rows:
        if row.get("any") in answers or (answers and all(answer == row.get("all") for answer in answers)):
            return row["then"]
    return None


def next_change(consignment: Consignment, table: Mapping[str, Any]) -> Change | None:
    """The next event that follows from what was said so far; None when the state says it all.

    While the workflow waits, the state shows acceptance and what stands in the way. After it has concluded, the
    decision table is applied as well, so that a late answer still moves a suspended or held declaration.
    """
    if consignment.state in lifecycle.IN_CLEARANCE:
        concluded, found = _concluded(consignment), positions(consignment)
        if concluded:  # whoever lifted a hold since then without an answer is as silent as before it
            found = silenced(found, found, "")
        change = _next(consignment, found, table, decisive=concluded)
    else:
        change = _revoked(consignment)
    return change or closing.gate_out(consignment) or closing.cleared(consignment)


def conclude(consignment: Consignment, version: int, table: Mapping[str, Any]) -> Change | None:
    """The workflow's last step: all have answered or run out of time; who is open now is silent.

    None where this version was concluded before or is no longer current. Called until it says None.
    """
    if (
        consignment.version != version
        or consignment.state not in lifecycle.IN_CLEARANCE
        or _concluded(consignment)
    ):
        return None
    found = positions(consignment)
    change = _next(consignment, silenced(found, found, ""), table, decisive=True)
    if change is None:  # held before, held still: the waiting is over all the same
        return Change("ClearanceConcluded", {"outcome": consignment.state}, facts={"concluded": version})
    if change.type == "DeclarationAccepted":
        return change
    return replace(change, facts={**change.facts, "concluded": version})


def table_at(rule: Mapping[str, Any], day: date) -> dict[str, Any]:
    """The version of the decision table in force on a date, with the rule's id."""
    for version in rule["versions"]:
        if in_force(version, day):
            return {"id": rule["id"], **version}
    raise LookupError(f"{rule['id']} has no version at {day}")


def _next(
    consignment: Consignment, found: Mapping[str, Position], table: Mapping[str, Any], *, decisive: bool
) -> Change | None:
    accepted = next((p for p in found.values() if p.releases and p.has_accepted), None)
    target = (decision(found.values(), table["rows"]) if decisive else None) or _meanwhile(found)
    if accepted and not any(event.type == "DeclarationAccepted" for event in consignment.of_version()):
        return _accepted(consignment, accepted, target)
    event = _event_for(consignment.state, target)
    if target == consignment.state or not lifecycle.is_legal(consignment.state, event, target):
        return None
    data: dict[str, Any] = {"rule": table["id"], "rule_version": table["version"]}
    if target == lifecycle.RELEASED:
        data |= _terms(consignment, found)
    if target in _NAMED:
        member, state = _NAMED[target]
        data[member] = sorted(p.agency for p in found.values() if p.decides and p.state == state)
    return Change(event, data, state=target)


def _accepted(consignment: Consignment, by: Position, target: str) -> Change:
    """Acceptance shows at once, before whatever follows from it; a hold, a bill and another's silence outlast it."""
    moves = lifecycle.is_legal(consignment.state, "DeclarationAccepted", lifecycle.ACCEPTED)
    if consignment.state == lifecycle.SUSPENDED and target == lifecycle.SUSPENDED:
        moves = False
    entry = {"entry_id": by.entry_id} if by.entry_id else {}
    after = lifecycle.ACCEPTED if moves else consignment.state
    return Change("DeclarationAccepted", {"agency": by.agency, **entry}, state=after, facts=entry)


def _terms(consignment: Consignment, found: Mapping[str, Position]) -> dict[str, Any]:
    """What the release says of itself, from customs' own."""
    terms: dict[str, Any] = {}
    if "entry_id" in consignment.snapshot.facts:
        terms["entry_id"] = consignment.snapshot.facts["entry_id"]
    for position in found.values():
        if position.state == "released":
            terms |= {
                name: True for name in ("conditional", "guaranteed", "removal") if getattr(position, name)
            }
            if position.notice_sha256:
                terms["notice_sha256"] = position.notice_sha256
    return terms


def _event_for(state: str, target: str) -> str:
    """The event that leads to `target`; back to where nothing stands in the way it is named for what went away."""
    if target in _EVENT_OF:
        return _EVENT_OF[target]
    return "HoldLifted" if state == lifecycle.HELD else "ClearanceResumed"


def _revoked(consignment: Consignment) -> Change | None:
    """After customs took its release back: what holds the goods again is the agency itself, until it says otherwise."""
    if consignment.state != lifecycle.RELEASED:
        return None
    found = positions(consignment)
    revoking = next((p for p in found.values() if p.releases and p.final is None), None)
    if revoking is None:
        return None
    data = {"agency": revoking.agency, "findings": list(revoking.findings)}
    return Change("ReleaseRevoked", data, state=_meanwhile(found))


def _concluded(consignment: Consignment) -> bool:
    return consignment.snapshot.facts.get("concluded") == consignment.version


def _meanwhile(found: Mapping[str, Position]) -> str:
    """What stands in the way before anything is decided, the heaviest first."""
    states = {position.state for position in found.values() if position.decides}
    for state, shown in (
        ("held", lifecycle.HELD),
        ("in-review", lifecycle.IN_REVIEW),
        ("tax-due", lifecycle.TAX_DUE),
    ):
        if state in states:
            return shown
    accepted = any(position.releases and position.has_accepted for position in found.values())
    return lifecycle.ACCEPTED if accepted else lifecycle.SUBMITTED
