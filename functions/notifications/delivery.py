"""Telling a subscription, and delivering what it was told.

The queue carries pointers. A pointer leaves the queue when its delivery is done with, or when another pointer to it has
been sent: none is lost, and one too many finds nothing due. What must wait never waits inside an attempt.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import random
from typing import Any, Final

from notifications import notice, store
from notifications.store import DELIVERED, FAILED, KEPT, PENDING, Delivery
from notifications.subscription import Subscription
from singlewindow import clock, correlation, settings
from singlewindow.aws import keys, queues
from singlewindow.consignment import Consignment
from singlewindow.errors import WindowError
from singlewindow.outbound import retry, signing
from singlewindow.outbound.post import Outcome, post

# An attempt is over by then, or its function is not there any more.
_CLAIM: Final = 60.0
_TOGETHER: Final = 50
_TRIES: Final = 12


@dataclass(frozen=True, slots=True)
class Pointer:
    party: str
    subscription: str
    cursor: str

    @classmethod
    def of(cls, subscription: Subscription, cursor: str) -> "Pointer":
        return cls(subscription.party, subscription.id, cursor)

    @classmethod
    def read(cls, message: Any) -> "Pointer":
        """Raises 400 for what is no pointer."""
        try:
            return cls(str(message["party"]), str(message["subscription"]), str(message["cursor"]))
        except (KeyError, TypeError) as error:
            raise WindowError(400, "unreadable-pointer", f"no pointer: {error!r}") from error

    def as_json(self) -> dict[str, str]:
        return {"party": self.party, "subscription": self.subscription, "cursor": self.cursor}


def tell(subscription: Subscription, consignment: Consignment) -> int:
    """Write what the subscription lacks of a consignment, in the ledger's order, and queue it; how many were written.

    Told from the ledger and not from the notice that woke us: repetition adds nothing, and disorder does not show.
    """
    written = 0
    for attempt in range(_TRIES):
        told = store.told(subscription, consignment.window_no)
        lacking = [e for e in subscription.told_of(consignment, clock.now()) if e.seq > told.seq]
        while lacking:
            now, lacking = lacking[:_TOGETHER], lacking[_TOGETHER:]
            notices = [notice.of_event(event, subscription) for event in now]
            after = store.tell(subscription, consignment.window_no, told, now[-1].seq, notices)
            if after is None:
                break
            told, written = after, written + len(now)
        else:
            if told.unsent:
                send(Pointer.of(subscription, cursor) for cursor in told.unsent)
                store.queued(subscription, consignment.window_no, told)
            return written
        store.pause(attempt)
    raise store.crowded(subscription)


def send(pointers: Iterable[Pointer], wait: float = 0.0) -> None:
    """Queue pointers, to be looked at in `wait` seconds, or sooner where that is more than a queue can wait."""
    delay = min(math.ceil(capped(wait)), queues.LONGEST_DELAY)
    queues.send("WEBHOOKS_QUEUE", [(one.as_json(), correlation.current()) for one in pointers], delay)


def capped(wait: float) -> float:
    """A wait, no longer than the stack lets it be."""
    cap = float(settings.get("WEBHOOK_DELAY_CAP"))
    return min(wait, cap) if cap else wait


def deliver(pointer: Pointer) -> str | None:
    """Do what is due about a delivery: attempt it, or let it wait; what it came to where it came to something."""
    subscription = store.find(pointer.party, pointer.subscription)
    one = store.delivery(pointer.subscription, pointer.cursor)
    if subscription is None or one is None or one.status != PENDING:
        return None
    now = clock.now().timestamp()
    if one.due > now:
        send([pointer], one.due - now)
        return None
    by_hand = one.type == notice.TEST
    if not subscription.exists or (subscription.status != "active" and not by_hand):
        return _keep(one, now)
    slot, breaker = None, store.breaker(subscription.id)
    if not by_hand:
        circuit = breaker.read()
        slot = circuit.slot(now)
        if slot is None or not breaker.enter(slot, now):
            send([pointer], circuit.wait(now, random()))
            return None
    claimed = now + _CLAIM
    if not store.claim(one, now, claimed):
        if slot is not None:
            breaker.leave(slot)
        send([pointer], _CLAIM)
        return None
    outcome = _attempt(subscription, one)
    now = clock.now().timestamp()
    if outcome.delivered:
        breaker.succeeded()
        if by_hand:
            store.enable(subscription)
        store.conclude(one, claimed, DELIVERED, now, one.attempts + 1, outcome.said)
        return DELIVERED
    if slot is None:
        store.conclude(one, claimed, FAILED, now, one.attempts + 1, outcome.said)
        return FAILED
    return _failed(subscription, pointer, one, slot, claimed, outcome, now)


def _failed(
    subscription: Subscription,
    pointer: Pointer,
    one: Delivery,
    slot: int,
    claimed: float,
    outcome: Outcome,
    now: float,
) -> str:
    breaker = store.breaker(subscription.id)
    circuit = breaker.failed(slot, now)
    rest = capped(retry.rest(circuit.failures))
    if rest:
        breaker.open_until(now + rest)
    attempts = one.attempts + 1
    if outcome.gone or circuit.is_hopeless(now):
        reason = "gone" if outcome.gone else "failing"
        said = notice.of_disabling(subscription, reason, clock.stamp())
        store.conclude(one, claimed, KEPT, now, attempts, outcome.said)
        return "disabled" if store.disable(subscription, reason, said) else KEPT
    due = now + capped(retry.backoff(attempts, random()))
    if retry.is_given_up(one.first, due):
        store.conclude(one, claimed, FAILED, now, attempts, outcome.said)
        return FAILED
    store.conclude(one, claimed, PENDING, due, attempts, outcome.said)
    send([pointer], due - now)
    return PENDING


def _keep(one: Delivery, now: float) -> str | None:
    """Nobody listens: it stays for pulling, and for a replay."""
    claimed = now + _CLAIM
    if store.claim(one, now, claimed):
        store.conclude(one, claimed, KEPT, now, one.attempts, one.said)
    return KEPT


def _attempt(subscription: Subscription, one: Delivery) -> Outcome:
    assert subscription.url is not None  # a delivery without an address is never pending
    at = clock.now()
    secrets = [secret(subscription, generation) for generation in subscription.signing(at)]
    id = notice.webhook_id(subscription.id, one.cursor)
    headers = signing.headers(secrets, id, int(at.timestamp()), one.body)
    return post(subscription.url, one.body, headers, private=private_allowed())


def secret(subscription: Subscription, generation: int) -> bytes:
    """The secret of one generation: it is nowhere stored, it follows from the key in KMS."""
    return keys.derive("WEBHOOK_SECRETS_KEY", f"webhook:{subscription.id}:{generation}")


def private_allowed() -> bool:
    return settings.get("PRIVATE_WEBHOOKS") == "on"


def shown(one: Delivery) -> Mapping[str, Any]:
    """A delivery as its subscriber sees it."""
    waits = one.status == PENDING
    return {
        "cursor": one.cursor,
        "webhook_id": notice.webhook_id(one.subscription, one.cursor),
        "body": one.body,
        "status": one.status,
        "attempts": one.attempts,
        "last_outcome": one.said,
        "next_attempt_at": clock.stamp(datetime.fromtimestamp(one.due, clock.now().tzinfo))
        if waits
        else None,
    }
