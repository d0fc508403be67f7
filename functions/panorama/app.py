"""Panorama over HTTP, and the events that it folds into journeys."""

from typing import Any

from panorama import identifiers, search, store, view
from panorama.fold import Journey, fold
from panorama.record import record_of
from panorama.wording import Names
from singlewindow import catalogue, clock
from singlewindow.access import Throttle
from singlewindow.aws import ledger
from singlewindow.capability import Capability, Message, Request
from singlewindow.consignment import Snapshot
from singlewindow.errors import WindowError, not_found
from singlewindow.ids import WINDOW_NO
from singlewindow.parties import STAFF, TRADERS

app = Capability("panorama")

EVENTS = (
    "DeclarationDrafted",
    "DeclarationSubmitted",
    "AgencyAsked",
    "AgencyReplied",
    "CargoReported",
    "DeclarationAccepted",
    "DeclarationHeld",
    "HoldLifted",
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
)


@app.on_queue("PanoramaInbox", types=EVENTS)
def on_event(message: Message) -> None:
    """Keep what the event tells of its shipment, and what the shipment is found by."""
    event = ledger.noticed(message.body)
    record = record_of(event)
    store.keep(event.window_no, record, identifiers.brought_by(event))
    store.heard(record.source, record.at)


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
    "/panorama/{window_no}",
    allow=TRADERS + STAFF,
    responses={200: "Journey"},
    throttle=Throttle(rate=100, burst=200),
)
def show(request: Request, window_no: str) -> dict[str, Any]:
    """One shipment's journey: the document lane, the logistics lane, who holds it, since when and why."""
    standing = ledger.snapshots([window_no]).get(window_no) if WINDOW_NO.fullmatch(window_no) else None
    if standing is None or not request.by.may_see(standing.parties):
        raise not_found(window_no)
    return view.whole(window_no, _journey(window_no, standing))


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
