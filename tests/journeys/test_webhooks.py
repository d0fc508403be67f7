"""A trader's system hears what happens to its shipments: pushed and signed, or pulled, and again when it asks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.stage import Stage
from tests.journeys.window import IMPORTER, STRANGER, Client, Desk, Trader, quiet, sample, until
from tests.support.receiver import Came, Receiver, receiver

# What is heard of a release. Shipments of other tests go on meanwhile: their agencies' time runs out.
RELEASE = ["DeclarationSubmitted", "DeclarationAccepted", "DeclarationReleased"]
At = Callable[[str], Desk]
Subscribe = Callable[..., dict[str, Any]]


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def subscribe(trader: Trader, there: Receiver, stage: Stage) -> Iterator[Subscribe]:
    """Subscribe with a path of the receiver; deleted afterwards, so that nothing waits for it."""
    made = []

    def subscribed(path: str | None, client: Client = trader, **wanted: Any) -> dict[str, Any]:
        url = {} if path is None else {"url": there.url + path}
        answer = client.call("POST", "/exchange/subscriptions", url | wanted)
        assert answer.status == 201, answer.raw
        made.append((client, answer.json["id"]))
        return answer.json

    yield subscribed
    for client, id in made:
        assert client.call("DELETE", f"/exchange/subscriptions/{id}").status == 200
    there.released.set()
    quiet(stage)


def verified(came: Came, *secrets: str) -> dict[str, Any]:
    """The notification, checked as docs/webhooks.md says; fails unless these secrets signed it, in this order."""
    signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    macs = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    expected = ["v1," + base64.b64encode(mac).decode() for mac in macs]
    assert came.headers["webhook-signature"].split(" ") == expected
    notification: dict[str, Any] = json.loads(came.body)
    return notification


def heard(there: Receiver, path: str, window_no: str) -> list[str]:
    """The types that came by a path about one shipment, in the order of arrival."""
    said = [json.loads(came.body) for came in there.at(path)]
    return [one["type"] for one in said if one["data"].get("window_no") == window_no]


def release(trader: Trader, desk: At) -> str:
    window_no = trader.submit(sample())
    for one in trader.show(window_no)["agencies"]:
        if one["part"] in ("decides", "verifies"):
            desk(one["agency"]).agree(window_no)
    trader.wait(window_no, "RELEASED")
    return window_no


def show(client: Client, one: dict[str, Any], tail: str = "") -> Any:
    answer = client.get(f"/exchange/subscriptions/{one['id']}{tail}")
    assert answer.status == 200, answer.raw
    return answer.json


def ask(client: Client, one: dict[str, Any], what: str, body: Any = None) -> Any:
    answer = client.call("POST", f"/exchange/subscriptions/{one['id']}/{what}", body)
    assert answer.status in (200, 202), answer.raw
    return answer.json


def test_a_release_is_heard_verified_and_pulled(
    trader: Trader, desk: At, there: Receiver, subscribe: Subscribe
) -> None:
    pushed, pulled = subscribe("/all", events=RELEASE), subscribe(None, scope="RET", events=RELEASE)

    window_no = release(trader, desk)
    until(lambda: heard(there, "/all", window_no), lambda types: "DeclarationReleased" in types)

    said = [verified(came, pushed["secret"]) for came in there.at("/all")]
    assert sorted(one["type"] for one in said) == [
        "DeclarationAccepted", "DeclarationReleased", "DeclarationSubmitted",
    ]  # fmt: skip
    released = next(one for one in said if one["type"] == "DeclarationReleased")
    assert (released["data"]["window_no"], released["data"]["state"]) == (window_no, "RELEASED")
    assert trader.get(released["data"]["links"]["declaration"]).json["state"] == "RELEASED"
    items = show(trader, pulled, "/deliveries")["items"]
    bodies = [json.loads(item["body"]) for item in items]
    assert [one["type"] for one in bodies] == ["DeclarationAccepted", "DeclarationReleased"]
    assert bodies[0]["data"]["seq"] < bodies[1]["data"]["seq"]
    assert {item["status"] for item in items} == {"kept"}
    fate = until(
        lambda: show(trader, pushed, "/deliveries")["items"],
        lambda items: all(item["status"] == "delivered" for item in items),
    )
    assert {item["webhook_id"] for item in fate} == {came.headers["webhook-id"] for came in there.at("/all")}


def test_an_event_that_is_announced_again_is_delivered_once(
    trader: Trader, desk: At, there: Receiver, subscribe: Subscribe, stage: Stage
) -> None:
    one = subscribe("/once", events=RELEASE)
    window_no = release(trader, desk)
    until(lambda: heard(there, "/once", window_no), lambda types: len(types) == 3)
    quiet(stage)

    before = stage.functions.invocations["NotificationsOnEvent"]
    answer = stage.invoke("ExchangeRepublish", {"window_no": window_no, "first": 1, "last": 99})
    quiet(stage)

    assert answer["republished"] > 3
    assert stage.functions.invocations["NotificationsOnEvent"] > before
    assert len(heard(there, "/once", window_no)) == 3
    assert len(show(trader, one, "/deliveries")["items"]) == 3


def test_a_receiver_that_was_down_hears_it_when_it_is_back(
    trader: Trader, there: Receiver, subscribe: Subscribe
) -> None:
    there.answers["/down"] = 503
    one = subscribe("/down", scope="DATA")

    window_no = trader.submit(sample())
    shown = until(lambda: show(trader, one), lambda shown: shown["failures_in_a_row"] >= 2)
    waiting = show(trader, one, "/deliveries")["items"][0]
    there.answers["/down"] = 204
    item = until(
        lambda: show(trader, one, "/deliveries")["items"][0], lambda item: item["status"] == "delivered"
    )

    assert shown["status"] == "active"
    assert (waiting["status"], waiting["last_outcome"]) == ("pending", "503")
    assert item["attempts"] == len(there.at("/down")) >= 3
    assert len({came.headers["webhook-id"] for came in there.at("/down")}) == 1
    assert set(heard(there, "/down", window_no)) == {"DeclarationSubmitted"}
    assert show(trader, one)["failures_in_a_row"] == 0


def test_one_that_hangs_delays_nobody_else(
    trader: Trader, there: Receiver, subscribe: Subscribe, stage: Stage
) -> None:
    there.answers["/hangs"] = there.hang
    ill, well = subscribe("/hangs", scope="DATA"), subscribe("/well", scope="DATA")
    numbers = [
        trader.submit(sample()) for _ in range(6)
    ]  # twice as many as one destination may have under way

    until(lambda: [heard(there, "/well", number) for number in numbers], all)

    hanging = there.at("/hangs")
    assert hanging
    last = there.at("/well")[-1].at
    assert last - hanging[0].at < 4  # before the first attempt there ran into its five seconds
    assert 1 <= len([came for came in hanging if came.at <= last]) <= 3
    assert {i["status"] for i in show(trader, ill, "/deliveries")["items"]} == {"pending"}
    until(
        lambda: show(trader, well, "/deliveries")["items"],
        lambda items: [i["status"] for i in items] == ["delivered"] * 6,
    )


def test_a_replay_begins_at_its_cursor_and_repeats_the_ids(
    trader: Trader, desk: At, there: Receiver, subscribe: Subscribe
) -> None:
    one = subscribe("/again", events=RELEASE)
    window_no = release(trader, desk)
    items = until(
        lambda: show(trader, one, "/deliveries")["items"],
        lambda items: [i["status"] for i in items] == ["delivered"] * 3,
    )
    first = len(there.at("/again"))

    answer = ask(trader, one, "replay", {"after": items[0]["cursor"]})
    until(lambda: len(there.at("/again")), lambda number: number == first + 2)

    assert answer == {"queued": 2, "next": items[2]["cursor"], "more": False}
    again = there.at("/again")[first:]
    assert {came.headers["webhook-id"] for came in again} == {i["webhook_id"] for i in items[1:]}
    assert sorted(heard(there, "/again", window_no)[first:]) == ["DeclarationAccepted", "DeclarationReleased"]


def test_after_a_rotation_both_secrets_sign(trader: Trader, there: Receiver, subscribe: Subscribe) -> None:
    one = subscribe("/rotated", scope="DATA")
    rotated = ask(trader, one, "secret")

    ask(trader, one, "test")
    came = until(lambda: there.at("/rotated"), bool)[0]

    assert rotated["secret"] != one["secret"]
    assert verified(came, rotated["secret"], one["secret"])["type"] == "subscription.test"


def test_anothers_subscription_is_not_known_and_hears_nothing(
    trader: Trader, there: Receiver, subscribe: Subscribe, token: Callable[[str, str], str], stage: Stage
) -> None:
    stranger = Client(trader.url, token("enterprise", STRANGER))
    one, theirs = subscribe("/ours"), subscribe("/theirs", stranger)

    window_no = trader.submit(sample())
    until(lambda: heard(there, "/ours", window_no), bool)

    for method, tail in (
        ("GET", ""),
        ("GET", "/deliveries"),
        ("POST", "/test"),
        ("POST", "/secret"),
        ("DELETE", ""),
    ):
        assert stranger.call(method, f"/exchange/subscriptions/{one['id']}{tail}").status == 404
    assert [i["id"] for i in stranger.get("/exchange/subscriptions").json["items"]] == [theirs["id"]]
    assert show(stranger, theirs, "/deliveries")["items"] == []
    assert there.at("/theirs") == []
    assert Client(trader.url, token("operator", "window")).get("/exchange/subscriptions").status == 403


def test_an_address_inside_is_refused_where_the_stack_does_not_allow_it(
    trader: Trader, there: Receiver, subscribe: Subscribe, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = subscribe("/inside", scope="DATA")
    for function in ("NotificationsApi", "NotificationsDeliver"):
        environment: Any = stage.functions.find(function).environment
        assert environment["PRIVATE_WEBHOOKS"] == "on"
        monkeypatch.setitem(environment, "PRIVATE_WEBHOOKS", "off")

    ask(trader, one, "test")
    item = until(lambda: show(trader, one, "/deliveries")["items"], lambda i: i[0]["status"] == "failed")[0]
    refused = trader.call("POST", "/exchange/subscriptions", {"url": f"{there.url}/inside"})

    assert item["last_outcome"] == "address-refused"
    assert there.came == {}
    assert (refused.status, refused.json["code"]) == (422, "unfit-address")


def test_an_agency_pulls_how_it_ended(
    trader: Trader, desk: At, subscribe: Subscribe, token: Callable[[str, str], str]
) -> None:
    customs = Client(trader.url, token("agency", "customs"))
    one = subscribe(None, customs, events=RELEASE)

    window_no = release(trader, desk)

    items = until(lambda: show(customs, one, "/deliveries")["items"], bool)
    said = [json.loads(item["body"]) for item in items]
    assert [(s["type"], s["data"]["window_no"]) for s in said] == [("DeclarationReleased", window_no)]
    assert all("links" not in s["data"] and IMPORTER not in json.dumps(s) for s in said)
