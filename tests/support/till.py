"""The payments before a bank that a test plays: handlers, ledger and table on moto, signatures real."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import uuid4

import jwt
import pytest
from jsonschema import Draft202012Validator
from moto import mock_aws

from infra import issuer
from infra.stage.moto_faults import mended
from payments.app import app, daily, on_event, on_partner
from singlewindow import canonical, clock, partners, settings
from singlewindow.aws import clients, ledger
from singlewindow.consignment import Body, Change, Consignment
from singlewindow.events import Actor, Event
from singlewindow.jwks import Unbelievable
from tests.support.clearances import IMPORTER, ROOT, assignment
from tests.support.gateway_event import gateway_event

BANK, TREASURY = "sandbox-bank", "sandbox-treasury"
STRANGER = "913302017532977856"
NOW = "2026-11-25T02:00:00Z"
DOCUMENT: dict[str, Any] = {
    "head": {"ie_flag": "I", "transaction_mode": "1", "trade_uscc": IMPORTER, "ie_date": "2026-11-02"},
    "lines": [
        {
            "line_no": "1",
            "hs_code": "8481804090",
            "total_price": "100000",
            "currency": "CNY",
            "duty_mode": "1",
        }
    ],
}
LINES = [
    {"line": 1, "tax": "duty", "base": "100000.00", "rate": "0.03", "amount": "3000.00"},
    {"line": 1, "tax": "vat", "base": "103000.00", "rate": "0.13", "amount": "13390.00"},
]


SCHEMAS = json.loads((ROOT / "functions/payments/schemas.json").read_text())


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS | {"$ref": f"#/{name}"})


def keeps_its_schema(name: str, said: Any) -> None:
    """What a route answers is what it says that it answers."""
    assert [f"{fault.json_path}: {fault.message}" for fault in _validator(name).iter_errors(said)] == []


class Trusted:
    """The trust list without its way over the network."""

    def __init__(self, published: dict[str, Any]) -> None:
        self._published = {one["kid"]: one for one in published["keys"]}

    def find(self, kid: str) -> jwt.PyJWK:
        if kid not in self._published:
            raise Unbelievable("unknown")
        return jwt.PyJWK(self._published[kid])

    def member(self, kid: str, name: str) -> Any:
        return self._published[kid].get(name)


class Till:
    """One window: consignments opened, replies and banks heard, HTTP called."""

    def __init__(self, orders_url: str) -> None:
        self._orders_url = orders_url
        self._seen: set[tuple[str, int]] = set()
        self._number = 0

    # --- the world outside ----------------------------------------------------------------------------------

    def declare(self, document: dict[str, Any] | None = None, parties: tuple[str, ...] = (IMPORTER,)) -> str:
        """A declaration with the agencies; its window number."""
        self._number += 1
        window_no = f"{(document or DOCUMENT)['head']['ie_flag']}2026{self._number:013d}"
        raw = canonical.dumps(document or DOCUMENT)
        data = {"agencies": [assignment("customs")]}
        change = Change(
            "DeclarationSubmitted", data, Actor("enterprise", IMPORTER), "SUBMITTED", 1,
            body=Body(raw, raw, "application/json"),
        )  # fmt: skip
        ledger.open_consignment(window_no, change, frozenset(parties))
        return window_no

    def bill(self, bill_id: str = "T-1", window_no: str = "", **said: Any) -> str:
        """Customs' bill, heard; its consignment."""
        window_no = window_no or self.declare()
        tax = {
            "bill_id": bill_id,
            "regime": "customs-assessed",
            "issued_at": clock.stamp(),
            "lines": LINES,
        } | said
        tax["total"] = str(sum((Decimal(line["amount"]) for line in tax["lines"]), Decimal(0)))
        data = {
            "agency": "customs",
            "reply_id": str(uuid4()),
            "outcome": "tax",
            "effect": "applied",
            "tax": tax,
        }
        ledger.amend(
            window_no, lambda _: Change("AgencyReplied", data, Actor("agency", "customs"), of_version=1)
        )
        self.stream(window_no)
        return window_no

    def stream(self, *window_nos: str, again: bool = False) -> None:
        """What the outbox does: every event to the payments' inbox, once, or `again`."""
        for window_no in window_nos:
            for event in self.events(window_no):
                fresh = (window_no, event.seq) not in self._seen
                if event.type in ("AgencyReplied", "TaxSent") and (fresh or again):
                    self._seen.add((window_no, event.seq))
                    assert self.heard(on_event, event.as_json()) == []

    def say(self, speaker: str, kind: str, /, *, signed_by: str = "", **said: Any) -> list[Any]:
        """A signed word of a bank or the treasury; the failures that its queue hears of."""
        payload = {"iss": speaker, "kind": kind} | said
        return self.heard(on_partner, {"token": issuer.sign(signed_by or speaker, payload)})

    def result(
        self, order: dict[str, Any], outcome: str = "deducted", ref: str = "R1", **said: Any
    ) -> list[Any]:
        members = {"order_id": order["order_id"], "outcome": outcome, "amount": order["amount"], "bank_ref": ref,
                   "at": clock.stamp()}  # fmt: skip
        return self.say(BANK, "result", **members | said)

    def receipt(
        self, bill_id: str = "T-1", amount: str = "16390.00", ref: str = "R1", treasury_ref: str = "TR1"
    ) -> list[Any]:
        return self.say(TREASURY, "receipt", bill_id=bill_id, amount=amount, bank_ref=ref, treasury_ref=treasury_ref,
                        at=clock.stamp())  # fmt: skip

    def statement(self, party: str, day: str, *entries: tuple[str, str, str]) -> None:
        rows = [{"bill_id": b, "bank_ref": r, "amount": a} for b, r, a in entries]
        assert self.say(party, "statement", date=day, entries=rows) == []

    def orders(self) -> list[dict[str, Any]]:
        """What lies in the queue to the banks, taken out, each signature checked by the published key."""
        key = jwt.PyJWK(self.get("/payments/keys", role=None)[1]["keys"][0])
        found = []
        sqs = clients.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self._orders_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                sqs.delete_message(QueueUrl=self._orders_url, ReceiptHandle=message["ReceiptHandle"])
                token = json.loads(message["Body"])["token"]
                found.append(json.loads(jwt.api_jws.decode(token, key.key, algorithms=["ES256"])))
        return found

    # --- the window -----------------------------------------------------------------------------------------

    def heard(self, handler: Callable[..., Any], body: Any) -> list[Any]:
        record = {
            "messageId": "1", "receiptHandle": "1", "body": canonical.dumps(body).decode(), "messageAttributes": {},
            "attributes": {"ApproximateReceiveCount": "1"}, "eventSourceARN": "arn:aws-cn:sqs:cn-northwest-1:1:q",
        }  # fmt: skip
        failures: list[Any] = handler({"Records": [record]}, None)["batchItemFailures"]
        return failures

    def get(self, path: str, **more: Any) -> tuple[int, Any]:
        return self.call("GET", path, None, **more)

    def pay(self, bill_id: str = "T-1", key: str = "", **more: Any) -> tuple[int, Any]:
        body = more.pop("body", {"bank": BANK})
        return self.call("POST", f"/payments/bills/{bill_id}/pay", body, key=key or str(uuid4()), **more)

    def call(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        role: str | None = "enterprise",
        party: str = IMPORTER,
        key: str = "",
    ) -> tuple[int, Any]:
        bare, _, query = path.partition("?")
        asked: dict[str, Any] | None = dict(one.split("=", 1) for one in query.split("&")) if query else None
        event = gateway_event(
            app, method, bare, query=asked, headers={"idempotency-key": key},
            body=None if body is None else canonical.dumps(body).decode(), caller=(role, party) if role else None,
        )  # fmt: skip
        answer = app(event, None)
        raw = answer["body"]
        raw = base64.b64decode(raw) if answer.get("isBase64Encoded") else raw
        status, said = answer["statusCode"], json.loads(raw)
        if status < 300:
            view: Any = app.routes[event["resource"]][method].view_function
            keeps_its_schema(view.access.responses[status], said)
        return status, said

    def night(self) -> None:
        daily({}, None)

    # --- what it comes to -----------------------------------------------------------------------------------

    def consignment(self, window_no: str) -> Consignment:
        found = ledger.read(window_no)
        assert found is not None
        return found

    def events(self, window_no: str) -> tuple[Event, ...]:
        return self.consignment(window_no).events

    def types(self, window_no: str) -> list[str]:
        return [event.type for event in self.events(window_no)[2:]]

    def shown(self, bill_id: str = "T-1") -> dict[str, Any]:
        status, body = self.get(f"/payments/bills/{bill_id}")
        assert status == 200, body
        return dict(body)

    def kinds(self, day: str) -> list[str]:
        status, body = self.get(f"/payments/reconciliations/{day}", role="operator")
        assert status == 200, body
        return [one["kind"] for one in body["breaks"]]


@contextmanager
def cloud() -> Iterator[dict[str, str]]:
    """moto with the key that signs; the settings that name them. Clients are made once: that is what takes time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
        clients.client.cache_clear()
        trusted = Trusted(issuer.partners())
        patch.setattr(partners, "_keys", lambda _: trusted)
        with mock_aws(), mended():
            key = clients.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")
            yield {
                "BANK_ORDERS_KEY": key["KeyMetadata"]["Arn"],
                "PARTNERS_JWKS_URL": "https://partners.invalid",
            }
        clients.client.cache_clear()


@contextmanager
def till(named: dict[str, str]) -> Iterator[Till]:
    """Tables and a queue of its own, at 2026-11-25, ten in the morning in Beijing."""
    clock.travel(datetime.fromisoformat(NOW))
    tables = {}
    for table, names in (("ledger", ("consignment", "item")), ("payments", ("key", "item"))):
        tables[f"{table.upper()}_TABLE"] = name = f"{table}-{uuid4()}"
        clients.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in names],
            KeySchema=[
                {"AttributeName": one, "KeyType": kind}
                for one, kind in zip(names, ("HASH", "RANGE"), strict=True)
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    orders = clients.client("sqs").create_queue(QueueName=f"orders-{uuid4()}")["QueueUrl"]
    try:
        with settings.using(named | tables | {"BANK_ORDERS_QUEUE": orders}):
            yield Till(orders)
    finally:
        clock.travel(None)
