"""Taking messages in, on moto: once under each key, whatever is lost or repeated; judged once; poison alone."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EndpointConnectionError

from exchange import ingest, received, views
from exchange.receipt import EXPECTED, INVALID, QUARANTINED, RECEIVED, VALIDATED, Received
from infra import ROOT
from singlewindow import canonical, catalogue, clock
from singlewindow.aws import archive, clients, queues, uploads
from singlewindow.errors import WindowError
from singlewindow.messages import carriers, transform, xml
from tests.support.transport import TRANSPORT

PARTY, OTHER = "91510100569680768F", "913302017532977856"
XML, JSON = "application/xml", "application/json"
SAMPLE: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())

pytestmark = pytest.mark.usefixtures("cloud")


def order(**head: str) -> bytes:
    document = catalogue.document("ecommerce-order").normalise(SAMPLE | {"head": SAMPLE["head"] | head})
    return transform.write([document], "CEB311Message", TRANSPORT)


def rows(item: str) -> list[dict[str, Any]]:
    found = boto3.client("dynamodb").scan(TableName="received")["Items"]
    return [one for one in found if one["item"]["S"] == item]


def objects() -> int:
    return len(boto3.client("s3").list_objects_v2(Bucket="archive").get("Contents", []))


def accepted(raw: bytes, key: str = "K-1", media_type: str = XML) -> Received:
    return ingest.accept(PARTY, key, raw, media_type)[0]


def judged(raw: bytes, key: str = "K-1", media_type: str = XML) -> Received:
    one = accepted(raw, key, media_type)
    assert ingest.judge(one.receipt_id)
    found = received.find(one.receipt_id)
    assert found is not None
    return found


def report(one: Received) -> dict[str, Any]:
    text = ingest.report_of(one)
    assert text is not None and canonical.sha256(text) == one.outcome["report"]["sha256"]
    told: dict[str, Any] = json.loads(text)
    return told


# ---------------------------------------------------------------- accepting


def test_a_message_is_kept_to_the_byte_and_the_row_reads_back() -> None:
    raw = order().decode().replace("UTF-8", "GB18030").encode("gb18030")
    one, repeated = ingest.accept(PARTY, "K-1", raw, XML)
    assert not repeated and received.find(one.receipt_id) == one
    assert archive.fetch(one.raw_key) == raw and one.sha256 == canonical.sha256(raw)
    assert (one.type, one.syntax, one.state, len(one.timeline)) == ("CEB311Message", "xml", RECEIVED, 1)


def test_the_same_key_gives_the_same_receipt_and_other_content_conflicts() -> None:
    one = accepted(order())
    assert ingest.accept(PARTY, "K-1", order(), XML) == (one, True)
    with pytest.raises(WindowError) as caught:
        accepted(order(note="other"))
    assert (caught.value.status, caught.value.members["receipt_id"]) == (409, one.receipt_id)
    assert (len(rows("message")), len(rows("request")), objects()) == (1, 1, 1)


def test_a_repetition_reminds_the_judge_of_what_nobody_told_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the outbox passed a message over, its sender's own repetition brings it to the judge."""
    told: list[Any] = []
    monkeypatch.setattr(
        queues, "send", lambda queue, pointers: told.extend((queue, *one) for one in pointers)
    )
    one = accepted(order())
    accepted(order())
    assert told == []  # it has hardly come
    clock.travel(clock.now() + timedelta(minutes=5))
    try:
        accepted(order())
        assert told == [("INGEST_QUEUE", {"receipt_id": one.receipt_id}, one.correlation_id)]
        assert ingest.judge(one.receipt_id)
        accepted(order())  # it is judged; its end has only just come
        assert [queue for queue, *_ in told] == ["INGEST_QUEUE", "ROUTING_QUEUE"]
        assert not ingest.judge(one.receipt_id)  # who judged it may have got no further
        clock.travel(clock.now() + timedelta(minutes=5))
        accepted(order())
        assert told[2:] == [("ROUTING_QUEUE", {"receipt_id": one.receipt_id}, one.correlation_id)] * 2
    finally:
        clock.travel(None)


def test_a_key_is_its_partys_own() -> None:
    first = accepted(order())
    other, repeated = ingest.accept(OTHER, "K-1", order(note="x"), XML)
    assert other.receipt_id != first.receipt_id and not repeated


@pytest.mark.parametrize("loses", ["answer", "request"])
def test_a_lost_acknowledgement_after_the_commit_gives_the_same_receipt(loses: str) -> None:
    """The write is done and its answer lost: what the client repeats finds it, and there is one message."""
    lost: list[str] = []

    def lose(http_response: AWSResponse, **_: Any) -> None:
        if not lost:
            lost.append("TransactWriteItems")
            raise EndpointConnectionError(endpoint_url="https://lost")

    events = clients.client("dynamodb").meta.events
    name = {"answer": "needs-retry", "request": "before-parse"}[loses]
    if loses == "answer":

        def drop(response: Any, attempts: int, **_: Any) -> float | None:
            if not lost and response is not None:
                lost.append("TransactWriteItems")
                return 0  # botocore sends it again, as after a timeout
            return None

        events.register_first(f"{name}.dynamodb.TransactWriteItems", drop)
    else:
        events.register_first(f"{name}.dynamodb.TransactWriteItems", _adapted(lose))
    try:
        first, repeated = ingest.accept(PARTY, "K-1", order(), XML)
        assert loses == "answer" and not repeated
    except EndpointConnectionError:
        assert loses == "request"
        first, repeated = ingest.accept(PARTY, "K-1", order(), XML)
        assert repeated
    assert lost == ["TransactWriteItems"], "the fault never fired"
    assert ingest.accept(PARTY, "K-1", order(), XML) == (first, True)
    assert [row["receipt_id"]["S"] for row in rows("message")] == [first.receipt_id]


def _adapted(lose: Any) -> Any:
    def handler(**members: Any) -> None:
        lose(members.get("response_dict"))

    return handler


def test_two_that_write_at_once_get_one_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both looked before either had written."""
    first = accepted(order())
    real, blind = received.under, [True]

    def under(*arguments: Any) -> Received | None:
        return None if blind and blind.pop() else real(*arguments)

    monkeypatch.setattr(received, "under", under)
    assert ingest.accept(PARTY, "K-1", order(), XML) == (first, True)
    assert not blind and len(rows("message")) == 1


@pytest.mark.parametrize(
    ("raw", "media_type", "status"),
    [
        (b"<CEB999Message/>", XML, 422),
        (b"UNB+UNOA:2+A+B+260101:0101+1'UNH+1+PAORES:93:1:IA'", "application/edifact", 422),
        (b"", XML, 422),
        (b"{nonsense", JSON, 400),
        (order(), JSON, 415),
        (b'{"colour":"red"}', JSON, 422),
    ],
)
def test_what_is_refused_leaves_nothing(raw: bytes, media_type: str, status: int) -> None:
    with pytest.raises(WindowError) as caught:
        accepted(raw, media_type=media_type)
    assert caught.value.status == status
    assert (rows("message"), rows("request"), objects()) == ([], [], 0)


def test_json_that_lost_bytes_on_its_way_is_refused() -> None:
    sample = (ROOT / "catalogue/examples/ecommerce-order.v1.json").read_text()
    lossy = sample.replace("{", '{"note":"\ufffd",', 1).encode()
    with pytest.raises(WindowError) as caught:
        accepted(lossy, media_type=JSON)
    assert (caught.value.status, caught.value.code, objects()) == (400, "json-encoding", 0)


# ---------------------------------------------------------------- judging


def test_a_sound_order_is_valid_and_its_documents_are_what_was_sent() -> None:
    one = judged(order())
    assert [state for state, _ in one.timeline] == [RECEIVED, VALIDATED]
    told = report(one)
    assert told["counts"]["error"] == 0 and told["recognised"][0]["certain"]
    assert any("POST /standards/conformance" in left["en"] for left in told["not_judged"])
    kept = json.loads(archive.fetch(one.outcome["canonical"]["key"]))
    normal = catalogue.document("ecommerce-order").normalise(SAMPLE)
    assert kept["documents"] == json.loads(canonical.dumps([normal]))


def test_the_same_document_in_json_and_xml_has_the_same_canonical_hash() -> None:
    by_xml = judged(order(), "K-1")
    by_json = judged(json.dumps(SAMPLE, indent=2).encode(), "K-2", JSON)
    assert by_json.outcome["canonical"] == by_xml.outcome["canonical"]
    assert by_json.sha256 != by_xml.sha256


def test_a_deviating_order_is_invalid_with_every_finding() -> None:
    sound, right, wrong = order(), b"<currency>142</currency>", b"<currency>CNY</currency>"
    one = judged(sound.replace(right, wrong).replace(b"</Order>", b"<x/></Order>"))
    found = Counter(finding["rule"] for finding in report(one)["findings"])
    assert one.state == INVALID and found == {"CODE-OTHER-SET": sound.count(right), "MSG-UNKNOWN": 1}


@pytest.mark.parametrize(
    "raw",
    [
        order()[:-40],
        order().decode().encode("gb18030"),  # says UTF-8
        b"<!DOCTYPE CEB311Message [<!ENTITY a 'b'>]>" + order().split(b"?>", 1)[1],
        b"<CEB311Message>" + b"<a>" * 400,
    ],
)
def test_what_cannot_be_read_is_set_aside_with_its_reason_and_alone(raw: bytes) -> None:
    one = judged(raw, "poison")
    assert one.state == QUARANTINED and "canonical" not in one.outcome
    assert report(one)["verdict"] == "unreadable" and report(one)["findings"][0]["message_zh"]
    assert archive.fetch(one.raw_key) == raw
    assert judged(order(), "next").state == VALIDATED


def test_a_head_that_promises_what_the_body_does_not_hold_is_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = accepted(order())
    hollow = Received(**{n: getattr(one, n) for n in Received.__dataclass_fields__} | {
        "receipt_id": "hollow", "raw_key": archive.keep(b"<Unknown/>", XML)})  # fmt: skip
    received.add(hollow, "K-9")
    assert ingest.judge("hollow")
    found = received.find("hollow")
    assert found is not None and found.state == QUARANTINED
    assert report(found)["findings"][0]["rule"] == "UNKNOWN-MESSAGE-TYPE"


def test_a_repeated_pointer_has_one_effect() -> None:
    one = judged(order())
    before = objects()
    assert not ingest.judge(one.receipt_id)
    assert received.find(one.receipt_id) == one and objects() == before


def test_two_judges_at_once_have_one_effect() -> None:
    """The second read the row before the first had written."""
    fresh = accepted(order())
    assert ingest.judge(fresh.receipt_id)
    stands = received.find(fresh.receipt_id)
    late = Received(**{n: getattr(fresh, n) for n in Received.__dataclass_fields__} | {"state": INVALID})
    assert not received.settle(late, None)
    assert received.find(fresh.receipt_id) == stands


def test_the_same_message_under_the_same_key_to_others_is_refused() -> None:
    first, _ = ingest.accept(PARTY, "K", order(), XML, ingest.Told(receivers=(OTHER,)))
    assert ingest.accept(PARTY, "K", order(), XML, ingest.Told(receivers=(OTHER,)))[1]
    pair = ingest.Told(receivers=(OTHER, "port"))
    ingest.accept(PARTY, "pair", order(), XML, pair)
    assert ingest.accept(PARTY, "pair", order(), XML, ingest.Told(receivers=("port", OTHER)))[1]
    with pytest.raises(WindowError) as caught:
        ingest.accept(PARTY, "K", order(), XML)
    assert (caught.value.code, caught.value.members) == (
        "idempotency-conflict", {"receipt_id": first.receipt_id},
    )  # fmt: skip


def test_an_attempt_that_is_cut_short_is_done_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    one = accepted(order())
    fired: list[int] = []
    real = received.settle

    def fail(*_: Any) -> bool:
        fired.append(1)
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")

    monkeypatch.setattr(received, "settle", fail)
    with pytest.raises(ClientError):
        ingest.judge(one.receipt_id)
    monkeypatch.setattr(received, "settle", real)
    assert fired and received.find(one.receipt_id) == one
    kept = objects()
    assert ingest.judge(one.receipt_id) and objects() == kept


def test_a_pointer_to_nothing_is_refused_for_good() -> None:
    with pytest.raises(WindowError) as caught:
        ingest.judge("never-seen")
    assert caught.value.status == 400


def test_a_report_too_large_for_its_row_is_archived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "_MOST_IN_ROW", 100)
    one = judged(order())
    assert report(one)["sha256"] == one.sha256
    kept = one.outcome["report"]
    assert "report" not in rows("message")[0] and kept["key"].endswith(kept["sha256"])


# ---------------------------------------------------------------- uploads


def put(upload: Any, raw: bytes) -> None:
    key = f"{upload.receipt_id[:4]}/exchange/{upload.receipt_id}"
    boto3.client("s3").put_object(Bucket="uploads", Key=key, Body=raw)


def test_an_upload_is_taken_in_once_and_only_as_announced() -> None:
    raw = order()
    upload = ingest.expect(PARTY, "U-1", len(raw), canonical.sha256(raw))
    assert not isinstance(upload, Received) and received.upload(upload.receipt_id) == upload
    with pytest.raises(WindowError) as nothing:
        ingest.arrived(upload, ingest.Told())
    put(upload, raw + b" ")
    with pytest.raises(WindowError) as altered:
        ingest.arrived(upload, ingest.Told())
    assert (nothing.value.status, altered.value.code, rows("message"), objects()) == (
        409,
        "upload-altered",
        [],
        0,
    )
    put(upload, raw)
    one, repeated = ingest.arrived(upload, ingest.Told())
    assert (one.receipt_id, repeated) == (upload.receipt_id, False)
    assert [state for state, _ in one.timeline] == [EXPECTED, RECEIVED]
    assert ingest.arrived(upload, ingest.Told()) == (one, True)
    assert ingest.expect(PARTY, "U-1", len(raw), canonical.sha256(raw)) == one


def test_the_address_binds_size_and_hash() -> None:
    sha256 = canonical.sha256(b"x")
    upload = ingest.expect(PARTY, "U-1", 1, sha256)
    assert not isinstance(upload, Received)
    told = ingest.address(upload)
    signed = told["url"].split("X-Amz-SignedHeaders=")[1].split("&")[0]
    assert "content-length" in signed and "x-amz-checksum-sha256" in signed
    assert told["headers"] == uploads.headers(sha256)
    assert "sdk-checksum" not in told["url"] and "crc32" not in told["url"].lower()


# ---------------------------------------------------------------- views


def declaration() -> Received:
    return judged((ROOT / "infra/samples/import-chengdu.json").read_bytes(), "D-1", JSON)


def test_a_declaration_written_as_decmessage_is_what_transform_writes() -> None:
    one = declaration()
    content, media_type, _ = views.written(one, "canonical", "DecMessage")
    sample = json.loads((ROOT / "infra/samples/import-chengdu.json").read_bytes())
    document = catalogue.document("declaration").normalise(sample)
    assert content == transform.write([canonical.load(canonical.dumps(document))], "DecMessage")
    assert media_type == carriers.XML


def test_what_the_message_cannot_carry_is_named_by_its_place() -> None:
    sample = json.loads((ROOT / "infra/samples/import-chengdu.json").read_bytes())
    sample["head"]["bill_no"] = "B" * 35
    one = judged(json.dumps(sample).encode(), "D-2", JSON)
    with pytest.raises(WindowError) as caught:
        views.written(one, "raw", "DecMessage")
    assert (caught.value.status, caught.value.code) == (422, "untransferable"), caught.value
    assert caught.value.findings[0].pointer == "/head/bill_no"


@pytest.mark.parametrize("type", ["CEB311Message", "nonsense", "../declaration"])
def test_a_message_that_carries_other_documents_is_no_choice(type: str) -> None:
    with pytest.raises(WindowError) as caught:
        views.written(declaration(), "canonical", type)
    assert caught.value.status == 422 and "DecMessage" in caught.value.members["known"]


def test_documents_of_unsound_form_are_not_written() -> None:
    sample = json.loads((ROOT / "infra/samples/import-chengdu.json").read_bytes())
    sample["lines"] = "none"
    one = judged(json.dumps(sample).encode(), "D-3", JSON)
    with pytest.raises(WindowError) as caught:
        views.written(one, "canonical", "DecMessage")
    assert one.state == INVALID and caught.value.code == "document-unsound" and caught.value.findings


def test_a_message_is_parsed_once_to_be_judged_and_correlated(monkeypatch: pytest.MonkeyPatch) -> None:
    one = accepted(order())
    parse = Mock(wraps=xml.parse)
    monkeypatch.setattr(xml, "parse", parse)
    assert ingest.judge(one.receipt_id)
    parse.assert_called_once()
