"""Receipts and signatures on the local stack: by an agency's queue, the drop folder and HTTP."""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from infra.stage import Stage
from singlewindow.signatures import jws
from tests.journeys.conftest import Planted
from tests.journeys.test_sending import outcome, send
from tests.journeys.test_standards import ORDER, order
from tests.journeys.window import IMPORTER, Client, Desk, Trader, sample, until
from tests.support.certificates import certificate, pem_key
from tests.support.receipts import dec_result, order_reply

XML = "application/xml"
Token = Callable[..., str]


def answered(client: Client, shown: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = until(
        lambda: client.get(f"/exchange/messages/{shown['receipt_id']}").json,
        lambda seen: bool(seen["answered"]),
        20,
    )
    return told


def test_a_receipt_in_customs_queue_answers_a_message_that_lay_in_the_drop_folder(
    stage: Stage, trader: Trader, desk: Callable[[str], Desk], planted: Planted
) -> None:
    """One malformed among good ones goes alone to the dead letters; a malformed file is told why, beside it."""
    s3, bucket = stage.client("s3"), stage.resource("DropBucket")
    number = "drop-0001"
    document = json.dumps(ORDER | {"head": ORDER["head"] | {"order_no": number}})
    s3.put_object(Bucket=bucket, Key=f"{IMPORTER}/in/order.json", Body=document)
    s3.put_object(Bucket=bucket, Key=f"{IMPORTER}/in/bad.pdf", Body=b"%PDF-1.7")

    def receipt(name: str) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads(
                s3.get_object(Bucket=bucket, Key=f"{IMPORTER}/receipts/{name}.json")["Body"].read()
            )
        except s3.exceptions.NoSuchKey:
            return {}
        return told

    taken = until(lambda: receipt("order.json"), lambda told: told.get("state") == "VALIDATED", 20)
    assert until(lambda: receipt("bad.pdf"), bool, 20)["code"] == "unknown-message-type"
    assert trader.get(f"/exchange/messages/{taken['receipt_id']}").json["state"] == "VALIDATED"

    customs = desk("customs")
    said = order_reply((number, "120", "20260102010000000"), platform=ORDER["head"]["platform_code"]).decode()
    for body in (said, said, "<What><is/></What>"):
        customs.send(body)
    planted.dead_letter("CustomsRepliesDlq")
    (business,) = answered(trader, taken)["answered"]
    assert (business["state"], business["by"], len(business["answers"])) == ("STORED", "customs", 1)


def test_a_result_of_customs_in_xml_is_its_reply_to_a_declaration(
    trader: Trader, desk: Callable[[str], Desk], stage: Stage
) -> None:
    window_no = trader.submit(sample())
    customs = desk("customs")
    customs.question(window_no)
    customs.send(dec_result(window_no, "Z", "2026-01-02T08:00:00", note="申报要素不全").decode())
    until(lambda: trader.agency(window_no, "customs"), lambda seen: "return" in json.dumps(seen), 20)
    desk("ciq").reply(window_no, "accept")
    shown = trader.wait(window_no, "RETURNED")
    assert "申报要素不全" in json.dumps(shown, ensure_ascii=False)


def test_a_signed_message_is_proved_and_a_changed_one_is_refused(
    trader: Trader, token: Token, stage: Stage
) -> None:
    party = "913302017532977856"
    client = Client(stage.url, token("enterprise", party))
    made = client.call(
        "POST", "/exchange/certificates", {"pem": certificate(), "dxp_id": None}, "application/json"
    )
    assert made.status == 201 and made.json["valid"], made.raw
    bound = client.call("PUT", f"/exchange/signing/{party}", {"types": ["CEB311Message"]}, "application/json")
    assert bound.json["must_sign"] == ["CEB311Message"]
    raw = order()
    signature = jws.detached(raw, "ES256", pem_key(), made.json["thumbprint"])

    def signed(body: bytes, key: str) -> Any:
        return client.call(
            "POST", "/exchange/messages", body, XML, Idempotency_Key=key, JWS_Signature=signature
        )

    assert send(client, raw, XML).status == 401
    refused = signed(raw.replace(b"<", b" <", 1), "S-0")
    assert (refused.status, refused.json["code"]) == (401, "signature-invalid")
    assert outcome(client, signed(raw, "S-1"))["signature"]["verified"] is True
    gone = client.call("DELETE", f"/exchange/certificates/{made.json['thumbprint']}")
    assert gone.json["valid"] is False
    assert signed(raw, "S-2").status == 401
    assert len(client.get("/exchange/certificates").json["items"]) == 1
    assert trader.get("/exchange/certificates").json["items"] == []


def test_what_the_window_wrote_carries_its_own_signature(trader: Trader, anyone: Client) -> None:
    """Verified with PyJWT and the public keys alone, as a receiver would."""
    shown = outcome(trader, send(trader, order(), XML))
    view = trader.get(shown["views"]["canonical"] + "?as=CEB311Message")
    (key,) = anyone.get("/exchange/keys").json["keys"]
    protected, _, signature = view.headers["JWS-Signature"].partition("..")
    verified = jwt.PyJWS().decode(
        f"{protected}..{signature}", jwt.PyJWK(key), algorithms=["ES256"], detached_payload=view.raw
    )
    assert verified == view.raw
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.PyJWS().decode(
            f"{protected}..{signature}",
            jwt.PyJWK(key),
            algorithms=["ES256"],
            detached_payload=view.raw + b" ",
        )
