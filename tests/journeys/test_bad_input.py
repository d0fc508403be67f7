"""What is wrong is said clearly, and nothing is stored of it."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from infra.stage import Stage
from tests.journeys.window import STRANGER, Client, Trader, sample

Token = Callable[..., str]
XML = "application/xml"
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]><DecMessage>&j;</DecMessage>"
)
EXTERNAL = (
    b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><DecMessage><DecHead>&x;</DecHead></DecMessage>'
)


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{not json", "application/json", 400),
        (b"", "application/json", 400),
        (b"   ", "application/json", 400),
        (b'{"head":{"gross_weight":NaN}}', "application/json", 400),
        (b'{"head":{},"head":{}}', "application/json", 400),
        (b'{"head":{"note":"\\ud800"}}', "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        ('{"head":{"note":"成都"}}'.encode("gb18030"), "application/json", 400),
        (b'{"head":{"gross_weight":1e999999999}}', "application/json", 400),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a":"' + b"x" * 1_100_000 + b'"}', "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"<DecMessage>", XML, 400),
        (b"", XML, 400),
        (b"<Other/>", XML, 400),
        (BOMB, XML, 400),
        (EXTERNAL, XML, 400),
        (
            b"<DecMessage xmlns='http://www.chinaport.gov.cn/dec'>"
            + b"<a>" * 40
            + b"</a>" * 40
            + b"</DecMessage>",
            XML,
            400,
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_body_that_no_one_can_read_is_a_problem(
    trader: Trader, stage: Stage, body: bytes, media_type: str, status: int
) -> None:
    before = trader.get("/declarations").json["items"]

    answer = trader.call("POST", "/declarations", body, media_type, Idempotency_Key=str(uuid4()))

    assert answer.status == status, answer.raw
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Correlation-Id"] == answer.json["correlation_id"]
    assert trader.get("/declarations").json["items"] == before


def test_wrong_fields_are_all_named_and_the_key_is_free_again(trader: Trader) -> None:
    key = str(uuid4())
    wrong = sample(net_weight="99999999", trade_country="142")

    refused = trader.call("POST", "/declarations", wrong, Idempotency_Key=key)
    accepted = trader.call("POST", "/declarations", sample(), Idempotency_Key=key)

    assert refused.status == 422
    pointers = {finding["pointer"] for finding in refused.json["findings"] if finding["severity"] == "error"}
    assert {"/head/net_weight", "/head/trade_country"} <= pointers
    assert all(finding["message_zh"] and finding["message_en"] for finding in refused.json["findings"])
    assert accepted.status == 202


def test_the_same_key_answers_the_same_and_another_body_conflicts(trader: Trader) -> None:
    key, document = str(uuid4()), sample()

    first = trader.call("POST", "/declarations", document, Idempotency_Key=key)
    again = trader.call("POST", "/declarations", json.dumps(document, indent=3).encode(), Idempotency_Key=key)
    other = trader.call("POST", "/declarations", sample(note="other"), Idempotency_Key=key)

    assert first.status == again.status == 202
    assert again.json == first.json
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert other.status == 409


def test_the_client_sequence_number_is_a_key_and_one_is_needed(trader: Trader) -> None:
    document: dict[str, Any] = sample()
    document.setdefault("sign", {})["client_seq_no"] = f"SEQ{uuid4().hex[:12]}"

    first = trader.call("POST", "/declarations", document)
    again = trader.call("POST", "/declarations", document)
    none = trader.call("POST", "/declarations", sample())

    assert (first.status, again.status, none.status) == (202, 202, 400)
    assert again.json["window_no"] == first.json["window_no"]
    assert none.json["code"] == "idempotency-key-missing"


@pytest.mark.parametrize("token", [None, "garbage", "a.b.c"])
def test_without_a_good_token_nobody_is_let_in(stage: Stage, token: str | None) -> None:
    answer = Client(stage.url, token).get("/declarations")

    assert answer.status == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Correlation-Id"]


def test_a_wrong_role_is_refused_after_another_route_has_cached_its_policy(trader: Trader) -> None:
    assert trader.get("/declarations").status == 200
    refused = trader.get(f"/exchange/messages/{uuid4()}/body")

    assert refused.status == 403
    assert refused.headers["X-Correlation-Id"]


def test_a_stranger_finds_nothing(trader: Trader, stage: Stage, token: Token) -> None:
    window_no = trader.submit(sample())
    stranger = Client(stage.url, token("enterprise", STRANGER))

    assert stranger.get(f"/declarations/{window_no}").status == 404
    assert stranger.get(f"/panorama/{window_no}").status == 404
    assert stranger.get(f"/panorama?q={window_no}").json["items"] == []
    assert stranger.call("PUT", f"/declarations/{window_no}", sample(), If_Match="*").status == 404
    assert window_no not in {one["window_no"] for one in stranger.get("/declarations").json["items"]}


def test_nobody_files_for_strangers(stage: Stage, token: Token) -> None:
    answer = Client(stage.url, token("broker", STRANGER)).call(
        "POST", "/declarations", sample(), Idempotency_Key=str(uuid4())
    )

    assert (answer.status, answer.json["code"]) == (403, "not-a-party")


def test_an_unknown_path_is_a_problem_with_a_correlation_id(anyone: Client) -> None:
    answer = anyone.get("/nowhere")

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Correlation-Id"]


def test_public_pages_need_no_token(anyone: Client) -> None:
    assert anyone.get("/health").status == 200
    assert anyone.get("/openapi.json").json["openapi"].startswith("3.1")
    page = anyone.get("/docs")
    assert page.status == 200 and b"http://" not in page.raw.replace(b"http://www.w3.org", b"")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "to=9999-12-31",
        "from=0001-01-01",
        "from=yesterday",
        "state=LOST",
        "cursor=%%%",
        "colour=red",
    ],
)
def test_a_wrong_parameter_is_named(trader: Trader, query: str) -> None:
    answer = trader.get(f"/declarations?{query}")

    assert answer.status == 400
    assert query.split("=")[0] in answer.json["detail"]
