"""Clearance: where each agency stands, and what the declaration comes to by that.

Pure functions over the events of one consignment. The state is a function of the answers, so that repetition and
reordering change nothing: `next_change` says what should happen next, and says None when it has happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from declarations import lifecycle
from singlewindow.catalogue import in_force
from singlewindow.consignment import Change, Consignment
from singlewindow.events import Event

_FINAL = {"accept": "accepted", "reject": "rejected", "return": "returned"}
_OPEN = ("to-ask", "pending")
_DECIDED = ("DeclarationReleased", "DeclarationRejected", "DeclarationReturned")
_EVENT_OF = {
    lifecycle.REJECTED: "DeclarationRejected",
    lifecycle.RETURNED: "DeclarationReturned",
    lifecycle.SUSPENDED: "DeclarationSuspended",
    lifecycle.HELD: "DeclarationHeld",
    lifecycle.RELEASED: "DeclarationReleased",
    lifecycle.ACCEPTED: "HoldLifted",
    lifecycle.SUBMITTED: "HoldLifted",
}


@dataclass(frozen=True, slots=True)
class Position:
    """Where one agency stands on the current version.

    state: `to-ask`, `pending`, `informed`, `reported`, `held`, `accepted`, `rejected`, `returned`, `silent`.
    """

    agency: str
    part: str
    releases: bool
    since: str
    because: tuple[Mapping[str, str], ...]
    state: str = "to-ask"
    final: str | None = None
    held_at: str = ""
    cleared_at: str = ""
    entry_id: str | None = None
    findings: tuple[Mapping[str, Any], ...] = ()

    @property
    def decides(self) -> bool:
        return self.part == "decides"


def positions(consignment: Consignment) -> dict[str, Position]:
    """The agencies' positions by agency id, folded from the events of the current version."""
    found: dict[str, Position] = {}
    for event in consignment.of_version():
        if event.type == "DeclarationSubmitted":
            found = {
                one["agency"]: Position(
                    one["agency"], one["part"], one["releases"], event.at, tuple(one["because"])
                )
                for one in event.data["agencies"]
            }
        elif event.type == "DeclarationAmended":
            found = _reassigned(found, event)
        elif event.type == "AgencyAsked" and found[event.data["agency"]].state == "to-ask":
            position = found[event.data["agency"]]
            state = "informed" if position.part == "informed" else "pending"
            found[position.agency] = replace(position, state=state, since=event.at)
        elif event.type == "AgencyReplied":
            found[event.data["agency"]] = _after_reply(found[event.data["agency"]], event)
        elif event.type in _DECIDED:
            # Nobody waits for a verifier beyond the decision.
            found = _silenced(
                found, [agency for agency, p in found.items() if p.part == "verifies"], event.at
            )
        elif event.type == "DeclarationSuspended":
            found = _silenced(found, event.data["silent"], event.at)
    return found


def decision(found: Iterable[Position], rows: Iterable[Mapping[str, str]]) -> str | None:
    """The outcome by the decision table, or None while a deciding agency is open."""
    states = [position.state for position in found if position.decides]
    if any(state in _OPEN for state in states):
        return None
    for row in rows:
        if row.get("any") in states or (states and all(state == row.get("all") for state in states)):
            return row["then"]
    return None


def next_change(consignment: Consignment, table: Mapping[str, Any]) -> Change | None:
    """The next event that follows from the answers so far; None when the state says it all.

    While the workflow waits: accepted, held, lifted. After it has concluded: the decision table as well, so that a
    late answer still moves a suspended or held declaration.
    """
    if consignment.state not in lifecycle.IN_CLEARANCE:
        return None
    concluded, found = _concluded(consignment), positions(consignment)
    if concluded:  # whoever lifted a hold since then without an answer is as silent as before it
        found = _silenced(found, found, "")
    return _next(consignment, found, table, concluded=concluded)


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
    change = _next(consignment, _silenced(found, found, ""), table, concluded=True)
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
    consignment: Consignment, found: Mapping[str, Position], table: Mapping[str, Any], *, concluded: bool
) -> Change | None:
    accepted = next((p for p in found.values() if p.releases and p.final == "accepted"), None)
    if accepted and not any(event.type == "DeclarationAccepted" for event in consignment.of_version()):
        stays = consignment.state in (lifecycle.HELD, lifecycle.SUSPENDED)
        after = consignment.state if stays else lifecycle.ACCEPTED
        entry = {"entry_id": accepted.entry_id} if accepted.entry_id else {}
        return Change("DeclarationAccepted", {"agency": accepted.agency, **entry}, state=after, facts=entry)
    target = (decision(found.values(), table["rows"]) if concluded else None) or _meanwhile(found)
    if target == consignment.state or not lifecycle.is_legal(consignment.state, _EVENT_OF[target], target):
        return None
    data: dict[str, Any] = {"rule": table["id"], "rule_version": table["version"]}
    if target == lifecycle.RELEASED and "entry_id" in consignment.snapshot.facts:
        data["entry_id"] = consignment.snapshot.facts["entry_id"]
    key = {"REJECTED": "rejected", "RETURNED": "returned", "SUSPENDED": "silent", "HELD": "held"}.get(target)
    if key:
        data[key] = sorted(p.agency for p in found.values() if p.decides and p.state == key)
    return Change(_EVENT_OF[target], data, state=target)


def _reassigned(found: Mapping[str, Position], event: Event) -> dict[str, Position]:
    """The same version with another body: who is concerned as before keeps its answers and holds; who comes in is to
    be asked; who falls away decides no more, but for a hold that only it can lift."""
    now = {one["agency"]: one for one in event.data["agencies"]}
    kept = {
        agency: p if agency in now or p.state == "held" else replace(p, part="informed")
        for agency, p in found.items()
    }
    added = {
        agency: Position(agency, one["part"], one["releases"], event.at, tuple(one["because"]))
        for agency, one in now.items()
        if agency not in found
    }
    return kept | added


def _after_reply(position: Position, event: Event) -> Position:
    """The first final answer counts; a hold stands until its agency clears or answers it, in that agency's own time.

    Silence lasts until a final answer. A final answer that repeats the first answers a hold in between.
    """
    if event.data["effect"] != "applied":
        return position
    outcome, at = event.data["outcome"], event.data["at"]
    findings = tuple(event.data["findings"])
    if position.part == "informed":
        return replace(position, state="reported", since=event.at, findings=findings)
    held_at, cleared_at, final, entry_id = (
        position.held_at,
        position.cleared_at,
        position.final,
        position.entry_id,
    )
    verdict = _FINAL.get(outcome, "accepted") if event.data["final"] else None
    if final and verdict not in (None, final):
        return position  # a second, different final is recorded, never applied
    if outcome == "hold":
        held_at = max(held_at, at)
    else:
        cleared_at = max(cleared_at, at)
    if verdict:
        final, entry_id = verdict, entry_id or event.data.get("entry_id")
    held = held_at > cleared_at and final in (None, "accepted")
    waiting = "silent" if position.state == "silent" else "pending"
    state = "held" if held else final or waiting
    return replace(
        position,
        state=state,
        since=position.since if state == position.state else event.at,
        final=final,
        held_at=held_at,
        cleared_at=cleared_at,
        entry_id=entry_id,
        findings=findings or position.findings,
    )


def _silenced(found: Mapping[str, Position], agencies: Iterable[str], at: str) -> dict[str, Position]:
    silent = set(agencies)
    return {
        agency: replace(position, state="silent", since=at or position.since)
        if agency in silent and position.state in _OPEN
        else position
        for agency, position in found.items()
    }


def _concluded(consignment: Consignment) -> bool:
    return consignment.snapshot.facts.get("concluded") == consignment.version


def _meanwhile(found: Mapping[str, Position]) -> str:
    if any(position.decides and position.state == "held" for position in found.values()):
        return lifecycle.HELD
    if any(position.releases and position.final == "accepted" for position in found.values()):
        return lifecycle.ACCEPTED
    return lifecycle.SUBMITTED
