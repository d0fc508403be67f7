"""The other ways in, on moto: in an envelope, through the drop folder, through an agency's own queue."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody

from exchange import certificates, ingest, numbers, received, replies
from exchange.app import app
from exchange.receipt import QUARANTINED, VALIDATED, Received
from infra import ROOT
from singlewindow import catalogue, correlation
from singlewindow.aws import archive, drop
from singlewindow.errors import WindowError
from singlewindow.messages import transform
from tests.support.certificates import certificate
from tests.support.gateway_event import gateway_event
from tests.support.receipts import order_reply
from tests.support.transport import TRANSPORT

PARTY = "91510100569680768F"
XML = "application/xml"
SAMPLE: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())
JSON = (ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes()


@pytest.fixture(autouse=True)
def bound(cloud: None) -> Iterator[None]:
    with correlation.bound("test"):
        yield


def order() -> bytes:
    return transform.write(
        [catalogue.document("ecommerce-order").normalise(SAMPLE)], "CEB311Message", TRANSPORT
    )


def wrapped(
    payload: bytes | str, *, receivers: int = 2, type: str = "CEB311Message", sender: str = "DXPENT01"
) -> bytes:
    data = payload if isinstance(payload, str) else base64.b64encode(payload).decode()
    named = "".join(f"<ReceiverId>DXPEDC{number}</ReceiverId>" for number in range(receivers))
    return (
        '<DxpMsg xmlns="http://www.chinaport.gov.cn/dxp" ver="1.0"><TransInfo><CopMsgId>M-1</CopMsgId>'
        f"<SenderId>{sender}</SenderId><ReceiverIds>{named}</ReceiverIds>"
        f"<CreatTime>2026-01-01T00:00:00</CreatTime><MsgType>{type}</MsgType></TransInfo><Data>{data}</Data></DxpMsg>"
    ).encode()


def judged(one: Received) -> Received:
    ingest.judge(one.receipt_id)
    found = received.find(one.receipt_id)
    assert found is not None
    return found


# ---------------------------------------------------------------- in an envelope


@pytest.fixture
def numbered() -> None:
    certificates.register(PARTY, certificate(), "DXPENT01", "tester")


@pytest.mark.usefixtures("numbered")
def test_what_an_envelope_carries_is_judged_and_the_whole_is_kept() -> None:
    raw = wrapped(order())
    one = judged(ingest.accept(PARTY, "K", raw, XML)[0])
    assert (one.type, one.state, one.receivers) == ("CEB311Message", VALIDATED, ("DXPEDC0", "DXPEDC1"))
    assert one.envelope == {
        "kind": "dxp",
        "message_id": "M-1",
        "sender_id": "DXPENT01",
        "type": "CEB311Message",
    }
    assert archive.fetch(one.raw_key) == raw and one.outcome["canonical"]["document"] == "ecommerce-order"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (wrapped(order(), receivers=0), "envelope-unreadable"),
        (wrapped(order(), receivers=6), "envelope-unreadable"),
        (wrapped("no base64!"), "envelope-unreadable"),
        (wrapped("<Order/>"), "envelope-unreadable"),
        (wrapped(order(), type="CEB621Message"), "envelope-type"),
        (wrapped(b"this is a test"), "unknown-message-type"),
    ],
)
def test_an_envelope_that_contradicts_itself_is_refused_and_nothing_kept(raw: bytes, code: str) -> None:
    with pytest.raises(WindowError) as caught:
        ingest.accept(PARTY, "K", raw, XML)
    assert (caught.value.status, caught.value.code) == (422, code)
    assert boto3.client("dynamodb").scan(TableName="received")["Count"] == 0


@pytest.mark.parametrize("registered", ["", "DXPENT02"])
def test_nobody_sends_under_a_number_that_he_has_not_registered(registered: str) -> None:
    certificates.register(PARTY, certificate(), registered, "tester")
    with pytest.raises(WindowError) as caught:
        ingest.accept(PARTY, "K", wrapped(order()), XML)
    assert (caught.value.status, caught.value.code) == (422, "envelope-sender")
    assert boto3.client("dynamodb").scan(TableName="received")["Count"] == 0


def test_a_number_is_one_partys_even_after_its_certificate_is_revoked() -> None:
    first, _ = certificates.register(PARTY, certificate(), "DXPENT01", "tester")
    certificates.revoke(PARTY, first.thumbprint, "tester")
    with pytest.raises(WindowError) as caught:
        ingest.accept(PARTY, "K", wrapped(order()), XML)
    assert caught.value.code == "envelope-sender"
    with pytest.raises(WindowError) as caught:
        certificates.register("91310107132231740K", certificate(), "DXPENT01", "tester")
    assert (caught.value.status, caught.value.code) == (409, "dxp-id-taken")
    certificates.register(PARTY, certificate(serial=9), "DXPENT01", "tester")
    assert ingest.accept(PARTY, "K", wrapped(order()), XML)[0].envelope["sender_id"] == "DXPENT01"


OWNER = "913302017532977856"


@pytest.mark.usefixtures("numbered")
def test_an_operator_gives_a_squatted_number_to_its_owner_and_the_squatter_sends_under_it_no_more() -> None:
    moved = numbers.move("DXPENT01", PARTY, OWNER, "by its letter of today", "op-1")
    (told,) = moved["moves"]
    assert (moved["party"], told["from"], told["to"]) == (OWNER, PARTY, OWNER)
    assert (told["reason"], told["by"]) == ("by its letter of today", "op-1") and told["at"] == moved["since"]
    with pytest.raises(WindowError) as caught:
        ingest.accept(PARTY, "K", wrapped(order()), XML)
    assert caught.value.code == "envelope-sender"
    with pytest.raises(WindowError) as caught:
        certificates.register(PARTY, certificate(serial=9), "DXPENT01", "tester")
    assert caught.value.code == "dxp-id-taken"
    certificates.register(OWNER, certificate(serial=8), "DXPENT01", "tester")
    assert ingest.accept(OWNER, "K", wrapped(order()), XML)[0].sender == OWNER
    assert len(numbers.shown("DXPENT01")["moves"]) == 1  # a claim of its own takes no trace away


@pytest.mark.usefixtures("numbered")
def test_a_number_moves_from_whom_it_was_found_with_or_not_at_all_and_once() -> None:
    with pytest.raises(WindowError) as caught:
        numbers.move("DXPENT01", OWNER, "port", "mistaken", "op-1")
    assert (caught.value.status, caught.value.code) == (409, "dxp-id-moved")
    assert caught.value.problem("", "")["holder"] == PARTY
    for _ in range(2):
        assert len(numbers.move("DXPENT01", PARTY, OWNER, "its own", "op-1")["moves"]) == 1
    with pytest.raises(WindowError) as caught:
        numbers.move("DXPNOBODY", PARTY, OWNER, "?", "op-1")
    assert caught.value.status == 404


@pytest.mark.usefixtures("numbered")
@pytest.mark.parametrize(
    ("role", "change", "status"),
    [
        ("operator", {}, 200),
        ("operator", {"party": "nobody"}, 422),
        ("operator", {"reason": " "}, 422),
        ("operator", {"holder": OWNER}, 409),
        ("enterprise", {}, 403),
        ("agency", {}, 403),
    ],
)
def test_an_operator_alone_moves_a_number_and_says_why(
    role: str, change: dict[str, str], status: int
) -> None:
    def call(method: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        event = gateway_event(app, method, "/exchange/dxp-numbers/DXPENT01", body=body, caller=(role, OWNER))
        answer = app(event, None)
        return answer["statusCode"], json.loads(answer["body"])

    told = {"party": OWNER, "holder": PARTY, "reason": "its own"} | change
    assert call("PUT", told)[0] == status
    code, seen = call("GET")
    assert (code, seen.get("party")) == (
        (200, OWNER if status == 200 else PARTY) if role == "operator" else (403, None)
    )


def test_a_certificate_gets_its_number_later_once() -> None:
    pem = certificate()
    certificates.register(PARTY, pem, "", "tester")
    told, repeated = certificates.register(PARTY, pem, "DXPENT01", "tester")
    assert (told.dxp_id, repeated) == ("DXPENT01", True)
    assert ingest.accept(PARTY, "K", wrapped(order()), XML)[0].envelope["sender_id"] == "DXPENT01"
    with pytest.raises(WindowError) as caught:
        certificates.register(PARTY, pem, "DXPENT02", "tester")
    assert (caught.value.status, caught.value.code) == (409, "dxp-id-fixed")


@pytest.mark.usefixtures("numbered")
def test_a_fault_of_the_envelope_is_told_beside_those_of_the_message() -> None:
    raw = wrapped(order()).replace(b"<CreatTime>2026-01-01T00:00:00</CreatTime>", b"")
    one = judged(ingest.accept(PARTY, "K", raw, XML)[0])
    text = ingest.report_of(one)
    assert text is not None and any(f["path"].startswith("/DxpMsg") for f in json.loads(text)["findings"])


# ---------------------------------------------------------------- through the drop folder


def put(name: str, content: bytes, party: str = PARTY, at: str = "") -> dict[str, Any]:
    """Put a file; what the bucket tells of it."""
    key = f"{party}/in/{name}"
    answer = boto3.client("s3").put_object(Bucket="drop", Key=key, Body=content)
    told = {"key": key.replace(" ", "+"), "size": len(content), "eTag": "e", "versionId": answer["VersionId"]}
    return {"Records": [{"eventName": "ObjectCreated:Put", "eventTime": at, "s3": {"object": told}}]}


def beside(name: str) -> dict[str, Any]:
    """What stands beside a file."""
    found = boto3.client("s3").get_object(Bucket="drop", Key=f"{PARTY}/receipts/{name}.json")
    told: dict[str, Any] = json.loads(found["Body"].read())
    return told


def taken(notification: dict[str, Any]) -> dict[str, Any]:
    (file,) = drop.arrivals(notification)
    told = ingest.dropped(file)
    assert told is not None
    return told


def test_a_file_that_is_too_large_is_told_so_and_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop, "MOST_BYTES", len(JSON) - 1)
    monkeypatch.setattr(StreamingBody, "read", lambda *_: pytest.fail("it was read"))
    told = taken(put("large.json", JSON))
    assert (told["state"], told["code"], told["status"]) == ("REFUSED", "too-large", 413)
    assert "POST /exchange/uploads" in told["detail"]
    monkeypatch.undo()
    assert beside("large.json")["code"] == "too-large"


def test_a_file_as_large_as_may_be_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop, "MOST_BYTES", len(JSON))
    told = taken(put("large.json", JSON))
    assert told["state"] == "RECEIVED"


def test_a_file_is_taken_in_once_however_often_the_bucket_tells_of_it() -> None:
    notification = put("order one.json", JSON)
    first = taken(notification)
    assert taken(notification)["receipt_id"] == first["receipt_id"]
    assert judged(received.find(first["receipt_id"])).file == "order one.json"  # type: ignore[arg-type]
    assert beside("order one.json")["state"] == VALIDATED
    # Put again, it is another version, and another message.
    assert taken(put("order one.json", JSON))["receipt_id"] != first["receipt_id"]


def test_a_receipt_that_the_judge_overtook_does_not_replace_what_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    overtaken: list[Any] = []
    answer = drop.answer

    def late(party: str, name: str, content: bytes, standing: tuple[str, int]) -> None:
        """The judge is done between the writer's look at the row and its write."""
        if not overtaken:
            overtaken.append(json.loads(content)["receipt_id"])
            ingest.judge(overtaken[0])
            assert beside(name)["state"] == VALIDATED
        answer(party, name, content, standing)

    monkeypatch.setattr(drop, "answer", late)
    assert taken(put("a.json", JSON))["state"] == "RECEIVED" and overtaken
    assert beside("a.json")["state"] == VALIDATED


def test_the_word_on_an_earlier_version_does_not_replace_that_on_a_later_one() -> None:
    earlier = taken(put("a.json", JSON, at="2026-03-02T02:00:00.001Z"))["receipt_id"]
    later = taken(put("a.json", JSON, at="2026-03-02T02:00:00.002Z"))["receipt_id"]
    assert beside("a.json")["receipt_id"] == later  # though the earlier one is not judged yet
    ingest.judge(earlier)
    assert beside("a.json")["receipt_id"] == later
    ingest.judge(later)
    assert (beside("a.json")["receipt_id"], beside("a.json")["state"]) == (later, VALIDATED)


def test_a_malformed_file_is_refused_alone_and_told_why() -> None:
    told = taken(put("a.pdf", b"%PDF-1.7"))
    assert (told["state"], told["code"], told["status"]) == ("REFUSED", "unknown-message-type", 422)
    assert taken(put("b.json", JSON))["state"] == "RECEIVED"


def test_our_own_files_tests_of_the_bucket_and_deeper_folders_are_nobodys_messages() -> None:
    ours = put("x", b"").copy()
    for key in (f"{PARTY}/receipts/x.json", f"{PARTY}/out/x", f"{PARTY}/in/a/b", "x"):
        ours["Records"][0]["s3"]["object"]["key"] = key
        assert drop.arrivals(ours) == []
    assert drop.arrivals({"Event": "s3:TestEvent", "Service": "Amazon S3"}) == []
    with pytest.raises(ValueError, match="no notification"):
        drop.arrivals({"reply_id": "x"})


def test_a_file_that_is_gone_is_none() -> None:
    notification = put("gone", JSON)
    boto3.client("s3").delete_object(
        Bucket="drop", Key=f"{PARTY}/in/gone",
        VersionId=notification["Records"][0]["s3"]["object"]["versionId"],
    )  # fmt: skip
    assert ingest.dropped(drop.arrivals(notification)[0]) is None


# ---------------------------------------------------------------- through an agency's own queue


def test_a_reply_in_a_queue_is_told_from_a_message() -> None:
    assert replies.is_one(b'{"reply_id": "R"}') and replies.is_one(b"{}") and replies.is_one(b"[]")
    assert not replies.is_one(order_reply(("A", "2", ""))) and not replies.is_one(JSON)
    with pytest.raises(WindowError):
        replies.is_one(b"garbage")


def test_a_receipt_in_a_queue_is_a_message_of_that_agency_once() -> None:
    body = order_reply(("A-1", "2", "20260101000000000"))
    one = ingest.queued("customs", body)
    assert ingest.queued("customs", body) == one and one.sender == "customs"
    assert judged(one).outcome["answers"][0]["effect"] == "waiting"


def test_text_of_a_queue_that_names_another_encoding_is_read_as_the_text_that_it_is() -> None:
    body = order_reply(("A-1", "2", "20260101000000000")).decode().replace("UTF-8", "GB18030").encode()
    assert judged(ingest.queued("customs", body)).state != QUARANTINED


def test_poison_in_a_queue_is_refused() -> None:
    with pytest.raises(WindowError) as caught:
        ingest.queued("customs", b"<What><is/></What>")
    assert caught.value.status == 422
