"""Records of one shipment → its journey: two lanes, and who holds it, since when and why.

A set union by `seq`: gaps, repetition and any order of arrival give the same journey. The ledger's snapshot says where
the shipment stands; the records say how it got there, and a gap between the two is shown, never papered over.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from panorama import segments, wording
from panorama.bills import BANK, TRADER, Bills
from panorama.record import Record
from panorama.wording import Names, Text
from singlewindow.consignment import Snapshot

DOCUMENTS, LOGISTICS = "documents", "logistics"
WINDOW = "window"

# What happens to the boxes rather than to the papers.
_ON_SITE: Final = ("InspectionBooked", "InspectionUnbooked", "InspectionStarted", "InspectionDone")
_BOOKED_OR_OVER: Final = (
    *("InspectionBooked", "InspectionStarted", "InspectionResult"),
    *("InspectionDone", "InspectionCancelled"),
)
# Done about a defect, and the goods still do not pass.
_NOT_LIFTING: Final = ("return", "detain")

# What is sent to the side that handles the cargo rather than the papers.
_CARGO_MESSAGES: Final = ("cargo-announcement",)

# Whose turn a state is; in every other state it is the agencies'.
_WITH_TRADER: Final = ("DRAFT", "RETURNED", "REJECTED", "TAX_DUE")
_WITH_NOBODY: Final = ("RELEASED", "CLEARED", "WITHDRAWN")
_STATE_AFTER: Final = {
    "DeclarationDrafted": "DRAFT",
    "DeclarationSubmitted": "SUBMITTED",
    "DeclarationReturned": "RETURNED",
    "DeclarationRejected": "REJECTED",
    "DeclarationReleased": "RELEASED",
    "DeclarationHeld": "HELD",
    "HoldLifted": "SUBMITTED",
    "DeclarationInReview": "IN_REVIEW",
    "DeclarationSuspended": "SUSPENDED",
    "TaxDue": "TAX_DUE",
    "ClearanceResumed": "ACCEPTED",
    "ReleaseRevoked": "HELD",
    "DeclarationCleared": "CLEARED",
    "DeclarationWithdrawn": "WITHDRAWN",
}
_HANDED_BACK_BY: Final = {"RETURNED": "returned", "REJECTED": "rejected"}

# Holds for which an inspection is ordered.
_INSPECTED: Final = ("inspection", "quarantine")

# The one to name first where a shipment waits on several.
_URGENCY: Final = {"held": 0, "silent": 1, "pending": 2}


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds the shipment (`trader`, `window`, `bank`, an agency's id, None: nobody), since when, and why;
    `segment`: by which others' time is measured, where that is known.
    """

    holder: str | None
    since: str
    why: Text
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One event on a lane; `holder` is who held the shipment once it had happened."""

    record: Record
    lane: str
    holder: str | None
    text: Text

    def as_json(self) -> dict[str, Any]:
        record = self.record
        return {
            "seq": record.seq,
            "lane": self.lane,
            "event": record.type,
            "at": record.at,
            "holder": self.holder,
            "source": record.source,
            "text_zh": self.text.zh,
            "text_en": self.text.en,
            "declaration_version": record.declaration_version,
            "evidence": record.hash,
            "detail": record.data,
        }


@dataclass(frozen=True, slots=True)
class Journey:
    """`waiting_on` has all who are waited for, the first of them being the holder; `missing` the unknown events;
    `running`: the segments of its time that last, each with its beginning.
    """

    state: str
    version: int
    waiting_on: tuple[Holding, ...]
    missing: tuple[int, ...]
    identifiers: Mapping[str, Any]
    running: Mapping[str, str]
    entries: tuple[Entry, ...]

    @property
    def holding(self) -> Holding:
        return self.waiting_on[0]

    def lane(self, name: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.lane == name]


def fold(records: Iterable[Record], standing: Snapshot, names: Names) -> Journey:
    """The journey that the records tell of the shipment which the ledger says stands so, as at that snapshot."""
    known = {record.seq: record for record in records if record.seq <= standing.seq}
    course = _Course()
    entries = []
    for seq in sorted(known):
        record = known[seq]
        course.add(record)
        holder = next(course.waiting_on(names)).holder
        entries.append(Entry(record, _lane(record, course), holder, wording.event_text(record, names)))
    course.catch_up(standing)
    return Journey(
        state=standing.state,
        version=standing.version,
        waiting_on=tuple(course.waiting_on(names)),
        missing=tuple(seq for seq in range(1, standing.seq + 1) if seq not in known),
        identifiers=course.identifiers,
        running=segments.running(
            one for _, one in sorted(known.items()) if one.declaration_version == standing.version
        ),
        entries=tuple(entries),
    )


class _Held(NamedTuple):
    """What an agency said last of one hold, in its own time."""

    at: str
    at_port: bool
    to_see: bool


@dataclass(slots=True)
class _Desk:
    """Where one agency stands on the current version, by what the journey knows."""

    agency: str
    part: str = "decides"
    because: tuple[Mapping[str, str], ...] = ()
    releases: bool = False
    state: str = "to-ask"
    since: str = ""
    final: str | None = None
    held: dict[str, _Held] = field(default_factory=dict)
    answered: str = ""
    cleared: dict[str, str] = field(default_factory=dict)
    findings: tuple[Mapping[str, str], ...] = ()

    def reply(self, record: Record) -> None:
        """The first final answer counts; a hold at the port stands until lifted, in the agency's own time;
        one at the gate of use holds up nothing here, and a revocation is a hold."""
        data = record.data
        if data["effect"] != "applied":
            return
        outcome, at = data["outcome"], data["at"]
        if outcome in ("hold", "revoke"):
            hold = data.get("hold") or {"hold_id": data["reply_id"], "gate": "port"}
            said = _Held(at, hold["gate"] == "port", hold.get("kind") in _INSPECTED)
            self.held[hold["hold_id"]] = max(self.held.get(hold["hold_id"], said), said, key=lambda one: one.at)
            self.final = None if outcome == "revoke" else self.final
        elif outcome not in ("review", "tax"):
            if outcome == "clear":
                self._lift(data.get("hold_id", ""), at)
            else:
                self.answered = max(self.answered, at)
            if data["final"] and self.final is None:
                self.final = outcome
        self.findings = tuple(data["findings"]) or self.findings
        self._stand(record.at)

    def inspected(self, record: Record) -> None:
        """What the sheet lifts of this agency's holds: the last word of a desk that only holds and clears."""
        hold_ids = record.data["hold_ids"]
        for hold_id in hold_ids:
            self._lift(hold_id, record.data["at"])
        if hold_ids and self.part == "decides" and not self.releases and not self._open():
            self.final = self.final or "clear"
        self._stand(record.at)

    def _lift(self, hold_id: str, at: str) -> None:
        self.cleared[hold_id] = max(self.cleared.get(hold_id, ""), at)

    @property
    def wants_to_see(self) -> bool:
        """Whether it holds the goods to have them inspected."""
        return self.state == "held" and any(hold.to_see for hold in self._open().values())

    @property
    def turn(self) -> tuple[str, str]:
        """What sorts those that hold: by their first open hold, in their own time."""
        return min(((hold.at, id) for id, hold in self._open().items()), default=(self.since, ""))

    def _open(self) -> dict[str, _Held]:
        """The holds at the port that nothing has lifted: a last word lifts none for which the goods are inspected."""
        swept = self.cleared.get("", "")
        return {
            id: hold
            for id, hold in self.held.items()
            if hold.at_port
            and hold.at > max(swept, self.cleared.get(id, ""), "" if hold.to_see else self.answered)
        }

    def _stand(self, at: str) -> None:
        before = self.state
        if self._open() and self.final in (None, "accept", "clear", "release"):
            self.state = "held"
        elif self.final:
            self.state = "answered"
        else:
            self.state = "silent" if before == "silent" else "pending"
        if self.state != before:
            self.since = at


def _desk(assigned: Mapping[str, Any], since: str) -> _Desk:
    because, releases = tuple(assigned["because"]), assigned.get("releases", False)
    return _Desk(assigned["agency"], assigned["part"], because, releases, since=since)


@dataclass(slots=True)
class _Course:
    """What the journey comes to, record by record in the order of `seq`."""

    state: str = ""
    version: int = 0
    since: str = ""
    handed_back_by: tuple[str, ...] = ()
    answered_at: str = ""
    desks: dict[str, _Desk] = field(default_factory=dict)
    identifiers: dict[str, Any] = field(default_factory=dict)
    cargo_agencies: set[str] = field(default_factory=set)
    unbooked_since: str = ""
    bills: Bills = field(default_factory=Bills)

    def add(self, record: Record) -> None:
        data = record.data
        if record.type == "AgencyAsked" and data["type"] in _CARGO_MESSAGES:
            self.cargo_agencies.add(data["agency"])
        if record.declaration_version < self.version:
            return  # about a version that another has replaced
        if record.declaration_version > self.version:
            self.version, self.desks, self.state = record.declaration_version, {}, "SUBMITTED"
            self.since, self.unbooked_since, self.bills = record.at, "", Bills()
        if record.type in ("InspectionOrdered", "InspectionUnbooked"):
            self.unbooked_since = record.at
        elif record.type in _BOOKED_OR_OVER:
            self.unbooked_since = ""
        self.bills.hear(record.type, data)
        if record.type in _STATE_AFTER:
            self.state, self.since = _STATE_AFTER[record.type], record.at
            self.handed_back_by = tuple(data.get(_HANDED_BACK_BY.get(self.state, ""), ()))
        if record.type == "DeclarationSubmitted":
            self.identifiers = dict(data["identifiers"])
            self.desks = {one["agency"]: _desk(one, record.at) for one in data["agencies"]}
        elif record.type == "DeclarationAmended":
            self.identifiers |= data["identifiers"]
            now = {one["agency"] for one in data["agencies"]}
            for agency, desk in self.desks.items():
                if agency not in now and desk.state != "held":
                    desk.part = "informed"
            for one in data["agencies"]:
                self.desks.setdefault(one["agency"], _desk(one, record.at))
        elif record.type == "AgencyAsked":
            desk = self._desk(record)
            if desk.state == "to-ask":
                desk.state, desk.since = "pending", record.at
        elif record.type == "AgencyReplied":
            self._desk(record).reply(record)
            self.answered_at = record.at
        elif (record.type == "InspectionResult" and data["result"] == "pass") or (
            record.type == "InspectionFollowedUp" and data["follow_up"] not in _NOT_LIFTING
        ):
            self._desk(record).inspected(record)
        elif record.type == "DeclarationAccepted" and data.get("entry_id"):
            self.identifiers["entry_id"] = data["entry_id"]
        elif record.type == "DeclarationSuspended":
            for agency in data["silent"]:
                desk = self.desks.setdefault(agency, _Desk(agency))
                if desk.state in ("to-ask", "pending"):
                    desk.state, desk.since = "silent", record.at

    def catch_up(self, standing: Snapshot) -> None:
        """Where records are missing, the ledger's word on whose turn it is; otherwise nothing new."""
        if standing.version > self.version:
            self.version, self.desks, self.since = standing.version, {}, standing.changed_at
            self.unbooked_since, self.bills = "", Bills()
        if _turn(standing.state) != _turn(self.state):
            self.since, self.handed_back_by = standing.changed_at, ()
        self.state = standing.state

    def waiting_on(self, names: Names) -> Iterator[Holding]:
        """Who holds it, the most urgent first; always at least one."""
        turn = _turn(self.state)
        if self.state == "TAX_DUE":
            yield self._owed(names)
        elif turn == TRADER:
            yield Holding(TRADER, self.since, self._handed_back(names))
        elif turn is None:
            yield Holding(None, self.since, wording.RELEASED if self.state == "RELEASED" else wording.ENDED)
        else:
            yield from self._with_agencies(names)

    def _with_agencies(self, names: Names) -> Iterator[Holding]:
        desks = [desk for desk in self.desks.values() if desk.part != "informed"]
        waiting = [desk for desk in desks if desk.state in _URGENCY]
        if self.state == "HELD" and not any(desk.state == "held" for desk in waiting):
            yield Holding(WINDOW, self.answered_at or self.since, wording.DECIDING)
        if self.unbooked_since and any(desk.wants_to_see for desk in waiting):
            yield Holding(TRADER, self.unbooked_since, wording.TO_BOOK, "booking")
        for desk in sorted(waiting, key=lambda d: (_URGENCY[d.state], d.part, d.turn)):
            yield Holding(desk.agency, desk.since, _why(desk, names), segments.answered_by(desk.agency))
        if waiting:
            return
        to_ask = [desk.agency for desk in desks if desk.state == "to-ask"]
        if desks and not to_ask:
            yield Holding(WINDOW, self.answered_at or self.since, wording.DECIDING)
        else:
            yield Holding(WINDOW, self.since, wording.about_to_ask(names, to_ask))

    def _owed(self, names: Names) -> Holding:
        """Customs where it must bill anew, the trader where anything is to be paid, else the bank; the window where all
        is settled and it has not said so yet.
        """
        holders = {*self.bills.open.values()}
        if not holders:
            return Holding(WINDOW, self.since, wording.DECIDING)
        if agency := next((one for one in holders if one not in (TRADER, BANK)), None):
            return Holding(agency, self.since, wording.to_bill_anew(names, agency))
        if BANK in holders and TRADER not in holders:
            return Holding(BANK, self.since, wording.WITH_BANK, "tax")
        return Holding(TRADER, self.since, wording.TAX_DUE, "tax")

    def _handed_back(self, names: Names) -> Text:
        if self.state == "DRAFT":
            return wording.DRAFT
        said = (
            wording.reason(self.desks[agency].findings)
            for agency in self.handed_back_by
            if agency in self.desks
        )
        return wording.handed_back(names, self.state, self.handed_back_by, next(filter(None, said), None))

    def _desk(self, record: Record) -> _Desk:
        """The agency's desk; made up where the record that would have opened it is missing."""
        agency = record.data["agency"]
        part = "informed" if agency in self.cargo_agencies else "decides"
        return self.desks.setdefault(agency, _Desk(agency, part, since=record.at))


def _why(desk: _Desk, names: Names) -> Text:
    if desk.state == "held":
        return wording.held(names, desk.agency, desk.since, desk.findings)
    if desk.state == "silent":
        return wording.silent(names, desk.agency, desk.since)
    return wording.waiting(names, desk.agency, desk.since, desk.part, desk.because)


def _turn(state: str) -> str | None:
    if state in _WITH_TRADER:
        return TRADER
    return None if state in _WITH_NOBODY else "agencies"


def _lane(record: Record, course: _Course) -> str:
    """Cargo and those who handle it make the logistics lane; all else is paper."""
    if record.type in ("CargoReported", "GateOut", *_ON_SITE) or "report" in record.data:
        return LOGISTICS
    return LOGISTICS if record.data.get("agency") in course.cargo_agencies else DOCUMENTS
