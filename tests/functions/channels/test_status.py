"""What everybody sees of the exchange: how each agency's channel fares, counted as it goes, and of no trader alone."""

import calendar
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from channels import delivery, dispatch, overview, status, tally
from channels.channel import PROFILES, WEBHOOK, Channel
from channels.status import DEGRADED, DOWN, MAINTENANCE, UP, Waiting
from singlewindow import clock, histogram
from singlewindow.aws import topics
from singlewindow.aws.clients import client
from singlewindow.outbound.post import Outcome
from singlewindow.outbound.retry import TOLERATED, Circuit
from tests.functions.channels.conftest import ORDER, Posts, call, carried, judged, registered
from tests.support.thorough import examples

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
PLAIN = Channel(id="c", party="ciq", role="agency", protocol=WEBHOOK)
WINDOW = {"from": "2026-11-25T01:00:00Z", "to": "2026-11-25T03:00:00Z"}
TRADERS = ("91510100569680768F", "913302017532977856", "91310000132215668X")


def _late(seconds: float) -> Waiting:
    return Waiting(clock.stamp(NOW - timedelta(seconds=seconds)), "timeout")


@pytest.mark.parametrize(
    ("channel", "circuit", "waiting", "expected"),
    [
        (PLAIN, Circuit(), None, UP),
        (PLAIN, Circuit(), _late(59), UP),
        (PLAIN, Circuit(), _late(61), DEGRADED),
        (PLAIN, Circuit(failures=1), None, DEGRADED),
        (PLAIN, Circuit(failures=TOLERATED), None, DOWN),
        (replace(PLAIN, status="suspended"), Circuit(), None, DOWN),
        (replace(PLAIN, maintenance=(WINDOW,)), Circuit(failures=TOLERATED), _late(900), MAINTENANCE),
    ],
)
def test_state(channel: Channel, circuit: Circuit, waiting: Waiting | None, expected: str) -> None:
    assert status.state(channel, circuit, waiting, 60, NOW) == expected
    told = status.incident(channel, circuit, waiting, 60, NOW)
    assert (told is None) == (expected in (UP, MAINTENANCE))


@given(st.sampled_from([None, "timeout", "tls", "404", "503", "nothing known", "", "99", "299"]))
def test_a_reason_is_in_words_of_both_languages(said: str | None) -> None:
    zh, en = status.reason(said)
    assert zh and en.isascii() and not zh.isascii() and "{" not in zh + en


def test_the_page_names_the_day_of_a_weekly_window_in_both_languages() -> None:
    page = Path(status.__file__).with_name("status.html").read_text("utf-8")
    found = [json.loads(days) for days in re.findall(r"days: (\[.+?\])", page)]
    assert found == [list("一二三四五六日"), list(calendar.day_name)]


def test_who_is_simulated_is_the_deployments_word() -> None:
    assert [status.is_simulated(PLAIN, said) for said in ("", "customs", "customs,ciq", "all")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert status.is_simulated(replace(PLAIN, simulated=True), "")
    assert not status.is_simulated(
        replace(PLAIN, simulated=None), ""
    )  # nobody said: no claim of the product's


@few(max_examples=examples(40))
@given(st.lists(st.floats(0, 1e6), max_size=30), st.integers(0, 5), st.floats(0.2, 1e5))
def test_a_budget_counts_what_is_late_and_what_is_lost(took: list[float], lost: int, aim: float) -> None:
    counts = histogram.total({histogram.bucket(one): 1} for one in took)
    target = {"seconds": aim, "share": "0.9"}
    told = status.budget(counts, lost, target)
    total = len(took) + lost
    assert told["number"] == total
    if not total:
        assert told["share"] is told["budget_left"] is None
        return
    least = sum(one <= aim for one in took)
    most = sum(one <= aim * 1.25 + 0.1 for one in took)
    assert Decimal(least) / total - Decimal("0.0001") <= Decimal(told["share"]) <= Decimal(most) / total
    assert (Decimal(told["budget_left"]) < 0) == (
        total - histogram.within(counts, aim) > Decimal(total) * Decimal("0.1")
    )


def _of(told: dict[str, Any], id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in told["channels"] if one["id"] == id)
    return found


def _public() -> dict[str, Any]:
    status_code, told = call("GET", "/exchange/status")
    assert status_code == 200
    found: dict[str, Any] = told
    return found


@pytest.mark.usefixtures("cloud")
def test_an_inbox_counts_each_delivery_once_with_its_time() -> None:
    id = judged()
    assert delivery.route(id) == 1
    clock.travel(NOW + timedelta(seconds=30))
    (waiting,) = [one for one in _public()["channels"] if one["oldest_waiting_since"]]
    assert (waiting["id"], waiting["state"]) == ("customs-inbox", UP)
    assert 25 <= waiting["oldest_waiting_seconds"] <= 35
    assert carried() == ["DELIVERED"]
    delivery.route(id)  # and whatever comes twice
    assert carried() == []
    told = _public()
    inbox = _of(told, "customs-inbox")
    assert inbox["delivery"]["number"] == 1 and 25 < float(inbox["delivery"]["seconds"]["p50"]) < 35
    assert inbox["oldest_waiting_since"] is None and not inbox["simulated"] and inbox["answer"] is not None
    assert told["today"] == {"date": "2026-11-25", "accepted": 1, "delivered": 1, "dead_letters": 0}
    assert _of(told, "port-inbox")["simulated"]


@pytest.mark.usefixtures("cloud")
def test_an_answer_that_is_lost_counts_once_at_most() -> None:
    """The write arrives, its answer does not: it is not repeated, for an ADD that is would count twice."""
    sent = []

    def lose(**_: Any) -> None:
        sent.append(1)
        raise ConnectionClosedError(endpoint_url="dynamodb")

    events = client("dynamodb", attempts=1).meta.events
    events.register("after-call.dynamodb.UpdateItem", lose)
    try:
        tally.add(tally.ACCEPTED, "accepted")
    finally:
        events.unregister("after-call.dynamodb.UpdateItem", lose)
    assert sent == [1] and tally.since(tally.ACCEPTED, clock.business_date()).accepted == 1


@pytest.mark.usefixtures("cloud")
def test_a_dead_webhook_is_down_in_words_and_up_again(posts: Posts) -> None:
    url = "https://ciq.example.com/hook"
    posts.answers[url] = Outcome(False, "503")
    own = registered("ciq", "agency", protocol="webhook", url=url, document_types=["*"])
    ids = [judged(receivers=("ciq",)) for _ in range(TOLERATED)]
    for id in ids:
        delivery.route(id)
    for step in range(40):
        clock.travel(NOW + timedelta(seconds=20 * step))
        carried()
        shown = _of(_public(), own["id"])
        if shown["state"] == DOWN:
            break
    assert shown["state"] == DOWN and shown["oldest_waiting_since"] and shown["failed_attempts"] >= TOLERATED
    assert "503" in shown["incident"]["reason_zh"] and "503" in shown["incident"]["reason_en"]
    assert shown["incident"]["next_attempt_at"] > clock.stamp()
    assert url not in json.dumps(_public())

    posts.answers.clear()
    for hour in range(1, 8):
        clock.travel(NOW + timedelta(hours=hour))
        for _ in range(len(ids)):
            carried()
    shown = _of(_public(), own["id"])
    assert (shown["state"], shown["incident"], shown["oldest_waiting_since"]) == (UP, None, None)
    (ours,) = (one for one in overview.budgets() if one["channel"] == own["id"])
    assert ours["deliveries"]["number"] == len(ids) and Decimal(ours["deliveries"]["budget_left"]) < 0


@pytest.mark.usefixtures("cloud")
def test_what_was_given_up_is_counted_and_a_replay_waits_anew(
    posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://ciq.example.com/hook"
    posts.answers[url] = Outcome(False, "410")
    own = registered("ciq", "agency", protocol="webhook", url=url)
    delivery.route(judged(receivers=("ciq",)))
    assert "DEAD" in carried()
    assert _public()["today"]["dead_letters"] == 1 and dispatch.oldest_waiting(own["id"]) is None
    assert _of(_public(), own["id"])["dead_letters"] == {"number": 1, "more": False}
    clock.travel(NOW + timedelta(seconds=PROFILES["standard"].first * 10))
    status_code, _ = call(
        "POST", f"/exchange/channels/{own['id']}/replay", {"from": "2020-01-01T00:00:00Z", "why": "again"},
        "ciq", "agency",
    )  # fmt: skip
    assert status_code == 202
    oldest = dispatch.oldest_waiting(own["id"])
    assert oldest is not None and oldest[0] > clock.stamp(NOW + timedelta(seconds=49))
    assert _of(_public(), own["id"])["dead_letters"] == {"number": 0, "more": False}
    monkeypatch.setattr(dispatch, "MOST_COUNTED", 0)
    assert "DEAD" in carried()
    assert _of(_public(), own["id"])["dead_letters"] == {"number": 0, "more": True}


@pytest.mark.usefixtures("cloud")
def test_traders_are_seen_in_sum_and_not_below_three() -> None:
    made = []
    for number, party in enumerate(TRADERS, 1):
        made.append(registered(party)["id"])
        delivery.route(judged(receivers=(party,)))
        carried()
        told = _public()
        shown = [(one["protocol"], one["delivered"]) for one in told["traders"]]
        assert shown == ([("pull", 3)] if number == 3 else [])
        # Nor does the sum of the day give away what is not shown.
        assert told["today"]["delivered"] == number + (3 if number == 3 else 0)
        text = json.dumps(told)
        assert not any(one in text for one in (*TRADERS, *made))


@pytest.mark.usefixtures("cloud")
def test_queues_and_budgets_are_for_operators() -> None:
    delivery.route(judged())
    assert call("GET", "/exchange/queues")[0] == 403
    status_code, told = call("GET", "/exchange/queues", role="operator", party="operations")
    assert status_code == 200
    assert told["queues"] == [
        {
            "name": "routing",
            "waiting": 0,
            "in_flight": 0,
            "put_off": 0,
            "dead_letters": "routing-dlq",
            "dead": 0,
        }
    ]
    inbox = next(one for one in told["error_budgets"] if one["channel"] == "customs-inbox")
    assert inbox["answers"]["number"] == 0 and inbox["answers"]["share"] is None


def test_what_goes_onto_the_topic_is_small(monkeypatch: pytest.MonkeyPatch, cloud: None) -> None:
    """Pointers alone, whatever the document: 4 KB at most, with their attributes."""
    sizes: list[int] = []
    publish: Callable[..., Any] = topics.publish

    def weighed(topic: str, notices: list[topics.Notice]) -> Any:
        sizes.extend(len(json.dumps([one.body, one.attributes]).encode()) for one in notices)
        return publish(topic, notices)

    monkeypatch.setattr(topics, "publish", weighed)
    delivery.route(judged(documents=[ORDER] * 200))
    assert carried() == ["DELIVERED"]
    assert sizes and max(sizes) <= 4096
