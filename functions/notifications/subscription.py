"""A subscription, and which events it is told of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from singlewindow.consignment import Consignment
from singlewindow.events import Event
from singlewindow.outbound.signing import Rotating
from singlewindow.parties import Role

# What a trader may know of its shipments: 报文 that it sent, and 回执, what became of them.
DATA: Final = ("DeclarationSubmitted", "AmendmentRequested", "WithdrawalRequested")
RECEIPTS: Final = (
    "DeclarationAccepted",
    "DeclarationHeld",
    "DeclarationInReview",
    "TaxDue",
    "TaxBilled",
    "TaxBillRefused",
    "TaxDeducted",
    "TaxDeductionFailed",
    "TaxGuaranteed",
    "TaxReversed",
    "TaxFallsDue",
    "TaxOverdue",
    "HoldLifted",
    "ClearanceResumed",
    "DeclarationSuspended",
    "DeclarationReturned",
    "DeclarationRejected",
    "DeclarationReleased",
    "ReleaseRevoked",
    "FullDeclarationDue",
    "FullDeclarationOverdue",
    "GateOut",
    "DeclarationCleared",
    "ClearanceConcluded",
    "AmendmentDecided",
    "DeclarationAmended",
    "WithdrawalDecided",
    "DeclarationWithdrawn",
    "InspectionOrdered",
    "InspectionRevised",
    "InspectionBooked",
    "InspectionUnbooked",
    "InspectionDone",
    "InspectionCancelled",
)
EVENTS: Final = (*DATA, *RECEIPTS)
SCOPES: Final = {"ALL": EVENTS, "DATA": DATA, "RET": RECEIPTS}

# What an agency may know of a shipment, once it was asked about it: how the matter ended, not what others said; and
# when to come to an inspection that it asked for.
FOR_AGENCIES: Final = (
    "DeclarationReturned",
    "DeclarationRejected",
    "DeclarationReleased",
    "ReleaseRevoked",
    "ClearanceConcluded",
    "DeclarationAmended",
    "DeclarationWithdrawn",
    "InspectionBooked",
    "InspectionUnbooked",
)

# How long a notification can be pulled and replayed. Events older than that are not told any more.
RETENTION: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Subscription(Rotating):
    """`status`: active, disabled. `reason`: why disabled: failing, gone (both undone by a test that arrives), deleted.

    Secrets are not here: they follow from `id` and `generation`.
    """

    id: str
    party: str
    role: str
    url: str | None
    events: tuple[str, ...]
    scope: str
    description: str
    created_at: str
    status: str = "active"
    reason: str | None = None
    generation: int = 1
    rotated_at: str | None = None

    @property
    def exists(self) -> bool:
        return self.reason != "deleted"

    @property
    def types(self) -> tuple[str, ...]:
        """The events that it is told of."""
        known = FOR_AGENCIES if self.role == Role.AGENCY else EVENTS
        return tuple(
            type
            for type in known
            if type in SCOPES[self.scope] and ("*" in self.events or type in self.events)
        )

    def told_of(self, consignment: Consignment, now: datetime) -> Iterator[Event]:
        """The events of a consignment that this subscription is told of, in the ledger's order."""
        since = max(datetime.fromisoformat(self.created_at), now - RETENTION)
        is_agency = self.role == Role.AGENCY
        known = not is_agency and self.party in consignment.snapshot.parties
        for event in consignment.events:
            if event.type == "AgencyAsked" and is_agency:
                known = known or event.data["agency"] == self.party
            told = known and event.type in self.types and datetime.fromisoformat(event.at) >= since
            if told and (not is_agency or _takes_part(self.party, event, consignment)):
                yield event


def _takes_part(agency: str, event: Event, consignment: Consignment) -> bool:
    """Whether the agency asked for the inspection that an event is about; true where it is about none."""
    id = event.data.get("inspection_id")
    return id is None or any(
        one["agency"] == agency
        for joined in consignment.events
        if joined.data.get("inspection_id") == id
        for one in joined.data.get("holds", ())
    )


def concerned(consignment: Consignment) -> list[str]:
    """Who may be told of what is for agencies, too: traders of the shipment, agencies that were asked."""
    agencies = {event.data["agency"] for event in consignment.events if event.type == "AgencyAsked"}
    return sorted(consignment.snapshot.parties | agencies)
