"""What a notification says: pointers only. No name, no document, no finding: who wants more asks with its token."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from notifications.subscription import Subscription
from singlewindow import canonical
from singlewindow.events import Event
from singlewindow.parties import Role

TEST: Final = "subscription.test"
DISABLED: Final = "subscription.disabled"

# Events after which the state is known from the event alone; after the others, ask.
_STATES: Final = {
    "DeclarationSubmitted": "SUBMITTED",
    "DeclarationHeld": "HELD",
    "DeclarationSuspended": "SUSPENDED",
    "DeclarationReturned": "RETURNED",
    "DeclarationRejected": "REJECTED",
    "DeclarationReleased": "RELEASED",
    "DeclarationInReview": "IN_REVIEW",
    "TaxDue": "TAX_DUE",
    "DeclarationCleared": "CLEARED",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """`body` is what is sent and signed, byte by byte."""

    type: str
    at: str
    body: str
    pushed: bool = True


def of_event(event: Event, subscription: Subscription) -> Notice:
    """The notice of one event: Standard Webhooks' `type`, `timestamp`, `data`."""
    data: dict[str, Any] = {
        "window_no": event.window_no,
        "seq": event.seq,
        "declaration_version": event.declaration_version,
        "event_id": event.event_id,
    }
    if event.type in _STATES:
        data["state"] = _STATES[event.type]
    if subscription.role != Role.AGENCY:  # an agency has its own way to what it was asked
        data["links"] = {
            "declaration": f"/declarations/{event.window_no}",
            "journey": f"/panorama/{event.window_no}",
        }
    return _notice(event.type, event.at, data)


def of_test(subscription: Subscription, at: str) -> Notice:
    return _notice(TEST, at, {"subscription": subscription.id})


def of_disabling(subscription: Subscription, reason: str, at: str) -> Notice:
    """For pulling: nobody listens at the address any more."""
    return _notice(DISABLED, at, {"subscription": subscription.id, "reason": reason}, pushed=False)


def webhook_id(subscription_id: str, cursor: str) -> str:
    """`webhook-id`: the same at every attempt and replay, so that a receiver knows a repetition."""
    return f"msg_{uuid5(NAMESPACE_URL, f'urn:singlewindow:{subscription_id}:{cursor}').hex}"


def _notice(type: str, at: str, data: dict[str, Any], *, pushed: bool = True) -> Notice:
    body = canonical.dumps({"type": type, "timestamp": at, "data": data}).decode()
    return Notice(type, at, body, pushed)
