"""Holds: which agency holds the goods at which gate, and what has lifted each (`domain.md` A.5, C9 b).

A hold is one by its agency and `hold_id`. Of what was said about it the latest counts, in the agency's own time: a
clear that arrives before its hold lifts it all the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from singlewindow.events import Event

PORT, USE = "port", "use"

# Holds that an agency's last word does not answer: they end by a clear, or on the inspection's sheet.
_INSPECTED = ("inspection", "quarantine")
# What was done after a defect and leaves the goods where they are.
_NOT_LIFTING = ("return", "detain")


@dataclass(frozen=True, slots=True)
class Hold:
    """`held_at` is the agency's own time, `since` when the window heard of it; `findings` are its reasons."""

    agency: str
    hold_id: str
    gate: str
    kind: str
    held_at: str
    since: str
    findings: tuple[Mapping[str, Any], ...] = ()
    cleared_at: str | None = None

    @property
    def is_open(self) -> bool:
        return self.cleared_at is None

    @property
    def is_inspected(self) -> bool:
        return self.kind in _INSPECTED


class Holds:
    """What the events so far say of holds. `hear` takes one more; the rest only reads."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Hold] = {}
        self._cleared: dict[tuple[str, str], str] = {}
        self._swept: dict[str, str] = {}
        self._answered: dict[str, str] = {}

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        holds = cls()
        for event in events:
            holds.hear(event)
        return holds

    def hear(self, event: Event) -> None:
        """Take over one event of the version; what is not about holds changes nothing."""
        data = event.data
        if event.type == "AgencyReplied" and data["effect"] == "applied":
            self._hear_reply(event)
        elif (event.type == "InspectionResult" and data["result"] == "pass") or (
            event.type == "InspectionFollowedUp" and data["follow_up"] not in _NOT_LIFTING
        ):
            for hold_id in data["hold_ids"]:
                self._clear(data["agency"], hold_id, data["at"])

    def all(self) -> list[Hold]:
        """Every hold that there ever was, the oldest first."""
        return sorted(
            map(self._as_it_stands, self._held.values()), key=lambda hold: (hold.held_at, hold.hold_id)
        )

    def open(self, agency: str, gate: str) -> list[Hold]:
        return [hold for hold in self.all() if hold.is_open and (hold.agency, hold.gate) == (agency, gate)]

    def are_cleared(self, agency: str, hold_ids: Iterable[str]) -> bool:
        """Whether all of these are known and lifted, and the agency holds nothing else at the port."""
        known = {hold.hold_id: hold for hold in self.all() if hold.agency == agency}
        lifted = all(hold_id in known and not known[hold_id].is_open for hold_id in hold_ids)
        return lifted and not self.open(agency, PORT)

    def _hear_reply(self, event: Event) -> None:
        data = event.data
        agency, at = data["agency"], data["at"]
        if data["outcome"] == "hold":
            # Before holds had names and gates, a hold was the reply's own, at the port.
            hold = data.get("hold") or {"hold_id": data["reply_id"], "gate": PORT, "kind": "other"}
            self._hold(event, hold)
        elif data["outcome"] == "revoke":
            self._hold(event, {"hold_id": data["reply_id"], "gate": PORT, "kind": "other"})
        elif data["outcome"] == "clear":
            if "hold_id" in data:
                self._clear(agency, data["hold_id"], at)
            else:
                self._swept[agency] = max(self._swept.get(agency, ""), at)
        elif data["outcome"] != "review" and data["outcome"] != "tax":
            self._answered[agency] = max(self._answered.get(agency, ""), at)

    def _hold(self, event: Event, said: Mapping[str, Any]) -> None:
        agency, at = event.data["agency"], event.data["at"]
        before = self._held.get((agency, said["hold_id"]))
        if before is None or before.held_at < at:
            findings = tuple(event.data["findings"])
            hold = Hold(agency, said["hold_id"], said["gate"], said["kind"], at, event.at, findings)
            self._held[agency, hold.hold_id] = hold

    def _clear(self, agency: str, hold_id: str, at: str) -> None:
        self._cleared[agency, hold_id] = max(self._cleared.get((agency, hold_id), ""), at)

    def _as_it_stands(self, hold: Hold) -> Hold:
        lifted = [self._cleared.get((hold.agency, hold.hold_id), ""), self._swept.get(hold.agency, "")]
        if hold.gate == PORT and not hold.is_inspected:
            lifted.append(self._answered.get(hold.agency, ""))
        later = [at for at in lifted if at >= hold.held_at]
        if not later:
            return hold
        return Hold(
            hold.agency,
            hold.hold_id,
            hold.gate,
            hold.kind,
            hold.held_at,
            hold.since,
            hold.findings,
            min(later),
        )
