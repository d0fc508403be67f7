"""Faults of AWS under whole journeys: nothing lost, nothing done twice. Each fault is seen to have fired."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import Any
from uuid import uuid4

from infra.stage import Stage
from panorama.record import record_of
from singlewindow import settings
from singlewindow.aws import ledger
from singlewindow.consignment import Consignment
from tests.journeys.window import Client, Desk, Response, Trader, quiet, sample, until
from tests.support.faults import LOST, THROTTLED, Faults, injected

At = Callable[[str], Desk]
# The functions that a clearance runs through.
IN_FLIGHT = (
    "DeclarationsApi",
    "DeclarationsOnEvent",
    "DeclarationsDecide",
    "ExchangePublish",
    "ExchangeDispatch",
    "ExchangeOnEvent",
    "ExchangeOnReply",
    "PanoramaOnEvent",
)
# What one version of a declaration may say once.
ONCE = ("DeclarationSubmitted", "DeclarationAccepted", "DeclarationReleased", "ClearanceConcluded")


def persistent(client: Client, method: str, path: str, body: Any, **headers: str) -> Response:
    """As a client of ours behaves: the same request again until the window has answered it."""
    headers.setdefault("Idempotency_Key", str(uuid4()))
    for attempt in range(40):
        answer = client.call(method, path, body, **headers)
        if answer.status < 500 and answer.status != 429:
            return answer
        time.sleep(0.02 * attempt)
    raise AssertionError(f"{method} {path}: still {answer.status} {answer.raw!r}")


def recorded(stage: Stage, window_no: str) -> Consignment:
    """The consignment as the ledger has it."""
    with settings.using({"LEDGER_TABLE": stage.resource("LedgerTable"), **stage.functions.surroundings}):
        found = ledger.read(window_no)
    assert found is not None
    return found


def test_throttling_and_lost_answers_neither_lose_nor_double(trader: Trader, desk: At, stage: Stage) -> None:
    """30 % of all calls throttled, 10 % done and never answered; every reply twice, in any order."""
    chance = random.Random(11)
    with injected(throttled=0.3, lost=0.1) as faults:
        numbers = []
        for _ in range(3):
            answer = persistent(trader, "POST", "/declarations", sample(bill_no=f"CTU{uuid4().hex[:12]}"))
            assert answer.status == 202, answer.raw
            numbers.append(answer.json["window_no"])
        replies: list[tuple[Desk, dict[str, Any]]] = []
        for window_no in numbers:
            for one in steady(trader, window_no)["agencies"]:
                if one["part"] in ("decides", "verifies"):
                    at = desk(one["agency"])
                    question = at.question(window_no, patience=40)
                    replies.append((at, at.compose(question, at.yes)))
        replies += replies
        chance.shuffle(replies)
        for at, reply in replies:
            at.send(reply)
        for window_no in numbers:
            until(partial(steady, trader, window_no), lambda shown: shown["state"] == "RELEASED", 40)
        quiet(stage, 40)
    fired(faults, THROTTLED, 40)
    fired(faults, LOST, 10)
    assert len(set(numbers)) == len(numbers)
    for window_no in numbers:
        consignment = recorded(stage, window_no)
        happened = Counter(event.type for event in consignment.events)
        assert {type: happened[type] for type in ONCE if happened[type] != 1} in (
            {},
            {"ClearanceConcluded": 0},
        )
        replied = [e.data["reply_id"] for e in consignment.events if e.type == "AgencyReplied"]
        assert sorted(replied) == sorted(
            {r["reply_id"] for at, r in replies if r["message_id"] in asked(consignment)}
        )
        assert shown_by_panorama(trader, window_no) == [
            (record.seq, record.type, record.hash) for record in map(record_of, consignment.events)
        ]


def test_functions_that_die_after_their_work_do_it_once_and_a_day_told_again_changes_nothing(
    trader: Trader, desk: At, stage: Stage
) -> None:
    """A redeploy in mid-flight, as the transports see it: what ran is gone, its work done, its answer lost."""
    with ExitStack() as undo:
        killed = {
            name: undo.enter_context(stage.inject(name, after=RuntimeError("redeployed"), times=1))
            for name in IN_FLIGHT
        }
        answer = persistent(trader, "POST", "/declarations", sample(bill_no=f"CTU{uuid4().hex[:12]}"))
        window_no = answer.json["window_no"]
        for one in steady(trader, window_no)["agencies"]:
            if one["part"] in ("decides", "verifies"):
                desk(one["agency"]).agree(window_no)
        until(partial(steady, trader, window_no), lambda shown: shown["state"] == "RELEASED", 40)
        quiet(stage, 40)
        assert {name: one.fired for name, one in killed.items()} == dict.fromkeys(IN_FLIGHT, 1)
    before = recorded(stage, window_no)
    happened = Counter(event.type for event in before.events)
    assert {type: happened[type] for type in ONCE if happened[type] != 1} in ({}, {"ClearanceConcluded": 0})

    stage.invoke("ExchangeRepublish", {"window_no": window_no, "first": 1, "last": before.snapshot.seq})
    quiet(stage, 40)
    assert recorded(stage, window_no) == before
    assert len(shown_by_panorama(trader, window_no)) == before.snapshot.seq


def asked(consignment: Consignment) -> set[str]:
    return {event.data["message_id"] for event in consignment.events if event.type == "AgencyAsked"}


def steady(trader: Trader, window_no: str) -> dict[str, Any]:
    answer = persistent(trader, "GET", f"/declarations/{window_no}", None)
    assert answer.status == 200, answer.raw
    shown: dict[str, Any] = answer.json
    return shown


def shown_by_panorama(trader: Client, window_no: str) -> list[tuple[int, str, str]]:
    """The projection: what panorama made of the events that it was told."""
    lanes = trader.get(f"/panorama/{window_no}").json["lanes"]
    entries = chain(lanes["documents"], lanes["logistics"])
    return sorted((one["seq"], one["event"], one["evidence"]) for one in entries)


def fired(faults: Faults, kind: str, at_least: int) -> None:
    assert faults.of(kind) >= at_least, faults.fired
