"""A message reaches whom it concerns by whichever way each of them is reached; a dead destination hinders nobody."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from infra.stage import Stage
from singlewindow import canonical, catalogue
from singlewindow.messages import transform
from tests.journeys.conftest import Planted
from tests.journeys.window import IMPORTER, ROOT, STRANGER, Client, Desk, Trader, quiet, until
from tests.support.receiver import Receiver, receiver
from tests.support.transport import TRANSPORT

SAMPLE: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())
At = Callable[[str], Desk]


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def partner(stage: Stage, token: Callable[[str, str], str]) -> Client:
    return Client(stage.url, token("enterprise", STRANGER))


@pytest.fixture
def operator(stage: Stage, token: Callable[[str, str], str]) -> Client:
    return Client(stage.url, token("operator", "operations"))


@pytest.fixture
def register(partner: Client, stage: Stage) -> Iterator[Callable[..., dict[str, Any]]]:
    """Channels of the partner, closed afterwards so that nothing waits for them."""
    made = []

    def registered(**wanted: Any) -> dict[str, Any]:
        answer = partner.call("POST", "/exchange/channels", wanted)
        assert answer.status == 201, answer.raw
        made.append(answer.json["id"])
        return answer.json

    yield registered
    for id in made:
        etag = partner.get(f"/exchange/channels/{id}").headers["ETag"]
        assert partner.call("DELETE", f"/exchange/channels/{id}", If_Match=etag).status == 200
    quiet(stage)


def order() -> bytes:
    head = SAMPLE["head"] | {"order_no": uuid4().hex[:20], "guid": str(uuid4()).upper()}
    document = catalogue.document("ecommerce-order").normalise(SAMPLE | {"head": head})
    return transform.write([document], "CEB311Message", TRANSPORT)


def send(trader: Trader, *receivers: str) -> str:
    named = {"Receivers": ",".join(receivers)} if receivers else {}
    answer = trader.call(
        "POST", "/exchange/messages", order(), "application/xml", Idempotency_Key=str(uuid4()), **named
    )
    assert answer.status == 202, answer.raw
    id: str = answer.json["receipt_id"]
    return id


def destinations(trader: Trader, message_id: str) -> dict[str, str]:
    """Party → state, as the sender sees it."""
    shown = trader.get(f"/exchange/messages/{message_id}").json
    assert shown["state"] != "INVALID", shown["findings"]
    return {one["party"]: one["state"] for one in shown.get("destinations") or ()}


def test_one_message_reaches_an_inbox_a_mailbox_and_a_webhook(
    stage: Stage, trader: Trader, partner: Client, there: Receiver, register: Callable[..., dict[str, Any]]
) -> None:
    pulled = register(protocol="pull", document_types=["ecommerce-order"])
    register(protocol="webhook", url=there.url + "/hook", format="CEB311Message")
    message_id = send(trader, STRANGER)

    sqs, inbox = stage.client("sqs"), stage.resource("CustomsInbox")
    told: list[dict[str, Any]] = []

    def look() -> list[dict[str, Any]]:
        for one in sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10).get("Messages", []):
            pointer = json.loads(one["Body"])
            if pointer["message_id"] == message_id:
                told.append(pointer)
                sqs.delete_message(QueueUrl=inbox, ReceiptHandle=one["ReceiptHandle"])
        return told

    (pointer,) = until(look, bool)
    assert pointer["kind"] == "exchange.delivery" and pointer["document"] == "ecommerce-order"

    page = until(
        lambda: partner.get(f"/exchange/channels/{pulled['id']}/messages").json, lambda page: page["items"]
    )
    (offered,) = page["items"]
    fetched = partner.get(offered["body"])
    assert hashlib.sha256(fetched.raw).hexdigest() == offered["sha256"] == pointer["sha256"]
    assert partner.call("POST", offered["ack"]).json["state"] == "ACKED"
    assert trader.get(offered["body"]).status == 404  # the addressee's alone

    (came,) = until(lambda: there.at("/hook"), bool)
    data = json.loads(came.body)["data"]
    mapped = partner.get(data["body"])
    assert hashlib.sha256(mapped.raw).hexdigest() == data["sha256"]
    (read,) = transform.read(mapped.raw, "CEB311Message")
    assert read["head"]["goods_value"] == canonical.load(fetched.raw)["documents"][0]["head"]["goods_value"]

    quiet(stage)
    shown = trader.get(f"/exchange/messages/{message_id}").json["destinations"]
    assert [(one["party"], one["state"], one["held_by"]) for one in shown] == [
        ("customs", "DELIVERED", "receiver"),
        (STRANGER, "ACKED", "receiver"),
        (STRANGER, "DELIVERED", "receiver"),
    ]


def test_a_dead_destination_hinders_no_live_one_and_is_replayed_when_it_is_back(
    stage: Stage, trader: Trader, partner: Client, there: Receiver, register: Callable[..., dict[str, Any]]
) -> None:
    there.answers["/dead"] = 503
    dead = register(protocol="webhook", url=there.url + "/dead")
    register(protocol="webhook", url=there.url + "/live")
    messages = [send(trader, STRANGER) for _ in range(8)]

    until(lambda: len(there.at("/live")), lambda number: number >= len(messages))
    assert len({came.headers["webhook-id"] for came in there.at("/live")}) == len(messages)
    until(
        lambda: partner.get(f"/exchange/channels/{dead['id']}").json,
        lambda one: one["failures_in_a_row"] >= 3,
    )
    live = [came.at for came in there.at("/live")]
    there.answers["/dead"] = 204
    until(
        lambda: len({c.headers["webhook-id"] for c in there.at("/dead")}),
        lambda number: number == len(messages),
        patience=40,
    )
    assert max(live) - min(live) < 10
    quiet(stage, 20)

    replayed = partner.call(
        "POST",
        f"/exchange/channels/{dead['id']}/replay",
        {"from": "2020-01-01T00:00:00Z", "why": "lost them"},
    ).json
    assert (replayed["queued"], replayed["more"]) == (len(messages), False)
    before = {came.headers["webhook-id"] for came in there.at("/dead")}
    quiet(stage, 20)
    again = [came for came in there.at("/dead") if json.loads(came.body)["data"]["round"] == 1]
    assert {came.headers["webhook-id"] for came in again} == before


def test_a_pointer_that_says_nothing_lies_apart_and_an_operator_puts_it_back(
    stage: Stage, operator: Client, planted: Planted
) -> None:
    sqs = stage.client("sqs")
    sqs.send_message(QueueUrl=stage.resource("RoutingQueue"), MessageBody="poison")
    queues = "/exchange/dead-letters/queues"

    def depth() -> int:
        items = operator.get(queues).json["items"]
        found: int = next(one["messages"] for one in items if one["name"] == "routing-dlq")
        return found

    assert until(depth, bool) == 1
    done = operator.call("POST", f"{queues}/routing-dlq/redrive", {"why": "look at it again"})
    assert (done.status, done.json["moved"]) == (202, 1)
    assert until(depth, bool) == 1  # poison comes back, alone
    planted.dead_letter("RoutingDlq")
    assert IMPORTER not in json.dumps(operator.get("/exchange/replays").json)


def test_an_agencys_dead_webhook_is_seen_by_everybody_until_it_is_back(
    stage: Stage, trader: Trader, operator: Client, token: Callable[[str, str], str], there: Receiver
) -> None:
    agency, anybody = Client(stage.url, token("agency", "port")), Client(stage.url, "")
    there.answers["/port"] = 503
    wanted = {"protocol": "webhook", "url": there.url + "/port", "document_types": ["*"]}
    made = agency.call("POST", "/exchange/channels", wanted)
    assert made.status == 201, made.raw
    id = made.json["id"]

    def shown() -> dict[str, Any]:
        told = anybody.get("/exchange/status").json
        found: dict[str, Any] = next(one for one in told["channels"] if one["id"] == id)
        return found

    assert (shown()["state"], shown()["simulated"]) == ("up", True)
    message_ids = {send(trader, "port") for _ in range(2)}
    down = until(shown, lambda one: one["state"] == "down", patience=60)
    assert "503" in down["incident"]["reason_en"] and down["oldest_waiting_since"]

    there.answers["/port"] = 204
    up = until(shown, lambda one: one["state"] == "up" and not one["oldest_waiting_since"], patience=60)
    assert (up["incident"], up["delivery"]["number"]) == (None, len(message_ids))
    queues = {one["name"]: one for one in operator.get("/exchange/queues").json["queues"]}
    assert {"routing", "delivery-a", "webhooks"} <= set(queues)
    assert "<script>" in anybody.get("/status").raw.decode()
    etag = agency.get(f"/exchange/channels/{id}").headers["ETag"]
    assert agency.call("DELETE", f"/exchange/channels/{id}", If_Match=etag).status == 200
    quiet(stage)
