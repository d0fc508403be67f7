"""A local stack whose agencies answer at once, and the sample declaration."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra import issuer
from infra.agencies import Hall
from infra.stage import Stage
from tests.journeys.window import IMPORTER, Client, Trader, sample

SAMPLE = "infra/samples/import-chengdu.json"


@dataclass(frozen=True)
class Window:
    """The stack, its agencies, and a trader at its door."""

    stage: Stage
    hall: Hall
    trader: Trader

    def agency(self, name: str) -> Client:
        return Client(self.stage.url, issuer.token("agency", name))

    def release(self, document: dict[str, Any], patience: float = 20.0) -> tuple[str, float]:
        """Submit and wait for the release; the window number, and the seconds from the POST to the release seen."""
        started = time.perf_counter()
        window_no = self.trader.submit(document)
        while (state := self.trader.show(window_no)["state"]) != "RELEASED":
            if time.perf_counter() - started > patience:
                raise TimeoutError(f"{window_no} is {state} after {patience} s")
            time.sleep(0.005)
        return window_no, time.perf_counter() - started


@contextmanager
def opened() -> Iterator[Window]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    parameters = issuer.parameters(f"http://127.0.0.1:{port}") | {"AnswerTimeoutCap": "60"}
    with Stage(parameters=parameters, port=port, aws_port=0) as stage:
        stage.gateway.local_routes |= issuer.routes()
        hall = Hall(stage.client("sqs"), url=stage.url, token=lambda agency: issuer.token("agency", agency))
        with hall:
            yield Window(stage, hall, Trader(stage.url, issuer.token("enterprise", IMPORTER)))


def declaration(*, licensed: bool = True) -> dict[str, Any]:
    """Our sample: it goes to customs, ciq, mofcom, port and tax; not to mofcom where it is not `licensed`."""
    document = sample()
    if not licensed:
        mofcom = set(_mofcom_documents())
        document["licence_documents"] = [
            one for one in document["licence_documents"] if one["document_code"] not in mofcom
        ]
    return document


def _mofcom_documents() -> list[str]:
    from singlewindow import catalogue, clock

    triggers = catalogue.capacity("mofcom", clock.business_date())["triggers"]
    return [code for trigger in triggers for code in trigger.get("in", ())]


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
