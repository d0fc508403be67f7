"""A local stack whose agencies answer at once, and the sample declaration."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from infra import issuer
from infra.agencies import Hall
from infra.banks import Banks
from infra.stage import Stage
from singlewindow import clock
from tests.journeys.window import IMPORTER, Trader, sample


@dataclass(frozen=True)
class Window:
    """The stack, its agencies, and a trader at its door."""

    stage: Stage
    hall: Hall
    trader: Trader

    def fresh_trader(self) -> Trader:
        """With a token that the gateway has not seen: its authorizer is asked."""
        return Trader(self.stage.url, issuer.token("enterprise", IMPORTER))

    def submit(self, document: dict[str, Any]) -> str:
        """POST as most clients write JSON: compact, in UTF-8."""
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        window_no: str = self.trader.submit(body)  # type: ignore[arg-type]
        return window_no

    def release(self, document: dict[str, Any], patience: float = 20.0) -> tuple[str, float]:
        """Submit and wait for the release; the window number, and the seconds from the POST to the release seen."""
        started = time.perf_counter()
        window_no = self.submit(document)
        while (state := self.trader.show(window_no)["state"]) != "RELEASED":
            if time.perf_counter() - started > patience:
                raise TimeoutError(f"{window_no} is {state} after {patience} s")
            time.sleep(0.005)
        return window_no, time.perf_counter() - started


    def see_through(self, window_no: str, patience: float = 60.0) -> None:
        """Do what the trader can, once it can: book the first free slot, pay the bill; until the release.

        Looks at the ledger, so that nothing of the waiting is counted; each thing that is done is, with a look before.
        """
        deadline, done = time.monotonic() + patience, set[str]()
        while "DeclarationReleased" not in (told := self._told(window_no)):
            for needed, what, do in (
                ("TaxBilled", "book", self._book),  # the last that the agencies ask for: nobody has a hold to add
                ("TaxDue", "pay", self._pay),
            ):
                if needed in told - done:
                    self.stage.settle(20)
                    shown = self.trader.show(window_no)
                    place = next((one["href"] for one in shown["explanation"]["can"] if one["do"] == what), None)
                    if place:
                        done.add(needed)
                        do(place)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{window_no} is not released: {sorted(told)}")
            time.sleep(0.2)

    def _told(self, window_no: str) -> set[str]:
        """The types of a consignment's events, by a client that nobody records."""
        items = self.stage.client("dynamodb").query(
            TableName=self.stage.resource("LedgerTable"),
            KeyConditionExpression="consignment = :c AND begins_with(#i, :e)",
            ExpressionAttributeNames={"#i": "item"},
            ExpressionAttributeValues={":c": {"S": window_no}, ":e": {"S": "event#"}},
        )["Items"]
        return {json.loads(item["event"]["S"])["type"] for item in items}

    def _book(self, slots: str) -> None:
        for days in range(1, 15):
            day = clock.business_date() + timedelta(days=days)
            if items := self.trader.get(f"{slots}?date={day}").json["items"]:
                place = slots.removesuffix("/slots") + "/booking"
                slot = {"slot_id": items[0]["slot_id"]}
                answer = self.trader.call("POST", place, slot, Idempotency_Key=str(uuid4()))
                assert answer.status < 300, answer.raw
                return

    def _pay(self, place: str) -> None:
        answer = self.trader.call("POST", place, {"bank": "sandbox-bank"}, Idempotency_Key=str(uuid4()))
        assert answer.status < 300, answer.raw


@contextmanager
def opened() -> Iterator[Window]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    parameters = issuer.parameters(f"http://127.0.0.1:{port}") | {"AnswerTimeoutCap": "60"}
    with Stage(parameters=parameters, port=port, aws_port=0, local_routes=issuer.routes()) as stage:
        sqs = stage.client("sqs")
        hall = Hall(sqs, url=stage.url, token=lambda agency: issuer.token("agency", agency), sign=issuer.sign)
        with hall, Banks(sqs, url=stage.url, sign=issuer.sign, stack=stage.stack):
            yield Window(stage, hall, Trader(stage.url, issuer.token("enterprise", IMPORTER)))


def declaration(*without: str) -> dict[str, Any]:
    """Our sample: it goes to customs, ciq, maritime, mofcom, port and tax; `without` maritime (it comes by rail then)
    or mofcom (it has no licence then).
    """
    document = sample()
    if "maritime" in without:
        for line in document["lines"]:
            for member in ("un_number", "dangerous_name", "dangerous_pack_class", "dangerous_pack_spec"):
                line.pop(member, None)
    if "mofcom" in without:
        document["licence_documents"] = [
            one for one in document["licence_documents"] if one["document_code"] != "7"
        ]
    return document
