"""What is sent: orders to live and dead destinations, declarations among them, each again where no answer came."""

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID

from singlewindow import catalogue
from singlewindow.messages import transform
from tests.journeys.test_faults import persistent
from tests.journeys.window import ROOT, Client, sample
from tests.soak.parties import ALSO_HOOKED, CUSTOMS, DEAD, HOOKED, PULLING, Parties
from tests.support.transport import TRANSPORT

ORDER: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())

# One in so many …
TO_ALL, DECLARATION, SPOILT, REPEATED = 5, 25, 200, 10
SENDERS = 3


@dataclass
class Sent:
    """What was accepted: message id → the parties that shall get it; declarations; spoilt messages; keys in all."""

    messages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    declarations: list[str] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    at: dict[str, float] = field(default_factory=dict)
    unlike: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def number(self) -> int:
        return len(self.messages) + len(self.declarations) + len(self.spoilt)


def send(
    parties: Parties, number: int, seed: object, to_dead: bool, told: Callable[[Sent], None], sent: Sent
) -> None:
    """Send `number` of them from three threads; `told` hears of the progress."""
    client, importer = parties.sender, parties.importer

    def one(place: int) -> None:
        chance = random.Random(f"{seed}:{place}")
        if place % DECLARATION == DECLARATION - 1:
            _declare(importer, chance, sent)
        else:
            _order(client, chance, place, to_dead, sent)
        told(sent)

    with ThreadPoolExecutor(SENDERS) as threads:
        list(threads.map(one, range(number)))


def _declare(client: Client, chance: random.Random, sent: Sent) -> None:
    document, key = sample(bill_no=f"S{chance.getrandbits(60):015d}"), _name(chance)
    answer = persistent(client, "POST", "/declarations", document, Idempotency_Key=key)
    assert answer.status == 202, answer.raw
    with sent.lock:
        sent.declarations.append(answer.json["window_no"])


def _order(client: Client, chance: random.Random, place: int, to_dead: bool, sent: Sent) -> None:
    spoilt = place % SPOILT == 3
    parties = _parties(place, to_dead)
    head = ORDER["head"] | {"order_no": f"{chance.getrandbits(60):018d}", "guid": _name(chance).upper()}
    if spoilt:
        head["currency"] = "ZZZ"
    key, started = _name(chance), time.monotonic()
    headers = {"Idempotency_Key": key, "Receivers": ",".join(parties)}
    body = ORDER | {"head": head}
    answer = persistent(client, "POST", "/exchange/messages", body, **headers)
    assert answer.status == 202, answer.raw
    id = answer.json["receipt_id"]
    if chance.randrange(REPEATED) == 0:
        again = persistent(client, "POST", "/exchange/messages", body, **headers)
        if again.json != answer.json:
            sent.unlike.append(id)
    with sent.lock:
        sent.at[id] = started
        if spoilt:
            sent.spoilt.add(id)
        else:
            sent.messages[id] = (CUSTOMS, *parties)


def large_message() -> bytes:
    """A hundred orders of 66 lines in one message: more than 20 MB."""
    head, line = ORDER["head"], ORDER["lines"][0] | {"item_description": "长" * 1000}
    lines = [line | {"line_no": str(number)} for number in range(1, 67)]
    orders = [
        ORDER
        | {"head": head | {"order_no": f"L{n:018d}", "guid": _name(random.Random(n)).upper()}, "lines": lines}
        for n in range(100)
    ]
    kind = catalogue.document("ecommerce-order")
    return transform.write([kind.normalise(one) for one in orders], "CEB311Message", TRANSPORT)


def upload(parties: Parties, raw: bytes, sent: Sent) -> None:
    """Send one message by upload, to one receiver."""
    told = {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
    headers = {"Idempotency_Key": "large", "Receivers": PULLING}
    answer = persistent(parties.sender, "POST", "/exchange/uploads", told, **headers)
    assert answer.status == 201, answer.raw
    octets = {"Content-Type": "application/octet-stream"}
    put = Request(answer.json["url"], raw, answer.json["headers"] | octets, method="PUT")
    with urlopen(put, timeout=60) as done:
        assert done.status == 200
    arrived = persistent(parties.sender, "POST", answer.json["then"], None, Receivers=PULLING)
    assert arrived.status == 202, arrived.raw
    sent.messages[arrived.json["receipt_id"]] = (CUSTOMS, PULLING)


def _parties(place: int, to_dead: bool) -> tuple[str, ...]:
    if place % TO_ALL == 0:
        return (HOOKED, ALSO_HOOKED, PULLING, *((DEAD,) if to_dead else ()))
    return ((HOOKED, ALSO_HOOKED, PULLING)[place % 3],)


def _name(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))
