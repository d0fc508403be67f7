"""Panorama over HTTP, and the events that it folds into journeys."""

from datetime import datetime, timedelta
from typing import Any

from panorama import identifiers, search, segments, store, view
from panorama.fold import Journey, fold
from panorama.record import record_of
from panorama.wording import Names
from singlewindow import catalogue, clock
from singlewindow.access import PUBLIC, Throttle
from singlewindow.aws import ledger
from singlewindow.capability import Answer, Capability, Message, Request
from singlewindow.consignment import Snapshot
from singlewindow.errors import WindowError, not_found
from singlewindow.events import Event
from singlewindow.ids import WINDOW_NO
from singlewindow.parties import STAFF, TRADERS

app = Capability("panorama")

_LOOKED_BACK = timedelta(days=30)

EVENTS = (
    "DeclarationDrafted",
    "DeclarationSubmitted",
    "AgencyAsked",
    "AgencyReplied",
    "CargoReported",
    "DeclarationAccepted",
    "DeclarationHeld",
    "DeclarationInReview",
    "TaxDue",
    "TaxBilled",
    "TaxBillRefused",
    "TaxSent",
    "TaxDeducted",
    "TaxDeductionFailed",
    "TaxGuaranteed",
    "TreasuryConfirmed",
    "TaxReversed",
    "TaxFallsDue",
    "TaxOverdue",
    "HoldLifted",
    "ClearanceResumed",
    "ClearanceConcluded",
    "DeclarationSuspended",
    "DeclarationReturned",
    "DeclarationRejected",
    "DeclarationReleased",
    "InspectionOrdered",
    "InspectionRevised",
    "InspectionBooked",
    "InspectionUnbooked",
    "InspectionStarted",
    "InspectionResult",
    "InspectionFollowedUp",
    "InspectionDone",
    "InspectionCancelled",
    "ReleaseRevoked",
    "FullDeclarationDue",
    "FullDeclarationOverdue",
    "GateOut",
    "DeclarationCleared",
    "AmendmentRequested",
    "AmendmentDecided",
    "DeclarationAmended",
    "WithdrawalRequested",
    "WithdrawalDecided",
    "DeclarationWithdrawn",
    "DeclarationReplaced",
)


@app.on_queue("PanoramaInbox", types=EVENTS, patient=True)
def on_event(message: Message) -> None:
    """Keep what the event tells of its shipment, and what the shipment is found by."""
    event = ledger.noticed(message.body)
    record = record_of(event)
    store.keep(event.window_no, record, identifiers.brought_by(event))
    store.heard(record.source, record.at)
    if event.type in segments.CLOSING:
        _measure(event)


@app.route(
    "/panorama",
    allow=TRADERS + STAFF,
    query=("q",),
    responses={200: "Search"},
    throttle=Throttle(rate=100, burst=200),
)
def find(request: Request) -> dict[str, Any]:
    """Shipments by window number, bill, waybill, container or declaration number, exactly as normalised."""
    value = _query(request)
    kinds = identifiers.could_be(value)
    found = search.find(request.by, value) if kinds else []
    names = _names()
    items = [view.summary(one, fold(store.records(one.window_no), one.standing, names)) for one in found]
    return {"items": items, "searched": view.searched(kinds, store.feeds())}


@app.route(
    "/panorama/durations",
    allow=PUBLIC,
    responses={200: "Durations"},
    throttle=Throttle(rate=20, burst=40),
)
def durations(request: Request) -> Answer:
    """How long each segment of a clearance took in the last 30 days, by agency: median and 90th percentile."""
    names, today = _names(), clock.business_date()
    known = [segments.answered_by(one["id"]) for one in catalogue.agencies(today)]
    since = today - _LOOKED_BACK
    measured = [(name, store.durations(name, since)) for name in (*segments.WHOLE, *known)]
    items = [view.duration(name, segments.label(name, names), counts) for name, counts in measured if counts]
    return Answer(
        {"since": since.isoformat(), "items": items}, headers={"Cache-Control": "public, max-age=300"}
    )


@app.route(
    "/panorama/{window_no}",
    allow=TRADERS + STAFF,
    responses={200: "Journey"},
    throttle=Throttle(rate=100, burst=200),
)
def show(request: Request, window_no: str) -> dict[str, Any]:
    """One shipment's journey: the document lane, the logistics lane, who holds it, since when and why."""
    standing = ledger.standing(window_no) if WINDOW_NO.fullmatch(window_no) else None
    if standing is None or not request.by.may_see(standing.parties):
        raise not_found(window_no)
    journey = _journey(window_no, standing)
    since, names = clock.business_date() - _LOOKED_BACK, _names()
    wanted = {*journey.running, *(one.segment for one in journey.waiting_on if one.segment)}
    measured = [
        view.duration(name, segments.label(name, names), store.durations(name, since))
        for name in sorted(wanted)
    ]
    return view.whole(window_no, journey, {one["segment"]: one for one in measured})


def _measure(event: Event) -> None:
    """Count how long the segments of a version took, when it is decided: from the ledger, which lacks nothing."""
    until = [one for one in ledger.of(event).of_version(event.declaration_version) if one.seq <= event.seq]
    day = clock.business_date(datetime.fromisoformat(event.at))
    store.measure(event.window_no, event.seq, day, segments.segments(until))


def _journey(window_no: str, standing: Snapshot) -> Journey:
    return fold(store.records(window_no), standing, _names())


def _names() -> Names:
    return Names(catalogue.agencies(clock.business_date()))


def _query(request: Request) -> str:
    given = request.query.get("q", "")
    value = identifiers.normalise(given)
    if not value or len(given) > identifiers.LONGEST:
        raise WindowError(
            400,
            "bad-parameter",
            f"q: a window number, bill, waybill, container or declaration number, up to {identifiers.LONGEST} signs",
            detail_zh="请在 q 中提供统一编号、提运单号、运单号、集装箱号或报关单号",
        )
    return value
