"""One inspection of a consignment: what the agencies ask for, joined, and what follows from that.

Pure functions over the events of one version of a declaration. As with clearance (ADR 0002) the order is a function of
the agencies' answers: `next_change` says what should happen next, and says None when it has happened, so that holds and
clears in any order, twice or at once come to the same.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from inspections import lifecycle, slots
from inspections.lifecycle import BOOKED, DONE, OVER, STARTED, UNFIT
from singlewindow.consignment import Change, Consignment
from singlewindow.events import Event
from singlewindow.ids import WINDOW_NO

# The kinds of hold that want to see the goods; papers and licences need no box opened.
JOINING: Final = ("inspection", "quarantine")
PORT, USE = "port", "use"
# Of an agency's answers, those that can change an inspection.
ANSWERS: Final = ("hold", "clear")

# With these a version needs no inspection any more.
ENDINGS: Final = {
    "DeclarationRejected": "declaration-rejected",
    "DeclarationReturned": "declaration-returned",
    "DeclarationWithdrawn": "declaration-withdrawn",
}
HOLDS_CLEARED: Final = "holds-cleared"

# What an agency may find, from the best to the gravest.
RESULTS: Final = ("pass", "sample", "defect", "detain")
# A result that is not yet the agency's last word: a laboratory has it.
INTERIM: Final = "sample"
# Follow-ups after which the goods still do not pass.
NOT_CLEARING: Final = ("return", "detain")

_ID: Final = re.compile(rf"({WINDOW_NO.pattern})-(\d{{1,4}})-(\d{{1,3}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hold:
    """What one agency asks for. `at` is when it asked, by its own clock; no `containers`: all of them."""

    agency: str
    hold_id: str
    gate: str
    at: str
    place: str | None = None
    containers: tuple[str, ...] = ()
    qualifications: tuple[str, ...] = ()
    instructions: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.agency, self.hold_id

    @property
    def joins_first(self) -> tuple[bool, str, str, str]:
        """Its rank: the port before the place of use, then who asked first."""
        return self.gate != PORT, self.at, self.agency, self.hold_id


@dataclass(frozen=True, slots=True)
class Result:
    """One agency's word on the sheet, about `hold_ids`; the sheet itself has this hash."""

    agency: str
    result: str
    hold_ids: tuple[str, ...]
    at: str
    sha256: str
    follow_up: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An inspection as its events left it. `holds` are the (agency, hold_id, gate) that it is for."""

    id: str
    number: int
    state: str = ""
    revision: int = 0
    holds: tuple[Mapping[str, str], ...] = ()
    place: str | None = None
    containers: tuple[str, ...] = ()
    qualifications: tuple[str, ...] = ()
    instructions: tuple[str, ...] = ()
    slot: Mapping[str, str] | None = None
    seals_before: tuple[Mapping[str, str], ...] = ()
    seals_after: tuple[Mapping[str, str], ...] = ()
    results: tuple[Result, ...] = ()
    follow_ups: tuple[Mapping[str, Any], ...] = ()
    reason: str | None = None
    events: tuple[Event, ...] = field(default=(), repr=False)

    @property
    def agencies(self) -> list[str]:
        """All whose hold it is for, or was."""
        return sorted({agency for agency, _ in self.ever})

    def of(self, agency: str) -> list[str]:
        """The hold ids of an agency."""
        return [one["hold_id"] for one in self.holds if one["agency"] == agency]

    @property
    def ever(self) -> set[tuple[str, str]]:
        """The (agency, hold id) of all holds that it is for, or was."""
        lists = [self.holds, *(e.data["holds"] for e in self.events if "holds" in e.data)]
        return {(one["agency"], one["hold_id"]) for holds in lists for one in holds}

    def unanswered(self, agency: str) -> list[str]:
        """The holds of an agency about which it has not said its last word."""
        said = {id for r in self.results if r.agency == agency and r.result != INTERIM for id in r.hold_ids}
        return [id for id in self.of(agency) if id not in said]

    @property
    def looked_at(self) -> bool:
        """Whether every agency has written its result, be it that a laboratory has the sample."""
        said = {(r.agency, id) for r in self.results for id in r.hold_ids}
        return all((one["agency"], one["hold_id"]) in said for one in self.holds)

    @property
    def outcomes(self) -> dict[str, str]:
        """Each agency's result: of its latest word on each of its holds the gravest."""
        latest = {(one.agency, id): one.result for one in self.results for id in one.hold_ids}
        found: dict[str, str] = {}
        for (agency, _), result in latest.items():
            found[agency] = max(found.get(agency, result), result, key=RESULTS.index)
        return found

    def cleared_by(self, agency: str, hold_id: str) -> str | None:
        """What on the sheet cleared a hold: `pass`, or a follow-up; None where nothing did."""
        for one in self.results:
            if one.agency == agency and one.result == "pass" and hold_id in one.hold_ids:
                return "pass"
        for done in self.follow_ups:
            concerns = done["agency"] == agency and hold_id in done["hold_ids"]
            if concerns and done["follow_up"] not in NOT_CLEARING:
                return str(done["follow_up"])
        return None

    def faulty(self, agency: str) -> list[str]:
        """The holds of an agency that a defect or detention keeps open."""
        bad = {
            id
            for r in self.results
            if r.agency == agency and r.result in ("defect", "detain")
            for id in r.hold_ids
        }
        return [id for id in self.of(agency) if id in bad and self.cleared_by(agency, id) is None]

    @property
    def window_no(self) -> str:
        return self.id.split("-")[0]

    @property
    def version(self) -> int:
        return int(self.id.split("-")[1])


def parts(inspection_id: str) -> tuple[str, int] | None:
    """The window number and the version that an inspection's id names; None for what is no such id."""
    match = _ID.fullmatch(inspection_id)
    return (match[1], int(match[2])) if match else None


def concerns(event: Event) -> bool:
    """Whether an event can change an inspection: of agencies' answers a joining hold, and a clear."""
    if event.type != "AgencyReplied":
        return True
    return event.data["outcome"] == "clear" or (
        event.data["outcome"] == "hold" and _hold(event.data) is not None
    )


def asked(consignment: Consignment, version: int) -> dict[tuple[str, str], Hold]:
    """All joining holds that agencies ever asked for on a version, by (agency, hold id): each as it was last asked."""
    found: dict[tuple[str, str], Hold] = {}
    for data in _replies(consignment, version):
        hold = _hold(data) if data["outcome"] == "hold" else None
        before = found.get(hold.key) if hold else None
        if hold and (before is None or before.at < hold.at):
            found[hold.key] = hold
    return found


def left_open(consignment: Consignment, version: int) -> list[Hold]:
    """The joining holds that the agencies' answers leave open.

    Of an agency's hold and its clear the later in the agency's own time counts. A clear without a hold id clears all of
    that agency; its last word clears none: who wants to see the goods says so until they are seen, or no longer.
    """
    cleared: dict[tuple[str, str | None], str] = {}
    for data in _replies(consignment, version):
        if data["outcome"] == "clear":
            key = (data["agency"], data.get("hold_id"))
            cleared[key] = max(cleared.get(key, ""), data["at"])
    return [
        hold
        for key, hold in asked(consignment, version).items()
        if hold.at > max(cleared.get(key, ""), cleared.get((hold.agency, None), ""))
    ]


def orders(consignment: Consignment, version: int) -> list[Order]:
    """The inspections of a version, in the order in which they were ordered."""
    found: dict[str, Order] = {}
    for event in consignment.of_version(version):
        id = event.data.get("inspection_id") if event.type.startswith("Inspection") else None
        if id is not None:
            found[id] = _after(found.get(id) or Order(id, len(found) + 1), event)
    return list(found.values())


def find(consignment: Consignment, inspection_id: str) -> Order | None:
    """The inspection of an id."""
    named = parts(inspection_id)
    found = orders(consignment, named[1]) if named and named[0] == consignment.window_no else []
    return next((one for one in found if one.id == inspection_id), None)


def next_change(consignment: Consignment, version: int) -> Change | None:
    """The next event that follows from the answers and results so far; None when the orders say it all."""
    known = orders(consignment, version)
    order = known[-1] if known and known[-1].state not in OVER else None
    if ending := _ending(consignment, version):
        return cancelled(order, ending) if order else None
    wanted = _wanted(consignment, version, known)
    if order is None:
        return _ordered(consignment, version, len(known) + 1, wanted) if wanted else None
    if not wanted:
        return done(order) if order.state == STARTED else cancelled(order, HOLDS_CLEARED)
    joined = join(wanted)
    if joined != {name: _plain(getattr(order, name)) for name in joined}:
        return _change("InspectionRevised", order, revision=order.revision + 1, **joined)
    if order.state == BOOKED and not fits(order, slots.find((order.slot or {})["slot_id"])):
        return unbooked(order, UNFIT)
    if order.state == STARTED and order.looked_at:
        return done(order)
    return None


def join(holds: Iterable[Hold]) -> dict[str, Any]:
    """What the holds ask for together, each thing once: as `InspectionOrdered` has it.

    Where they name several places, the first in rank is the one; where one of them names no containers, it means all.
    """
    ranked = sorted(holds, key=lambda hold: hold.joins_first)
    boxes = [hold.containers for hold in ranked]
    return {
        "holds": [{"agency": one.agency, "hold_id": one.hold_id, "gate": one.gate} for one in ranked],
        "place": next((one.place for one in ranked if one.place), None),
        "containers": sorted({box for some in boxes for box in some}) if all(boxes) else [],
        "qualifications": sorted({each for one in ranked for each in one.qualifications}),
        "instructions": _once(each for one in ranked for each in one.instructions),
    }


def fits(order: Order, slot: slots.Slot | None) -> bool:
    """Whether a slot is where the order asks, in a bay that has what it asks; no slot fits nobody."""
    if slot is None:
        return False
    return order.place in (None, slot.place) and set(order.qualifications) <= slot.qualifications


def unbooked(order: Order, reason: str) -> Change:
    """The slot given back."""
    return _change("InspectionUnbooked", order, slot_id=(order.slot or {})["slot_id"], reason=reason)


def cancelled(order: Order, reason: str) -> Change:
    return _change("InspectionCancelled", order, reason=reason)


def done(order: Order) -> Change:
    """The boxes are closed again: each agency's latest result, and the seals as they are now.

    `at`: when the last word was written on the sheet.
    """
    at = max(
        event.data["at"] for event in order.events if event.type in ("InspectionStarted", "InspectionResult")
    )
    seals = list(order.seals_after)
    return _change("InspectionDone", order, results=order.outcomes, seals_after=seals, at=at)


def brief(order: Order) -> dict[str, Any]:
    """What a list shows of an order: kept among the facts of the consignment's snapshot."""
    return {
        "state": order.state,
        "agencies": order.agencies,
        "place": order.place,
        "starts_at": (order.slot or {}).get("starts_at"),
    }


def with_brief(consignment: Consignment, change: Change) -> Change:
    """The change, and what the snapshot's facts say of its order once it has happened."""
    data = change.data
    before = find(consignment, data["inspection_id"]) or Order(data["inspection_id"], 0)
    after = advanced(before, change.type, data)
    known = consignment.snapshot.facts.get("inspections") or {}
    return replace(change, facts={**change.facts, "inspections": {**known, after.id: brief(after)}})


def advanced(order: Order, type: str, data: Mapping[str, Any]) -> Order:
    """The order after an event of that type. Raises `LookupError` where the lifecycle has no such move."""
    state = lifecycle.after(order.state, type, data.get("reason"))
    if type in ("InspectionOrdered", "InspectionRevised"):
        return replace(
            order,
            state=state,
            revision=data["revision"],
            holds=tuple(data["holds"]),
            place=data["place"],
            containers=tuple(data["containers"]),
            qualifications=tuple(data["qualifications"]),
            instructions=tuple(data["instructions"]),
        )
    if type == "InspectionBooked":
        return replace(order, state=state, slot=data["slot"])
    if type == "InspectionUnbooked":
        return replace(order, state=state, slot=None)
    if type == "InspectionStarted":
        return replace(order, state=state, seals_before=tuple(data["seals_before"]))
    if type == "InspectionResult":
        return replace(
            order, state=state, results=(*order.results, _result(data)), seals_after=_sealed(order, data)
        )
    if type == "InspectionFollowedUp":
        return replace(order, state=state, follow_ups=(*order.follow_ups, data))
    if type == "InspectionCancelled":
        return replace(order, state=state, slot=None, reason=data["reason"])
    return replace(order, state=state)


def _after(order: Order, event: Event) -> Order:
    return replace(advanced(order, event.type, event.data), events=(*order.events, event))


def _wanted(consignment: Consignment, version: int, known: list[Order]) -> list[Hold]:
    """The open holds that no inspection has answered yet: one that is asked anew afterwards wants another."""
    answered: dict[tuple[str, str], str] = {}
    for order in known:
        if order.state == DONE:
            at = next(event.data["at"] for event in order.events if event.type == "InspectionDone")
            answered |= {(one["agency"], one["hold_id"]): at for one in order.holds}
    return [hold for hold in left_open(consignment, version) if hold.at > answered.get(hold.key, "")]


def _ordered(consignment: Consignment, version: int, number: int, wanted: list[Hold]) -> Change:
    order = Order(f"{consignment.window_no}-{version}-{number}", number)
    return _change("InspectionOrdered", order, revision=1, **join(wanted))


def _change(type: str, order: Order, **data: Any) -> Change:
    return Change(type, {"inspection_id": order.id, **data}, of_version=order.version)


def _ending(consignment: Consignment, version: int) -> str | None:
    return next((ENDINGS[e.type] for e in consignment.of_version(version) if e.type in ENDINGS), None)


def _replies(consignment: Consignment, version: int) -> Iterator[Mapping[str, Any]]:
    for event in consignment.of_version(version):
        if event.type == "AgencyReplied" and event.data["effect"] == "applied":
            yield event.data


def _hold(data: Mapping[str, Any]) -> Hold | None:
    """The hold that a reply asks for, where it is one that wants to see the goods."""
    told = data.get("hold") or {}
    if told.get("kind") not in JOINING:
        return None
    return Hold(
        agency=data["agency"],
        hold_id=told.get("hold_id") or data["reply_id"],
        gate=told.get("gate") or PORT,
        at=data["at"],
        place=(told.get("place") or "").strip() or None,
        containers=tuple(sorted({_box(one) for one in told.get("containers") or ()})),
        qualifications=tuple(sorted(set(told.get("qualifications") or ()))),
        instructions=tuple(_once(told.get("instructions") or ())),
    )


def _box(text: str) -> str:
    return text.replace(" ", "").replace("-", "").upper()


def _once(texts: Iterable[str]) -> list[str]:
    """Each instruction once, as it was first written: spaces and case make no other one."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(" ".join(text.split()).casefold(), " ".join(text.split()))
    return [text for key, text in found.items() if key]


def _result(data: Mapping[str, Any]) -> Result:
    return Result(
        agency=data["agency"],
        result=data["result"],
        hold_ids=tuple(data["hold_ids"]),
        at=data["at"],
        sha256=data["sheet_sha256"],
        follow_up=data.get("follow_up"),
    )


def _sealed(order: Order, data: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    """The seals after: of two agencies' words on one container the later counts."""
    by_box = {one["container_no"]: one for one in (*order.seals_after, *data.get("seals_after", ()))}
    return tuple(by_box[box] for box in sorted(by_box))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
