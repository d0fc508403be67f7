"""The rules of channels, without tables: who gets a message, by which way, and when a destination rests."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels import maintenance
from channels import routing as by_way
from channels.channel import PULL, WEBHOOK, Channel, standing
from channels.routing import Message
from singlewindow import catalogue, deliveries
from singlewindow.messages import routing
from singlewindow.messages.routing import ADDRESSED, Receiver
from tests.functions.channels.conftest import OTHER, PARTY
from tests.support.thorough import examples

AT = datetime.fromisoformat("2026-11-25T02:00:00+00:00")
TODAY = AT.date()
MESSAGE = Message(
    message_id="m", sender=PARTY, type="CEB311Message", syntax="xml", raw_key="k", sha256="s",
    at="2026-11-25T02:00:00.000Z", correlation_id="c", receivers=(), canonical={"document": "ecommerce-order"},
)  # fmt: skip
CHANNEL = Channel(id="c", party=PARTY, role="enterprise", protocol=PULL)


def found(message: Message, *documents: dict[str, Any], on: date = TODAY) -> list[Receiver]:
    return routing.receivers(message.type, message.document, documents, message.receivers, routing.rows(on))


def gets(message: Message, *documents: dict[str, Any], on: date = TODAY) -> list[str]:
    return [one.party for one in found(message, *documents, on=on)]


def of(document: str) -> Message:
    return replace(MESSAGE, canonical={"document": document})


# --- where a message goes -----------------------------------------------------------------------------------


def test_an_order_goes_to_customs_and_says_why() -> None:
    (customs,) = found(MESSAGE, {})
    assert customs.party == "customs" and customs.because[0]["en"].startswith("orders of cross-border")


def test_a_declaration_goes_nowhere_by_itself_for_it_is_filed_otherwise() -> None:
    assert gets(of("declaration"), {"head": {"ie_flag": "I"}}) == []


def test_content_decides_who_else_gets_it() -> None:
    export, food = (
        {"head": {"ie_flag": "E"}},
        {"head": {"ie_flag": "I"}, "lines": [{"hs_code": "0402100000"}]},
    )
    assert gets(of("ecommerce-list"), export) == ["customs", "tax"]
    assert gets(of("ecommerce-list"), food) == ["customs"]
    assert gets(of("ecommerce-list"), {"head": {"ie_flag": "I"}}, export) == ["customs", "tax"]


def test_the_rules_are_those_of_the_day() -> None:
    food = {"head": {"ie_flag": "I"}, "lines": [{"hs_code": "8517120090"}, {"hs_code": "0402100000"}]}
    assert gets(of("ecommerce-list"), food, on=date(2018, 7, 31)) == ["customs", "ciq"]
    assert gets(of("ecommerce-list"), food, on=date(2018, 8, 1)) == ["customs"]


def test_whom_the_sender_names_gets_it_once_with_both_reasons() -> None:
    customs, other = found(replace(MESSAGE, receivers=(OTHER, "customs")), {})
    assert (customs.party, other.party) == ("customs", OTHER)
    assert customs.because[1] == ADDRESSED and other.because == (ADDRESSED,)


def test_every_rule_names_an_agency_and_a_document_that_there_are() -> None:
    documents = {name.rsplit(".v", 1)[0] for name in catalogue.names("documents")}
    for version in catalogue.load("rules/routing.json")["versions"]:
        assert {row["to"] for row in version["rows"]} <= set(catalogue.names("agencies"))
        assert {row["document"] for row in version["rows"]} <= documents


# --- by which way -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "takes"),
    [
        ({}, True),
        ({"document_types": ("ecommerce-order",)}, True),
        ({"document_types": ("CEB311Message", "licence")}, True),
        ({"document_types": ("ecommerce-list",)}, False),
        ({"direction": "both"}, True),
        ({"direction": "send"}, False),
        ({"status": "suspended"}, False),
        ({"status": "closed"}, False),
        ({"active_from": "2026-11-25T02:00:00.001Z"}, False),
        ({"active_from": "2026-11-25T02:00:00.000Z"}, True),
        ({"active_to": "2026-11-25T02:00:00.000Z"}, False),
        ({"active_to": "2026-11-25T02:00:00.001Z"}, True),
    ],
)
def test_a_channel_takes_what_it_is_for_while_it_is_active(members: dict[str, Any], takes: bool) -> None:
    assert replace(CHANNEL, **members).takes("CEB311Message", "ecommerce-order", AT) is takes


def test_an_agency_s_inbox_is_for_what_none_of_its_own_channels_takes() -> None:
    inbox = standing(catalogue.load("agencies/customs.json"))
    orders = Channel(
        id="w", party="customs", role="agency", protocol=WEBHOOK, document_types=("ecommerce-order",)
    )
    assert by_way.ways(MESSAGE, [orders], inbox, AT) == [orders]
    assert by_way.ways(of("licence"), [orders], inbox, AT) == [inbox]
    assert by_way.ways(MESSAGE, [], None, AT) == []


def test_a_channel_reads_back_as_it_was_written_and_an_older_row_has_the_defaults() -> None:
    one = replace(CHANNEL, maintenance=({"weekday": 7, "from": "23:00", "to": "02:00"},), rate_per_minute=6)
    assert Channel.read(one.as_json()) == one and one.pace == 10
    older = {name: value for name, value in one.as_json().items() if name not in ("simulated", "carries")}
    assert Channel.read(older) == one


# --- maintenance --------------------------------------------------------------------------------------------


def end(now: str, *windows: dict[str, Any]) -> str | None:
    found = maintenance.end(windows, datetime.fromisoformat(now))
    return found.astimezone(AT.tzinfo).isoformat() if found else None


ONCE = {"from": "2026-11-25T02:00:00.000Z", "to": "2026-11-25T04:00:00.000Z"}
SUNDAY = {"weekday": 7, "from": "23:00", "to": "02:00"}


def test_a_window_holds_from_its_first_moment_to_before_its_last() -> None:
    assert end("2026-11-25T01:59:59+00:00", ONCE) is None
    assert end("2026-11-25T02:00:00+00:00", ONCE) == "2026-11-25T04:00:00+00:00"
    assert end("2026-11-25T04:00:00+00:00", ONCE) is None


def test_a_weekly_window_is_china_s_and_reaches_over_midnight_into_the_next_week() -> None:
    assert end("2026-11-29T14:59:59+00:00", SUNDAY) is None  # Sunday, 22:59:59
    assert end("2026-11-29T15:00:00+00:00", SUNDAY) == "2026-11-29T18:00:00+00:00"
    assert end("2026-11-29T17:30:00+00:00", SUNDAY) == "2026-11-29T18:00:00+00:00"  # Monday, 01:30
    assert end("2026-11-29T18:00:00+00:00", SUNDAY) is None
    assert end("2026-11-24T15:30:00+00:00", SUNDAY) is None  # Tuesday


def test_windows_that_meet_are_one() -> None:
    after = {"from": "2026-11-25T03:30:00.000Z", "to": "2026-11-25T06:00:00.000Z"}
    assert end("2026-11-25T02:30:00+00:00", ONCE, after) == "2026-11-25T06:00:00+00:00"


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 7), st.integers(0, 23), st.integers(0, 23)), max_size=4),
    st.integers(0, 7 * 24 * 60),
)
def test_at_the_end_of_a_maintenance_none_is_on(windows: list[tuple[int, int, int]], minutes: int) -> None:
    weekly = [{"weekday": d, "from": f"{a:02d}:00", "to": f"{b:02d}:00"} for d, a, b in windows if a != b]
    now = AT + timedelta(minutes=minutes)
    over = maintenance.end(weekly, now)
    assert over is None or (over > now and maintenance.end(weekly, over) is None)


# --- states -------------------------------------------------------------------------------------------------


def test_nothing_leads_back_but_a_replay() -> None:
    order = [deliveries.QUEUED, deliveries.SENT, deliveries.DELIVERED, deliveries.ACKED]
    for to, before in deliveries.BEFORE.items():
        if to in order:
            assert all(order.index(one) <= order.index(to) for one in before if one in order), to
    assert deliveries.ACKED not in {
        one for to in deliveries.BEFORE if to != "REPLAYED" for one in deliveries.BEFORE[to]
    }
    assert set(deliveries.BEFORE["REPLAYED"]) >= {deliveries.ACKED, deliveries.DEAD, deliveries.EXPIRED}


def test_who_holds_a_message() -> None:
    assert deliveries.holder("SENT", waits=True) == "window"
    assert deliveries.holder("SENT", waits=False) == "receiver"
    assert (deliveries.holder("FAILED", True), deliveries.holder("DEAD", False)) == ("window", "operator")
