"""What a million messages cost that are taken in, judged, routed and delivered, by where they go."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from infra import ROOT, issuer
from tests.bench import prices
from tests.bench.cost import Usage, by_service, in_detail, spent
from tests.bench.report import Figure
from tests.bench.window import Window
from tests.journeys.window import Client, until
from tests.soak.parties import ALSO_HOOKED, HOOKED, PULLING, SENDER
from tests.support.receiver import Receiver, receiver

MESSAGES = 3
_ORDER: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())
_BY_CONTENT = "customs' queue, by content"
# Where a message goes beside customs, to which it goes by content.
_SCENARIOS: dict[str, tuple[str, ...]] = {
    _BY_CONTENT: (),
    f"{_BY_CONTENT}, and one signed webhook": (HOOKED,),
    f"{_BY_CONTENT}, and one that pulls": (PULLING,),
    f"{_BY_CONTENT}, and one signed webhook in another format": (ALSO_HOOKED,),
}


def measure(window: Window) -> Iterator[Figure]:
    """A figure for each way: what it is over the first is what the second delivery costs."""
    with ExitStack() as undo:
        there = undo.enter_context(receiver())
        channels = {
            HOOKED: _channel(window, HOOKED, protocol="webhook", url=f"{there.url}/hooked"),
            ALSO_HOOKED: _channel(
                window, ALSO_HOOKED, protocol="webhook", url=f"{there.url}/also", format="CEB311Message"
            ),
            PULLING: _channel(window, PULLING, protocol="pull"),
        }
        for name, parties in _SCENARIOS.items():
            _send(window, there, channels, parties)  # what is read once and kept is read
            usage, sent = spent(window, lambda to=parties: _send(window, there, channels, to), 0.0)  # type: ignore[misc]
            if HOOKED in parties or ALSO_HOOKED in parties:
                _add_waiting(window, usage, len(sent))
            usage = usage / len(sent)
            yield Figure(
                name=f"List price of a million messages delivered to {name}",
                value=f"${usage.dollars():.0f}",
                conditions=(
                    "as for declarations; the authorizer's GB-seconds and data keys left out",
                    f"the mean of {MESSAGES} orders of {len(json.dumps(_ORDER)):,} bytes of JSON",
                    "taken in over HTTP, judged, mapped where the receiver wants that, routed, delivered, acknowledged",
                    "customs fetches the body by its link and acknowledges it: one request",
                ),
                breakdowns=(by_service(usage), in_detail(usage, "a message")),
            )


def to_customs(window: Window) -> None:
    """A few messages that go to customs' queue by their content."""
    with receiver() as there:
        _send(window, there, {}, ())


def _send(window: Window, there: Receiver, channels: dict[str, str], parties: tuple[str, ...]) -> list[str]:
    """So many messages, each delivered before the next is sent; their ids."""
    sender, sent = Client(window.stage.url, issuer.token("enterprise", SENDER)), []
    for _ in range(MESSAGES):
        head = _ORDER["head"] | {"order_no": uuid4().hex[:18].upper(), "guid": str(uuid4()).upper()}
        told = {"Idempotency_Key": str(uuid4())} | ({"Receivers": ",".join(parties)} if parties else {})
        answer = sender.call("POST", "/exchange/messages", _ORDER | {"head": head}, **told)
        assert answer.status == 202, answer.raw
        sent.append(answer.json["receipt_id"])
        window.stage.settle(20)
        for party in parties:
            _arrived(window, there, channels[party], party, sent[-1])
    return sent


def _arrived(window: Window, there: Receiver, channel: str, party: str, message_id: str) -> None:
    if party == PULLING:
        me = Client(window.stage.url, issuer.token("enterprise", party))
        after, found = "", list[dict[str, Any]]()
        while not any(one["message_id"] == message_id for one in found):
            page = me.get(f"/exchange/channels/{channel}/messages?after={after}&limit=50").json
            found, after = page["items"], page["next"]
        return
    path = "/hooked" if party == HOOKED else "/also"
    until(
        lambda: any(json.loads(came.body)["data"]["message_id"] == message_id for came in there.at(path)), bool, 20
    )


def _add_waiting(window: Window, usage: Usage, deliveries: int) -> None:
    """While a receiver thinks, the function that called it is paid for."""
    function = window.stage.functions.find("ChannelsDeliver")
    seconds = prices.assumed("webhook_ms") / 1000
    usage.add("lambda.gb_second", "waiting for webhooks (assumed)", deliveries * seconds * function.memory / 1024)


def _channel(window: Window, party: str, **wanted: Any) -> str:
    me = Client(window.stage.url, issuer.token("enterprise", party))
    answer = me.call("POST", "/exchange/channels", wanted)
    assert answer.status == 201, answer.raw
    id: str = answer.json["id"]
    return id
