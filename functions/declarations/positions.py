"""Where each agency stands on the current version: a fold over what was said and done so far.

Of an agency's words the latest in its own time counts; repetition and order of arrival change nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from declarations.holds import PORT, Holds
from declarations.tax import Bills
from singlewindow import canonical
from singlewindow.consignment import Consignment
from singlewindow.events import Event

OPEN = ("to-ask", "pending")

_LAST_WORDS = {"accept": "accepted", "clear": "accepted", "release": "accepted", "reject": "rejected"}
_LAST_WORDS |= {"return": "returned"}
_ENDS_VERIFYING = ("DeclarationReleased", "DeclarationRejected", "DeclarationReturned")


@dataclass(frozen=True, slots=True)
class Position:
    """Where one agency stands.

    state: `to-ask`, `pending`, `informed`, `reported`, `held`, `in-review`, `examining` (it has accepted and is yet to
    release), `tax-due`, `accepted`, `released`, `rejected`, `returned`, `silent`. `final` is its last word: `accepted`
    (released, too), `rejected`, `returned`, or None.
    """

    agency: str
    part: str
    releases: bool
    since: str
    because: tuple[Mapping[str, str], ...]
    state: str = "to-ask"
    final: str | None = None
    has_accepted: bool = False
    conditional: bool = False
    guaranteed: bool = False
    removal: bool = False
    notice_sha256: str | None = None
    final_at: str = ""
    revoked_at: str = ""
    reviewed_at: str = ""
    spoken_at: str = ""
    entry_id: str | None = None
    findings: tuple[Mapping[str, Any], ...] = ()

    @property
    def decides(self) -> bool:
        return self.part == "decides"

    @property
    def answer(self) -> str:
        """Its state as the decision table calls it: the yes of who releases is the release."""
        return "accepted" if self.state == "released" else self.state


def positions(consignment: Consignment) -> dict[str, Position]:
    """The agencies' positions by agency id, folded from the events of the current version."""
    found: dict[str, Position] = {}
    holds, bills = Holds(), Bills()
    for event in consignment.of_version():
        holds.hear(event)
        bills.hear(event)
        if event.type == "DeclarationSubmitted":
            found = {
                one["agency"]: Position(
                    one["agency"], one["part"], one["releases"], event.at, tuple(one["because"])
                )
                for one in event.data["agencies"]
            }
        elif event.type == "DeclarationAmended":
            found = _reassigned(found, event, holds)
        elif event.type == "AgencyAsked" and found[event.data["agency"]].state == "to-ask":
            position = found[event.data["agency"]]
            state = "informed" if position.part == "informed" else "pending"
            found[position.agency] = replace(position, state=state, since=event.at)
        elif event.type == "AgencyReplied" and event.data["effect"] == "applied":
            found[event.data["agency"]] = _after_reply(found[event.data["agency"]], event)
        elif event.type in ("InspectionResult", "InspectionFollowedUp") and event.data["agency"] in found:
            found[event.data["agency"]] = _after_inspection(found[event.data["agency"]], event, holds)
        elif event.type in _ENDS_VERIFYING:
            # Nobody waits for a verifier beyond the decision.
            verifiers = [agency for agency, p in found.items() if p.part == "verifies"]
            found = silenced(found, verifiers, event.at)
        elif event.type == "DeclarationSuspended":
            found = silenced(found, event.data["silent"], event.at)
        found = {agency: _standing(p, holds, bills, event.at) for agency, p in found.items()}
    return found


def silenced(found: Mapping[str, Position], agencies: Iterable[str], at: str) -> dict[str, Position]:
    """The same, with those of `agencies` that are open taken for silent."""
    silent = set(agencies)
    return {
        agency: replace(position, state="silent", since=at or position.since)
        if agency in silent and position.state in OPEN
        else position
        for agency, position in found.items()
    }


def _reassigned(found: Mapping[str, Position], event: Event, holds: Holds) -> dict[str, Position]:
    """The same version with another body: who is concerned as before keeps its answers and holds; who comes in is to
    be asked; who falls away decides no more, but for a hold that only it can lift."""
    now = {one["agency"]: one for one in event.data["agencies"]}
    kept = {
        agency: p if agency in now or holds.open(agency, PORT) else replace(p, part="informed")
        for agency, p in found.items()
    }
    added = {
        agency: Position(agency, one["part"], one["releases"], event.at, tuple(one["because"]))
        for agency, one in now.items()
        if agency not in found
    }
    return kept | added


def _after_reply(position: Position, event: Event) -> Position:
    """The first last word counts; a revocation takes the agency's release back, and its next release counts again."""
    data = event.data
    outcome, at = data["outcome"], data["at"]
    if position.part == "informed":
        return replace(position, state="reported", since=event.at, findings=tuple(data["findings"]))
    verdict = _LAST_WORDS[outcome] if data["final"] else None
    if position.final and position.final_at and verdict not in (None, position.final):
        return position  # a second, different last word is recorded, never applied
    position = replace(position, findings=tuple(data["findings"]) or position.findings)
    if outcome == "review":
        return replace(position, reviewed_at=max(position.reviewed_at, at))
    position = replace(position, spoken_at=max(position.spoken_at, at))
    if outcome == "revoke":
        revoked_at = max(position.revoked_at, at)
        stands = position.final_at > revoked_at
        return replace(position, revoked_at=revoked_at, final=position.final if stands else None)
    if outcome in ("accept", "release"):
        position = replace(position, has_accepted=True, entry_id=position.entry_id or data.get("entry_id"))
    if verdict:
        position = replace(position, final=verdict, final_at=max(position.final_at, at))
    if outcome == "release":
        said = data.get("release", {})
        position = replace(
            position,
            conditional=said.get("conditional", False),
            guaranteed=said.get("guaranteed", False),
            removal=said.get("removal", False),
            notice_sha256=canonical.sha256(said["notice"].encode()) if "notice" in said else None,
        )
    return position


def _after_inspection(position: Position, event: Event, holds: Holds) -> Position:
    """The sheet's pass is the yes of a desk that only holds and clears, until it says a last word itself.

    Customs' release is a word of its own.
    """
    hold_ids = event.data["hold_ids"]
    if position.releases or not position.decides or position.final or not hold_ids:
        return position
    if event.data.get("result", "pass") == "pass" and holds.are_cleared(position.agency, hold_ids):
        return replace(position, final="accepted", spoken_at=max(position.spoken_at, event.data["at"]))
    return position


def _standing(position: Position, holds: Holds, bills: Bills, at: str) -> Position:
    """The position with the state that all of it comes to; `since` moves with the state."""
    if position.part == "informed" or (position.state == "to-ask" and not _has_spoken(position)):
        return position
    state = _state(position, holds, bills)
    return position if state == position.state else replace(position, state=state, since=at)


def _state(position: Position, holds: Holds, bills: Bills) -> str:
    if position.final in ("rejected", "returned"):
        return position.final
    if holds.open(position.agency, PORT):
        return "held"
    if position.reviewed_at > position.spoken_at:
        return "in-review"
    if position.releases and bills.open():
        return "tax-due"
    if position.final:
        return "released" if position.releases else "accepted"
    if position.releases and position.has_accepted:
        return "examining"
    return "silent" if position.state == "silent" else "pending"


def _has_spoken(position: Position) -> bool:
    return bool(position.spoken_at or position.reviewed_at)
