"""One soak: the stack up, the parties at work, traffic under every fault, the account at the end."""

import random
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from threading import Timer
from typing import Any
from unittest.mock import patch

from channels import dispatch
from infra import issuer
from infra.agencies import Hall
from infra.stage import Stage
from singlewindow import clock
from singlewindow.messages import transform
from tests.journeys.conftest import free_port
from tests.journeys.window import quiet
from tests.soak import account, interference, traffic
from tests.soak.account import Claim
from tests.soak.parties import ALSO_HOOKED, DEAD, HOOKED, LIVE, Parties
from tests.soak.traffic import Sent
from tests.support.faults import LOST, THROTTLED, injected

# Of all calls to AWS; of all invocations of the functions below.
CHANCES = {THROTTLED: 0.3, LOST: 0.05}
KILLED = 0.01
MISMAPPED = 1 / 30
MORTAL = (
    "ExchangeForward", "ExchangeJudge", "ExchangePublish", "ExchangeOnReply", "ExchangeOnEvent", "ExchangeDispatch",
    "DeclarationsOnEvent", "DeclarationsDecide", "PanoramaOnEvent", "ChannelsRoute", "ChannelsDeliver",
)  # fmt: skip
# How the other (simulated) agencies misbehave.
BEHAVIOURS = {"ciq": "duplicate", "maritime": "out-of-order", "mofcom": "duplicate"}


@dataclass
class Outcome:
    """The claims, what fired how often, and how long it took."""

    messages: int
    seed: int
    claims: list[Claim] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    poison: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return all(claim.holds for claim in self.claims)

    def as_markdown(self) -> str:
        lines = [
            "# Soak",
            "",
            (
                "Written by `python -m tests.soak --write` (`make soak` runs 10,000): messages through the whole local"
                " stack while everything fails at once."
            ),
            "",
            f"{clock.business_date()} · {self.messages:,} messages · seed {self.seed} · {self.seconds:.0f} s",
            "",
            "| must hold | seen | |",
            "|---|---|---|",
        ]
        lines += [
            f"| {one.says} | {one.seen} | {'holds' if one.holds else '**does not hold**'} |"
            for one in self.claims
        ]
        lines += ["", "| fault | fired |", "|---|---:|"]
        lines += [f"| {kind} | {number:,} |" for kind, number in sorted(self.fired.items())]
        return "\n".join(lines) + "\n"


def run(messages: int, seed: int, told: Callable[[Sent], None]) -> Outcome:
    """A soak of so many messages on a stack of its own; `told` hears how many were sent."""
    with stack(longest_wait=max(60, messages // 40)) as stage:
        return soaked(stage, messages, seed, told)


def soaked(
    stage: Stage,
    messages: int,
    seed: int,
    told: Callable[[Sent], None],
    *,
    pairs: int = interference.PAIRS,
    large: bool = True,
) -> Outcome:
    """A soak on a stack that is up: compare, send under every fault, tell the day again, count."""
    started, outcome, sent = time.monotonic(), Outcome(messages, seed), Sent()
    before, raw = stage.dead_letters(), traffic.large_message() if large else b""
    with ExitStack() as undo:
        undo.callback(clock.travel, None)
        parties = undo.enter_context(Parties(stage))
        if pairs:
            outcome.claims.append(_unharmed(interference.measured(parties, sent, pairs)))
        with _agencies(stage), _faults(stage, seed, outcome.fired):
            _customs_away(parties, messages, outcome.fired)
            if raw:
                traffic.upload(parties, raw, sent)
            traffic.send(
                parties, messages, seed, True, _redeploying(stage, messages, told, outcome.fired), sent
            )
            patience = 300 + messages / 5
            stage.wait_until(_over(stage, parties, sent, LIVE), patience, "delivery to all that live")
        parties.close(DEAD)
        stage.wait_until(
            _over(stage, parties, sent, (DEAD,)), patience, "an end of what the dead one waits for"
        )
        quiet(stage, patience)
        if raw:
            outcome.fired["message of over 20 MB by upload"] += len(raw) > 20e6
        _revived(parties, outcome.fired)
        _again(stage, parties, sent, outcome.fired)
        quiet(stage, patience)
        parties.close_all()
        outcome.claims += account.claims(stage, parties, sent, before, messages // traffic.TO_ALL)
        outcome.poison = parties.poison
        outcome.fired["malformed reply in a good batch"] = parties.poison.total()
    outcome.claims += [
        Claim(f"fault fired: {kind}", number > 0, f"{number} times") for kind, number in outcome.fired.items()
    ]
    outcome.seconds = time.monotonic() - started
    return outcome


def _over(stage: Stage, parties: Parties, sent: Sent, whose: Container[str]) -> Callable[[], bool]:
    """Whether no delivery to these waits any more; asks again for those that did.

    Where all stand still the window's clock goes on by a minute, for attempts that were cut short to be made again.
    """
    waiting = {
        dispatch.delivery_id(id, parties.channels[party])
        for id, whom in sent.messages.items()
        for party in whom
        if party in whose
    }

    def look() -> bool:
        time.sleep(1.0)
        over = {one.id for one in account.deliveries(stage, sorted(waiting)) if not one.waits}
        waiting.difference_update(over)
        if waiting and not over:
            clock.travel(clock.now() + timedelta(minutes=1))
        return not waiting

    return look


def _redeploying(
    stage: Stage, messages: int, told: Callable[[Sent], None], fired: Counter[str]
) -> Callable[[Sent], None]:
    """`told`, and half-way a new version of all functions, while the other senders send on."""
    heard = count(1)

    def hear(sent: Sent) -> None:
        told(sent)
        if next(heard) == messages // 2:
            fired["invocation killed by the redeploy"] += stage.redeploy()
            fired["redeploy in mid-flight"] += 1

    return hear


@contextmanager
def stack(longest_wait: int) -> Iterator[Stage]:
    """`longest_wait`: seconds after which a delivery is looked at again. Each of those that wait for the dead one is:
    much sooner, and the stack would do little else.
    """
    port = free_port()
    parameters = issuer.parameters(f"http://127.0.0.1:{port}") | {
        "AnswerTimeoutCap": "0",
        "WebhookDelayCap": str(longest_wait),
    }
    with Stage(parameters=parameters, port=port, aws_port=0, local_routes=issuer.routes()) as stage:
        yield stage


@contextmanager
def _agencies(stage: Stage) -> Iterator[None]:
    """The agencies beside customs, simulated, each misbehaving in its own way."""
    others = ("ciq", "maritime", "mofcom", "port", "tax")
    hall = Hall(
        stage.client("sqs"), url=stage.url, token=lambda agency: issuer.token("agency", agency), only=others
    )
    for agency, behaviour in BEHAVIOURS.items():
        hall.behave(agency, behaviour)
    with hall:
        yield


@contextmanager
def _faults(stage: Stage, seed: int, fired: Counter[str]) -> Iterator[None]:
    chance = random.Random(seed)

    def die(*_: Any) -> None:
        if chance.random() < KILLED:
            fired["function killed after its work"] += 1
            raise RuntimeError("killed")

    with ExitStack() as undo:
        faults = undo.enter_context(injected(throttled=CHANCES[THROTTLED], lost=CHANCES[LOST], seed=seed))
        undo.enter_context(_mapping_raises(chance, fired))
        for function in MORTAL:
            undo.enter_context(stage.inject(function, after=die, times=None))
        yield
        fired |= Counter(
            {"call throttled": faults.of(THROTTLED), "answer lost after the effect": faults.of(LOST)}
        )


@contextmanager
def _mapping_raises(chance: random.Random, fired: Counter[str]) -> Iterator[None]:
    """One mapping in thirty fails as a mapping with a mistake in it does."""
    write = transform.write

    def failing(*arguments: Any, **named: Any) -> bytes:
        if chance.random() < MISMAPPED:
            fired["mapping raised"] += 1
            raise RuntimeError("a mistake in a mapping")
        return write(*arguments, **named)

    with patch.object(transform, "write", failing):
        yield


def _revived(parties: Parties, fired: Counter[str]) -> None:
    """Replay, by the API, what ended dead because a mapping raised."""
    me, body, more = parties.client(ALSO_HOOKED), {"channel": parties.channels[ALSO_HOOKED]}, True
    while more:
        page = me.call("POST", "/exchange/dead-letters/replay", body | {"why": "soak: mended"}).json
        fired["dead letter replayed"] += page["queued"]
        body, more = body | {"after": page["next"]}, page["more"]


def _customs_away(parties: Parties, messages: int, fired: Counter[str]) -> None:
    """Customs reads nothing for a while in the middle, and then all of it."""

    def away() -> None:
        fired["agency down and back"] += 1
        parties.open.clear()
        back = Timer(min(60.0, messages / 50), parties.open.set)
        back.daemon = True
        back.start()

    leaves = Timer(min(20.0, messages / 100), away)
    leaves.daemon = True
    leaves.start()


def _again(stage: Stage, parties: Parties, sent: Sent, fired: Counter[str]) -> None:
    """The day once more: every event announced again, everything that went to a live webhook sent again."""
    for window_no in sent.declarations:
        stage.invoke("ExchangeRepublish", {"window_no": window_no, "first": 1, "last": 999})
        fired["events of a declaration announced again"] += 1
    channel, after, more = parties.channels[HOOKED], "", True
    while more:
        body = {"why": "soak: the day again"} | (
            {"after": after} if after else {"from": "2020-01-01T00:00:00Z"}
        )
        page = parties.client(HOOKED).call("POST", f"/exchange/channels/{channel}/replay", body).json
        fired["delivery replayed"] += page["queued"]
        after, more = page["next"], page["more"]


def _unharmed(compared: interference.Interference) -> Claim:
    def shown(runs: list[float]) -> str:
        return ", ".join(f"{1000 * one:.0f}" for one in runs)

    return Claim(
        "p95 of live deliveries beside a dead one is at most twice that without it (median of the pairs)",
        compared.ratio <= 2.0,
        f"{compared.ratio:.2f} times; ms without: {shown(compared.without)}; with: {shown(compared.with_dead)}",
    )
