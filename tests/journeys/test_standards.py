"""The standards over HTTP, as anyone meets them: no token, cacheable, throttled, and large messages by upload."""

import json
from collections import Counter
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from infra import ROOT
from singlewindow import catalogue
from singlewindow.messages import transform
from tests.journeys.window import Client
from tests.support.transport import TRANSPORT

ORDER = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())

CONFORMANCE, UPLOADS = "/standards/conformance", "/standards/conformance/uploads"
SEARCH = f"/standards/elements?q={quote('提单号')}"


def order() -> bytes:
    document = catalogue.document("ecommerce-order").normalise(ORDER)
    return transform.write([document], "CEB311Message", TRANSPORT)


def test_a_message_is_judged_as_it_came_whatever_its_encoding(anyone: Client) -> None:
    def judged(raw: bytes) -> Any:
        return anyone.call("POST", CONFORMANCE, raw, "application/xml").json

    assert judged(order())["findings"] == []
    gb = order().decode().replace("encoding='UTF-8'", "encoding='GB18030'").encode("gb18030")
    assert judged(gb)["findings"] == []
    lying = order().decode().encode("gb18030")
    told = judged(lying)
    assert told["verdict"] == "unreadable" and "GB18030" in told["findings"][0]["message_zh"]


def test_an_interchange_is_judged_too(anyone: Client) -> None:
    raw = b"UNB+UNOA:2+A+B+260101:0101+1'UNH+1+COARRI:D:95B:UN'"
    answer = anyone.call("POST", CONFORMANCE, raw, "application/edifact")
    assert answer.json["recognised"][0]["type"] == "COARRI" and answer.json["verdict"] == "deviates"


def test_what_nobody_knows_is_refused_with_the_nearest_known(anyone: Client) -> None:
    answer = anyone.call("POST", CONFORMANCE, b"<CEB999Message/>", "application/octet-stream")
    assert answer.status == 422 and answer.json["nearest"] and answer.json["correlation_id"]


def test_a_large_message_goes_by_upload(anyone: Client) -> None:
    raw = order()
    start, end = raw.index(b"<Order>"), raw.index(b"</Order>") + len(b"</Order>")
    large = raw[:start] + raw[start:end] * 100 + b" " * 1_200_000 + raw[end:]
    too_large = anyone.call("POST", CONFORMANCE, large, "application/xml")
    assert too_large.status == 413
    granted = anyone.call("POST", UPLOADS, {"bytes": len(large)})
    assert granted.status == 201
    assert anyone.get(granted.json["report"]).status == 404
    # urllib says that it sends a form where nobody says what; moto would take it for one.
    octets = {"Content-Type": "application/octet-stream"}
    put = Request(granted.json["url"], large, octets, method="PUT")
    with urlopen(put, timeout=10) as answer:
        assert answer.status == 200
    answered = anyone.get(granted.json["report"])
    assert answered.status == 200, answered.raw
    report = answered.json
    assert report["recognised"][0]["documents"] == 100 and report["bytes"] == len(large)


@pytest.mark.parametrize("size", [0, 50 * 1024 * 1024 + 1, "1"])
def test_an_upload_says_its_size_and_has_at_most_50_mb(anyone: Client, size: object) -> None:
    answer = anyone.call("POST", UPLOADS, {"bytes": size})
    assert answer.status == 422 and answer.json["findings"][0]["pointer"] == "/bytes"


def test_an_answer_is_kept_until_it_changes(anyone: Client) -> None:
    first = anyone.get(SEARCH)
    assert first.status == 200 and first.json["items"][0]["name_zh"].startswith("提单号")
    assert anyone.get(SEARCH, If_None_Match=first.headers["ETag"]).status == 304


def test_nobody_takes_the_window_from_the_others(anyone: Client) -> None:
    answers = Counter(anyone.get(f"/standards/downloads/no-{number}.csv").status for number in range(40))
    assert answers[429] > 0 and answers[404] >= 10
