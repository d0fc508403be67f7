"""What is written, once and in order, and what a message does to it: the app on moto, the HTTP attempt played."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from notifications import delivery, notice, store
from notifications.app import app, deliver, on_event
from notifications.delivery import Pointer
from notifications.store import DELIVERED, FAILED, KEPT, PENDING, Delivery, Told
from notifications.subscription import Subscription
from singlewindow import canonical, clock, settings
from singlewindow.aws import clients, keys
from singlewindow.consignment import Consignment
from singlewindow.outbound import retry
from singlewindow.outbound.post import Outcome
from tests.support import stories
from tests.support.clearances import IMPORTER
from tests.support.gateway_event import gateway_event
from tests.support.memory_ledger import stands

STRANGER = "913302017532977856"
STORY = stories.released().consignment


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
    clients.client.cache_clear()
    keys._mac.cache_clear()
    clock.travel(datetime.fromisoformat("2024-11-24T00:00:00Z"))
    with mock_aws():
        key = clients.client("kms").create_key(KeyUsage="GENERATE_VERIFY_MAC", KeySpec="HMAC_256")
        values = {
            "LEDGER_TABLE": "ledger",
            "SUBSCRIPTIONS_TABLE": "subscriptions",
            "DELIVERIES_TABLE": "deliveries",
            "WEBHOOKS_QUEUE": clients.client("sqs").create_queue(QueueName="webhooks")["QueueUrl"],
            "WEBHOOK_SECRETS_KEY": key["KeyMetadata"]["Arn"],
            "PRIVATE_WEBHOOKS": "off",
            "WEBHOOK_DELAY_CAP": "0",
        }
        for table, names in (
            ("ledger", ("consignment", "item")),
            ("subscriptions", ("party", "id")),
            ("deliveries", ("subscription", "item")),
        ):
            clients.client("dynamodb").create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
                KeySchema=[
                    {"AttributeName": n, "KeyType": t} for n, t in zip(names, ("HASH", "RANGE"), strict=True)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        with settings.using(values):
            yield
    clock.travel(None)
    clients.client.cache_clear()
    keys._mac.cache_clear()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The attempts made, each answered by what `Answers.next` says."""
    attempts: list[Any] = []

    def post(url: str, body: str, headers: dict[str, str], *, private: bool) -> Outcome:
        attempts.append((url, json.loads(body), headers))
        return Answers.next

    Answers.next = Outcome(True, "204")
    monkeypatch.setattr(delivery, "post", post)
    return attempts


class Answers:
    next = Outcome(True, "204")


def call(
    method: str, path: str, body: Any = None, party: str = IMPORTER, role: str = "enterprise", **query: str
) -> tuple[int, Any]:
    event = gateway_event(app, method, path, query=query, body=body, caller=(role, party))
    answer = app(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def made(**wanted: Any) -> Subscription:
    """A subscription, older than the story."""
    one = Subscription(
        id=wanted.pop("id", "s1"), party=IMPORTER, role="enterprise", url="https://erp.example.cn/", events=("*",),
        scope="ALL", description="", created_at="2024-11-01T00:00:00.000Z",
    )  # fmt: skip
    one = replace(one, **wanted)
    store.add(one)
    return one


def records(*bodies: Any) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": "r",
                "body": body if isinstance(body, str) else canonical.dumps(body).decode(),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws-cn:sqs:cn-northwest-1:123456789012:webhooks",
            }
            for number, body in enumerate(bodies)
        ]
    }


def hear(*numbers: int) -> list[str]:
    """Deliver the notices of the story's events with these `seq`; the ids of the messages that failed."""
    events = {event.seq: event.as_json() for event in STORY.events}
    answer = on_event(records(*(events[seq] for seq in numbers or events)), None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def waiting() -> list[tuple[Pointer, int]]:
    """The pointers in the queue with their delays; it is empty afterwards."""
    from moto.sqs.models import sqs_backends

    queue = next(iter(sqs_backends["123456789012"]["cn-northwest-1"].queues.values()))
    found = [
        (Pointer.read(json.loads(m.body)), max(0, round((m.delayed_until - (m.sent_timestamp or 0)) / 1000)))
        for m in queue._messages
    ]
    queue._messages.clear()
    return found


def seqs(one: Subscription, after: str = "") -> list[int]:
    return [json.loads(row.body)["data"]["seq"] for row in store.after(one.id, after, 100)]


def pending(one: Subscription, count: int = 1) -> list[Delivery]:
    for number in range(count):
        store.append(one, notice.of_event(STORY.events[number], one))
    return store.after(one.id, "", 100)


def row(one: Subscription, cursor: str = f"{1:016d}") -> Delivery:
    found = store.delivery(one.id, cursor)
    assert found is not None
    return found


def later(**time: float) -> None:
    clock.travel(clock.now() + timedelta(**time))


# --- told once and in order -----------------------------------------------------------------------------------


def test_repetition_and_disorder_change_nothing() -> None:
    stands(STORY)
    one, wanted = made(), [e.seq for e in made(id="s2").told_of(STORY, clock.now())]

    assert hear(wanted[3], wanted[0], wanted[3]) == []
    assert hear() == []

    assert len(wanted) >= 5
    assert seqs(one) == wanted
    assert [r.cursor for r in store.after(one.id, "", 100)] == [
        f"{n:016d}" for n in range(1, len(wanted) + 1)
    ]
    queued = [pointer.cursor for pointer, _ in waiting() if pointer.subscription == one.id]
    assert queued == [f"{n:016d}" for n in range(1, len(wanted) + 1)]  # once each


def test_what_was_written_and_not_queued_is_queued_by_the_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    stands(STORY)
    one = made()
    real, broken = delivery.send, []

    def breaks(pointers: Any, wait: float = 0.0) -> None:
        broken.append(True)
        raise ConnectionError("SQS is away")

    monkeypatch.setattr(delivery, "send", breaks)
    assert hear(1) == ["0"]
    assert broken
    assert waiting() == []
    monkeypatch.setattr(delivery, "send", real)

    assert hear(1) == []
    wanted = list(one.told_of(STORY, clock.now()))
    assert len(waiting()) == len(seqs(one)) == len(wanted)
    assert hear(1) == []
    assert waiting() == []


def test_two_who_write_at_once_write_it_once() -> None:
    stands(STORY)
    one = made()
    first = notice.of_event(STORY.events[0], one)
    before = store.told(one, STORY.window_no)

    assert store.tell(one, STORY.window_no, before, 1, [first]) == Told(1, (f"{1:016d}",))
    assert store.tell(one, STORY.window_no, before, 1, [first]) is None
    assert len(store.after(one.id, "", 10)) == 1


def test_one_whose_writing_fails_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    stands(STORY)
    ill, well = made(id="s1"), made(id="s2")
    real = delivery.tell

    def tell(subscription: Subscription, consignment: Consignment) -> int:
        if subscription == ill:
            raise ConnectionError
        return real(subscription, consignment)

    monkeypatch.setattr(delivery, "tell", tell)

    assert hear(1) == ["0"]
    assert seqs(well)
    assert seqs(ill) == []


def test_without_an_address_it_is_kept_for_pulling_and_nothing_is_queued() -> None:
    stands(STORY)
    one = made(url=None)

    assert hear() == []

    assert {r.status for r in store.after(one.id, "", 100)} == {KEPT}
    assert waiting() == []


def test_what_has_expired_is_not_shown_though_it_may_still_be_there() -> None:
    one = made()
    pending(one, 2)
    later(days=91)
    store.append(one, notice.of_test(one, clock.stamp()))

    assert [r.cursor for r in store.after(one.id, "", 10)] == [f"{3:016d}"]


# --- delivering -----------------------------------------------------------------------------------------------


def test_a_delivery_is_attempted_once_however_often_it_is_pointed_to(sent: list[Any]) -> None:
    one = made()
    pending(one)
    pointer = Pointer.of(one, f"{1:016d}")

    for _ in range(3):
        assert deliver(records(pointer.as_json()), None) == {"batchItemFailures": []}

    assert len(sent) == 1
    url, body, headers = sent[0]
    assert (url, body["data"]["seq"]) == ("https://erp.example.cn/", 1)
    assert headers["webhook-id"] == notice.webhook_id("s1", f"{1:016d}")
    assert (row(one).status, row(one).attempts, row(one).said) == (DELIVERED, 1, "204")
    assert waiting() == []


def test_a_failed_attempt_comes_back_when_it_is_due_and_not_before(sent: list[Any]) -> None:
    one = made()
    pending(one)
    pointer = Pointer.of(one, f"{1:016d}")
    Answers.next = Outcome(False, "503")

    assert delivery.deliver(pointer) == PENDING
    assert [(p, 3 <= delay <= 5) for p, delay in waiting()] == [(pointer, True)]
    assert delivery.deliver(pointer) is None  # too early: it only goes back
    assert len(sent) == 1
    assert len(waiting()) == 1
    later(seconds=6)
    Answers.next = Outcome(True, "200")
    assert delivery.deliver(pointer) == DELIVERED
    assert store.breaker(one.id).read() == retry.Circuit()


def test_who_waits_longer_than_a_queue_can_is_sent_on() -> None:
    one = made()
    delivery.send([Pointer.of(one, f"{1:016d}")], 21_600.0)
    assert [delay for _, delay in waiting()] == [900]


def test_after_five_failures_nothing_is_attempted_until_the_circuit_lets_one_through(sent: list[Any]) -> None:
    one = made()
    rows = pending(one, 7)
    Answers.next = Outcome(False, "timeout")
    for each in rows[:5]:
        assert delivery.deliver(Pointer.of(one, each.cursor)) == PENDING
    waiting()

    assert delivery.deliver(Pointer.of(one, rows[5].cursor)) is None
    assert len(sent) == 5
    assert 31 <= waiting()[0][1] <= 46
    assert row(one, rows[5].cursor).attempts == 0

    later(seconds=31)
    Answers.next = Outcome(True, "204")
    assert delivery.deliver(Pointer.of(one, rows[5].cursor)) == DELIVERED
    assert delivery.deliver(Pointer.of(one, rows[6].cursor)) == DELIVERED


def test_a_failing_destination_takes_one_attempt_at_a_time(sent: list[Any]) -> None:
    one = made()
    rows = pending(one, 2)
    now = clock.now().timestamp()
    store.breaker(one.id).failed(0, now)
    assert store.breaker(one.id).enter(0, now)

    assert delivery.deliver(Pointer.of(one, rows[0].cursor)) is None
    assert sent == []
    later(seconds=16)  # whoever held the slot never came back
    assert delivery.deliver(Pointer.of(one, rows[0].cursor)) == DELIVERED


def test_twenty_failures_disable_with_one_notice_and_a_test_that_arrives_enables(sent: list[Any]) -> None:
    one = made()
    rows = pending(one, 2)
    now = clock.now().timestamp()
    for _ in range(19):
        store.breaker(one.id).failed(0, now)
    Answers.next = Outcome(False, "500")

    assert delivery.deliver(Pointer.of(one, rows[0].cursor)) == "disabled"
    assert not store.disable(one, "failing", notice.of_disabling(one, "failing", clock.stamp()))
    assert call("GET", "/exchange/subscriptions/s1")[1]["reason"] == "failing"
    said = [r for r in store.after(one.id, "", 10) if r.type == notice.DISABLED]
    assert [(json.loads(r.body)["data"]["reason"], r.status) for r in said] == [("failing", KEPT)]
    assert delivery.deliver(Pointer.of(one, rows[1].cursor)) == KEPT
    assert len(sent) == 1
    assert call("POST", "/exchange/subscriptions/s1/replay", {"after": ""})[0] == 409

    status, queued = call("POST", "/exchange/subscriptions/s1/test")
    assert status == 202
    assert delivery.deliver(Pointer.of(one, queued["next"])) == FAILED  # one attempt, and not counted
    Answers.next = Outcome(True, "204")
    queued = call("POST", "/exchange/subscriptions/s1/test")[1]
    assert delivery.deliver(Pointer.of(one, queued["next"])) == DELIVERED
    shown = call("GET", "/exchange/subscriptions/s1")[1]
    assert (shown["status"], shown["reason"], shown["failures_in_a_row"]) == ("active", None, 0)


def test_gone_disables_at_once(sent: list[Any]) -> None:
    one = made()
    pending(one)
    Answers.next = Outcome(False, "410")

    assert delivery.deliver(Pointer.of(one, f"{1:016d}")) == "disabled"
    assert call("GET", "/exchange/subscriptions/s1")[1]["reason"] == "gone"


def test_a_delivery_that_fails_for_three_days_is_given_up_and_can_be_replayed(sent: list[Any]) -> None:
    one = made()
    pending(one)
    later(days=3)
    Answers.next = Outcome(False, "500")
    assert delivery.deliver(Pointer.of(one, f"{1:016d}")) == FAILED

    Answers.next = Outcome(True, "204")
    assert call("POST", "/exchange/subscriptions/s1/replay", {"after": ""}) == (
        202, {"queued": 1, "next": f"{1:016d}", "more": False},
    )  # fmt: skip
    later(minutes=1)
    assert delivery.deliver(Pointer.of(one, f"{1:016d}")) == DELIVERED


def test_an_attempt_that_died_is_made_again_when_its_claim_ends(sent: list[Any]) -> None:
    one = made()
    pending(one)
    now = clock.now().timestamp()
    assert store.claim(row(one), now, now + 60)

    assert delivery.deliver(Pointer.of(one, f"{1:016d}")) is None
    assert len(waiting()) == 1
    later(seconds=61)
    assert delivery.deliver(Pointer.of(one, f"{1:016d}")) == DELIVERED


def test_a_replay_asked_for_during_an_attempt_is_not_lost(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made()
    pending(one)

    def post(*_: Any, **__: Any) -> Outcome:
        assert store.again(row(one), clock.now().timestamp())
        return Outcome(True, "204")

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "post", post)
        assert delivery.deliver(Pointer.of(one, f"{1:016d}")) == DELIVERED
    assert row(one).status == PENDING


def test_what_is_no_pointer_is_refused() -> None:
    assert deliver(records('{"party": "x"}'), None) == {"batchItemFailures": [{"itemIdentifier": "0"}]}


# --- over HTTP ------------------------------------------------------------------------------------------------


def test_the_secret_is_shown_once_and_nowhere_kept() -> None:
    status, one = call("POST", "/exchange/subscriptions", {"url": "https://erp.example.cn/", "scope": "RET"})
    assert status == 201
    second = call("POST", "/exchange/subscriptions", {"url": "https://erp.example.cn/"})[1]
    rotated = call("POST", f"/exchange/subscriptions/{one['id']}/secret")[1]

    assert len({one["secret"], second["secret"], rotated["secret"]}) == 3
    assert "secret" not in call("GET", f"/exchange/subscriptions/{one['id']}")[1]
    assert (rotated["secret_generation"], one["previous_secret_until"]) == (2, None)
    assert rotated["previous_secret_until"] == "2024-11-25T00:00:00" + rotated["previous_secret_until"][19:]
    kept = json.dumps(
        [clients.client("dynamodb").scan(TableName=t)["Items"] for t in ("subscriptions", "deliveries")]
    )
    assert one["id"] in kept
    for secret in (one["secret"], rotated["secret"]):
        assert secret.removeprefix("whsec_") not in kept


def test_both_secrets_sign_for_a_day_and_the_new_one_after(sent: list[Any]) -> None:
    one = made()
    assert call("POST", "/exchange/subscriptions/s1/secret")[0] == 200
    rows = pending(one, 2)
    delivery.deliver(Pointer.of(one, rows[0].cursor))
    later(hours=24, seconds=1)
    delivery.deliver(Pointer.of(one, rows[1].cursor))

    numbers = [len(headers["webhook-signature"].split(" ")) for _, _, headers in sent]
    assert numbers == [2, 1]


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("GET", "", None), ("DELETE", "", None), ("POST", "/test", None), ("POST", "/secret", None),
        ("GET", "/deliveries", None), ("POST", "/replay", {"after": ""}),
    ],
)  # fmt: skip
def test_anothers_subscription_is_not_known(method: str, tail: str, body: Any) -> None:
    made()
    assert call(method, f"/exchange/subscriptions/s1{tail}", body, party=STRANGER)[0] == 404
    assert call(method, f"/exchange/subscriptions/s1{tail}", body, role="agency")[0] == 404
    assert call(method, f"/exchange/subscriptions/s1{tail}", body, role="operator")[0] == 403
    assert call("GET", "/exchange/subscriptions", party=STRANGER)[1] == {"items": []}
    assert store.find(IMPORTER, "s1") == made_again()


def made_again() -> Subscription | None:
    """As `made` made it: nobody changed it."""
    return Subscription(
        id="s1", party=IMPORTER, role="enterprise", url="https://erp.example.cn/", events=("*",), scope="ALL",
        description="", created_at="2024-11-01T00:00:00.000Z",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://erp.example.cn/"}, "unfit-address"),
        ({"url": "https://127.0.0.1/"}, "unfit-address"),
        ({"events": ["AgencyReplied"]}, "invalid-command"),
        ({"events": []}, "invalid-command"),
        ({"scope": "SOME"}, "invalid-command"),
        ({"secret": "mine"}, "invalid-command"),
        ({"scope": "DATA", "events": ["DeclarationHeld"]}, "nothing-to-tell"),
    ],
)
def test_what_is_no_subscription_is_said(body: Any, code: str) -> None:
    status, problem = call("POST", "/exchange/subscriptions", body)
    assert (status, problem["code"]) == (422, code)
    assert call("GET", "/exchange/subscriptions")[1] == {"items": []}


def test_an_agency_subscribes_to_how_it_ended() -> None:
    status, one = call("POST", "/exchange/subscriptions", {}, party="customs", role="agency")
    assert status == 201
    assert "DeclarationHeld" not in one["told_of"]
    assert "DeclarationReleased" in one["told_of"]


def test_a_party_has_twenty_at_most_and_deleted_ones_do_not_count() -> None:
    ids = [call("POST", "/exchange/subscriptions", {})[1]["id"] for _ in range(20)]
    assert call("POST", "/exchange/subscriptions", {})[0] == 409
    deleted = call("DELETE", f"/exchange/subscriptions/{ids[0]}")[1]
    assert (deleted["status"], deleted["reason"]) == ("disabled", "deleted")
    assert call("POST", "/exchange/subscriptions", {})[0] == 201
    assert call("POST", f"/exchange/subscriptions/{ids[0]}/test")[0] == 409


def test_a_deleted_subscription_is_told_nothing_more(sent: list[Any]) -> None:
    stands(STORY)
    one = made()
    rows = pending(one)
    call("DELETE", "/exchange/subscriptions/s1")

    assert hear() == []
    assert delivery.deliver(Pointer.of(one, rows[0].cursor)) == KEPT
    assert (len(store.after(one.id, "", 100)), sent) == (1, [])


def test_pulling_goes_on_from_its_cursor_and_misses_nothing() -> None:
    one = made()
    pending(one, 5)
    path = "/exchange/subscriptions/s1/deliveries"

    first = call("GET", path, limit="2")[1]
    second = call("GET", path, after=first["next"], limit="2")[1]
    third = call("GET", path, after=second["next"], limit="2")[1]
    empty = call("GET", path, after=third["next"])[1]

    pages = [first, second, third]
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert [page["more"] for page in pages] == [True, True, False]
    assert [json.loads(i["body"])["data"]["seq"] for p in pages for i in p["items"]] == [1, 2, 3, 4, 5]
    assert empty == {"items": [], "next": third["next"], "more": False}
    for wrong in ({"after": "x"}, {"limit": "0"}, {"limit": "201"}, {"limit": "x"}):
        assert call("GET", path, **wrong)[0] == 400


def test_a_replay_of_many_goes_on_where_it_ended() -> None:
    one = made()
    for _ in range(6):
        store._append(one, [notice.of_event(STORY.events[0], one)] * 45)
    first = call("POST", "/exchange/subscriptions/s1/replay", {"after": ""})[1]
    rest = call("POST", "/exchange/subscriptions/s1/replay", {"after": first["next"]})[1]

    assert (first["queued"], first["more"], rest["queued"], rest["more"]) == (200, True, 70, False)
    assert len({pointer.cursor for pointer, _ in waiting()}) == 270
