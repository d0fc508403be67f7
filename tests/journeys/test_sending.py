"""Any message to the window over HTTP: a receipt at once, and what became of it, for its sender and nobody else."""

import json
from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen
from uuid import uuid4

import pytest

from infra.stage import Stage
from singlewindow import canonical, catalogue
from singlewindow.messages import conformance, transform
from tests.journeys.conftest import Planted
from tests.journeys.test_standards import ORDER, order
from tests.journeys.window import STRANGER, Client, Response, Trader, quiet, sample, until

MESSAGES, UPLOADS = "/exchange/messages", "/exchange/uploads"
XML, EDIFACT, OCTETS = "application/xml", "application/edifact", "application/octet-stream"
INTERCHANGE = b"UNB+UNOA:2+A+B+260101:0101+1'UNH+1+COARRI:D:95B:UN'"
ENDS = ("VALIDATED", "INVALID", "QUARANTINED")
Token = Callable[..., str]


def send(client: Client, raw: Any, media_type: str = "application/json", key: str | None = None) -> Response:
    return client.call("POST", MESSAGES, raw, media_type, Idempotency_Key=key or str(uuid4()))


def outcome(client: Client, sent: Response) -> dict[str, Any]:
    assert sent.status == 202, sent.raw
    path = sent.headers["Location"]
    shown: dict[str, Any] = until(lambda: client.get(path).json, ended, 30)
    return shown


def ended(shown: dict[str, Any]) -> bool:
    """Judged; what is valid has reached whom it concerns as well."""
    if shown["state"] != "VALIDATED":
        return shown["state"] in ENDS
    there = shown["destinations"]
    return there is not None and all(one["held_by"] == "receiver" for one in there)


def written(document: dict[str, Any]) -> bytes:
    normal = catalogue.document("declaration").normalise(document)
    return transform.write([normal], "DecMessage")


def raw_of(client: Client, shown: dict[str, Any]) -> bytes:
    """The raw view, as a client follows it that does not take its token along."""

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    request = Request(client.url + shown["views"]["raw"], headers={"Authorization": f"Bearer {client.token}"})
    with pytest.raises(HTTPError) as answer:
        build_opener(Stay).open(request, timeout=10)
    assert answer.value.code == 303
    link = json.loads(answer.value.read())
    with urlopen(link["location"], timeout=10) as content:
        return bytes(content.read())


def test_a_sound_order_is_received_at_once_and_valid_soon(trader: Trader) -> None:
    raw = order()
    sent = send(trader, raw, XML)
    receipt = sent.json
    assert (receipt["state"], receipt["type"], receipt["bytes"]) == ("RECEIVED", "CEB311Message", len(raw))
    assert receipt["sha256"] == sha256(raw).hexdigest()

    assert receipt["next"]["call"] is None

    shown = outcome(trader, sent)

    assert shown["state"] == "VALIDATED" and shown["counts"]["error"] == 0
    assert [one["state"] for one in shown["timeline"]] == ["RECEIVED", "VALIDATED"]
    assert shown["recognised"][0]["type"] == "CEB311Message" and shown["recognised"][0]["certain"]
    assert shown["next"]["call"] is None and "files nothing" in shown["next"]["en"]
    assert raw_of(trader, shown) == raw
    view = trader.get(shown["views"]["canonical"])
    normal = json.loads(canonical.dumps(catalogue.document("ecommerce-order").normalise(ORDER)))
    assert view.json == {"document": "ecommerce-order", "version": 1, "documents": [normal]}
    assert sha256(view.raw).hexdigest() == shown["hashes"]["canonical"]
    assert sha256(trader.get(shown["views"]["report"]).raw).hexdigest() == shown["hashes"]["report"]
    again = trader.get(shown["views"]["canonical"] + "?as=CEB311Message")
    assert again.status == 200 and b"<currency>142</currency>" in again.raw


def test_a_deviating_order_says_everything_that_is_wrong(trader: Trader) -> None:
    wrong = (
        order()
        .replace(b"<currency>142<", b"<currency>CNY<")
        .replace(b"</Order>", b"<colour>red</colour></Order>")
    )
    shown = outcome(trader, send(trader, wrong, "text/xml"))
    assert shown["state"] == "INVALID" and shown["verdict"] == "deviates"
    rules = {finding["rule"] for finding in shown["findings"]}
    assert {"CODE-OTHER-SET", "MSG-UNKNOWN"} <= rules and shown["findings_left"] == 0
    assert all(finding["path"] and finding["message_zh"] for finding in shown["findings"])


def test_a_declaration_in_gb18030_is_understood_and_not_filed(trader: Trader) -> None:
    raw = written(sample()).decode().replace("UTF-8", "GB18030", 1).encode("gb18030")
    before = trader.get("/declarations").json["items"]
    sent = send(trader, raw, XML)
    shown = outcome(trader, sent)
    assert shown["state"] == "VALIDATED", shown["findings"]
    assert sent.json["next"]["call"] == "POST /declarations"
    assert raw_of(trader, shown) == raw
    assert "成都" in trader.get(shown["views"]["canonical"]).raw.decode()
    assert shown["next"]["call"] == "POST /declarations"
    assert trader.get("/declarations").json["items"] == before


def test_a_declaration_in_json_is_seen_as_decmessage(trader: Trader) -> None:
    shown = outcome(trader, send(trader, sample()))
    view = trader.get(shown["views"]["canonical"] + "?as=DecMessage")
    assert view.status == 200, view.raw
    assert view.raw == written(sample()) and view.headers["Content-Type"].endswith("+xml")
    other = trader.get(shown["views"]["canonical"] + "?as=CEB311Message")
    assert (other.status, other.json["code"]) == (422, "no-such-carrier")


def test_what_a_message_is_too_narrow_for_is_named(trader: Trader) -> None:
    shown = outcome(trader, send(trader, sample(bill_no="B" * 35)))
    refused = trader.get(shown["views"]["canonical"] + "?as=DecMessage")
    assert (refused.status, refused.json["code"]) == (422, "untransferable")
    assert refused.json["findings"][0]["pointer"] == "/head/bill_no"


@pytest.mark.parametrize("media_type", [EDIFACT, OCTETS])
def test_an_interchange_is_judged(trader: Trader, media_type: str) -> None:
    shown = outcome(trader, send(trader, INTERCHANGE, media_type))
    assert (shown["state"], shown["recognised"][0]["type"]) == ("INVALID", "COARRI")
    assert "canonical" not in shown["views"]


def test_what_nobody_can_read_is_set_aside_and_the_next_is_not(trader: Trader, stage: Stage) -> None:
    poison, good = send(trader, order()[:-30], XML), send(trader, order(), XML)
    assert outcome(trader, poison)["state"] == "QUARANTINED"
    assert outcome(trader, good)["state"] == "VALIDATED"


def test_an_unknown_type_is_refused_and_its_key_stays_free(trader: Trader) -> None:
    key = str(uuid4())
    refused = send(trader, b"<CEB999Message/>", XML, key)
    assert refused.status == 422 and refused.json["nearest"] and refused.json["known"]["messages"]
    assert send(trader, order(), XML, key).status == 202


@pytest.mark.parametrize(
    ("raw", "media_type", "status"),
    [
        (b"{nonsense", "application/json", 400),
        ('{"head":{"note":"成都"}}'.encode("gb18030"), "application/json", 400),
        (b"<" + b"x" * 1_100_000, XML, 413),
        (b"a,b", "text/csv", 415),
        (b"<DecMessage/>", "application/json", 415),
    ],
)
def test_what_no_one_can_take_is_a_problem(trader: Trader, raw: bytes, media_type: str, status: int) -> None:
    answer = send(trader, raw, media_type)
    assert answer.status == status and answer.json["detail_zh"]


def test_the_same_key_answers_the_same_and_another_body_conflicts(trader: Trader) -> None:
    key = str(uuid4())
    first = send(trader, order(), XML, key)
    outcome(trader, first)
    again = send(trader, order(), XML, key)
    other = send(trader, order() + b"\n", XML, key)
    assert again.json == first.json and again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    assert (other.status, other.json["code"]) == (409, "idempotency-conflict")
    assert trader.call("POST", MESSAGES, order(), XML).json["code"] == "idempotency-key-missing"


def test_a_stranger_finds_nothing_and_staff_does(trader: Trader, stage: Stage, token: Token) -> None:
    sent = send(trader, order(), XML)
    shown = outcome(trader, sent)
    stranger, agency = (
        Client(stage.url, token("enterprise", STRANGER)),
        Client(stage.url, token("agency", "customs")),
    )
    officer = Client(stage.url, token("officer", "customs"))
    for path in (sent.headers["Location"], *shown["views"].values(), MESSAGES + "/nothing"):
        assert stranger.get(path).status == agency.get(path).status == 404
    assert officer.get(sent.headers["Location"]).json["state"] == "VALIDATED"
    assert send(officer, order(), XML).status == 403
    assert Client(stage.url, None).get(sent.headers["Location"]).status == 401


def test_an_agency_may_send_too(stage: Stage, token: Token) -> None:
    agency = Client(stage.url, token("agency", "port"))
    assert outcome(agency, send(agency, INTERCHANGE, EDIFACT))["sender"] == "port"


def large(size: int) -> bytes:
    raw = order()
    start, end = raw.index(b"<Order>"), raw.index(b"</Order>") + len(b"</Order>")
    one = raw[start:end] + b" " * ((size - len(raw)) // 100 - (end - start))
    return raw[:start] + one * 100 + raw[end:]


def test_20_mb_go_by_upload(trader: Trader, stage: Stage, token: Token) -> None:
    raw = large(20_000_000)
    announced = {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
    key = str(uuid4())
    granted = trader.call("POST", UPLOADS, announced, Idempotency_Key=key)
    assert granted.status == 201, granted.raw
    told = granted.json
    assert b64decode(told["headers"]["x-amz-checksum-sha256"]).hex() == announced["sha256"]
    path = f"{MESSAGES}/{told['receipt_id']}"
    assert trader.get(path).json["state"] == "EXPECTED"
    assert trader.call("POST", told["then"]).json["code"] == "not-uploaded"
    stranger = Client(stage.url, token("enterprise", STRANGER))
    assert stranger.get(path).status == stranger.call("POST", told["then"]).status == 404

    headers = told["headers"] | {"Content-Type": OCTETS}
    with urlopen(Request(told["url"], raw, headers, method="PUT"), timeout=30) as answer:
        assert answer.status == 200
    sent = trader.call("POST", told["then"])
    shown = outcome(trader, sent)

    assert sent.json["receipt_id"] == told["receipt_id"] and sent.json["sha256"] == announced["sha256"]
    assert shown["state"] == "VALIDATED" and shown["recognised"][0]["documents"] == 100
    assert [one["state"] for one in shown["timeline"]] == ["EXPECTED", "RECEIVED", "VALIDATED"]
    repeated = trader.call("POST", told["then"])
    assert repeated.json == sent.json and repeated.headers["Idempotent-Replay"] == "true"
    anew = trader.call("POST", UPLOADS, announced, Idempotency_Key=key)
    assert (anew.status, anew.json["receipt_id"]) == (202, told["receipt_id"])


def test_a_pointer_that_nobody_can_read_dies_alone(trader: Trader, stage: Stage, planted: Planted) -> None:
    url = stage.resource("IngestQueue")
    for body in ("nonsense", '{"receipt_id":"never-seen"}'):
        stage.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    assert outcome(trader, send(trader, order(), XML))["state"] == "VALIDATED"
    quiet(stage)
    planted.dead_letter("IngestQueueDlq", 2)


def test_a_repeated_pointer_changes_nothing(trader: Trader, stage: Stage) -> None:
    sent = send(trader, order(), XML)
    shown = outcome(trader, sent)
    body = json.dumps({"receipt_id": shown["receipt_id"]})
    for _ in range(3):
        stage.client("sqs").send_message(QueueUrl=stage.resource("IngestQueue"), MessageBody=body)
    quiet(stage)
    assert trader.get(sent.headers["Location"]).json == shown


def test_an_outbox_that_fails_after_it_sent_repeats_and_changes_nothing(trader: Trader, stage: Stage) -> None:
    with stage.inject("ExchangeForward", after=RuntimeError("crashed"), times=2) as fault:
        sent = send(trader, order(), XML)
        shown = outcome(trader, sent)
        quiet(stage)
    assert fault.fired == 2
    assert trader.get(sent.headers["Location"]).json == shown
    assert [one["state"] for one in shown["timeline"]] == ["RECEIVED", "VALIDATED"]


def test_a_judge_that_dies_after_its_effect_has_had_one(trader: Trader, stage: Stage) -> None:
    """Its batch comes back whole, with what others sent in it; each is judged once and nobody is lost."""
    with stage.inject("ExchangeJudge", after=RuntimeError("died"), times=1) as fault:
        sent = [send(trader, order(), XML) for _ in range(12)]
        shown = [outcome(trader, one) for one in sent]
        quiet(stage, 30)
    assert fault.fired == 1
    for one, before in zip(sent, shown, strict=True):
        assert trader.get(one.headers["Location"]).json == before
        assert [step["state"] for step in before["timeline"]] == ["RECEIVED", "VALIDATED"]


def test_a_judge_that_raises_at_one_message_holds_up_no_other(
    trader: Trader, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours, not of the message: it stays RECEIVED while the others are judged, and is judged when mended."""
    cursed, real, fired = order() + b"\n<!-- cursed -->", conformance.report, []

    def report(raw: bytes, *arguments: Any, **named: Any) -> conformance.Report:
        if raw == cursed:
            fired.append(1)
            raise ZeroDivisionError("a mapping that raises")
        return real(raw, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(conformance, "report", report)
        sent = send(trader, cursed, XML)
        others = [outcome(trader, send(trader, order(), XML)) for _ in range(3)]
        until(lambda: fired, bool)
        assert trader.get(sent.headers["Location"]).json["state"] == "RECEIVED"
    assert {one["state"] for one in others} == {"VALIDATED"}
    assert [one["state"] for one in outcome(trader, sent)["timeline"]] == ["RECEIVED", "VALIDATED"]
    quiet(stage)
