"""What must hold afterwards, counted from the tables and from what came to the parties: 0 lost, 0 doubled."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from typing import Any

from channels import dispatch
from channels.dispatch import Delivery
from infra.stage import Stage
from panorama.record import record_of
from singlewindow.deliveries import ACKED, DELIVERED, SENT
from singlewindow.deliveries import DEAD as DEAD_STATE
from singlewindow.events import GENESIS, Event
from tests.journeys.test_faults import ONCE, recorded, shown_by_panorama
from tests.soak.parties import CUSTOMS, DEAD, HOOKS, LIVE, PULLING, SENDER, Parties
from tests.soak.traffic import Sent

# How a delivery to somebody alive ends: in the mailbox, in the inbox or at the webhook, or acknowledged.
ENDED = (SENT, DELIVERED, ACKED)


# Of one delivery queue (functions/channels/app.py); the longest that an attempt at the dead one takes, in seconds.
WORKERS, DEADLINE = 25, 2.0


@dataclass(frozen=True)
class Claim:
    """Something that must hold; `seen` is what was counted."""

    says: str
    holds: bool
    seen: str


def claims(
    stage: Stage, parties: Parties, sent: Sent, before: Mapping[str, int], to_dead: int
) -> Iterator[Claim]:
    """`before`: the dead letters that were there before the traffic; `to_dead`: at least so many went to the dead."""
    deliveries = routed(stage, sent)
    yield from _of_messages(stage, sent)
    yield from _of_deliveries(parties, sent, deliveries, to_dead)
    yield from _of_declarations(stage, parties, sent)
    left = Counter(stage.dead_letters()) - Counter(before)
    yield Claim("dead letters are the planted poison", left == parties.poison, str(dict(left) or "none"))
    ours = set(sent.declarations)
    ended = Counter(one["status"] for one in stage.executions() if one["name"].rsplit("-v", 1)[0] in ours)
    yield Claim("every execution succeeded", set(ended) <= {"SUCCEEDED"}, str(dict(ended)))
    yield _never_behind_the_dead(deliveries)


def routed(stage: Stage, sent: Sent) -> list[Delivery]:
    """The deliveries of what was sent."""
    found = (dispatch._read(row) for row in _scan(stage, "DispatchTable") if row["item"]["S"] == "delivery")
    return [one for one in found if one.message_id in sent.messages]


def _of_messages(stage: Stage, sent: Sent) -> Iterator[Claim]:
    rows = [
        one
        for one in _scan(stage, "ReceivedTable")
        if one.get("sender") == {"S": SENDER} and "raw_key" in one
    ]
    states = Counter(one["state"]["S"] for one in rows)
    ids = {one["key"]["S"].removeprefix("receipt#") for one in rows}
    expected = set(sent.messages) | sent.spoilt
    yield Claim("every accepted message is there, and no other", ids == expected, f"{len(ids)} messages")
    yield Claim("the same key got the same receipt", not sent.unlike, f"{len(sent.unlike)} unlike")
    wanted = Counter({"VALIDATED": len(sent.messages), "INVALID": len(sent.spoilt)})
    yield Claim("every message was judged, once and rightly", states == +wanted, str(dict(states)))


def deliveries(stage: Stage, ids: list[str]) -> Iterator[Delivery]:
    """Those deliveries of these ids that there are."""
    database, table = stage.client("dynamodb"), stage.resource("DispatchTable")
    for start in range(0, len(ids), 100):
        keys = [
            {"key": {"S": f"delivery#{id}"}, "item": {"S": "delivery"}} for id in ids[start : start + 100]
        ]
        found = database.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        yield from map(dispatch._read, found["Responses"][table])


def _of_deliveries(parties: Parties, sent: Sent, deliveries: list[Delivery], to_dead: int) -> Iterator[Claim]:
    wanted = Counter((id, party) for id, whom in sent.messages.items() for party in whom)
    made = Counter((one.message_id, one.party) for one in deliveries)
    yield Claim(
        "every message has one delivery to each receiver", made == wanted, f"{sum(made.values())} deliveries"
    )
    got = parties.received()
    for party in LIVE:
        mine = {one.id for one in deliveries if one.party == party}
        lost, foreign = mine - set(got[party]), set(got[party]) - mine if party != CUSTOMS else set()
        repeated = sum(got[party].values()) - len(got[party])
        yield Claim(
            f"all of {party}'s came to it, and nothing else",
            not lost and not foreign,
            f"{len(mine)} deliveries, {len(lost)} lost, {len(foreign)} foreign, {repeated} came again",
        )
    ends = Counter(one.state for one in deliveries if one.party != DEAD)
    yield Claim("every live delivery ended well", set(ends) <= set(ENDED), str(dict(ends)))
    twice = [
        one.id
        for one in deliveries
        if one.party not in (DEAD, PULLING)
        and sum(state == DELIVERED for _, state, _ in one.timeline) > 1 + one.round
    ]
    yield Claim("none was concluded twice", not twice, f"{len(twice)} doubled")
    replayed = [
        one for one in deliveries if one.party in HOOKS and DEAD_STATE in {s for _, s, _ in one.timeline}
    ]
    back = sum(one.state in ENDED for one in replayed)
    yield Claim(
        "what a mapping that raises had killed is replayed",
        back == len(replayed),
        f"{len(replayed)} came back",
    )
    dead = [one for one in deliveries if one.party == DEAD]
    alive = [one for one in dead if one.state in (DELIVERED, ACKED)]
    yield Claim(
        f"{to_dead} messages or more went to the dead destination, beside four live ones",
        len(dead) >= to_dead,
        f"{len(dead)} of {len(sent.messages)}",
    )
    yield Claim("the dead destination got nothing", not alive, f"{len(alive)} of {len(dead)}")


def _of_declarations(stage: Stage, parties: Parties, sent: Sent) -> Iterator[Claim]:
    number = len(sent.declarations)
    doubled, broken, unlike, open_ = [], [], [], []
    for window_no in sent.declarations:
        consignment = recorded(stage, window_no)
        happened = Counter(event.type for event in consignment.events)
        replies = Counter(
            (e.data["agency"], e.data["reply_id"]) for e in consignment.events if e.type == "AgencyReplied"
        )
        if any(happened[type] > 1 for type in ONCE) or max(replies.values(), default=0) > 1:
            doubled.append(window_no)
        if consignment.state != "RELEASED":
            open_.append(window_no)
        if not _chained(consignment.events):
            broken.append(window_no)
        replayed = [(one.seq, one.type, one.hash) for one in map(record_of, consignment.events)]
        if shown_by_panorama(parties.importer, window_no) != replayed:
            unlike.append(window_no)
    yield Claim("no declaration is lost", len(set(sent.declarations)) == number, f"{number} declarations")
    yield Claim("every declaration is released", not open_, f"{len(open_)} not")
    yield Claim("no effect is doubled", not doubled, f"{len(doubled)} doubled")
    yield Claim("every hash chain is whole", not broken, f"{len(broken)} broken")
    yield Claim("the projection is the ledger's replay", not unlike, f"{len(unlike)} unlike")


def _chained(events: tuple[Event, ...]) -> bool:
    whole = all(event.sealed().hash == event.hash for event in events)
    return whole and events[0].prev == GENESIS and all(a.hash == b.prev for a, b in pairwise(events))


def _never_behind_the_dead(deliveries: list[Delivery]) -> Claim:
    """From the timelines: attempts at the dead destination that ran at one time. As long as they are fewer than the
    workers of one queue, a worker was free for every live delivery that waited.

    An attempt whose function was killed has no end in the timeline: it is taken for as long as its deadline.
    """
    marks = []
    for one in deliveries:
        if one.party == DEAD:
            for (start, state, _), (end, _, _) in pairwise(one.timeline):
                if state == SENT:
                    began = _moment(start)
                    marks += [(began, 1), (min(_moment(end), began + DEADLINE), -1)]
    together = most = 0
    for _, step in sorted(marks):
        together += step
        most = max(most, together)
    says = (
        f"a worker was free for every live delivery: attempts at the dead at one time, of {WORKERS} workers"
    )
    return Claim(says, 0 < most < WORKERS, f"{most} at most, {len(marks) // 2} attempts")


def _scan(stage: Stage, table: str) -> Iterator[dict[str, Any]]:
    pages = stage.client("dynamodb").get_paginator("scan").paginate(TableName=stage.resource(table))
    return chain.from_iterable(page["Items"] for page in pages)


def _moment(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
