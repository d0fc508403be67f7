"""Inspections over HTTP, and the answers of agencies that they follow from."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from inspections import booking, evidence, listing, sheet, store, view
from inspections.order import ANSWERS, ENDINGS, Order, concerns, find, next_change, parts
from singlewindow import canonical, clock, commands
from singlewindow.access import Throttle
from singlewindow.aws import ledger, timers
from singlewindow.capability import Answer, Capability, Message, Request
from singlewindow.consignment import Change, Consignment, Submission
from singlewindow.errors import not_found
from singlewindow.events import Actor, Event
from singlewindow.parties import STAFF, TRADERS, Role

app = Capability("inspections")

INSPECTORS = (Role.AGENCY, Role.OFFICER)
_ALL = (*TRADERS, Role.AGENCY, *STAFF)
_READ = Throttle(rate=100, burst=200)
_WRITE = Throttle(rate=50, burst=100)
_HEAVY = Throttle(rate=20, burst=40)

Decide = Callable[[Consignment, Order], Change | None]


@app.on_queue(
    "InspectionsInbox",
    types=("AgencyReplied", "InspectionResult", "InspectionBooked", *ENDINGS),
    only={"outcome": ANSWERS},
)
def on_event(message: Message) -> None:
    """Let the holds and clears of agencies show in the order, once, however often and in whatever order they come."""
    event = ledger.noticed(message.body)
    if event.type == "InspectionBooked":
        _look_at_the_end(event)
    elif concerns(event):  # most answers are not: those cost no read
        _follow(ledger.of(event), event.declaration_version)


@app.on_timer
def on_timer(payload: dict[str, str]) -> None:
    """Give a slot up to which nobody came: the slot that is booked now, whichever the timer was set for."""
    named = parts(payload["inspection_id"])
    consignment = ledger.read(named[0]) if named else None
    order = find(consignment, payload["inspection_id"]) if consignment else None
    if consignment and order:
        _acted(consignment, order, lambda _, order: booking.given_up(order))


@app.route(
    "/inspections",
    allow=_ALL,
    query=("state", "date", "cursor", "limit"),
    responses={200: "InspectionPage"},
    throttle=_READ,
)
def browse(request: Request) -> dict[str, Any]:
    """The caller's inspections, newest first: a party's, an agency's; for staff those ordered on a day."""
    return listing.page(request.by, listing.search(request.by, request.query))


@app.route("/inspections/{inspection_id}", allow=_ALL, responses={200: "Inspection"}, throttle=_READ)
def show(request: Request, inspection_id: str) -> dict[str, Any]:
    """One inspection: who asked for what, where it stands, the sheet, whose time it was, what the caller may do."""
    consignment, order = _visible(request, inspection_id)
    sheets, files = store.sheets(order.id), store.evidence(order.id)
    shown: dict[str, Any] = view.whole(request.by, consignment, order, sheets, files)
    return shown


@app.route(
    "/inspections/{inspection_id}/slots",
    allow=_ALL,
    query=("date",),
    responses={200: "Slots"},
    throttle=_READ,
)
def free_slots(request: Request, inspection_id: str) -> dict[str, Any]:
    """The slots of a day, Beijing time, that are free and fit this inspection."""
    _, order = _visible(request, inspection_id)
    return booking.offered(order, listing.day_of(request.query))


@app.route(
    "/inspections/{inspection_id}/booking",
    methods=("POST",),
    allow=TRADERS,
    headers=("Idempotency-Key",),
    request="command:inspections.command.Book",
    responses={200: "InspectionStanding"},
    throttle=_WRITE,
)
def book(request: Request, inspection_id: str) -> Answer:
    """Take a slot, or another instead: the one before is given back in the same write."""
    from inspections.command import Book

    slot = booking.slot_of(commands.parse(Book, request.json()).slot_id)
    by = _actor(request)
    content = canonical.dumps({"inspection_id": inspection_id, "slot_id": slot.slot_id})
    answer = {"inspection_id": inspection_id, "state": "BOOKED", "slot": slot.as_json()}
    consignment, order = _visible(request, inspection_id)
    submission = Submission(
        by.party, "inspection-booking", request.idempotency_key, canonical.sha256(content), answer
    )
    if stored := ledger.answered(submission):
        return _standing(stored, repeated=True)
    consignment = _lapse(consignment, order)
    try:
        return _acted(consignment, order, lambda _, order: booking.booked(order, by, slot, submission))
    except ledger.Duplicate as duplicate:
        return _standing(duplicate.answer, repeated=True)


@app.route(
    "/inspections/{inspection_id}/booking",
    methods=("DELETE",),
    allow=TRADERS,
    responses={200: "InspectionStanding"},
    throttle=_WRITE,
)
def unbook(request: Request, inspection_id: str) -> Answer:
    """Give the slot back before it begins."""
    consignment, order = _visible(request, inspection_id)
    consignment = _lapse(consignment, order)
    return _acted(consignment, order, lambda _, order: booking.given_back(order, _actor(request)))


@app.route(
    "/inspections/{inspection_id}/no-show",
    methods=("POST",),
    allow=INSPECTORS,
    consumes=(),
    responses={200: "InspectionStanding"},
    throttle=_WRITE,
)
def no_show(request: Request, inspection_id: str) -> Answer:
    """Say that nobody brought the boxes to the slot that has begun: it is free, and another must be booked."""
    consignment, order = _visible(request, inspection_id)
    return _acted(consignment, order, lambda _, order: booking.missed(order, _actor(request)))


@app.route(
    "/inspections/{inspection_id}/start",
    methods=("POST",),
    allow=INSPECTORS,
    request="command:inspections.command.Start",
    responses={200: "InspectionStanding"},
    throttle=_WRITE,
)
def start(request: Request, inspection_id: str) -> Answer:
    """Open the doors, with the seals as they were: the first agency to say so starts it for all."""
    from inspections.command import Start

    seals = commands.parse(Start, request.json()).model_dump(mode="json")["seals_before"]
    by = _actor(request)
    consignment, order = _visible(request, inspection_id)

    def decide(consignment: Consignment, order: Order) -> Change | None:
        change = sheet.started(order, by, seals, clock.stamp())
        sheet.other_containers(consignment, order, "seals_before", seals)
        return change

    return _acted(consignment, order, decide)


@app.route(
    "/inspections/{inspection_id}/result",
    methods=("POST",),
    allow=INSPECTORS,
    request="command:inspections.command.Found",
    responses={200: "InspectionStanding"},
    throttle=_WRITE,
)
def result(request: Request, inspection_id: str) -> Answer:
    """Write one's own part of the sheet, once; the last agency to do so closes the inspection."""
    from inspections.command import Found

    written = commands.parse(Found, request.json()).model_dump(mode="json", exclude_none=True)
    by = _actor(request)
    sha256 = sheet.hash_of(by.party, written)
    consignment, order = _visible(request, inspection_id)

    def decide(consignment: Consignment, order: Order) -> Change | None:
        change = sheet.result(consignment, order, by, written, clock.stamp())
        if change is None:
            return None
        kept = [one.id for one in store.evidence(order.id) if one.key and one.agency == by.party]
        sheet.missing_evidence(written, kept)
        sheet.other_containers(consignment, order, "seals_after", written["seals_after"])
        return replace(change, rows=(store.sheet_row(order, by.party, sha256, written, request.by.subject),))

    return _acted(consignment, order, decide)


@app.route(
    "/inspections/{inspection_id}/follow-up",
    methods=("POST",),
    allow=INSPECTORS,
    request="command:inspections.command.FollowedUp",
    responses={200: "InspectionStanding"},
    throttle=_WRITE,
)
def follow_up(request: Request, inspection_id: str) -> Answer:
    """Say what was done about one's defects: that clears their holds, unless the goods go back or stay detained."""
    from inspections.command import FollowedUp

    done = commands.parse(FollowedUp, request.json()).follow_up
    by = _actor(request)
    consignment, order = _visible(request, inspection_id)
    return _acted(consignment, order, lambda c, order: sheet.followed_up(c, order, by, done, clock.stamp()))


@app.route(
    "/inspections/{inspection_id}/evidence",
    methods=("POST",),
    allow=INSPECTORS,
    request="command:inspections.command.AnnouncedEvidence",
    responses={201: "EvidenceUpload"},
    throttle=_HEAVY,
)
def announce(request: Request, inspection_id: str) -> Answer:
    """An address for one photo or record with that hash; the same file again is the same evidence."""
    from inspections.command import AnnouncedEvidence

    told = commands.parse(AnnouncedEvidence, request.json()).model_dump()
    _, order = _visible(request, inspection_id)
    sheet.may_write(order, request.by.party, "result")
    return Answer(evidence.announce(order.id, request.by.party, told), 201)


@app.route(
    "/inspections/{inspection_id}/evidence/{evidence_id}",
    methods=("POST",),
    allow=INSPECTORS,
    consumes=(),
    responses={200: "EvidenceKept"},
    throttle=_HEAVY,
)
def arrived(request: Request, inspection_id: str, evidence_id: str) -> dict[str, Any]:
    """Say that the upload is complete: its hash and type are compared, and the archive takes it."""
    _, order = _visible(request, inspection_id)
    kept = evidence.arrived(order.id, request.by.party, evidence_id)
    return {"evidence_id": kept.id, "sha256": kept.sha256, "bytes": kept.bytes}


@app.route(
    "/inspections/{inspection_id}/evidence/{evidence_id}",
    allow=(Role.AGENCY, *STAFF),
    responses={303: "EvidenceLink"},
    throttle=_READ,
)
def fetch(request: Request, inspection_id: str, evidence_id: str) -> Answer:
    """An address of the archived file, for the agencies of the inspection and staff."""
    _, order = _visible(request, inspection_id)
    address = evidence.link(evidence.find(order.id, evidence_id))
    return Answer({"location": address, "expires_in": evidence.LINK_SECONDS}, 303, {"Location": address})


def _acted(known: Consignment, order: Order, decide: Decide) -> Answer:
    """Decide on the order as it stands when it is written, and let what follows happen."""
    consignment, written = _decided(known, order, decide)
    return _standing(view.standing(_order(consignment, order.id)), repeated=not written)


def _decided(known: Consignment, order: Order, decide: Decide) -> tuple[Consignment, bool]:
    written = False

    def once(consignment: Consignment) -> Change | None:
        nonlocal written
        change = store.settled(consignment, decide(consignment, _order(consignment, order.id)))
        written = change is not None
        return change

    return _follow(ledger.amend(order.window_no, once, known=known), order.version), written


def _look_at_the_end(event: Event) -> None:
    """A timer a booking. Another slot instead leaves it as it is: it will find nothing to do."""
    id, when = event.data["inspection_id"], booking.given_up_at(event.data["slot"])
    timers.at(when, f"{id}.{when:%Y%m%dT%H%M}", {"inspection_id": id})


def _lapse(consignment: Consignment, order: Order) -> Consignment:
    """Write down first that nobody came, where the slot is over."""
    if booking.lapsed(order):
        consignment, _ = _decided(consignment, order, lambda _, order: booking.lapsed(order))
    return consignment


def _follow(known: Consignment, version: int) -> Consignment:
    """Let what follows for the inspections of a version happen."""
    return ledger.settle(known.window_no, lambda c: store.settled(c, next_change(c, version)), known=known)


def _visible(request: Request, inspection_id: str) -> tuple[Consignment, Order]:
    """The inspection, for the parties of its consignment, the agencies that it is for, and staff; 404 for others."""
    named = parts(inspection_id)
    consignment = ledger.read(named[0]) if named else None
    order = find(consignment, inspection_id) if consignment else None
    if consignment is None or order is None:
        raise not_found(inspection_id)
    by = request.by
    if not (
        by.may_see(consignment.snapshot.parties) or (by.role == Role.AGENCY and by.party in order.agencies)
    ):
        raise not_found(inspection_id)
    return consignment, order


def _order(consignment: Consignment, inspection_id: str) -> Order:
    order = find(consignment, inspection_id)
    if order is None:
        raise not_found(inspection_id)
    return order


def _actor(request: Request) -> Actor:
    return Actor(request.by.role, request.by.party)


def _standing(answer: Any, *, repeated: bool) -> Answer:
    return Answer(answer, headers={"Idempotent-Replay": "true"} if repeated else {})
