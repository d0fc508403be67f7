"""What agencies are asked and told of a wish to change or withdraw a declaration."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from exchange.projection import project
from singlewindow.consent import AMENDMENT, WITHDRAWAL, Asked, requests
from singlewindow.consignment import Consignment
from singlewindow.difference import differences
from singlewindow.events import Event

# Of the formats of messages to agencies.
VERSION: Final = 1
QUESTIONS: Final = (AMENDMENT, WITHDRAWAL)
NOTICES: Final = ("amendment-notice", "withdrawal-notice")

HEARD: Final = ("AmendmentRequested", "WithdrawalRequested", "DeclarationAmended", "DeclarationWithdrawn")


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One message: `amendment` and `withdrawal` want an answer, `amendment-notice` and `withdrawal-notice` none."""

    agency: str
    type: str
    request: int


def inquiries(event: Event, consignment: Consignment) -> list[Inquiry]:
    """Whom an event makes the window write to. A request that is open no more is put to nobody."""
    number = event.data.get("request", 0)
    if event.type in ("AmendmentRequested", "WithdrawalRequested"):
        asked = next(one for one in requests(consignment) if one.number == number)
        wanted = asked.asks if asked.status == "open" else ()
        return [Inquiry(agency, asked.kind, number) for agency in wanted]
    if event.type == "DeclarationAmended":
        known = _asked_before(consignment, event)
        return [Inquiry(agency, NOTICES[0], number) for agency in event.data["tells"] if agency in known]
    agreed = {agency for one in requests(consignment) if one.number == number for agency in one.asks}
    return [
        Inquiry(agency, NOTICES[1], number) for agency in sorted(_asked_before(consignment, event) - agreed)
    ]


def content(
    inquiry: Inquiry, asked: Asked | None, reason: str, before: Any, after: Any, places: Iterable[str]
) -> dict[str, Any]:
    """What the agency reads: why, and of an amendment what changes and comes of it, as far as it may see either."""
    wanted = list(places)
    shown: dict[str, Any] = {"request": inquiry.request, "reason": reason, "document": {}}
    if asked and asked.kind == AMENDMENT:
        was, now = project(before, wanted), project(after, wanted)
        shown["document"] = now
        shown["changes"] = [one.as_json() for one in differences(was, now)]
    return shown


def _asked_before(consignment: Consignment, event: Event) -> set[str]:
    """The agencies that have the version before them."""
    return {
        e.data["agency"]
        for e in consignment.of_version(event.declaration_version)
        if e.type == "AgencyAsked" and e.seq < event.seq
    }
