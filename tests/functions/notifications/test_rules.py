"""The rules of notifications, without tables: signatures, waits, circuits, addresses, who is told of what."""

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications import notice
from notifications.subscription import EVENTS, Subscription, concerned
from singlewindow.outbound import address, retry, signing
from singlewindow.outbound.retry import Circuit
from tests.support import stories
from tests.support.clearances import IMPORTER, ROOT
from tests.support.inspections import Inspected

NOW = datetime(2024, 11, 24, tzinfo=UTC)
STORY = stories.released().consignment
OURS = Subscription(
    id="s", party=IMPORTER, role="enterprise", url="https://erp.example.cn/", events=("*",), scope="ALL",
    description="", created_at="2024-11-01T00:00:00.000Z",
)  # fmt: skip


# --- signatures ---------------------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_reference_vector() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signed = signing.headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')

    assert signing.as_text(secret) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_guide_verifies_what_we_sign_and_nothing_else() -> None:
    guide = (ROOT / "docs/webhooks.md").read_text()
    told: dict[str, Any] = {}
    exec(guide.split("```python\n")[1].split("```")[0], told)
    at, body = int(time.time()), '{"a":1}'
    signed = signing.headers([b"new", b"old"], "msg_1", at, body)
    new, old, other = (signing.as_text(secret) for secret in (b"new", b"old", b"other"))

    assert told["verified"](new, signed, body.encode())
    assert told["verified"](old, signed, body.encode())
    assert not told["verified"](other, signed, body.encode())
    assert not told["verified"](new, signed, b'{"a":2}')
    assert not told["verified"](new, signing.headers([b"new"], "msg_1", at - 301, body), body.encode())


def test_two_secrets_sign_in_one_header_the_newest_first() -> None:
    both = signing.headers([b"new", b"old"], "m", 1, "{}")["webhook-signature"].split(" ")

    assert both == [signing.signature(b"new", "m", 1, "{}"), signing.signature(b"old", "m", 1, "{}")]


@pytest.mark.parametrize(("hours", "generations"), [(0, (3, 2)), (23.9, (3, 2)), (24, (3,)), (9999, (3,))])
def test_the_secret_before_signs_for_a_day(hours: float, generations: tuple[int, ...]) -> None:
    rotated = replace(OURS, generation=3, rotated_at="2024-11-24T00:00:00.000Z")

    assert rotated.signing(NOW + timedelta(hours=hours)) == generations


# --- waits --------------------------------------------------------------------------------------------------


def test_waits_grow_and_end_at_six_hours() -> None:
    assert [retry.backoff(attempt, 0.0) for attempt in range(1, 9)] == [
        5, 20, 80, 320, 1280, 5120, 20480, 21600,
    ]  # fmt: skip
    assert retry.backoff(10_000, 0.0) == 21600


def test_chance_takes_at_most_half_of_a_wait() -> None:
    assert retry.backoff(3, 0.999999) == pytest.approx(40, abs=0.001)
    assert 40 < retry.backoff(3, 0.5) < 80


def test_a_delivery_is_given_up_after_three_days() -> None:
    assert not retry.is_given_up(1000, 1000 + 3 * 86400)
    assert retry.is_given_up(1000, 1001 + 3 * 86400)


def test_a_destination_rests_from_the_fifth_failure_on_and_ever_longer() -> None:
    assert [retry.rest(failures) for failures in range(9)] == [0, 0, 0, 0, 0, 30, 60, 120, 240]
    assert retry.rest(19) == retry.rest(10_000) == 6 * 3600


def test_twenty_failures_take_more_than_a_day_and_less_than_the_three_that_end_it_anyway() -> None:
    rests = sum(retry.rest(failures) for failures in range(retry.MOST_FAILURES))
    assert 86400 < rests < 3 * 86400


def test_a_sound_destination_has_three_slots_and_a_failing_one_a_single_slot() -> None:
    assert Circuit(slots={0: 100.0}).slot(now=50) == 1
    assert Circuit(slots={0: 100.0, 1: 100.0, 2: 100.0}).slot(now=50) is None
    assert Circuit(slots={0: 100.0, 1: 100.0, 2: 100.0}).slot(now=100) == 0  # whoever took it never came back
    assert Circuit(failures=1, slots={0: 100.0}).slot(now=50) is None
    assert Circuit(failures=1).slot(now=50) == 0


def test_an_open_circuit_lets_nobody_through_until_it_is_time() -> None:
    resting = Circuit(failures=5, opens=130.0)

    assert resting.slot(now=129.9) is None
    assert resting.slot(now=130.0) == 0
    assert 31 <= resting.wait(now=100.0, chance=0.0) < resting.wait(now=100.0, chance=0.9) < 46


@pytest.mark.parametrize(
    ("circuit", "hopeless"),
    [
        (Circuit(failures=19, since=0.0), False),
        (Circuit(failures=20, since=0.0), True),
        (Circuit(failures=1, since=-3 * 86400.0), True),
        (Circuit(failures=1, since=1 - 3 * 86400.0), False),
        (Circuit(), False),
    ],
)
def test_a_destination_is_hopeless_after_twenty_failures_or_three_days(
    circuit: Circuit, hopeless: bool
) -> None:
    assert circuit.is_hopeless(now=0.0) is hopeless


# --- addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example.cn/", "ftp://erp.example.cn/", "https:///x", "https://u:p@erp.example.cn/", "https://@x.cn/",
        "https://erp.example.cn/#x", "https://erp.example.cn:25/", "https://erp.example.cn:99999/", "https://a b.cn/",
        "https://例.cn/", "https://x.cn/\r\nX: 1", "https://127.0.0.1/", "https://10.0.0.1/", "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/", "https://[::ffff:10.0.0.1]/", "https://localhost/",
        "https://x.cn/" + "x" * 500,
    ],
)  # fmt: skip
def test_an_address_that_no_webhook_may_go_to_is_named(url: str) -> None:
    with pytest.raises(address.Unfit):
        address.parse(url, private=False)


def test_a_public_https_address_is_fit_and_a_local_stack_allows_more() -> None:
    assert address.parse("https://erp.example.cn/hooks?a=1", private=False) == (
        "https", "erp.example.cn", 443, "/hooks?a=1",
    )  # fmt: skip
    assert address.parse("https://erp.example.cn:8443", private=False).authority == "erp.example.cn:8443"
    assert address.parse("http://127.0.0.1:80/x", private=True).authority == "127.0.0.1"


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "198.18.0.1", "::", "::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "ff02::1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::",
    ],
)  # fmt: skip
def test_what_is_not_on_the_public_internet_is_known(ip: str) -> None:
    assert not address.is_public(ip)


@pytest.mark.parametrize("ip", ["52.82.0.1", "223.5.5.5", "2400:3200::1", "::ffff:223.5.5.5"])
def test_what_is_on_the_public_internet_is_known(ip: str) -> None:
    assert address.is_public(ip)


# --- who is told of what ------------------------------------------------------------------------------------


def types(subscription: Subscription, now: datetime = NOW) -> list[str]:
    return [event.type for event in subscription.told_of(STORY, now)]


def test_a_trader_is_told_of_its_shipment_in_the_order_of_the_ledger() -> None:
    assert types(OURS) == [event.type for event in STORY.events if event.type in EVENTS]
    assert {"DeclarationSubmitted", "DeclarationHeld", "HoldLifted", "DeclarationReleased"} <= set(
        types(OURS)
    )


def test_scope_and_events_narrow_it() -> None:
    assert types(replace(OURS, scope="DATA")) == ["DeclarationSubmitted"]
    assert "DeclarationSubmitted" not in types(replace(OURS, scope="RET"))
    assert types(replace(OURS, events=("DeclarationHeld",))) == ["DeclarationHeld"]
    assert replace(OURS, events=("DeclarationHeld",), scope="DATA").types == ()


def test_a_stranger_is_told_nothing() -> None:
    assert types(replace(OURS, party="913302017532977856")) == []


def test_an_agency_is_told_how_it_ended_once_it_was_asked() -> None:
    customs = replace(OURS, party="customs", role="agency")

    assert types(customs) == ["DeclarationReleased"]
    assert types(replace(customs, party="tax")) == []  # asked after the release
    assert types(replace(customs, party="mofcom")) == []  # not asked
    assert types(replace(OURS, party="customs")) == []  # an enterprise of that name is no agency


def test_who_is_concerned_by_what() -> None:
    assert {"customs", "ciq", *STORY.snapshot.parties} <= set(concerned(STORY))


def test_who_asked_for_an_inspection_is_told_when_to_come_and_nobody_else_is() -> None:
    case = Inspected("customs", "ciq", "maritime")
    case.hold("customs", "C1", at=5)
    case.join().book()
    told = {
        agency: [
            event.type for event in replace(OURS, party=agency, role="agency").told_of(case.consignment, NOW)
        ]
        for agency in ("customs", "maritime")
    }
    assert told == {"customs": ["InspectionBooked"], "maritime": []}
    assert types_of(case) == ["DeclarationSubmitted", "InspectionOrdered", "InspectionBooked"]
    said = notice.of_event(case.consignment.events[-1], OURS)
    assert json.loads(said.body)["data"]["links"]["inspection"] == f"/inspections/{case.order.id}"
    assert "qbj-rail" not in said.body


def types_of(case: Inspected) -> list[str]:
    return [event.type for event in OURS.told_of(case.consignment, NOW)]


def test_nothing_is_told_from_before_the_subscription_or_beyond_the_retention() -> None:
    held = next(event for event in STORY.events if event.type == "DeclarationHeld")

    assert types(replace(OURS, created_at=held.at))[0] == "DeclarationHeld"
    assert types(OURS, datetime.fromisoformat(held.at) + timedelta(days=90))[0] == "DeclarationHeld"
    assert types(OURS, NOW + timedelta(days=91)) == []


def test_a_notice_points_and_tells_nothing_personal() -> None:
    for event in OURS.told_of(STORY, NOW):
        body = json.loads(notice.of_event(event, OURS).body)

        assert set(body) == {"type", "timestamp", "data"}
        assert set(body["data"]) <= {"window_no", "seq", "declaration_version", "event_id", "state", "links"}
        assert (body["type"], body["timestamp"], body["data"]["seq"]) == (event.type, event.at, event.seq)
        assert IMPORTER not in notice.of_event(event, OURS).body


def test_a_webhook_id_is_the_same_at_every_attempt_and_no_others() -> None:
    ids = {notice.webhook_id(s, c) for s in ("a", "b") for c in ("1", "2")}
    assert len(ids) == 4
    assert notice.webhook_id("a", "1") in ids
