"""Channels over HTTP: who may register, see and change which; every change written down; the stack's dead letters."""

import json
from typing import Any

import pytest

from channels import registry
from singlewindow import canonical, settings
from singlewindow.aws import dead_letters
from singlewindow.parties import Caller, Role
from tests.functions.channels.conftest import OTHER, PARTY, aws, call, registered

pytestmark = pytest.mark.usefixtures("cloud")
HOOK = "https://erp.example.cn/hook"


def channel(id: str, party: str = PARTY, role: str = "enterprise") -> tuple[int, Any]:
    return call("GET", f"/exchange/channels/{id}", party=party, role=role)


def put(id: str, etag: str | None, **wanted: Any) -> tuple[int, Any]:
    headers = {"if-match": etag} if etag else {}
    return call("PUT", f"/exchange/channels/{id}", {"protocol": "pull"} | wanted, headers=headers)


def test_a_channel_is_its_party_s_own_and_an_operator_s() -> None:
    mine = registered()
    assert channel(mine["id"])[0] == 200
    assert channel(mine["id"], OTHER)[0] == 404
    assert channel(mine["id"], "op", "operator")[0] == 200
    assert mine["secret_generation"] is None and "generation" not in mine
    assert [one["id"] for one in call("GET", "/exchange/channels")[1]["items"]] == [mine["id"]]
    assert call("GET", "/exchange/channels", party=OTHER)[1]["items"] == []


def test_an_operator_sees_all_by_pages_and_registers_for_others() -> None:
    ids = {registered()["id"], registered(OTHER)["id"]}
    wanted = {"protocol": "sqs", "party": "customs", "role": "agency", "rate_per_minute": 60}
    status, for_customs = call("POST", "/exchange/channels", wanted, "op", "operator")
    assert (status, for_customs["party"]) == (201, "customs")
    found, cursor = set(), "0"
    while cursor:
        _, page = call("GET", "/exchange/channels", None, "op", "operator", cursor=cursor)
        found |= {one["id"] for one in page["items"]}
        cursor = page["next"]
    assert found == ids | {for_customs["id"]}
    assert call("POST", "/exchange/channels", {"protocol": "pull"}, "op", "operator")[0] == 422
    assert call("POST", "/exchange/channels", {"protocol": "pull", "party": OTHER}, PARTY)[0] == 403


def test_an_agency_has_its_inbox_without_asking_and_cannot_lose_it() -> None:
    _, page = call("GET", "/exchange/channels", party="customs", role="agency")
    (inbox,) = page["items"]
    assert (inbox["id"], inbox["standing"], inbox["protocol"]) == ("customs-inbox", True, "sqs")
    status, problem = call("DELETE", "/exchange/channels/customs-inbox", party="customs", role="agency")
    assert (status, problem["code"]) == (409, "standing")
    assert channel("nobody-inbox", "op", "operator")[0] == 404


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ({"protocol": "webhook"}, ""),
        ({"protocol": "webhook", "url": "http://10.0.0.1/"}, "/url"),
        ({"protocol": "pull", "url": HOOK}, ""),
        ({"protocol": "ftp"}, "/protocol"),
        ({"protocol": "pull", "document_types": ["nonsense"]}, "/document_types"),
        ({"protocol": "pull", "format": "nonsense"}, ""),
        ({"protocol": "pull", "format": "CEB311Message", "format_version": "1999"}, ""),
        ({"protocol": "pull", "certificate": "-----BEGIN CERTIFICATE-----"}, "/certificate"),
        ({"protocol": "pull", "active_from": "2026-11-25T00:00:00"}, "/active_from"),
        ({"protocol": "pull", "timeout_seconds": 60}, "/timeout_seconds"),
        ({"protocol": "pull", "secret": "mine"}, "/secret"),
    ],
)
def test_what_is_no_channel_is_refused_with_its_place(wanted: dict[str, Any], place: str) -> None:
    status, problem = call("POST", "/exchange/channels", wanted)
    assert status == 422
    assert place in {one["pointer"] for one in problem["findings"]}


def test_a_trader_has_no_inbox_of_its_own() -> None:
    assert call("POST", "/exchange/channels", {"protocol": "sqs"})[1]["code"] == "no-inbox"


def test_every_change_is_written_down_with_who_and_what_and_nothing_is_lost_between_two() -> None:
    mine = registered(description="old")
    assert put(mine["id"], None)[0] == 428
    assert put(mine["id"], '"7"')[0] == 412
    status, changed = put(mine["id"], '"1"', description="new")
    assert (status, changed["version"]) == (200, 2)
    assert put(mine["id"], '"1"', description="late")[0] == 412
    assert (
        call("DELETE", f"/exchange/channels/{mine['id']}", headers={"if-match": '"2"'})[1]["status"]
        == "closed"
    )
    assert put(mine["id"], '"3"')[0] == 409
    _, history = call("GET", f"/exchange/channels/{mine['id']}/history")
    lines = [(one["version"], one["by"], one["changed"]) for one in history["items"]]
    assert [version for version, *_ in lines] == [1, 2, 3]
    assert lines[1][1:] == ("zhang", {"description": {"before": "old", "after": "new"}})
    assert lines[2][2] == {"status": {"before": "active", "after": "closed"}}


def test_of_two_who_change_the_same_version_one_wins() -> None:
    from dataclasses import replace

    before = registry.find(registered()["id"])
    assert before is not None
    by = Caller("li", Role.ENTERPRISE, PARTY)
    registry.change(before, replace(before, description="a"), by)
    with pytest.raises(Exception, match="changed-meanwhile"):
        registry.change(before, replace(before, description="b"), by)
    assert len(registry.history(before.id)) == 2


def test_a_secret_is_shown_once_and_the_one_before_signs_for_a_day() -> None:
    mine = registered(protocol="webhook", url=HOOK)
    assert "secret" not in channel(mine["id"])[1]
    status, rotated = call("POST", f"/exchange/channels/{mine['id']}/secret")
    assert status == 200 and rotated["secret"] != mine["secret"] and rotated["secret_generation"] == 2
    stored = json.dumps(aws("dynamodb").scan(TableName="channels")["Items"])
    assert mine["secret"] not in stored and rotated["secret"] not in stored
    found = registry.find(mine["id"])
    assert found is not None and found.previous_until is not None
    assert found.signing(found.previous_until.replace(year=2025)) == (2, 1)
    assert found.signing(found.previous_until) == (2,)
    assert call("POST", f"/exchange/channels/{registered()['id']}/secret")[0] == 409


def test_dead_letters_of_the_stack_go_back_where_they_came_from_once_and_audited() -> None:
    sqs = aws("sqs")
    dead = sqs.get_queue_url(QueueName="w-routing-dlq")["QueueUrl"]
    attribute = {"correlation_id": {"DataType": "String", "StringValue": "c-7"}}
    for number in range(12):
        sqs.send_message(
            QueueUrl=dead, MessageBody=f'{{"receipt_id":"{number}"}}', MessageAttributes=attribute
        )
    place = "/exchange/dead-letters/queues"
    assert call("GET", place, None, "op", "operator")[1] == {
        "items": [{"name": "routing-dlq", "messages": 12}]
    }
    assert call("GET", place)[0] == 403
    status, done = call(
        "POST", f"{place}/routing-dlq/redrive", {"why": "mended", "most": 11}, "op", "operator"
    )
    assert (status, done["moved"], done["left"]) == (202, 11, 1)
    back = sqs.receive_message(
        QueueUrl=settings.get("ROUTING_QUEUE"), MaxNumberOfMessages=1, MessageAttributeNames=["All"]
    )["Messages"][0]
    assert canonical.load(back["Body"]).keys() == {"receipt_id"}
    assert back["MessageAttributes"]["correlation_id"]["StringValue"] == "c-7"
    assert dict(dead_letters.depths()) == {"routing-dlq": 1}
    assert call("POST", f"{place}/other-dlq/redrive", {"why": "mended"}, "op", "operator")[0] == 404
    _, audited = call("GET", "/exchange/replays", None, "op", "operator")
    assert [(one["what"], one["why"]) for one in audited["items"]] == [("redrive routing-dlq", "mended")]
