"""One declaration in, every agency asked, one release out."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exchange.store import message_id
from infra import issuer
from infra.stage import Stage
from tests.journeys.conftest import ANSWER_TIMEOUT, Planted
from tests.journeys.window import STRANGER, Client, Desk, Trader, quiet, sample, until

At = Callable[[str], Desk]


def journey(client: Client, window_no: str) -> list[dict[str, Any]]:
    answer = client.get(f"/panorama/{window_no}")
    assert answer.status == 200, answer.raw
    lanes = answer.json["lanes"]
    return sorted(lanes["documents"] + lanes["logistics"], key=lambda entry: entry["seq"])


def happened(client: Client, window_no: str, event: str) -> int:
    return sum(entry["event"] == event for entry in journey(client, window_no))


def waits(trader: Trader, window_no: str) -> list[str]:
    return [
        one["agency"] for one in trader.show(window_no)["agencies"] if one["part"] in ("decides", "verifies")
    ]


def test_all_accept_and_it_is_released_once(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = trader.submit(sample())
    for agency in waits(trader, window_no):
        reply = desk(agency).agree(window_no)
        if agency == "customs":
            entry_id = reply["entry_id"]

    shown = trader.wait(window_no, "RELEASED")
    assert shown["entry_id"] == entry_id
    assert shown["allowed"] == ["amend"]
    quiet(stage)

    assert happened(trader, window_no, "DeclarationReleased") == 1
    assert happened(trader, window_no, "DeclarationAccepted") == 1
    assert desk("tax").question(window_no)["type"] == "clearance-report"
    found = trader.get(f"/panorama?q={entry_id}").json["items"]
    assert [one["window_no"] for one in found] == [window_no]


def test_each_agency_gets_its_own_part_of_the_document(trader: Trader, desk: At) -> None:
    window_no = trader.submit(sample())

    pointer = desk("port").question(window_no)
    port = desk("port").body(pointer)
    customs = desk("customs").body(desk("customs").question(window_no))

    assert set(pointer) == {
        "link",
        "message_id",
        "type",
        "version",
        "window_no",
        "declaration_version",
        "sha256",
        "body",
    }
    assert port.status == customs.status == 200
    assert "lines" not in port.json["document"]
    assert len(customs.json["document"]["lines"]) >= 20
    assert desk("customs").body(pointer).status == 404  # another agency's message is not known to it
    assert trader.get(pointer["body"]).status == 403


def test_one_rejects_and_it_is_rejected_after_all_have_answered(trader: Trader, desk: At) -> None:
    window_no = trader.submit(sample())
    agencies = waits(trader, window_no)
    desk("customs").reply(window_no, "reject", findings=[{"code": "R1", "message_zh": "单证不符"}])
    for agency in agencies:
        if agency != "customs":
            desk(agency).agree(window_no)

    shown = trader.wait(window_no, "REJECTED")

    customs = next(one for one in shown["agencies"] if one["agency"] == "customs")
    assert customs["state"] == "rejected"
    assert customs["findings"] == [{"code": "R1", "message_zh": "单证不符"}]


def test_a_returned_declaration_is_released_in_its_next_version(
    trader: Trader, desk: At, stage: Stage
) -> None:
    window_no = trader.submit(sample())
    for agency in waits(trader, window_no):
        desk(agency).reply(window_no, "return" if agency == "customs" else "accept")
    trader.wait(window_no, "RETURNED")
    etag = trader.get(f"/declarations/{window_no}").headers["ETag"]

    unguarded = trader.call("PUT", f"/declarations/{window_no}", sample())
    stale = trader.call("PUT", f"/declarations/{window_no}", sample(), If_Match='"1.SUBMITTED"')
    again = trader.call("PUT", f"/declarations/{window_no}", sample(note="更正"), If_Match=etag)
    twice = trader.call("PUT", f"/declarations/{window_no}", sample(note="更正"), If_Match=etag)

    assert (unguarded.status, stale.status, again.status, twice.status) == (428, 412, 202, 409)
    assert again.json["version"] == 2
    late = desk("customs").compose(desk("customs").question(window_no, 1), "reject")
    desk("customs").send(late)
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no, version=2)
    trader.wait(window_no, "RELEASED")
    quiet(stage)
    assert trader.show(window_no)["state"] == "RELEASED"


def test_silence_suspends_and_a_late_answer_still_counts(trader: Trader, desk: At) -> None:
    window_no = trader.submit(sample())
    for agency in waits(trader, window_no):
        if agency != "customs":
            desk(agency).agree(window_no)

    shown = trader.wait(window_no, "SUSPENDED")
    customs = next(one for one in shown["agencies"] if one["agency"] == "customs")
    assert (customs["state"], customs["holder"]) == ("silent", "customs")

    desk("customs").agree(window_no)
    trader.wait(window_no, "RELEASED")


def test_a_hold_shows_at_once_and_its_clearing_releases(trader: Trader, desk: At) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    desk("ciq").reply(window_no, "hold", findings=["木质包装查验"])
    trader.wait(window_no, "HELD")

    for agency in waits(trader, window_no):
        if agency != "ciq":
            desk(agency).agree(window_no)
    until(lambda: trader.agency(window_no, "customs"), lambda one: one["state"] == "released")
    assert trader.show(window_no)["state"] == "HELD"

    desk("ciq").reply(window_no, "clear")
    trader.wait(window_no, "RELEASED")


def test_a_hold_that_outlasts_the_workflow_is_lifted_all_the_same(
    trader: Trader, desk: At, stage: Stage
) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    desk("ciq").reply(window_no, "hold")
    for agency in waits(trader, window_no):
        if agency != "ciq":
            desk(agency).agree(window_no)
    until(
        lambda: [one for one in stage.executions() if window_no in one["name"]],
        lambda found: found[0]["status"] == "SUCCEEDED",
        patience=ANSWER_TIMEOUT + 10,
    )
    assert trader.show(window_no)["state"] == "HELD"

    desk("ciq").agree(window_no)
    trader.wait(window_no, "RELEASED")


def test_repeated_reordered_and_contradicting_answers_change_nothing(
    trader: Trader, desk: At, stage: Stage
) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    ciq = desk("ciq")
    question = ciq.question(window_no)
    now = datetime.now(UTC)
    hold = ciq.compose(question, "hold", at=(now - timedelta(seconds=9)).isoformat())
    clear = ciq.compose(question, "clear", at=(now - timedelta(seconds=5)).isoformat())
    for reply in (clear, hold, clear, hold):  # the hold arrives after what lifted it, and everything twice
        ciq.send(reply)
    release = desk("customs").agree(window_no)
    desk("customs").send(release)
    for agency in waits(trader, window_no):
        if agency not in ("ciq", "customs"):
            desk(agency).agree(window_no)
    trader.wait(window_no, "RELEASED")

    desk("customs").reply(window_no, "reject")
    quiet(stage)

    assert trader.show(window_no)["state"] == "RELEASED"
    assert trader.agency(window_no, "customs")["state"] == "released"
    assert happened(trader, window_no, "DeclarationReleased") == 1


def test_forged_and_unreadable_replies_die_alone(
    trader: Trader, desk: At, stage: Stage, planted: Planted
) -> None:
    window_no = trader.submit(sample())
    customs = desk("customs")
    question = customs.question(window_no)
    port = desk("port").question(window_no)

    before = stage.dead_letters()["CustomsRepliesDlq"]
    customs.send("{not json")
    customs.send(customs.compose(question, "maybe"))
    customs.send(
        customs.compose({**question, "message_id": "00000000-0000-0000-0000-000000000000"}, "accept")
    )
    customs.send(customs.compose(port, "accept"))  # the port's question, answered by customs
    planted.dead_letter("CustomsRepliesDlq", 4)
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no)

    trader.wait(window_no, "RELEASED")
    until(lambda: stage.dead_letters()["CustomsRepliesDlq"], lambda depth: depth == before + 4)


def test_two_declarations_at_once_do_not_mix(trader: Trader, desk: At) -> None:
    first, second = trader.submit(sample()), trader.submit(sample())
    agencies = waits(trader, first)
    for agency in agencies:
        desk(agency).agree(second)
        desk(agency).reply(first, "reject" if agency == "customs" else "accept")

    trader.wait(second, "RELEASED")
    trader.wait(first, "REJECTED")


def test_a_crash_between_write_and_publish_loses_nothing(trader: Trader, desk: At, stage: Stage) -> None:
    with stage.paused("ExchangePublish"):
        window_no = trader.submit(sample())
        time.sleep(0.3)
        assert trader.agency(window_no, "customs")["state"] == "to-ask"
    crash = RuntimeError("crash after the publish")
    with stage.inject("ExchangePublish", after=crash, times=2) as fault:
        for agency in waits(trader, window_no):
            desk(agency).agree(window_no)
        trader.wait(window_no, "RELEASED")
        quiet(stage)
    assert fault.fired == 2
    assert happened(trader, window_no, "DeclarationReleased") == 1


def test_a_second_start_asks_nobody_again(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = trader.submit(sample())
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no)
    trader.wait(window_no, "RELEASED")
    quiet(stage)
    events = len(journey(trader, window_no))

    again = stage.invoke("ExchangeRepublish", {"window_no": window_no, "first": 1, "last": 99})
    assert again == {"republished": events}
    quiet(stage)

    assert len(journey(trader, window_no)) == events
    assert sum(window_no in one["name"] for one in stage.executions()) == 1


def test_the_port_reports_and_differences_show_without_a_veto(trader: Trader, desk: At, stage: Stage) -> None:
    document = sample()
    window_no = trader.submit(document)
    report = {"bill_no": document["head"]["bill_no"], "pack_no": 1, "gross_weight": "1.5"}
    desk("port").reply(window_no, "accept", report=report)

    seen = until(
        lambda: [entry for entry in journey(trader, window_no) if entry["event"] == "CargoReported"], bool
    )

    assert seen[0]["lane"] == "logistics"
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no)
    trader.wait(window_no, "RELEASED")


def test_what_comes_after_the_decision_is_recorded_only(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = trader.submit(sample())
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no)
    trader.wait(window_no, "RELEASED")
    quiet(stage)
    since = trader.show(window_no)["since"]
    customs = desk("customs")

    late = customs.client.call(
        "POST", "/exchange/replies", customs.compose(customs.question(window_no), "hold")
    )
    quiet(stage)

    assert (late.status, late.json["effect"]) == (202, "recorded-after-decision")
    shown = trader.show(window_no)
    assert (shown["state"], shown["since"]) == ("RELEASED", since)
    assert trader.agency(window_no, "customs")["state"] == "released"


def test_nobody_waits_for_a_verifier(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = trader.submit(sample())
    for one in trader.show(window_no)["agencies"]:
        if one["part"] == "decides":
            desk(one["agency"]).agree(window_no)

    trader.wait(window_no, "RELEASED")

    assert desk("mofcom").question(window_no)["type"] == "licence-verification"


def test_an_answer_that_came_while_a_step_was_repeated_still_ends_it(
    trader: Trader, desk: At, stage: Stage
) -> None:
    """The question goes out, the step's own answer is lost, the agency replies, and only then is the step repeated."""
    asked: list[str] = []

    def lose(event: dict[str, Any], _result: Any) -> None:
        if event["agency"] == "customs" and not asked:
            asked.append(event["window_no"])
            pointer = {"message_id": message_id(event["window_no"], 1, "customs", "declaration")}
            desk("customs").send(desk("customs").compose(pointer | event, "release"))
            raise RuntimeError("lost on the way back")

    with stage.inject("ExchangeDispatch", after=lose, times=None):
        window_no = trader.submit(sample())
        for agency in waits(trader, window_no):
            if agency != "customs":
                desk(agency).agree(window_no)
        trader.wait(window_no, "RELEASED")

    assert asked == [window_no]


@pytest.mark.parametrize(
    "reply",
    [
        {"at": 5},
        {"at": "0001-01-01T00:00:00+14:00"},
        {"outcome": "hold", "entry_id": "790120261000000001"},
        {"findings": [{"a": [[[[[[1]]]]]]}]},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_reply_that_is_wrong_is_told_so(trader: Trader, desk: At, reply: dict[str, Any]) -> None:
    window_no = trader.submit(sample())
    customs = desk("customs")

    answer = customs.client.call(
        "POST", "/exchange/replies", customs.compose(customs.question(window_no), "accept") | reply
    )

    assert answer.status == 422, answer.raw
    assert answer.json["findings"]


def test_who_is_named_no_more_sees_no_more(trader: Trader, desk: At, stage: Stage) -> None:
    former = Client(stage.url, issuer.token("enterprise", STRANGER))
    window_no = trader.submit(sample(owner_uscc=STRANGER))
    assert former.get(f"/declarations/{window_no}").status == 200
    for agency in waits(trader, window_no):
        desk(agency).reply(window_no, "return" if agency == "customs" else "accept")
    trader.wait(window_no, "RETURNED")

    trader.call("PUT", f"/declarations/{window_no}", sample(), If_Match="*")

    assert former.get(f"/declarations/{window_no}").status == 404
    assert window_no not in {one["window_no"] for one in former.get("/declarations").json["items"]}


def test_a_notice_that_nobody_can_read_dies_alone(
    trader: Trader, desk: At, stage: Stage, planted: Planted
) -> None:
    stage.client("sqs").send_message(QueueUrl=stage.resource("DeclarationsInbox"), MessageBody="{not json")
    planted.dead_letter("DeclarationsInboxDlq")
    window_no = trader.submit(sample())
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no)

    trader.wait(window_no, "RELEASED")
    until(lambda: stage.dead_letters()["DeclarationsInboxDlq"], lambda depth: depth == 1)
