"""Routing a message, and doing what is due about a delivery.

The queues carry pointers. A pointer leaves its queue when its delivery is done with, or when another pointer to it has
been sent: none is lost, and one too many finds nothing due. What must wait never waits inside an attempt, so that
nothing stands behind a destination that is dead.
"""

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from random import random
from typing import Any, Final

from channels import bodies, dispatch, judged, maintenance, registry, routing, tally, transports
from channels.bodies import Body, Unmappable
from channels.channel import DROP, PULL, SUSPENDED, WEBHOOK, Channel
from channels.dispatch import Delivery, Moved
from singlewindow import canonical, clock, correlation, settings
from singlewindow.aws import archive, queues
from singlewindow.aws.circuits import Breaker
from singlewindow.deliveries import DEAD, DELIVERED, EXPIRED, FAILED, QUEUED, SENT
from singlewindow.ids import new_id
from singlewindow.messages.routing import receivers, rows
from singlewindow.outbound import retry

SHARDS: Final = ("DELIVERY_A_QUEUE", "DELIVERY_B_QUEUE", "DELIVERY_C_QUEUE", "DELIVERY_D_QUEUE")

# An attempt is over by then, or its function is not there any more.
_CLAIM: Final = 60.0
# A suspended channel is looked at again so often.
_SUSPENSION: Final = 900.0


def route(message_id: str) -> int | None:
    """Decide where a message goes, once, and queue its deliveries; how many, None for what may not go on.

    Whatever is repeated goes on from what stands: the decision, then the deliveries, then the pointers.
    """
    message = judged.message(message_id)
    if message is None:
        return None
    decided = dispatch.route(message_id)
    if decided is None:
        decided, first = dispatch.decide(message_id, _decision(message))
        if first:
            tally.add(tally.ACCEPTED, "accepted")
    made = [
        _delivery(message, one, decided["at"], message.at)
        for one in decided["receivers"]
        if one["delivery_id"]
    ]
    added = [one for one in made if dispatch.add(one)]
    standing = dispatch.all_of([one.id for one in made if one not in added])
    send(one for one in (*added, *standing) if one.waits)
    return len(made)


def join(message_id: str, parties: Callable[[str], bool]) -> None:
    """Deliveries for those of a message's receivers that had no channel when it was routed, and have one now."""
    message, decided = judged.message(message_id), dispatch.route(message_id)
    if message is None or decided is None:
        return
    now = clock.now()
    receivers = [
        one | {"channel": channel, "delivery_id": delivery}
        for one in decided["receivers"]
        for channel, delivery in (
            [(one["channel"], one["delivery_id"])]
            if one["delivery_id"] or not parties(one["party"])
            else _ways(message, one["party"], now)
        )
    ]
    # The deliveries first: who is cut short after them finds them the next time, and the decision names none in vain.
    joining = [one for one in receivers if one not in decided["receivers"]]
    for one in joining:
        dispatch.add(_delivery(message, one, clock.stamp(now), clock.stamp(now)))
    if joining:
        dispatch.widen(message_id, decided, decided | {"receivers": receivers})


def send(deliveries: Iterable[Delivery], wait: float = 0.0) -> None:
    """Queue pointers, to be looked at in `wait` seconds, or sooner where that is more than a queue can wait."""
    delay = min(math.ceil(capped(wait)), queues.LONGEST_DELAY)
    by_shard: dict[str, list[tuple[dict[str, str], str]]] = {}
    for one in deliveries:
        by_shard.setdefault(shard(one.channel), []).append(({"delivery_id": one.id}, one.correlation_id))
    for queue, pointers in by_shard.items():
        queues.send(queue, pointers, delay)


def shard(channel_id: str) -> str:
    """The queue of a channel: the same always, and spread evenly."""
    return SHARDS[int(canonical.sha256(channel_id.encode())[:8], 16) % len(SHARDS)]


def capped(wait: float) -> float:
    """A wait, no longer than the stack lets it be."""
    cap = float(settings.get("WEBHOOK_DELAY_CAP"))
    return min(wait, cap) if cap else wait


def test(channel: Channel) -> Delivery:
    """A delivery by hand, with a body that says so; attempted once."""
    at, now = clock.stamp(), clock.now().timestamp()
    content = canonical.dumps({"test": True, "channel": channel.id, "at": at})
    key = archive.keep(content, bodies.JSON)
    body = Body(key, canonical.sha256(content), len(content), bodies.JSON, "test")
    one = Delivery(
        id=new_id(), message_id="test", channel=channel.id, party=channel.party, type=transports.TEST_TYPE,
        document=None, queued_at=at, correlation_id=correlation.current(), accepted_at=at, due=now, first=now,
        body=body, timeline=((at, QUEUED, "test"),), test=True,
    )  # fmt: skip
    dispatch.add(one)
    send([one])
    return one


def deliver(delivery_id: str) -> str | None:
    """Do what is due about a delivery: attempt it, or let it wait; what it came to where it came to something."""
    one = dispatch.find(delivery_id)
    if one is None or one.due is None:
        return None
    now = clock.now()
    if one.due > now.timestamp():
        send([one], one.due - now.timestamp())
        return None
    channel = registry.of(one.party, one.channel)
    if channel is None:
        return _end(one, EXPIRED, "the channel is closed")
    came_to = _due(channel, one, now)
    if came_to:
        tally.end(channel, one, came_to)
    return came_to


def _due(channel: Channel, one: Delivery, now: datetime) -> str | None:
    if channel.is_over(now):
        return _end(one, EXPIRED, "the channel is closed")
    if retry.is_given_up(one.first, now.timestamp(), channel.profile):
        return _end(one, EXPIRED, "it waited longer than its retry profile lets it")
    if until := maintenance.end(channel.maintenance, now):
        _postponed(one, until.timestamp(), "maintenance")
        return None
    if channel.status == SUSPENDED:
        send([one], _SUSPENSION)
        return None
    try:
        body = one.body or _body(one, channel)
    except Unmappable as error:
        return _end(one, DEAD, error.reason, error.findings)
    return _attempted(channel, one, body, now.timestamp())


def _attempted(channel: Channel, one: Delivery, body: Body, now: float) -> str | None:
    slot, breaker = None, dispatch.breaker(channel.id)
    if channel.protocol == WEBHOOK or channel.pace:
        circuit = breaker.read()
        slot = circuit.slot(now)
        if slot is None or not breaker.enter(slot, now, channel.pace):
            send([one], circuit.wait(now, random()))
            return None
    claimed = round(now + _CLAIM, 3)  # as the table keeps it
    if not dispatch.claim(one, body, claimed, clock.stamp()):
        if slot is not None:
            breaker.leave(slot)
        send([one], _CLAIM)
        return None
    if channel.protocol == WEBHOOK:
        assert slot is not None
        return _pushed(channel, one, body, claimed, breaker, slot)
    if channel.protocol == PULL:
        came_to = SENT if dispatch.put_into_mailbox(one, claimed, clock.stamp()) else None
    elif channel.protocol == DROP:
        place = transports.into_folder(one, body)
        came_to = _concluded(one, claimed, Moved(DELIVERED, None, place))
    else:
        transports.into_inbox(one, body)
        came_to = _concluded(one, claimed, Moved(DELIVERED, None, "in the inbox"))
    if slot is not None:
        breaker.leave(slot)
    return came_to


def _pushed(
    channel: Channel, one: Delivery, body: Body, claimed: float, breaker: Breaker, slot: int
) -> str | None:
    outcome = transports.by_webhook(channel, one, body)
    now = clock.now().timestamp()
    if outcome.delivered:
        breaker.succeeded()
        return _concluded(one, claimed, Moved(DELIVERED, None, outcome.said))
    circuit = breaker.failed(slot, now)
    if rest := capped(retry.rest(circuit.failures)):
        breaker.open_until(now + rest)
    if one.test:
        return _concluded(one, claimed, Moved(FAILED, None, outcome.said))
    attempts = one.attempts + 1
    due = now + capped(retry.backoff(attempts, random(), channel.profile))
    if outcome.gone or retry.is_given_up(one.first, due, channel.profile):
        reason = "the receiver wants nothing any more (410)" if outcome.gone else "given up"
        return _end(one, DEAD, f"{reason}: {attempts} attempt(s), the last: {outcome.said}", claimed=claimed)
    came_to = _concluded(one, claimed, Moved(FAILED, due, outcome.said))
    send([one], due - now)
    return came_to


def _concluded(one: Delivery, claimed: float, to: Moved) -> str | None:
    return to.state if dispatch.conclude(one, claimed, to, clock.stamp()) else None


def _end(
    one: Delivery,
    state: str,
    reason: str,
    findings: tuple[dict[str, Any], ...] = (),
    claimed: float | None = None,
) -> str | None:
    to = Moved(state, None, reason, reason, findings)
    if one.test:
        return state if dispatch.conclude(one, claimed or one.due, to, clock.stamp()) else None
    return state if dispatch.bury(one, claimed or one.due, to, clock.stamp()) else None


def _postponed(one: Delivery, until: float, why: str) -> None:
    """Said once in the timeline, and queued until it is over."""
    dispatch.postpone(one, until, why, clock.stamp())
    send([one], until - clock.now().timestamp())


def _body(one: Delivery, channel: Channel) -> Body:
    message = judged.message(one.message_id)
    if message is None:
        raise Unmappable("the message is not there any more")
    return bodies.body(message, channel)


def _decision(message: routing.Message) -> dict[str, Any]:
    """Who gets it and by which channel; a party without one is recorded as such."""
    now = clock.now()
    as_at = clock.business_date(datetime.fromisoformat(message.at))
    documents: list[dict[str, Any]] = []
    if message.canonical:
        documents = canonical.load(archive.fetch(message.canonical["key"]))["documents"]
    going = [
        {
            "party": receiver.party,
            "because": list(receiver.because),
            "channel": channel,
            "delivery_id": delivery,
        }
        for receiver in receivers(message.type, message.document, documents, message.receivers, rows(as_at))
        for channel, delivery in _ways(message, receiver.party, now)
    ]
    return {"at": clock.stamp(now), "as_at": as_at.isoformat(), "receivers": going}


def _ways(message: routing.Message, party: str, now: datetime) -> list[tuple[str | None, str | None]]:
    """(channel, delivery) of each way to a party; neither where there is none."""
    found = routing.ways(message, registry.of_party(party), registry.inbox(party), now)
    ways = [(one.id, dispatch.delivery_id(message.message_id, one.id)) for one in found]
    return [*ways] or [(None, None)]


def _delivery(message: routing.Message, receiver: dict[str, Any], at: str, accepted_at: str) -> Delivery:
    """`accepted_at`: from when on it counts as under way; for who joined later, when they did."""
    moment = datetime.fromisoformat(at).timestamp()
    return Delivery(
        id=receiver["delivery_id"],
        message_id=message.message_id,
        channel=receiver["channel"],
        party=receiver["party"],
        type=message.type,
        document=message.document,
        queued_at=at,
        correlation_id=message.correlation_id,
        accepted_at=accepted_at,
        due=moment,
        first=moment,
        timeline=((at, QUEUED, ""),),
    )
